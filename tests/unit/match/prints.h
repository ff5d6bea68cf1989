/* prints.h - drawn prints of any colour, and frames that show them in light of any colour. */
#ifndef TESTS_UNIT_MATCH_PRINTS_H
#define TESTS_UNIT_MATCH_PRINTS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs the four above */
#include <cmocka.h>

#include "base/rng.h"
#include "image/image.h"
#include "local/homography.h"

enum { WIDE = 240, HIGH = 320, FRAME = 400 };

/* Discs of two inks on a ground; the same seed is the same print. */
static inline idf_image print_of(uint64_t seed, const uint8_t ground[3], const uint8_t ink[3]) {
    idf_image image = {0};
    idf_rng rng;
    idf_rng_init(&rng, seed, 1);
    assert_int_equal(idf_image_new(&image, WIDE, HIGH, 3, NULL), IDF_OK);
    for (int i = 0; i < WIDE * HIGH; i++)
        memcpy(image.pixels + 3 * i, ground, 3);
    for (int k = 0; k < 90; k++) {
        int r = 6 + (int)idf_rng_below(&rng, 20), grey = k % 2 ? 235 : 25;
        int cx = (int)idf_rng_below(&rng, WIDE), cy = (int)idf_rng_below(&rng, HIGH);
        for (int y = 0; y < HIGH; y++)
            for (int x = 0; x < WIDE; x++)
                for (int c = 0; c < 3 && hypot(x - cx, y - cy) < r; c++)
                    idf_image_row(&image, y)[3 * x + c] = k % 5 ? (uint8_t)grey : ink[c];
    }
    return image;
}

static const uint8_t orange[3] = {235, 120, 25}, blue[3] = {30, 90, 200}, sand[3] = {225, 125, 40};
static const uint8_t red[3] = {200, 30, 40};

/* The print at 0.8 of its size, turned a little, in light that multiplies its colours. */
static const idf_homography laid_so = {{0.8, -0.1, 90, 0.1, 0.8, 60, 0, 0, 1}};

static inline idf_image frame_of(const idf_image *print, const double light[3]) {
    idf_image frame = {0};
    idf_homography back;
    assert_int_equal(idf_image_new(&frame, FRAME, FRAME, 3, NULL), IDF_OK);
    assert_true(idf_homography_invert(&back, &laid_so));
    for (int y = 0; y < FRAME; y++)
        for (int x = 0; x < FRAME; x++) {
            idf_point p = idf_homography_apply(&back, x, y);
            int u = (int)lrint(p.x), v = (int)lrint(p.y);
            bool on = u >= 0 && v >= 0 && u < WIDE && v < HIGH;
            for (int c = 0; c < 3; c++) {
                double value = on ? idf_image_row(print, v)[3 * u + c] : 128;
                idf_image_row(&frame, y)[3 * x + c] = (uint8_t)fmin(255, value * light[c]);
            }
        }
    return frame;
}

#endif
