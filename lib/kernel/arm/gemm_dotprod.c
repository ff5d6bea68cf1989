/* gemm_dotprod.c - the int8 GEMM variant for Armv8.2's dot product. */
#include <math.h>
#include <string.h>

#include "kernel/arm/vec_neon.h"
#include "kernel/cpu.h"
#include "kernel/gemm_ops.h"

#include "kernel/vec_math.h"

#include "kernel/gemm_finish.inc"

#define TILE_NAME         tile_s8
#define TILE_ROWS         6
#define TILE_VECS         4
#define TILE_SPLITS       1
#define tile_acc          int32x4_t
#define tile_word         int8x16_t
#define TILE_ZERO()       vdupq_n_s32(0)
#define TILE_LOAD(p)      vld1q_s32((const int32_t *)(p))
#define TILE_STORE(p, v)  vst1q_s32((int32_t *)(p), v)
#define TILE_W(p)         vreinterpretq_s8_u32(vld1q_u32(p))
#define TILE_PART(w, s)   (w)
#define TILE_BROADCAST(p) vreinterpretq_s8_u32(vld1q_dup_u32(p))
#define TILE_MAC(c, w, a) vdotq_s32(c, w, a)
#include "kernel/gemm_tile.inc"

const idf_gemm_ops idf_gemm_ops_dotprod[] = {
    {"dotprod", IDF_GEMM_S8, 6, 1, false, 384, IDF_CPU_NEON | IDF_CPU_DOTPROD, tile_s8,
     finish_s8_signed, pack_s8_signed},
    {0},
};
