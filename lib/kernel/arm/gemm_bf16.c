/* gemm_bf16.c - the bfloat16 GEMM variant for Arm's BF16 extension (BFDOT: each pair of products is
 * summed and rounded to odd before it is added, so the last bits differ from the plain C ones). */
#include <math.h>
#include <string.h>

#include "kernel/arm/vec_neon.h"
#include "kernel/cpu.h"
#include "kernel/gemm_ops.h"

#include "kernel/vec_math.h"

#include "kernel/gemm_finish.inc"

#define TILE_NAME         tile_bf16
#define TILE_ROWS         6
#define TILE_VECS         4
#define TILE_SPLITS       1
#define tile_acc          float32x4_t
#define tile_word         bfloat16x8_t
#define TILE_ZERO()       vdupq_n_f32(0)
#define TILE_LOAD(p)      vld1q_f32((const float *)(p))
#define TILE_STORE(p, v)  vst1q_f32((float *)(p), v)
#define TILE_W(p)         vreinterpretq_bf16_u32(vld1q_u32(p))
#define TILE_PART(w, s)   (w)
#define TILE_BROADCAST(p) vreinterpretq_bf16_u32(vld1q_dup_u32(p))
#define TILE_MAC(c, w, a) vbfdotq_f32(c, w, a)
#include "kernel/gemm_tile.inc"

const idf_gemm_ops idf_gemm_ops_bf16[] = {
    {"bf16", IDF_GEMM_BF16, 6, 1, false, 384, IDF_CPU_NEON | IDF_CPU_ARMBF16, tile_bf16,
     finish_float, pack_bf16_whole},
    {0},
};
