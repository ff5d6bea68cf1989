/* gemm_neon.c - GEMM variants for plain NEON: float; bfloat16 widened to float; int8 widened to
 * int16. Strips of 4 vectors by 6 rows: 24 sums, 4 vectors of weights and one broadcast activation
 * of the 32 registers. */
#include <math.h>
#include <string.h>

#include "kernel/arm/vec_neon.h"
#include "kernel/cpu.h"
#include "kernel/gemm_ops.h"

#include "kernel/vec_math.h"

#include "kernel/gemm_finish.inc"

#define TILE_NAME         tile_f32
#define TILE_ROWS         6
#define TILE_VECS         4
#define TILE_SPLITS       1
#define tile_acc          float32x4_t
#define tile_word         float32x4_t
#define TILE_ZERO()       vdupq_n_f32(0)
#define TILE_LOAD(p)      vld1q_f32((const float *)(p))
#define TILE_STORE(p, v)  vst1q_f32((float *)(p), v)
#define TILE_W(p)         vld1q_f32((const float *)(p))
#define TILE_PART(w, s)   (w)
#define TILE_BROADCAST(p) vld1q_dup_f32((const float *)(p))
#define TILE_MAC(c, w, a) vfmaq_f32(c, w, a)
#include "kernel/gemm_tile.inc"

/* The odd elements are the high halves of the words, the even ones the low halves. */
static inline float32x4_t bf16_part(uint32x4_t w, int part) {
    return vreinterpretq_f32_u32(part == 0 ? vandq_u32(w, vdupq_n_u32(0xffff0000))
                                           : vshlq_n_u32(w, 16));
}

#define TILE_NAME         tile_bf16
#define TILE_ROWS         5
#define TILE_VECS         4
#define TILE_SPLITS       2
#define tile_acc          float32x4_t
#define tile_word         uint32x4_t
#define TILE_ZERO()       vdupq_n_f32(0)
#define TILE_LOAD(p)      vld1q_f32((const float *)(p))
#define TILE_STORE(p, v)  vst1q_f32((float *)(p), v)
#define TILE_W(p)         vld1q_u32(p)
#define TILE_PART(w, s)   vreinterpretq_u32_f32(bf16_part(w, s))
#define TILE_BROADCAST(p) vld1q_dup_u32(p)
#define TILE_MAC(c, w, a) vfmaq_f32(c, vreinterpretq_f32_u32(w), vreinterpretq_f32_u32(a))
#include "kernel/gemm_tile.inc"

/* Bytes 0 and 2 of each word as two int16, or bytes 1 and 3. */
static inline int16x8_t s8_part(int16x8_t w, int part) {
    return vshrq_n_s16(part == 0 ? vshlq_n_s16(w, 8) : w, 8);
}

/* c[i] += the sum of the two products of word i. */
static inline int32x4_t s8_mac(int32x4_t c, int16x8_t w, int16x8_t a) {
    int32x4_t low = vmull_s16(vget_low_s16(w), vget_low_s16(a));
    return vaddq_s32(c, vpaddq_s32(low, vmull_high_s16(w, a)));
}

#define TILE_NAME         tile_s8
#define TILE_ROWS         5
#define TILE_VECS         4
#define TILE_SPLITS       2
#define tile_acc          int32x4_t
#define tile_word         int16x8_t
#define TILE_ZERO()       vdupq_n_s32(0)
#define TILE_LOAD(p)      vld1q_s32((const int32_t *)(p))
#define TILE_STORE(p, v)  vst1q_s32((int32_t *)(p), v)
#define TILE_W(p)         vreinterpretq_s16_u32(vld1q_u32(p))
#define TILE_PART(w, s)   s8_part(w, s)
#define TILE_BROADCAST(p) vreinterpretq_s16_u32(vld1q_dup_u32(p))
#define TILE_MAC(c, w, a) s8_mac(c, w, a)
#include "kernel/gemm_tile.inc"

const idf_gemm_ops idf_gemm_ops_neon[] = {
    {"neon", IDF_GEMM_F32, 6, 1, false, 384, IDF_CPU_NEON, tile_f32, finish_float, pack_f32},
    {"neon", IDF_GEMM_BF16, 5, 2, false, 384, IDF_CPU_NEON, tile_bf16, finish_float,
     pack_bf16_split},
    {"neon", IDF_GEMM_S8, 5, 2, false, 384, IDF_CPU_NEON, tile_s8, finish_s8_signed, pack_s8_split},
    {0},
};
