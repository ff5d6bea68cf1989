/* resize_neon.c - resampling on NEON: 16 bytes of a row at a time, 32-bit multiply-add. */
#include "image/resize_kernel.h"

#include <arm_neon.h>

static inline void sum_16(uint8_t *out, const uint8_t *in, size_t stride,
                          const idf_resize_taps *taps) {
    int32x4_t sums[4];
    for (int i = 0; i < 4; i++)
        sums[i] = vdupq_n_s32(1 << (IDF_RESIZE_WEIGHT_BITS - 1));
    for (int t = 0; t < taps->n; t++) {
        uint8x16_t row = vld1q_u8(in + (size_t)t * stride);
        int32_t weight = taps->weights[t];
        uint16x8_t first = vmovl_u8(vget_low_u8(row)), second = vmovl_u8(vget_high_u8(row));
        sums[0] =
            vmlaq_n_s32(sums[0], vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(first))), weight);
        sums[1] =
            vmlaq_n_s32(sums[1], vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(first))), weight);
        sums[2] =
            vmlaq_n_s32(sums[2], vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(second))), weight);
        sums[3] =
            vmlaq_n_s32(sums[3], vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(second))), weight);
    }
    int16x8_t words[2];
    for (int i = 0; i < 2; i++)
        words[i] = vcombine_s16(vqmovn_s32(vshrq_n_s32(sums[2 * i], IDF_RESIZE_WEIGHT_BITS)),
                                vqmovn_s32(vshrq_n_s32(sums[2 * i + 1], IDF_RESIZE_WEIGHT_BITS)));
    vst1q_u8(out, vcombine_u8(vqmovun_s16(words[0]), vqmovun_s16(words[1])));
}

void idf_resize_sum_neon(uint8_t *out, size_t n_bytes, const uint8_t *in, size_t stride,
                         const idf_resize_taps *taps) {
    if (n_bytes < 16) {
        idf_resize_sum_c(out, n_bytes, in, stride, taps);
        return;
    }
    size_t i = 0;
    for (; i + 16 <= n_bytes; i += 16)
        sum_16(out + i, in + i, stride, taps);
    if (i < n_bytes)
        sum_16(out + n_bytes - 16, in + n_bytes - 16, stride, taps);
}

/* Interleaves register k with register k + 8; after four times register c holds column c. */
static inline void interleave(uint8x16_t to[16], const uint8x16_t from[16]) {
    for (int k = 0; k < 8; k++) {
        to[2 * k] = vzip1q_u8(from[k], from[k + 8]);
        to[2 * k + 1] = vzip2q_u8(from[k], from[k + 8]);
    }
}

void idf_resize_transpose_neon(uint8_t *out, size_t out_stride, const uint8_t *const rows[16],
                               size_t n_columns) {
    size_t c = 0;
    for (; c + 16 <= n_columns; c += 16) {
        uint8x16_t a[16], b[16];
        for (int r = 0; r < 16; r++)
            a[r] = vld1q_u8(rows[r] + c);
        interleave(b, a);
        interleave(a, b);
        interleave(b, a);
        interleave(a, b);
        for (size_t k = 0; k < 16; k++)
            vst1q_u8(out + (c + k) * out_stride, a[k]);
    }
    if (c < n_columns) {
        const uint8_t *rest[16];
        for (int r = 0; r < 16; r++)
            rest[r] = rows[r] + c;
        idf_resize_transpose_c(out + c * out_stride, out_stride, rest, n_columns - c);
    }
}
