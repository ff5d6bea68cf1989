/* resize_avx512.c - resampling on AVX-512: as resize_avx2.c, 64 bytes of a row at a time. */
#include "image/resize_kernel.h"

#include <immintrin.h>

#define ADD_PAIR(i, pixels)                                                                        \
    low[i] = _mm512_add_epi32(low[i], _mm512_madd_epi16(pixels, weight_low));                      \
    high[i] = _mm512_add_epi32(high[i], _mm512_madd_epi16(pixels, weight_high))

/* `mask` says which of the 64 bytes there are. */
static inline void sum_64(uint8_t *out, const uint8_t *in, size_t stride,
                          const idf_resize_taps *taps, __mmask64 mask) {
    const __m512i zero = _mm512_setzero_si512();
    const __m512i half = _mm512_set1_epi32(1 << (IDF_RESIZE_WEIGHT_BITS - 1));
    __m512i low[4] = {half, half, half, half}, high[4] = {zero, zero, zero, zero};
    for (int t = 0; t < taps->n; t += 2) {
        const uint8_t *row = in + (size_t)t * stride;
        const uint8_t *next = t + 1 < taps->n ? row + stride : row;
        __m512i a = _mm512_maskz_loadu_epi8(mask, row);
        __m512i b = _mm512_maskz_loadu_epi8(mask, next);
        __m512i weight_low = _mm512_set1_epi32(taps->pairs[t]);
        __m512i weight_high = _mm512_set1_epi32(taps->pairs[t + 1]);
        __m512i ab = _mm512_unpacklo_epi8(a, b);
        ADD_PAIR(0, _mm512_unpacklo_epi8(ab, zero));
        ADD_PAIR(1, _mm512_unpackhi_epi8(ab, zero));
        ab = _mm512_unpackhi_epi8(a, b);
        ADD_PAIR(2, _mm512_unpacklo_epi8(ab, zero));
        ADD_PAIR(3, _mm512_unpackhi_epi8(ab, zero));
    }
    for (int i = 0; i < 4; i++)
        low[i] = _mm512_srai_epi32(_mm512_add_epi32(low[i], _mm512_slli_epi32(high[i], 16)),
                                   IDF_RESIZE_WEIGHT_BITS);
    __m512i words = _mm512_packs_epi32(low[0], low[1]);
    _mm512_mask_storeu_epi8(out, mask,
                            _mm512_packus_epi16(words, _mm512_packs_epi32(low[2], low[3])));
}

void idf_resize_sum_avx512(uint8_t *out, size_t n_bytes, const uint8_t *in, size_t stride,
                           const idf_resize_taps *taps) {
    size_t i = 0;
    for (; i + 64 <= n_bytes; i += 64)
        sum_64(out + i, in + i, stride, taps, ~(__mmask64)0);
    if (i < n_bytes)
        sum_64(out + i, in + i, stride, taps, ((__mmask64)1 << (n_bytes - i)) - 1);
}
