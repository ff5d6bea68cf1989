/* doti8_avx2.c - products of neighbours are added by the instruction that makes them. */
#include <immintrin.h>

#include "kernel/dot_i8.h"

typedef __m256i tile_sums;

static inline int32_t total(__m256i sums) {
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1)));
}

#define TILE_STEP         16
#define TILE_NONE         _mm256_setzero_si256()
#define TILE_ROW(p)       _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(p)))
#define TILE_QUERY(p)     _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define TILE_ADD(s, x, a) _mm256_add_epi32(s, _mm256_madd_epi16(x, a))
#define TILE_TOTAL(s)     total(s)
#include "kernel/x86/doti8_tile.h"

void idf_dot_i8_avx2(const int8_t *rows, size_t n_rows, const int16_t *queries, size_t n_queries,
                     size_t dim, int32_t *out) {
    tile_all(rows, n_rows, queries, n_queries, dim, out);
}
