/* gemm_avx512bf16.c - the bfloat16 GEMM variant for AVX-512 with BF16. */
#include <math.h>
#include <string.h>

#include "kernel/cpu.h"
#include "kernel/gemm_ops.h"
#include "kernel/x86/vec_avx512.h"

#include "kernel/vec_math.h"
#include "kernel/x86/pack_avx512.h"

#include "kernel/gemm_finish.inc"
#include "kernel/x86/pack_avx512bf16.h"

#define TILE_NAME         tile_bf16
#define TILE_ROWS         14
#define TILE_VECS         2
#define TILE_SPLITS       1
#define tile_acc          __m512
#define tile_word         __m512i
#define TILE_ZERO()       _mm512_setzero_ps()
#define TILE_LOAD(p)      _mm512_loadu_ps(p)
#define TILE_STORE(p, v)  _mm512_storeu_ps(p, v)
#define TILE_W(p)         _mm512_loadu_si512(p)
#define TILE_PART(w, s)   (w)
#define TILE_BROADCAST(p) _mm512_set1_epi32(*(const int *)(p))
#define TILE_MAC(c, w, a) _mm512_dpbf16_ps(c, (__m512bh)(w), (__m512bh)(a))
#include "kernel/gemm_tile.inc"

const idf_gemm_ops idf_gemm_ops_avx512bf16[] = {
    {"avx512bf16", IDF_GEMM_BF16, 14, 1, false, 384, IDF_CPU_AVX512 | IDF_CPU_AVX512BF16, tile_bf16,
     finish_float, pack_bf16_native},
    {0},
};
