/* luma_neon.c - RGB to luma on NEON, 8 pixels at a time. */
#include "image/luma_kernel.h"

#include <arm_neon.h>

static inline uint16x4_t luma_4(uint16x4_t r, uint16x4_t g, uint16x4_t b) {
    uint32x4_t sum = vmlal_n_u16(vmlal_n_u16(vmull_n_u16(r, 19595), g, 38470), b, 7471);
    return vrshrn_n_u32(sum, 16);
}

size_t idf_luma_blocks_neon(uint8_t *out, const uint8_t *in, size_t n) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint8x8x3_t rgb = vld3_u8(in + 3 * i);
        uint16x8_t r = vmovl_u8(rgb.val[0]), g = vmovl_u8(rgb.val[1]), b = vmovl_u8(rgb.val[2]);
        uint16x4_t low = luma_4(vget_low_u16(r), vget_low_u16(g), vget_low_u16(b));
        uint16x4_t high = luma_4(vget_high_u16(r), vget_high_u16(g), vget_high_u16(b));
        vst1_u8(out + i, vmovn_u16(vcombine_u16(low, high)));
    }
    return i;
}
