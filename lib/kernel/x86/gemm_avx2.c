/* gemm_avx2.c - GEMM variants for AVX2 with FMA: float; bfloat16 widened to float; int8 by the
 * multiplication of unsigned with signed bytes. Strips of 2 vectors by 6 rows: 12 sums, 2 vectors
 * of weights and one broadcast activation of the 16 registers (widening needs the last one, and 5
 * rows; int8, which needs three more, has strips of one vector by 12 rows).
 *
 * Processors with no more than AVX2 have first-level caches of 32 KB: chunks are 12 KB of weights,
 * and the ones ahead are fetched into the second level, where they do not push out the present. */
#include <math.h>
#include <string.h>

#include "kernel/cpu.h"
#include "kernel/gemm_ops.h"
#include "kernel/x86/vec_avx2.h"

#include "kernel/vec_math.h"

#include "kernel/gemm_finish.inc"

#define TILE_FETCH        2
#define TILE_NAME         tile_f32
#define TILE_ROWS         6
#define TILE_VECS         2
#define TILE_SPLITS       1
#define tile_acc          __m256
#define tile_word         __m256
#define TILE_ZERO()       _mm256_setzero_ps()
#define TILE_LOAD(p)      _mm256_loadu_ps((const float *)(p))
#define TILE_STORE(p, v)  _mm256_storeu_ps((float *)(p), v)
#define TILE_W(p)         _mm256_loadu_ps((const float *)(p))
#define TILE_PART(w, s)   (w)
#define TILE_BROADCAST(p) _mm256_broadcast_ss((const float *)(p))
#define TILE_MAC(c, w, a) _mm256_fmadd_ps(w, a, c)
#include "kernel/gemm_tile.inc"

/* The odd elements are the high halves of the words, the even ones the low halves. */
static inline __m256i bf16_part(__m256i w, int part) {
    return part == 0 ? _mm256_and_si256(w, _mm256_set1_epi32((int)0xffff0000))
                     : _mm256_slli_epi32(w, 16);
}

#define TILE_NAME         tile_bf16
#define TILE_ROWS         5
#define TILE_VECS         2
#define TILE_SPLITS       2
#define tile_acc          __m256
#define tile_word         __m256i
#define TILE_ZERO()       _mm256_setzero_ps()
#define TILE_LOAD(p)      _mm256_loadu_ps((const float *)(p))
#define TILE_STORE(p, v)  _mm256_storeu_ps((float *)(p), v)
#define TILE_W(p)         _mm256_loadu_si256((const __m256i *)(p))
#define TILE_PART(w, s)   bf16_part(w, s)
#define TILE_BROADCAST(p) _mm256_castps_si256(_mm256_broadcast_ss((const float *)(p)))
#define TILE_MAC(c, w, a) _mm256_fmadd_ps(_mm256_castsi256_ps(w), _mm256_castsi256_ps(a), c)
#include "kernel/gemm_tile.inc"

/* vpmaddubsw wants one unsigned side: |w| times x with the sign of w. A pair of such products is at
 * most 2 * 127 * 127 and fits its int16. */
static inline __m256i s8_mac(__m256i sum, __m256i w, __m256i x) {
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

#define TILE_NAME         tile_s8
#define TILE_ROWS         12
#define TILE_VECS         1
#define TILE_SPLITS       1
#define tile_acc          __m256i
#define tile_word         __m256i
#define TILE_ZERO()       _mm256_setzero_si256()
#define TILE_LOAD(p)      _mm256_loadu_si256((const __m256i *)(p))
#define TILE_STORE(p, v)  _mm256_storeu_si256((__m256i *)(p), v)
#define TILE_W(p)         _mm256_loadu_si256((const __m256i *)(p))
#define TILE_PART(w, s)   (w)
#define TILE_BROADCAST(p) _mm256_castps_si256(_mm256_broadcast_ss((const float *)(p)))
#define TILE_MAC(c, w, a) s8_mac(c, w, a)
#include "kernel/gemm_tile.inc"

const idf_gemm_ops idf_gemm_ops_avx2[] = {
    {"avx2", IDF_GEMM_F32, 6, 1, false, 96, IDF_CPU_AVX2, tile_f32, finish_float, pack_f32},
    {"avx2", IDF_GEMM_BF16, 5, 2, false, 96, IDF_CPU_AVX2, tile_bf16, finish_float,
     pack_bf16_split},
    {"avx2", IDF_GEMM_S8, 12, 1, false, 96, IDF_CPU_AVX2, tile_s8, finish_s8_signed,
     pack_s8_signed},
    {0},
};
