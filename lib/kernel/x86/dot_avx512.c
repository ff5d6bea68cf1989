/* dot_avx512.c - dot products with AVX-512: the sixteen partial sums of a product are one register.
 *
 * A tile of four rows and four queries keeps sixteen products going, so that each value loaded is
 * used four times and additions do not wait for each other. Multiply and add stay apart: a fused
 * one would round differently from the plain version (-ffp-contract=off keeps the compiler from
 * fusing them). */
#include <immintrin.h>

#include "kernel/dot_variants.h"

enum { TILE = 4 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Four products' partial sums to their four totals: l + 8, l + 4, then across. */
ALWAYS_INLINE __m128 quarter(__m512 p) {
    __m256 half = _mm256_add_ps(_mm512_castps512_ps256(p), _mm512_extractf32x8_ps(p, 1));
    return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

ALWAYS_INLINE __m128 totals(const __m512 p[TILE]) {
    __m128 a = quarter(p[0]), b = quarter(p[1]), c = quarter(p[2]), d = quarter(p[3]);
    __m128 ab = _mm_add_ps(_mm_movelh_ps(a, b), _mm_movehl_ps(b, a)); /* l + 2 of both */
    __m128 cd = _mm_add_ps(_mm_movelh_ps(c, d), _mm_movehl_ps(d, c));
    return _mm_add_ps(_mm_shuffle_ps(ab, cd, _MM_SHUFFLE(2, 0, 2, 0)),
                      _mm_shuffle_ps(ab, cd, _MM_SHUFFLE(3, 1, 3, 1)));
}

/* Products of n_r rows and n_q queries, both at most TILE and constant in each call. Row r's
 * product with query q goes to out[q * stride + r]. */
ALWAYS_INLINE void tile(const float *rows, const float *queries, size_t dim, int n_r, int n_q,
                        float *out, size_t stride) {
    __m512 p[TILE][TILE]; /* [query][row] */
    IDF_DOT_UNROLL
    for (int q = 0; q < TILE; q++) {
        IDF_DOT_UNROLL
        for (int r = 0; r < TILE; r++)
            p[q][r] = _mm512_setzero_ps();
    }
    size_t i = 0;
    for (; i + IDF_DOT_LANES <= dim; i += IDF_DOT_LANES) {
        __m512 x[TILE];
        IDF_DOT_UNROLL
        for (int r = 0; r < n_r; r++)
            x[r] = _mm512_loadu_ps(rows + (size_t)r * dim + i);
        IDF_DOT_UNROLL
        for (int q = 0; q < n_q; q++) {
            __m512 y = _mm512_loadu_ps(queries + (size_t)q * dim + i);
            IDF_DOT_UNROLL
            for (int r = 0; r < n_r; r++)
                p[q][r] = _mm512_add_ps(p[q][r], _mm512_mul_ps(x[r], y));
        }
    }
    if (i < dim) {
        __mmask16 rest = (__mmask16)((1u << (dim - i)) - 1);
        IDF_DOT_UNROLL
        for (int q = 0; q < n_q; q++) {
            __m512 y = _mm512_maskz_loadu_ps(rest, queries + (size_t)q * dim + i);
            IDF_DOT_UNROLL
            for (int r = 0; r < n_r; r++) {
                __m512 x = _mm512_maskz_loadu_ps(rest, rows + (size_t)r * dim + i);
                p[q][r] = _mm512_add_ps(p[q][r], _mm512_mul_ps(x, y));
            }
        }
    }
    __mmask8 wanted = (__mmask8)((1u << n_r) - 1);
    IDF_DOT_UNROLL
    for (int q = 0; q < n_q; q++)
        _mm_mask_storeu_ps(out + (size_t)q * stride, wanted, totals(p[q]));
}

/* All rows against n_q queries. */
ALWAYS_INLINE void sweep(const float *rows, size_t n_rows, const float *queries, size_t dim,
                         int n_q, float *out) {
    size_t r = 0;
    for (; r + TILE <= n_rows; r += TILE)
        tile(rows + r * dim, queries, dim, TILE, n_q, out + r, n_rows);
    for (; r < n_rows; r++)
        tile(rows + r * dim, queries, dim, 1, n_q, out + r, n_rows);
}

void idf_dot_f32_avx512(const float *rows, size_t n_rows, const float *queries, size_t n_queries,
                        size_t dim, float *out) {
    size_t q = 0;
    for (; q + TILE <= n_queries; q += TILE)
        sweep(rows, n_rows, queries + q * dim, dim, TILE, out + q * n_rows);
    for (; q < n_queries; q++)
        sweep(rows, n_rows, queries + q * dim, dim, 1, out + q * n_rows);
}
