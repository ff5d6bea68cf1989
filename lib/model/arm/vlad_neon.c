/* vlad_neon.c - the inner loops of aggregation, 8 numbers at a time. */
#include <arm_neon.h>
#include <math.h>

#include "model/vlad.h"

static void project_neon(int16_t *out, const uint8_t bits[IDF_DESCRIPTOR_BYTES],
                         const idf_vlad *vlad) {
    enum { MAX = IDF_VLAD_MAX_DEPTH / 8 };
    int n = vlad->depth / 8;
    int16x8_t sum[MAX];
    for (int v = 0; v < n; v++)
        sum[v] = vnegq_s16(vld1q_s16(vlad->offset + 8 * v));
    const int8_t *p = vlad->projection;
    for (int pair = 0; pair < 128; pair++, p += 16 * n) {
        unsigned value = bits[pair / 4] >> (pair % 4 * 2) & 3;
        if (value == 0)
            continue;
        /* a mask of the bytes whose bit is set */
        int8x16_t mask = vreinterpretq_s8_u16(
            vdupq_n_u16((uint16_t)((value & 1 ? 0xff : 0) | (value & 2 ? 0xff00 : 0))));
        for (int v = 0; v < n; v++)
            sum[v] = vpadalq_s8(sum[v], vandq_s8(vld1q_s8(p + 16 * v), mask));
    }
    for (int v = 0; v < n; v++)
        vst1q_s16(out + 8 * v, sum[v]);
}

static inline int32x4_t product_sum(int32x4_t sum, int16x8_t a, int16x8_t b) {
    return vmlal_high_s16(vmlal_s16(sum, vget_low_s16(a), vget_low_s16(b)), a, b);
}

static int nearest_neon(const int16_t *x, const idf_vlad *vlad) {
    int best = 0;
    int32_t least = INT32_MAX;
    for (int k = 0; k < vlad->n_words; k++) {
        const int16_t *word = vlad->words + (ptrdiff_t)k * vlad->depth;
        int32x4_t s0 = vdupq_n_s32(0), s1 = s0;
        for (int d = 0; d < vlad->depth; d += 16) {
            s0 = product_sum(s0, vld1q_s16(x + d), vld1q_s16(word + d));
            s1 = product_sum(s1, vld1q_s16(x + d + 8), vld1q_s16(word + d + 8));
        }
        int32_t distance = vlad->word_norms[k] - 2 * vaddvq_s32(vaddq_s32(s0, s1));
        if (distance < least) {
            least = distance;
            best = k;
        }
    }
    return best;
}

static void add_neon(float *sum, const int16_t *x, const int16_t *word, int depth) {
    int32x4_t squares = vdupq_n_s32(0);
    for (int d = 0; d < depth; d += 8) {
        int16x8_t r = vsubq_s16(vld1q_s16(x + d), vld1q_s16(word + d));
        squares = product_sum(squares, r, r);
    }
    int32_t norm2 = vaddvq_s32(squares);
    if (norm2 == 0)
        return;
    const float32x4_t inverse = vdupq_n_f32(1.0f / sqrtf((float)norm2));
    for (int d = 0; d < depth; d += 8) {
        int16x8_t r = vsubq_s16(vld1q_s16(x + d), vld1q_s16(word + d));
        float32x4_t low = vcvtq_f32_s32(vmovl_s16(vget_low_s16(r)));
        float32x4_t high = vcvtq_f32_s32(vmovl_high_s16(r));
        /* product and sum are rounded apart, as in plain C */
        vst1q_f32(sum + d, vaddq_f32(vld1q_f32(sum + d), vmulq_f32(low, inverse)));
        vst1q_f32(sum + d + 4, vaddq_f32(vld1q_f32(sum + d + 4), vmulq_f32(high, inverse)));
    }
}

static int32_t dot_neon(const int8_t *a, const int16_t *b, int n) {
    int32x4_t s0 = vdupq_n_s32(0), s1 = s0;
    for (int i = 0; i < n; i += 16) {
        int8x16_t bytes = vld1q_s8(a + i);
        s0 = product_sum(s0, vmovl_s8(vget_low_s8(bytes)), vld1q_s16(b + i));
        s1 = product_sum(s1, vmovl_high_s8(bytes), vld1q_s16(b + i + 8));
    }
    return vaddvq_s32(vaddq_s32(s0, s1));
}

const idf_vlad_kernels idf_vlad_kernels_neon = {project_neon, nearest_neon, add_neon, dot_neon};
