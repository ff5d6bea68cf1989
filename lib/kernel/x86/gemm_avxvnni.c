/* gemm_avxvnni.c - the int8 GEMM variant for AVX2 with AVX-VNNI: unsigned activations (128 more
 * than they are) times signed weights. */
#include <math.h>
#include <string.h>

#include "kernel/cpu.h"
#include "kernel/gemm_ops.h"
#include "kernel/x86/vec_avx2.h"

#include "kernel/vec_math.h"

#include "kernel/gemm_finish.inc"

#define TILE_FETCH        2
#define TILE_NAME         tile_s8
#define TILE_ROWS         6
#define TILE_VECS         2
#define TILE_SPLITS       1
#define tile_acc          __m256i
#define tile_word         __m256i
#define TILE_ZERO()       _mm256_setzero_si256()
#define TILE_LOAD(p)      _mm256_loadu_si256((const __m256i *)(p))
#define TILE_STORE(p, v)  _mm256_storeu_si256((__m256i *)(p), v)
#define TILE_W(p)         _mm256_loadu_si256((const __m256i *)(p))
#define TILE_PART(w, s)   (w)
#define TILE_BROADCAST(p) _mm256_castps_si256(_mm256_broadcast_ss((const float *)(p)))
#define TILE_MAC(c, w, a) _mm256_dpbusd_avx_epi32(c, a, w)
#include "kernel/gemm_tile.inc"

const idf_gemm_ops idf_gemm_ops_avxvnni[] = {
    {"avxvnni", IDF_GEMM_S8, 6, 1, true, 192, IDF_CPU_AVX2 | IDF_CPU_AVXVNNI, tile_s8,
     finish_s8_offset, pack_s8_offset},
    {0},
};
