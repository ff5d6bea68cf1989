/* dot_neon.c - dot products with NEON: the sixteen partial sums of a product are four registers.
 * Tiles of four rows and one query, or two and two, keep sixteen registers of sums going. Multiply
 * and add stay apart (-ffp-contract=off), so that the result is that of the plain version. */
#include <arm_neon.h>

#include "kernel/dot_variants.h"

enum { PARTS = IDF_DOT_LANES / 4 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE float total(const float32x4_t p[PARTS]) {
    float32x4_t quarter = vaddq_f32(vaddq_f32(p[0], p[2]), vaddq_f32(p[1], p[3]));
    float32x2_t pair = vadd_f32(vget_low_f32(quarter), vget_high_f32(quarter));
    return vget_lane_f32(pair, 0) + vget_lane_f32(pair, 1);
}

/* The last dim - i < 16 products, one at a time into the lanes that they belong to. */
static void add_rest(float32x4_t p[PARTS], const float *x, const float *y, size_t n) {
    float a[IDF_DOT_LANES] = {0}, b[IDF_DOT_LANES] = {0};
    for (size_t l = 0; l < n; l++) {
        a[l] = x[l];
        b[l] = y[l];
    }
    IDF_DOT_UNROLL
    for (int part = 0; part < PARTS; part++)
        p[part] = vaddq_f32(p[part], vmulq_f32(vld1q_f32(a + 4 * part), vld1q_f32(b + 4 * part)));
}

/* Adds sixteen products of one query with each of n_r rows, `dim` apart. */
ALWAYS_INLINE void add_sixteen(const float *rows, const float *query, size_t dim, int n_r,
                               float32x4_t (*p)[PARTS]) {
    IDF_DOT_UNROLL
    for (int part = 0; part < PARTS; part++) {
        float32x4_t y = vld1q_f32(query + 4 * part);
        IDF_DOT_UNROLL
        for (int r = 0; r < n_r; r++) {
            float32x4_t x = vld1q_f32(rows + (size_t)r * dim + 4 * (size_t)part);
            p[r][part] = vaddq_f32(p[r][part], vmulq_f32(x, y));
        }
    }
}

/* Products of n_r rows and n_q queries, n_r * n_q <= 4, constant in each call. Row r's product with
 * query q goes to out[q * stride + r]. */
ALWAYS_INLINE void tile(const float *rows, const float *queries, size_t dim, int n_r, int n_q,
                        float *out, size_t stride) {
    float32x4_t p[4][PARTS];
    IDF_DOT_UNROLL
    for (int k = 0; k < 4; k++) {
        IDF_DOT_UNROLL
        for (int part = 0; part < PARTS; part++)
            p[k][part] = vdupq_n_f32(0);
    }
    size_t i = 0;
    for (; i + IDF_DOT_LANES <= dim; i += IDF_DOT_LANES) {
        IDF_DOT_UNROLL
        for (int q = 0; q < n_q; q++)
            add_sixteen(rows + i, queries + (size_t)q * dim + i, dim, n_r, p + q * n_r);
    }
    for (int q = 0; q < n_q; q++)
        for (int r = 0; r < n_r; r++) {
            float32x4_t *sums = p[q * n_r + r];
            if (i < dim)
                add_rest(sums, rows + (size_t)r * dim + i, queries + (size_t)q * dim + i, dim - i);
            out[(size_t)q * stride + (size_t)r] = total(sums);
        }
}

void idf_dot_f32_neon(const float *rows, size_t n_rows, const float *queries, size_t n_queries,
                      size_t dim, float *out) {
    size_t q = 0;
    for (; q + 2 <= n_queries; q += 2) {
        size_t r = 0;
        for (; r + 2 <= n_rows; r += 2)
            tile(rows + r * dim, queries + q * dim, dim, 2, 2, out + q * n_rows + r, n_rows);
        if (r < n_rows)
            tile(rows + r * dim, queries + q * dim, dim, 1, 2, out + q * n_rows + r, n_rows);
    }
    if (q < n_queries) {
        size_t r = 0;
        for (; r + 4 <= n_rows; r += 4)
            tile(rows + r * dim, queries + q * dim, dim, 4, 1, out + q * n_rows + r, n_rows);
        for (; r < n_rows; r++)
            tile(rows + r * dim, queries + q * dim, dim, 1, 1, out + q * n_rows + r, n_rows);
    }
}
