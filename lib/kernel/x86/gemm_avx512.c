/* gemm_avx512.c - GEMM variants that need AVX-512 alone: float by FMA; bfloat16 widened to float;
 * int8 widened to int16. Tiles of 14 rows by 2 vectors: 28 sums, 2 vectors of weights and one
 * broadcast activation fill the 32 registers. */
#include <math.h>
#include <string.h>

#include "kernel/cpu.h"
#include "kernel/gemm_ops.h"
#include "kernel/x86/vec_avx512.h"

#include "kernel/vec_math.h"
#include "kernel/x86/pack_avx512.h"

#include "kernel/gemm_finish.inc"

#define TILE_NAME         tile_f32
#define TILE_ROWS         14
#define TILE_VECS         2
#define TILE_SPLITS       1
#define tile_acc          __m512
#define tile_word         __m512
#define TILE_ZERO()       _mm512_setzero_ps()
#define TILE_LOAD(p)      _mm512_loadu_ps(p)
#define TILE_STORE(p, v)  _mm512_storeu_ps(p, v)
#define TILE_W(p)         _mm512_loadu_ps(p)
#define TILE_PART(w, s)   (w)
#define TILE_BROADCAST(p) _mm512_set1_ps(*(const float *)(p))
#define TILE_MAC(c, w, a) _mm512_fmadd_ps(w, a, c)
#include "kernel/gemm_tile.inc"

/* The odd elements are the high halves of the words, the even ones the low halves. */
static inline __m512 bf16_part(__m512i w, int part) {
    return _mm512_castsi512_ps(part == 0 ? _mm512_and_si512(w, _mm512_set1_epi32((int)0xffff0000))
                                         : _mm512_slli_epi32(w, 16));
}

#define TILE_NAME         tile_bf16
#define TILE_ROWS         12
#define TILE_VECS         2
#define TILE_SPLITS       2
#define tile_acc          __m512
#define tile_word         __m512i
#define TILE_ZERO()       _mm512_setzero_ps()
#define TILE_LOAD(p)      _mm512_loadu_ps(p)
#define TILE_STORE(p, v)  _mm512_storeu_ps(p, v)
#define TILE_W(p)         _mm512_loadu_si512(p)
#define TILE_PART(w, s)   _mm512_castps_si512(bf16_part(w, s))
#define TILE_BROADCAST(p) _mm512_set1_epi32(*(const int *)(p))
#define TILE_MAC(c, w, a) _mm512_fmadd_ps(_mm512_castsi512_ps(w), _mm512_castsi512_ps(a), c)
#include "kernel/gemm_tile.inc"

/* Bytes 0 and 2 of each word as two int16, or bytes 1 and 3. */
static inline __m512i s8_part(__m512i w, int part) {
    return _mm512_srai_epi16(part == 0 ? _mm512_slli_epi16(w, 8) : w, 8);
}

#define TILE_NAME         tile_s8
#define TILE_ROWS         12
#define TILE_VECS         2
#define TILE_SPLITS       2
#define tile_acc          __m512i
#define tile_word         __m512i
#define TILE_ZERO()       _mm512_setzero_si512()
#define TILE_LOAD(p)      _mm512_loadu_si512(p)
#define TILE_STORE(p, v)  _mm512_storeu_si512(p, v)
#define TILE_W(p)         _mm512_loadu_si512(p)
#define TILE_PART(w, s)   s8_part(w, s)
#define TILE_BROADCAST(p) _mm512_set1_epi32(*(const int *)(p))
#define TILE_MAC(c, w, a) _mm512_add_epi32(c, _mm512_madd_epi16(w, a))
#include "kernel/gemm_tile.inc"

const idf_gemm_ops idf_gemm_ops_avx512[] = {
    {"avx512", IDF_GEMM_F32, 14, 1, false, 96, IDF_CPU_AVX512, tile_f32, finish_float, pack_f32},
    {"avx512", IDF_GEMM_BF16, 12, 2, false, 384, IDF_CPU_AVX512, tile_bf16, finish_float,
     pack_bf16_split},
    {"avx512", IDF_GEMM_S8, 12, 2, false, 384, IDF_CPU_AVX512, tile_s8, finish_s8_signed,
     pack_s8_split},
    {0},
};
