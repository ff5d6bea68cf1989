/* pack_avx512bf16.h - packing of bfloat16 activations by AVX-512 with BF16, which rounds by itself.
 * Included behind gemm_finish.inc. */
#ifndef IDF_KERNEL_X86_PACK_AVX512BF16_H
#define IDF_KERNEL_X86_PACK_AVX512BF16_H

static inline void pack_bf16_native(const float *x, size_t ld, int rows, int k, void *out,
                                    float *scales, idf_gemm_outliers *outliers) {
    (void)scales, (void)outliers;
    uint32_t *words = out;
    for (int at = 0; at < k; at += 2 * PACK_WORDS) {
        int n = k - at < 2 * PACK_WORDS ? k - at : 2 * PACK_WORDS;
        pack_words made;
        for (int r = 0; r < rows; r++) {
            float part[2 * PACK_WORDS];
            int padded = (n + 31) / 32 * 32;
            const float *from = pack_padded(part, x + (size_t)r * ld + at, n, padded);
            for (int i = 0; i < padded; i += 32) {
                __m512bh pair =
                    _mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + i + 16), _mm512_loadu_ps(from + i));
                _mm512_storeu_si512(&made[r][i / 2], (__m512i)pair);
            }
        }
        pack_interleave(words, made, rows, (n + 1) / 2);
        words += (size_t)((n + 1) / 2 * rows);
    }
}

#endif
