/* crc32_avx2.c - folding by carry-less multiplication (PCLMULQDQ).
 *
 * A message is a polynomial over GF(2); 128 bits that lie k bits before others may be replaced by
 * their product with x^k modulo the checksum's polynomial, added to those others. Four such folds
 * go on side by side, then they become one (V. Gopal et al., Fast CRC Computation for Generic
 * Polynomials Using PCLMULQDQ, Intel 2009). */
#include <immintrin.h>

#include "kernel/crc32_variants.h"

/* The reflected x^(k+32) and x^(k-32) modulo 0x104C11DB7, shifted left by one. */
static inline __m128i by_512_bits(void) {
    return _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
}

static inline __m128i by_128_bits(void) {
    return _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
}

static inline __m128i load(const uint8_t *bytes) {
    return _mm_loadu_si128((const __m128i *)(const void *)bytes);
}

static inline __m128i fold(__m128i x, __m128i by, __m128i onto) {
    __m128i low = _mm_clmulepi64_si128(x, by, 0x00), high = _mm_clmulepi64_si128(x, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), onto);
}

void idf_crc32_fold_avx2(uint8_t out[16], uint32_t crc, const uint8_t *data, size_t n) {
    const uint8_t *end = data + n;
    __m128i x0 = _mm_xor_si128(load(data), _mm_cvtsi32_si128((int)~crc));
    __m128i x1 = load(data + 16), x2 = load(data + 32), x3 = load(data + 48);
    __m128i by = by_512_bits();
    for (data += 64; data < end; data += 64) {
        x0 = fold(x0, by, load(data));
        x1 = fold(x1, by, load(data + 16));
        x2 = fold(x2, by, load(data + 32));
        x3 = fold(x3, by, load(data + 48));
    }
    by = by_128_bits();
    x1 = fold(x0, by, x1);
    x2 = fold(x1, by, x2);
    x3 = fold(x2, by, x3);
    _mm_storeu_si128((__m128i *)(void *)out, x3);
}
