/* local_avx512.c - the loops of corner extraction, 64 pixels at a time with masked ends. */
#include <immintrin.h>
#include <string.h>

#include "local/x86/local_x86.h"

static inline __mmask64 first64(int n) {
    return n >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
}

static inline __mmask32 first32(int n) {
    return n >= 32 ? ~(__mmask32)0 : ((__mmask32)1 << n) - 1;
}

static inline __m512i widen(const uint8_t *p, __mmask32 mask) {
    return _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(mask, p));
}

/* The 7-tap sum of 32 pixels whose taps lie `step` bytes apart, rounded to bytes. */
static inline __m256i blur32(const uint8_t *p, ptrdiff_t step, __mmask32 mask) {
    const __m512i w0 = _mm512_set1_epi16(idf_blur_weights[0]);
    const __m512i w1 = _mm512_set1_epi16(idf_blur_weights[1]);
    const __m512i w2 = _mm512_set1_epi16(idf_blur_weights[2]);
    const __m512i w3 = _mm512_set1_epi16(idf_blur_weights[3]);
    __m512i s1 = _mm512_add_epi16(widen(p - step, mask), widen(p + step, mask));
    __m512i s2 = _mm512_add_epi16(widen(p - 2 * step, mask), widen(p + 2 * step, mask));
    __m512i s3 = _mm512_add_epi16(widen(p - 3 * step, mask), widen(p + 3 * step, mask));
    __m512i a =
        _mm512_add_epi16(_mm512_mullo_epi16(widen(p, mask), w0), _mm512_mullo_epi16(s1, w1));
    __m512i b = _mm512_add_epi16(_mm512_mullo_epi16(s2, w2), _mm512_mullo_epi16(s3, w3));
    __m512i sum = _mm512_add_epi16(_mm512_add_epi16(a, b), _mm512_set1_epi16(128));
    return _mm512_cvtepi16_epi8(_mm512_srli_epi16(sum, 8));
}

static void blur_row_avx512(uint8_t *out, const uint8_t *in, ptrdiff_t stride, int n) {
    enum { CHUNK = 154 }; /* with the 6 columns beside it five registers */
    uint8_t columns[CHUNK + 6 + 64];
    memset(columns, 0, sizeof columns);
    for (int x = 0; x < n; x += CHUNK) {
        int m = n - x < CHUNK ? n - x : CHUNK;
        for (int i = 0; i < m + 6; i += 32)
            _mm256_storeu_si256((__m256i *)(columns + i),
                                blur32(in + x - 3 + i, stride, first32(m + 6 - i)));
        for (int i = 0; i < m; i += 32)
            _mm256_mask_storeu_epi8(out + x + i, first32(m - i),
                                    blur32(columns + 3 + i, 1, ~(__mmask32)0));
    }
}

static void fast_row_avx512(uint8_t *score, const uint8_t *in, ptrdiff_t stride, int n) {
    ptrdiff_t offsets[16];
    for (int k = 0; k < 16; k++)
        offsets[k] = idf_fast_circle[k][0] + stride * idf_fast_circle[k][1];
    for (int x = 0; x < n; x += 64) {
        const uint8_t *p = in + x;
        __mmask64 mask = first64(n - x);
        __m512i r[16], low2[8], high2[8], low4[8], high4[8];
#pragma GCC unroll 16
        for (int k = 0; k < 16; k++)
            r[k] = _mm512_maskz_loadu_epi8(mask, p + offsets[k]);
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++) { /* pairs (1, 2), (3, 4), ... (15, 0) */
            low2[k] = _mm512_min_epu8(r[2 * k + 1], r[(2 * k + 2) & 15]);
            high2[k] = _mm512_max_epu8(r[2 * k + 1], r[(2 * k + 2) & 15]);
        }
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++) {
            low4[k] = _mm512_min_epu8(low2[k], low2[(k + 1) & 7]);
            high4[k] = _mm512_max_epu8(high2[k], high2[(k + 1) & 7]);
        }
        __m512i lo = _mm512_setzero_si512(), hi = _mm512_set1_epi8(-1);
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++) {
            __m512i r0 = r[2 * k], r9 = r[(2 * k + 9) & 15];
            __m512i low = _mm512_min_epu8(low4[k], low4[(k + 2) & 7]);
            __m512i high = _mm512_max_epu8(high4[k], high4[(k + 2) & 7]);
            lo = _mm512_max_epu8(lo, _mm512_min_epu8(low, _mm512_max_epu8(r0, r9)));
            hi = _mm512_min_epu8(hi, _mm512_max_epu8(high, _mm512_min_epu8(r0, r9)));
        }
        __m512i c = _mm512_maskz_loadu_epi8(mask, p);
        __m512i best = _mm512_max_epu8(_mm512_subs_epu8(lo, c), _mm512_subs_epu8(c, hi));
        _mm512_mask_storeu_epi8(score + x, mask, best);
    }
}

static inline __m512i gather16(const uint8_t *at, const int16_t *offsets) {
    __m512i where = _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)offsets));
    __m512i words = _mm512_i32gather_epi32(where, (const void *)at, 1);
    return _mm512_and_si512(words, _mm512_set1_epi32(255));
}

/* Sixteen points are eight pairs: each word is compared with the one after it. */
static void describe_avx512(uint8_t bits[32], const uint8_t *at,
                            const int16_t offsets[IDF_DESCRIPTOR_POINTS]) {
    for (int i = 0; i < 32; i++) {
        __m512i v = gather16(at, offsets + 16 * i);
        __mmask16 less = _mm512_cmplt_epu32_mask(v, _mm512_srli_epi64(v, 32));
        bits[i] = (uint8_t)_pext_u32(less, 0x5555);
    }
}

const idf_local_kernels idf_local_kernels_avx512 = {
    .shrink_row = idf_shrink_row_avx2,
    .blur_row = blur_row_avx512,
    .fast_row = fast_row_avx512,
    .peaks_row = idf_peaks_row_avx2,
    .harris = idf_harris_avx2,
    .moments = idf_moments_avx2,
    .describe = describe_avx512,
    .nearest = idf_nearest_avx2,
};
