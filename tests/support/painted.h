/* painted.h - a picture of its own for every seed: squares of any grey on grey. cmocka.h is
 * included before it. */
#ifndef TESTS_SUPPORT_PAINTED_H
#define TESTS_SUPPORT_PAINTED_H

#include <string.h>

#include <identify/image_memory.h>

#include "base/rng.h"

static inline void paint_file(const char *path, int width, unsigned seed) {
    idf_rng rng;
    idf_image image = {0};
    uint32_t room = (uint32_t)width;
    idf_rng_init(&rng, seed, 1);
    assert_int_equal(idf_image_new(&image, width, width, 1, NULL), IDF_OK);
    memset(image.pixels, 128, image.stride_bytes * (size_t)image.height);
    for (int k = 0; k < 60; k++) {
        int x0 = (int)idf_rng_below(&rng, room), y0 = (int)idf_rng_below(&rng, room);
        int side = 4 + (int)idf_rng_below(&rng, 20);
        uint8_t grey = (uint8_t)idf_rng_below(&rng, 256);
        for (int y = y0; y < y0 + side && y < width; y++)
            for (int x = x0; x < x0 + side && x < width; x++)
                image.pixels[(size_t)y * image.stride_bytes + (size_t)x] = grey;
    }
    assert_int_equal(idf_image_write_file(&image, path, 0, NULL), IDF_OK);
    idf_image_release(&image);
}

#endif
