/* augment_rows.h - the inner loops of simulated photographs: a stretch of a row at a time. Every
 * variant gives the same bytes. */
#ifndef IDF_IMAGE_AUGMENT_ROWS_H
#define IDF_IMAGE_AUGMENT_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "image/augment_parts.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Pixels in a stretch at most, and random numbers that are drawn at once. */
enum { IDF_STRETCH = 256, IDF_NOISE_LANES = 16 };

/* What the sensor does to every pixel. */
typedef struct idf_sensor {
    float gain[3 * IDF_STRETCH];  /* of each value of a stretch */
    float pixel[3 * IDF_STRETCH]; /* which pixel of the stretch a value belongs to */
    float fall;                   /* light per pixel to the right */
    float noise;                  /* values a unit: see `sense` */
} idf_sensor;

/* A finger, or the hand behind: a rounded bar that comes from far outside and ends at (x, y). */
typedef struct idf_finger {
    float x, y, dx, dy; /* centre of the tip, and unit direction it points to */
    float radius;
    float skin[3];
    float light; /* where the light comes from across it, -1 to 1 */
    bool nail;
} idf_finger;

typedef struct idf_augment_rows {
    /* Distances of n pixels of row y, from x on, to the nearest edge, positive inside. Along a row
     * they rise to a peak and fall: what is over any value is one piece. */
    void (*depths)(float *out, const idf_quad *quad, int x, int y, int n);
    /* Adds what is reflected to n pixels, the first at (x, y). */
    void (*shine)(uint8_t *pixels, int n, const idf_sheen *sheen, float x, float y);
    /* Darkens n pixels: not at all where `into` is 0 or less, by `strength` from 1 on. */
    void (*shade)(uint8_t *pixels, const float *into, int n, float strength);
    /* Draws what n pixels of row y, from x on, show of a finger; the owner of what it covers by
     * more than half becomes 0. */
    void (*finger)(uint8_t *pixels, uint8_t *owner, int n, const idf_finger *finger, int x, int y);
    /* n pixels of a surface: colour (for each of 3 n values) times 1 + the two pictures of noise,
     * each from -1 to 1 times its strength. */
    void (*surface)(uint8_t *out, const uint8_t *const noise[2], int n, const float *colour,
                    const float strength[2]);
    /* out[i] = (128 + sum over taps of weight * from[tap][i]) >> 8, of n bytes. The weights add up
     * to 256 at most. */
    void (*scatter)(uint8_t *out, const uint8_t *const *from, const uint16_t *weights, int n_taps,
                    int n);
    /* n pixels of a row, `light` on the first. Tones over 230 are squeezed into what is left up to
     * 255 instead of being cut off. The noise of a value is the sum of eight random
     * bytes, four of them common to the pixel, less their mean; `state` draws them, none of it 0.
     */
    void (*sense)(uint8_t *row, int n, float light, const idf_sensor *sensor,
                  uint32_t state[IDF_NOISE_LANES]);
} idf_augment_rows;

extern const idf_augment_rows idf_augment_rows_c;
#if defined(__x86_64__)
extern const idf_augment_rows idf_augment_rows_avx2;
#endif

/* The best variant for this processor. */
const idf_augment_rows *idf_augment_rows_choose(void);

#ifdef __cplusplus
}
#endif
#endif
