/* doti8_avx2.c - sixteen bytes of a row are widened once and multiplied with two queries; products
 * of neighbours are added by the instruction that makes them. */
#include <immintrin.h>

#include "kernel/dot_i8.h"

static inline int32_t total(__m256i sums) {
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1)));
}

static inline __m256i load_query(const int16_t *query) {
    return _mm256_loadu_si256((const __m256i *)(const void *)query);
}

/* One row and two queries, which may be the same. */
static inline void pair(const int8_t *row, const int16_t *a, const int16_t *b, size_t dim,
                        int32_t *out_a, int32_t *out_b) {
    __m256i sums_a = _mm256_setzero_si256(), sums_b = sums_a;
    size_t i = 0;
    for (; i + 16 <= dim; i += 16) {
        __m256i x = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(row + i)));
        sums_a = _mm256_add_epi32(sums_a, _mm256_madd_epi16(x, load_query(a + i)));
        sums_b = _mm256_add_epi32(sums_b, _mm256_madd_epi16(x, load_query(b + i)));
    }
    int32_t rest_a = 0, rest_b = 0;
    for (; i < dim; i++) {
        rest_a += (int32_t)row[i] * a[i];
        rest_b += (int32_t)row[i] * b[i];
    }
    *out_a = total(sums_a) + rest_a;
    *out_b = total(sums_b) + rest_b;
}

void idf_dot_i8_avx2(const int8_t *rows, size_t n_rows, const int16_t *queries, size_t n_queries,
                     size_t dim, int32_t *out) {
    for (size_t q = 0; q < n_queries; q += 2) {
        size_t other = q + 1 < n_queries ? q + 1 : q;
        for (size_t r = 0; r < n_rows; r++)
            pair(rows + r * dim, queries + q * dim, queries + other * dim, dim,
                 out + q * n_rows + r, out + other * n_rows + r);
    }
}
