/* gemm_avx512vnni.c - the int8 GEMM variant for AVX-512 with VNNI: unsigned activations (128 more
 * than they are) times signed weights. */
#include <math.h>
#include <string.h>

#include "kernel/cpu.h"
#include "kernel/gemm_ops.h"
#include "kernel/x86/vec_avx512.h"

#include "kernel/vec_math.h"
#include "kernel/x86/pack_avx512.h"

#include "kernel/gemm_finish.inc"

#define TILE_NAME         tile_s8
#define TILE_ROWS         14
#define TILE_VECS         2
#define TILE_SPLITS       1
#define tile_acc          __m512i
#define tile_word         __m512i
#define TILE_ZERO()       _mm512_setzero_si512()
#define TILE_LOAD(p)      _mm512_loadu_si512(p)
#define TILE_STORE(p, v)  _mm512_storeu_si512(p, v)
#define TILE_W(p)         _mm512_loadu_si512(p)
#define TILE_PART(w, s)   (w)
#define TILE_BROADCAST(p) _mm512_set1_epi32(*(const int *)(p))
#define TILE_MAC(c, w, a) _mm512_dpbusd_epi32(c, a, w)
#include "kernel/gemm_tile.inc"

const idf_gemm_ops idf_gemm_ops_avx512vnni[] = {
    {"avx512vnni", IDF_GEMM_S8, 14, 1, true, 384, IDF_CPU_AVX512 | IDF_CPU_AVX512VNNI, tile_s8,
     finish_s8_offset, pack_s8_offset},
    {0},
};
