/* doti8_avx512vnni.c - one instruction multiplies, adds products of neighbours, and adds that up.
 */
#include <immintrin.h>

#include "kernel/dot_i8.h"

typedef __m512i tile_sums;

#define TILE_STEP         32
#define TILE_NONE         _mm512_setzero_si512()
#define TILE_ROW(p)       _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)(p)))
#define TILE_QUERY(p)     _mm512_loadu_si512((const void *)(p))
#define TILE_ADD(s, x, a) _mm512_dpwssd_epi32(s, x, a)
#define TILE_TOTAL(s)     _mm512_reduce_add_epi32(s)
#include "kernel/x86/doti8_tile.h"

void idf_dot_i8_avx512vnni(const int8_t *rows, size_t n_rows, const int16_t *queries,
                           size_t n_queries, size_t dim, int32_t *out) {
    tile_all(rows, n_rows, queries, n_queries, dim, out);
}
