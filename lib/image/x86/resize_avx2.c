/* resize_avx2.c - resampling on AVX2: 32 bytes of a row at a time, two taps an instruction.
 *
 * 8-bit pixels times 23-bit weights do not fit a 16-bit multiplication, so each weight is split in
 * a signed high and low half, the two sums are kept apart and joined at the end; all of it modulo
 * 2^32, in which the true sum fits. */
#include "image/resize_kernel.h"

#include <immintrin.h>

/* Adds one pair of taps: 16-bit pixels (a, b alternating) times the halves of their weights. */
#define ADD_PAIR(i, pixels)                                                                        \
    low[i] = _mm256_add_epi32(low[i], _mm256_madd_epi16(pixels, weight_low));                      \
    high[i] = _mm256_add_epi32(high[i], _mm256_madd_epi16(pixels, weight_high))

static inline void sum_32(uint8_t *out, const uint8_t *in, size_t stride,
                          const idf_resize_taps *taps) {
    const __m256i zero = _mm256_setzero_si256();
    const __m256i half = _mm256_set1_epi32(1 << (IDF_RESIZE_WEIGHT_BITS - 1));
    __m256i low[4] = {half, half, half, half}, high[4] = {zero, zero, zero, zero};
    for (int t = 0; t < taps->n; t += 2) {
        const uint8_t *row = in + (size_t)t * stride;
        /* An odd tap at the end is paired with itself: the weight there is zero. */
        const uint8_t *next = t + 1 < taps->n ? row + stride : row;
        __m256i a = _mm256_loadu_si256((const __m256i *)row);
        __m256i b = _mm256_loadu_si256((const __m256i *)next);
        __m256i weight_low = _mm256_set1_epi32(taps->pairs[t]);
        __m256i weight_high = _mm256_set1_epi32(taps->pairs[t + 1]);
        __m256i ab = _mm256_unpacklo_epi8(a, b);
        ADD_PAIR(0, _mm256_unpacklo_epi8(ab, zero));
        ADD_PAIR(1, _mm256_unpackhi_epi8(ab, zero));
        ab = _mm256_unpackhi_epi8(a, b);
        ADD_PAIR(2, _mm256_unpacklo_epi8(ab, zero));
        ADD_PAIR(3, _mm256_unpackhi_epi8(ab, zero));
    }
    for (int i = 0; i < 4; i++)
        low[i] = _mm256_srai_epi32(_mm256_add_epi32(low[i], _mm256_slli_epi32(high[i], 16)),
                                   IDF_RESIZE_WEIGHT_BITS);
    __m256i words = _mm256_packs_epi32(low[0], low[1]);
    _mm256_storeu_si256((__m256i *)out,
                        _mm256_packus_epi16(words, _mm256_packs_epi32(low[2], low[3])));
}

void idf_resize_sum_avx2(uint8_t *out, size_t n_bytes, const uint8_t *in, size_t stride,
                         const idf_resize_taps *taps) {
    if (n_bytes < 32) {
        idf_resize_sum_c(out, n_bytes, in, stride, taps);
        return;
    }
    size_t i = 0;
    for (; i + 32 <= n_bytes; i += 32)
        sum_32(out + i, in + i, stride, taps);
    if (i < n_bytes) /* the last 32 once more, overlapping */
        sum_32(out + n_bytes - 32, in + n_bytes - 32, stride, taps);
}

/* One step of the transposition: interleaves register k with register k + 8. After four of them
 * register c holds column c. */
static inline void interleave(__m256i to[16], const __m256i from[16]) {
    for (int k = 0; k < 8; k++) {
        to[2 * k] = _mm256_unpacklo_epi8(from[k], from[k + 8]);
        to[2 * k + 1] = _mm256_unpackhi_epi8(from[k], from[k + 8]);
    }
}

void idf_resize_transpose_avx2(uint8_t *out, size_t out_stride, const uint8_t *const rows[16],
                               size_t n_columns) {
    size_t c = 0;
    for (; c + 32 <= n_columns; c += 32) {
        __m256i a[16], b[16];
        for (int r = 0; r < 16; r++)
            a[r] = _mm256_loadu_si256((const __m256i *)(rows[r] + c));
        interleave(b, a);
        interleave(a, b);
        interleave(b, a);
        interleave(a, b);
        for (size_t k = 0; k < 16; k++) {
            _mm_storeu_si128((__m128i *)(out + (c + k) * out_stride), _mm256_castsi256_si128(a[k]));
            _mm_storeu_si128((__m128i *)(out + (c + k + 16) * out_stride),
                             _mm256_extracti128_si256(a[k], 1));
        }
    }
    if (c < n_columns) {
        const uint8_t *rest[16];
        for (int r = 0; r < 16; r++)
            rest[r] = rows[r] + c;
        idf_resize_transpose_c(out + c * out_stride, out_stride, rest, n_columns - c);
    }
}
