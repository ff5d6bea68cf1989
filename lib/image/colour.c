/* colour.c - rows of pixels from one colour model to another.
 *
 * Luma is Rec. 601 in 16-bit fixed point, the weights that add up to 65536, rounded: what Pillow's
 * convert("L") gives. */
#include <string.h>

#include "image/image.h"
#include "image/luma_kernel.h"
#include "kernel/cpu.h"

static inline uint8_t luma(unsigned r, unsigned g, unsigned b) {
    return (uint8_t)((19595 * r + 38470 * g + 7471 * b + 32768) >> 16);
}

void idf_row_luma(uint8_t *out, const uint8_t *in, size_t n) {
    size_t i = 0;
#if defined(__x86_64__)
    if (idf_cpu_features() & IDF_CPU_AVX2)
        i = idf_luma_blocks_avx2(out, in, n);
#elif defined(__aarch64__)
    if (idf_cpu_features() & IDF_CPU_NEON)
        i = idf_luma_blocks_neon(out, in, n);
#endif
    for (in += 3 * i; i < n; i++, in += 3)
        out[i] = luma(in[0], in[1], in[2]);
}

void idf_row_repeat(uint8_t *out, const uint8_t *in, size_t n) {
    for (size_t i = 0; i < n; i++, out += 3)
        out[0] = out[1] = out[2] = in[i];
}

static inline uint8_t over_white(unsigned value, unsigned alpha) {
    return (uint8_t)(255 - idf_mul_255(255 - value, alpha));
}

void idf_row_over_white(uint8_t *out, const uint8_t *in, size_t n, int channels) {
    if (channels == 1) {
        for (size_t i = 0; i < n; i++, in += 2)
            out[i] = over_white(in[0], in[1]);
        return;
    }
    for (size_t i = 0; i < n; i++, in += 4, out += 3) {
        unsigned alpha = in[3];
        out[0] = over_white(in[0], alpha);
        out[1] = over_white(in[1], alpha);
        out[2] = over_white(in[2], alpha);
    }
}

void idf_row_convert(uint8_t *out, int out_channels, const uint8_t *in, int in_channels, size_t n) {
    switch (in_channels * 4 + out_channels) {
    case 1 * 4 + 1:
    case 3 * 4 + 3:
        if (out != in)
            memcpy(out, in, n * (size_t)in_channels);
        break;
    case 1 * 4 + 3:
        idf_row_repeat(out, in, n);
        break;
    case 2 * 4 + 1:
        idf_row_over_white(out, in, n, 1);
        break;
    case 2 * 4 + 3:
        for (size_t i = 0; i < n; i++, in += 2, out += 3)
            out[0] = out[1] = out[2] = over_white(in[0], in[1]);
        break;
    case 3 * 4 + 1:
        idf_row_luma(out, in, n);
        break;
    case 4 * 4 + 1:
        for (size_t i = 0; i < n; i++, in += 4)
            out[i] =
                luma(over_white(in[0], in[3]), over_white(in[1], in[3]), over_white(in[2], in[3]));
        break;
    case 4 * 4 + 3:
        idf_row_over_white(out, in, n, 3);
        break;
    default:
        break;
    }
}
