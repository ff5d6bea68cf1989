/* wordscan_avx2.c - eight signatures at a time, their bits counted by looking up the two halves of
 * each byte (Mula, Kurz and Lemire, "Faster population counts using AVX2 instructions", 2018); the
 * least of eight keys by the instruction for it. */
#include <immintrin.h>

#include "match/wordscan_loops.h"

/* Bits in each of four words. */
static inline __m256i count4(__m256i x) {
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                           2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15);
    __m256i upper = _mm256_and_si256(_mm256_srli_epi16(x, 4), low);
    __m256i bytes = _mm256_add_epi8(_mm256_shuffle_epi8(table, _mm256_and_si256(x, low)),
                                    _mm256_shuffle_epi8(table, upper));
    return _mm256_sad_epu8(bytes, _mm256_setzero_si256());
}

static inline __m256i load4(const uint64_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static int near_avx2(const uint64_t *signatures, int n, uint64_t wanted, int most, uint32_t *out) {
    const __m256i want = _mm256_set1_epi64x((long long)wanted), limit = _mm256_set1_epi32(most);
    int found = 0, i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i first = count4(_mm256_xor_si256(load4(signatures + i), want));
        __m256i next = count4(_mm256_xor_si256(load4(signatures + i + 4), want));
        /* the counts of `next` go to the upper halves of the lanes */
        __m256i both = _mm256_or_si256(first, _mm256_slli_epi64(next, 32));
        unsigned far =
            (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(both, limit)));
        if (far == 0xff)
            continue;
        for (int k = 0; k < 4; k++)
            if (!(far >> 2 * k & 1))
                out[found++] = (uint32_t)(i + k);
        for (int k = 0; k < 4; k++)
            if (!(far >> (2 * k + 1) & 1))
                out[found++] = (uint32_t)(i + 4 + k);
    }
    for (; i < n; i++)
        if (__builtin_popcountll(signatures[i] ^ wanted) <= most)
            out[found++] = (uint32_t)i;
    return found;
}

static inline uint16_t least_sse41(const uint16_t *keys, int n) {
    __m128i least = _mm_load_si128((const __m128i *)(const void *)keys);
    for (int i = 8; i < n; i += 8)
        least = _mm_min_epu16(least, _mm_load_si128((const __m128i *)(const void *)(keys + i)));
    return (uint16_t)_mm_cvtsi128_si32(_mm_minpos_epu16(least));
}

int idf_word_nearest_avx2(const idf_descriptor *descriptors, int n, const idf_descriptor *wanted,
                          int k, uint32_t *out) {
    return word_nearest(descriptors, n, wanted, k, out, least_sse41);
}

const idf_word_scan idf_word_scan_avx2 = {near_avx2, idf_word_nearest_avx2, word_distance};
