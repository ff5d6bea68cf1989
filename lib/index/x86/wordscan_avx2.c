/* wordscan_avx2.c - eight signatures at a time, their bits counted by looking up the two halves of
 * each byte (Mula, Kurz and Lemire, "Faster population counts using AVX2 instructions", 2018); the
 * least of eight keys by the instruction for it. */
#include <immintrin.h>
#include <stddef.h>

#include "index/wordscan_loops.h"

/* Bits in each byte. */
static inline __m256i count_bytes(__m256i x) {
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                           2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15);
    __m256i upper = _mm256_and_si256(_mm256_srli_epi16(x, 4), low);
    return _mm256_add_epi8(_mm256_shuffle_epi8(table, _mm256_and_si256(x, low)),
                           _mm256_shuffle_epi8(table, upper));
}

/* Bits in each of four words. */
static inline __m256i count4(__m256i x) {
    return _mm256_sad_epu8(count_bytes(x), _mm256_setzero_si256());
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

/* Keys of the group's descriptors: distance << 8 | number, `first` being that of the first. That of
 * descriptor 4 i + j comes out at 4 j + i. */
static inline __m256i keys16(const idf_word_group *group, const __m256i wanted[4], int first) {
    const __m256i numbers = _mm256_setr_epi16(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m256i keys = _mm256_setzero_si256();
#pragma GCC unroll 4
    for (int i = 3; i >= 0; i--) {
        __m256i bytes = _mm256_setzero_si256();
#pragma GCC unroll 4
        for (int part = 0; part < 4; part++)
            bytes = _mm256_add_epi8(
                bytes, count_bytes(_mm256_xor_si256(load4(group->part[part] + (ptrdiff_t)(4 * i)),
                                                    wanted[part])));
        keys = _mm256_or_si256(_mm256_slli_epi64(keys, 16),
                               _mm256_sad_epu8(bytes, _mm256_setzero_si256()));
    }
    keys = _mm256_min_epu16(keys, _mm256_set1_epi16(WORD_FAR));
    return _mm256_or_si256(_mm256_slli_epi16(keys, WORD_KEY_BITS),
                           _mm256_add_epi16(numbers, _mm256_set1_epi16((int16_t)first)));
}

static inline uint16_t least_of(const uint16_t *keys, int n_groups) {
    const __m128i *at = (const __m128i *)(const void *)keys;
    __m128i least = _mm_min_epu16(at[0], at[1]);
    for (int i = 2; i < 2 * n_groups; i++)
        least = _mm_min_epu16(least, at[i]);
    return (uint16_t)_mm_cvtsi128_si32(_mm_minpos_epu16(least));
}

static inline int place_of(int number) {
    return (number & ~15) | (number & 3) << 2 | (number >> 2 & 3);
}

static int nearest_avx2(const idf_word_group *groups, int n, const idf_descriptor *wanted, int k,
                        uint32_t *out) {
    _Alignas(32) uint16_t keys[WORD_KEYS];
    __m256i parts[4];
    int n_groups = (n + IDF_WORD_GROUP - 1) / IDF_WORD_GROUP, found = 0;
    for (int part = 0; part < 4; part++)
        parts[part] = _mm256_set1_epi64x((long long)word_part(wanted, part));
    for (int g = 0; g < n_groups; g++)
        _mm256_store_si256((__m256i *)(void *)(keys + (ptrdiff_t)(IDF_WORD_GROUP * g)),
                           keys16(&groups[g], parts, IDF_WORD_GROUP * g));
    for (int i = n; i < IDF_WORD_GROUP * n_groups; i++)
        keys[place_of(i)] = UINT16_MAX;
    for (; found < k && found < n; found++) {
        uint16_t key = least_of(keys, n_groups);
        int number = key % WORD_KEYS;
        keys[place_of(number)] = UINT16_MAX;
        out[found] = (uint32_t)(key >> WORD_KEY_BITS) << 16 | (uint32_t)number;
    }
    return found;
}

const idf_word_scan idf_word_scan_avx2 = {near_avx2, nearest_avx2, word_distance};
