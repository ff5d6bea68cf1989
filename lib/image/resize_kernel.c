/* resize_kernel.c - the plain C inner loops of resampling, and the choice among their variants. */
#include "image/resize_kernel.h"

#include "image/image.h"
#include "kernel/cpu.h"

void idf_resize_sum_c(uint8_t *out, size_t n_bytes, const uint8_t *in, size_t stride,
                      const idf_resize_taps *taps) {
    enum { AT_ONCE = 64 };
    for (size_t start = 0; start < n_bytes; start += AT_ONCE) {
        size_t n = n_bytes - start < AT_ONCE ? n_bytes - start : AT_ONCE;
        int32_t sums[AT_ONCE];
        for (size_t i = 0; i < n; i++)
            sums[i] = 1 << (IDF_RESIZE_WEIGHT_BITS - 1);
        for (int t = 0; t < taps->n; t++) {
            const uint8_t *row = in + (size_t)t * stride + start;
            int32_t weight = taps->weights[t];
            for (size_t i = 0; i < n; i++)
                sums[i] += row[i] * weight;
        }
        for (size_t i = 0; i < n; i++)
            out[start + i] = idf_clamp_u8(sums[i] >> IDF_RESIZE_WEIGHT_BITS);
    }
}

void idf_resize_transpose_c(uint8_t *out, size_t out_stride, const uint8_t *const rows[16],
                            size_t n_columns) {
    for (size_t c = 0; c < n_columns; c++)
        for (size_t r = 0; r < 16; r++)
            out[c * out_stride + r] = rows[r][c];
}

void idf_resize_fix_weights(int32_t *fixed, int32_t *pairs, const double *weights, int n) {
    for (int i = 0; i < n; i++) {
        double scaled = weights[i] * (1 << IDF_RESIZE_WEIGHT_BITS);
        fixed[i] = (int32_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
    for (int i = 0; i < n; i += 2) {
        int32_t a = fixed[i], b = i + 1 < n ? fixed[i + 1] : 0;
        int16_t a_low = (int16_t)(a & 0xffff), b_low = (int16_t)(b & 0xffff);
        uint32_t a_high = ((uint32_t)a - (uint32_t)(int32_t)a_low) >> 16;
        uint32_t b_high = ((uint32_t)b - (uint32_t)(int32_t)b_low) >> 16;
        pairs[i] = (int32_t)((uint32_t)(uint16_t)b_low << 16 | (uint16_t)a_low);
        pairs[i + 1] = (int32_t)(b_high << 16 | a_high);
    }
}

const idf_resize_kernel *idf_resize_kernel_choose(void) {
    static const idf_resize_kernel plain = {idf_resize_sum_c, NULL, 16};
    unsigned features = idf_cpu_features();
    (void)features;
#if defined(__x86_64__)
    static const idf_resize_kernel avx2 = {idf_resize_sum_avx2, idf_resize_transpose_avx2, 32};
    static const idf_resize_kernel avx512 = {idf_resize_sum_avx512, idf_resize_transpose_avx2, 64};
    if (features & IDF_CPU_AVX512)
        return &avx512;
    if (features & IDF_CPU_AVX2)
        return &avx2;
#elif defined(__aarch64__)
    static const idf_resize_kernel neon = {idf_resize_sum_neon, idf_resize_transpose_neon, 32};
    if (features & IDF_CPU_NEON)
        return &neon;
#endif
    return &plain;
}
