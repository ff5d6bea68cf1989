/* kernels.h - the inner loops of corner extraction, in plain C and in SIMD.
 *
 * Every variant gives the same bytes as the plain C one. Where a kernel takes n pixels it reads and
 * writes exactly what is said beside it, at any alignment. */
#ifndef IDF_LOCAL_KERNELS_H
#define IDF_LOCAL_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_PATCH_RADIUS = 15,       /* of the disc that orientation and descriptor look at, pixels */
    IDF_DESCRIPTOR_POINTS = 512, /* two a bit */
};

typedef struct idf_local_kernels {
    /* One row of the next pyramid level, 5/6 of the size: n pixels from two rows of the level above
     * (6 * ceil(n / 5) + 1 pixels each are read at most; exactly 6 * (n / 5) + (n % 5) + 1).
     * phase 0..4 is the row number mod 5. */
    void (*shrink_row)(uint8_t *out, const uint8_t *above, const uint8_t *below, int phase, int n);
    /* out[x] = 7 x 7 Gaussian (sigma 2) around in[x]; rows and columns up to 3 away are read. */
    void (*blur_row)(uint8_t *out, const uint8_t *in, ptrdiff_t stride, int n);
    /* score[x] = the largest t for which in[x] is no longer a FAST-9 corner of threshold t: 9 of
     * the 16 pixels of the circle of radius 3 in one run all differ from it by at least that much
     * in the same direction. Rows and columns up to 3 away are read. */
    void (*fast_row)(uint8_t *score, const uint8_t *in, ptrdiff_t stride, int n);
    /* Writes to xs (room for (n + 1) / 2) where rows[1][x] >= threshold (at least 1) is the
     * largest of its 3 x 3 neighbourhood, the first in reading order where equals meet, and returns
     * how many. Columns -1..n of the three rows are read. */
    int (*peaks_row)(uint16_t *xs, const uint8_t *const rows[3], int n, int threshold);
    /* Harris & Stephens 1988 corner measure (k = 0.04) over the 7 x 7 Sobel gradients around *at.
     * Rows and columns from -4 to 4 are read; columns to 11 may be. */
    float (*harris)(const uint8_t *at, ptrdiff_t stride);
    /* m[0] = sum x I(x, y), m[1] = sum y I(x, y) over the disc around *at. Rows from -15 to 15 and
     * columns from -15 to 16 are read. */
    void (*moments)(const uint8_t *at, ptrdiff_t stride, int32_t m[2]);
    /* Bit i = at[offsets[2 i]] < at[offsets[2 i + 1]]. The bytes at the offsets and the three after
     * each are read. */
    void (*describe)(uint8_t bits[32], const uint8_t *at,
                     const int16_t offsets[IDF_DESCRIPTOR_POINTS]);
    /* The smallest (x - xs[i])^2 + (y - ys[i])^2 over n points, 1e30 for none. Coordinates are
     * whole numbers below 4096, so that the result is exact. */
    float (*nearest)(const float *xs, const float *ys, int n, float x, float y);
} idf_local_kernels;

extern const idf_local_kernels idf_local_kernels_c;
extern const idf_local_kernels idf_local_kernels_avx2;
extern const idf_local_kernels idf_local_kernels_avx512;
extern const idf_local_kernels idf_local_kernels_neon;

/* The fastest that idf_cpu_features() allows. */
const idf_local_kernels *idf_local_kernels_choose(void);

/* Half width of row |y| of the disc of radius 15: x from -w to w. */
extern const uint8_t idf_disc_half_width[IDF_PATCH_RADIUS + 1];

/* Offsets of the circle of FAST, clockwise from the top. */
extern const int8_t idf_fast_circle[16][2];

/* What bilinear sampling at 1.2 x + 0.1 gives to the left or upper of two pixels, in 1/128, by
 * x mod 5; the other gets the rest. */
extern const uint8_t idf_shrink_weights[5];

/* Gaussian of sigma 2 from the centre outwards, in 1/256: one centre, two of each other. */
extern const uint8_t idf_blur_weights[4];

/* The Harris measure from the sums of products of gradients. */
static inline float idf_harris_measure(int32_t xx, int32_t yy, int32_t xy) {
    double a = xx, b = yy, c = xy;
    return (float)(a * b - c * c - 0.04 * (a + b) * (a + b));
}

#ifdef __cplusplus
}
#endif
#endif
