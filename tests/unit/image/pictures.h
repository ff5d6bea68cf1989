/* pictures.h - what the image tests share: golden files, made-up pictures, comparisons. */
#ifndef IDF_TESTS_PICTURES_H
#define IDF_TESTS_PICTURES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "image/image.h"

/* The path of a golden file. */
static inline const char *golden_path(const char *name) {
    static char path[1024];
    const char *root = getenv("IDENTIFY_SOURCE_DIR");
    int n =
        snprintf(path, sizeof path, "%s/tests/golden/image/%s", root == NULL ? "." : root, name);
    assert_in_range(n, 1, sizeof path - 1);
    return path;
}

static inline idf_bytes read_golden(const char *name) {
    idf_bytes bytes = {0};
    idf_error err = IDF_ERROR_INIT;
    if (idf_file_read(&bytes, golden_path(name), 0, &err) != IDF_OK)
        fail_msg("%s", err.message);
    return bytes;
}

/* Exactly n bytes on the heap, so that a sanitizer sees a read past the end. */
static inline uint8_t *exact_copy(const uint8_t *bytes, size_t n) {
    uint8_t *copy = idf_alloc(n, 1);
    assert_non_null(copy);
    if (n > 0)
        memcpy(copy, bytes, n);
    return copy;
}

static inline idf_image new_picture(int width, int height, int channels) {
    idf_image image;
    assert_int_equal(idf_image_new(&image, width, height, channels, NULL), IDF_OK);
    return image;
}

/* Seeded noise. */
static inline idf_image new_noise(int width, int height, int channels, uint64_t seed) {
    idf_image image = new_picture(width, height, channels);
    idf_rng rng;
    idf_rng_init(&rng, seed, 0);
    for (size_t i = 0; i < image.stride_bytes * (size_t)height; i++)
        image.pixels[i] = (uint8_t)idf_rng_u32(&rng);
    return image;
}

/* A binary PPM with "P6\nW H\n255\n" before its pixels. */
static inline idf_image read_golden_ppm(const char *name) {
    idf_bytes bytes = read_golden(name);
    int width, height, at = 0;
    assert_int_equal(idf_bytes_append(&bytes, "", 1), IDF_OK);
    assert_int_equal(sscanf((const char *)bytes.data, "P6 %d %d 255%n", &width, &height, &at), 2);
    idf_image image = new_picture(width, height, 3);
    size_t n = (size_t)width * (size_t)height * 3;
    assert_int_equal(bytes.len - 1, (size_t)at + 1 + n);
    memcpy(image.pixels, bytes.data + at + 1, n);
    idf_bytes_release(&bytes);
    return image;
}

static inline void assert_same_picture(const idf_image *a, const idf_image *b) {
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->channels, b->channels);
    for (int y = 0; y < a->height; y++)
        assert_memory_equal(idf_image_row(a, y), idf_image_row(b, y),
                            (size_t)a->width * (size_t)a->channels);
}

/* The largest difference of two pictures of one size. */
static inline int largest_difference(const idf_image *a, const idf_image *b) {
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->channels, b->channels);
    int worst = 0;
    for (int y = 0; y < a->height; y++) {
        for (int i = 0; i < a->width * a->channels; i++) {
            int d = abs(idf_image_row(a, y)[i] - idf_image_row(b, y)[i]);
            worst = d > worst ? d : worst;
        }
    }
    return worst;
}

#endif
