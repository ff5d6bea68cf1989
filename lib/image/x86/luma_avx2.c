/* luma_avx2.c - RGB to luma on AVX2, 32 pixels at a time.
 *
 * Green's weight does not fit a signed 16-bit number, so half of it goes with red and half with
 * blue: the sum is the same. */
#include "image/luma_kernel.h"

#include <immintrin.h>

/* Eight pixels, as 32-bit numbers: four a lane. Reads 28 bytes. */
static inline __m256i luma_8(const uint8_t *in) {
    const __m256i red_green =
        _mm256_setr_epi8(0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1, 0, -1, 1, -1, 3,
                         -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1);
    const __m256i green_blue =
        _mm256_setr_epi8(1, -1, 2, -1, 4, -1, 5, -1, 7, -1, 8, -1, 10, -1, 11, -1, 1, -1, 2, -1, 4,
                         -1, 5, -1, 7, -1, 8, -1, 10, -1, 11, -1);
    const __m256i first = _mm256_set1_epi32(38470 / 2 << 16 | 19595);
    const __m256i second = _mm256_set1_epi32(7471 << 16 | 38470 / 2);
    __m256i pixels =
        _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)in)),
                                _mm_loadu_si128((const __m128i *)(in + 12)), 1);
    __m256i sum =
        _mm256_add_epi32(_mm256_madd_epi16(_mm256_shuffle_epi8(pixels, red_green), first),
                         _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, green_blue), second));
    return _mm256_srli_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(32768)), 16);
}

size_t idf_luma_blocks_avx2(uint8_t *out, const uint8_t *in, size_t n) {
    /* packing leaves fours of pixels in the order 0 2 4 6 1 3 5 7 */
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    size_t i = 0;
    for (; i + 34 <= n; i += 32) { /* the last load reads four bytes of what follows */
        const uint8_t *at = in + 3 * i;
        __m256i words[2] = {_mm256_packus_epi32(luma_8(at), luma_8(at + 24)),
                            _mm256_packus_epi32(luma_8(at + 48), luma_8(at + 72))};
        _mm256_storeu_si256(
            (__m256i *)(out + i),
            _mm256_permutevar8x32_epi32(_mm256_packus_epi16(words[0], words[1]), order));
    }
    return i;
}
