/* gemm_avx2.c - GEMM variants for AVX2 with FMA: float; bfloat16 widened to float; int8 widened to
 * int16. Strips of 2 vectors by 6 rows: 12 sums, 2 vectors of weights and one broadcast activation
 * of the 16 registers (widening needs the last one, and 5 rows). */
#include <math.h>
#include <string.h>

#include "kernel/cpu.h"
#include "kernel/gemm_ops.h"
#include "kernel/x86/vec_avx2.h"

#include "kernel/vec_math.h"

#include "kernel/gemm_finish.inc"

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

/* Bytes 0 and 2 of each word as two int16, or bytes 1 and 3. */
static inline __m256i s8_part(__m256i w, int part) {
    return _mm256_srai_epi16(part == 0 ? _mm256_slli_epi16(w, 8) : w, 8);
}

#define TILE_NAME         tile_s8
#define TILE_ROWS         5
#define TILE_VECS         2
#define TILE_SPLITS       2
#define tile_acc          __m256i
#define tile_word         __m256i
#define TILE_ZERO()       _mm256_setzero_si256()
#define TILE_LOAD(p)      _mm256_loadu_si256((const __m256i *)(p))
#define TILE_STORE(p, v)  _mm256_storeu_si256((__m256i *)(p), v)
#define TILE_W(p)         _mm256_loadu_si256((const __m256i *)(p))
#define TILE_PART(w, s)   s8_part(w, s)
#define TILE_BROADCAST(p) _mm256_castps_si256(_mm256_broadcast_ss((const float *)(p)))
#define TILE_MAC(c, w, a) _mm256_add_epi32(c, _mm256_madd_epi16(w, a))
#include "kernel/gemm_tile.inc"

const idf_gemm_ops idf_gemm_ops_avx2[] = {
    {"avx2", IDF_GEMM_F32, 6, 1, false, IDF_CPU_AVX2, tile_f32, finish_float, pack_f32},
    {"avx2", IDF_GEMM_BF16, 5, 2, false, IDF_CPU_AVX2, tile_bf16, finish_float, pack_bf16_split},
    {"avx2", IDF_GEMM_S8, 5, 2, false, IDF_CPU_AVX2, tile_s8, finish_s8_signed, pack_s8_split},
    {0},
};
