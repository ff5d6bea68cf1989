/* dot_avx2.c - dot products with AVX2: the sixteen partial sums of a product are two registers, low
 * and high. Tiles of four rows and one query, or two and two, keep eight registers of sums going.
 * Multiply and add stay apart, as in the AVX-512 version. */
#include <immintrin.h>

#include "kernel/dot_variants.h"

enum { HALF = IDF_DOT_LANES / 2 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE float total(__m256 low, __m256 high) {
    __m256 half = _mm256_add_ps(low, high);
    __m128 quarter = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
    __m128 pair = _mm_add_ps(quarter, _mm_movehl_ps(quarter, quarter));
    return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
}

/* Mask for _mm256_maskload_ps: the first n of eight lanes. */
ALWAYS_INLINE __m256i first_lanes(size_t n) {
    const __m256i iota = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n > HALF ? HALF : (int)n), iota);
}

/* Products of n_r rows and n_q queries, n_r * n_q <= 4, constant in each call. Row r's product with
 * query q goes to out[q * stride + r]. */
ALWAYS_INLINE void tile(const float *rows, const float *queries, size_t dim, int n_r, int n_q,
                        float *out, size_t stride) {
    __m256 low[4], high[4];
    IDF_DOT_UNROLL
    for (int k = 0; k < 4; k++)
        low[k] = high[k] = _mm256_setzero_ps();
    size_t i = 0;
    for (; i + IDF_DOT_LANES <= dim; i += IDF_DOT_LANES) {
        __m256 x0[4], x1[4]; /* at most four are used */
        IDF_DOT_UNROLL
        for (int r = 0; r < n_r; r++) {
            x0[r] = _mm256_loadu_ps(rows + (size_t)r * dim + i);
            x1[r] = _mm256_loadu_ps(rows + (size_t)r * dim + i + HALF);
        }
        IDF_DOT_UNROLL
        for (int q = 0; q < n_q; q++) {
            __m256 y0 = _mm256_loadu_ps(queries + (size_t)q * dim + i);
            __m256 y1 = _mm256_loadu_ps(queries + (size_t)q * dim + i + HALF);
            IDF_DOT_UNROLL
            for (int r = 0; r < n_r; r++) {
                int k = q * n_r + r;
                low[k] = _mm256_add_ps(low[k], _mm256_mul_ps(x0[r], y0));
                high[k] = _mm256_add_ps(high[k], _mm256_mul_ps(x1[r], y1));
            }
        }
    }
    size_t n = dim - i, high_at = n > HALF ? HALF : 0; /* masked lanes are not read */
    __m256i m0 = first_lanes(n), m1 = first_lanes(n > HALF ? n - HALF : 0);
    IDF_DOT_UNROLL
    for (int k = 0; k < n_r * n_q; k++) {
        const float *x = rows + (size_t)(k % n_r) * dim + i;
        const float *y = queries + (size_t)(k / n_r) * dim + i;
        if (n > 0) {
            low[k] = _mm256_add_ps(
                low[k], _mm256_mul_ps(_mm256_maskload_ps(x, m0), _mm256_maskload_ps(y, m0)));
            high[k] = _mm256_add_ps(high[k], _mm256_mul_ps(_mm256_maskload_ps(x + high_at, m1),
                                                           _mm256_maskload_ps(y + high_at, m1)));
        }
        out[(size_t)(k / n_r) * stride + (size_t)(k % n_r)] = total(low[k], high[k]);
    }
}

void idf_dot_f32_avx2(const float *rows, size_t n_rows, const float *queries, size_t n_queries,
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
