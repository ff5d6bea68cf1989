/* wordscan_avx512popcnt.c - eight signatures or quarters of descriptors at a time. The indices of
 * signatures that pass are packed together by a compressing store; the least of thirty-two keys is
 * looked for among those that are behind the last one. */
#include <immintrin.h>
#include <stddef.h>

#include "index/wordscan_loops.h"

static int near_512(const uint64_t *signatures, int n, uint64_t wanted, int most, uint32_t *out) {
    const __m512i want = _mm512_set1_epi64((long long)wanted);
    const __m512i limit = _mm512_set1_epi64(most);
    __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    int found = 0;
    for (int i = 0; i < n; i += 8) {
        __mmask8 inside = n - i >= 8 ? 0xff : (__mmask8)((1u << (n - i)) - 1);
        __m512i differ = _mm512_xor_si512(_mm512_maskz_loadu_epi64(inside, signatures + i), want);
        __mmask8 near = _mm512_mask_cmple_epi64_mask(inside, _mm512_popcnt_epi64(differ), limit);
        if (near) {
            _mm256_mask_compressstoreu_epi32(out + found, near, index);
            found += __builtin_popcount(near);
        }
        index = _mm256_add_epi32(index, _mm256_set1_epi32(8));
    }
    return found;
}

/* The distances of eight descriptors of a group, the first half or the second, in sixteen bits. */
static inline __m128i distances8(const idf_word_group *group, int half, const __m512i wanted[4]) {
    __m512i sum = _mm512_setzero_si512();
    for (int part = 0; part < 4; part++) {
        __m512i are = _mm512_loadu_si512(group->part[part] + (ptrdiff_t)(8 * half));
        sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(_mm512_xor_si512(are, wanted[part])));
    }
    return _mm512_cvtepi64_epi16(sum);
}

/* Keys of a group's first n descriptors, in order; UINT16_MAX for the rest. */
static inline __m256i keys16(const idf_word_group *group, int n, const __m512i wanted[4],
                             int first) {
    const __m256i numbers = _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __mmask16 inside = n >= IDF_WORD_GROUP ? 0xffff : (__mmask16)((1u << n) - 1);
    __m256i keys = _mm256_inserti128_si256(_mm256_castsi128_si256(distances8(group, 0, wanted)),
                                           distances8(group, 1, wanted), 1);
    keys = _mm256_min_epu16(keys, _mm256_set1_epi16(WORD_FAR));
    keys = _mm256_or_si256(_mm256_slli_epi16(keys, WORD_KEY_BITS),
                           _mm256_add_epi16(numbers, _mm256_set1_epi16((int16_t)first)));
    return _mm256_mask_mov_epi16(_mm256_set1_epi16(-1), inside, keys);
}

/* The least key that is `from` or more; UINT16_MAX when there is none. */
static inline uint16_t least_from(const uint16_t *keys, int n, unsigned from) {
    const __m512i limit = _mm512_set1_epi16((int16_t)from);
    __m512i least = _mm512_set1_epi16(-1);
    for (int i = 0; i < n; i += 2 * IDF_WORD_GROUP) {
        __m512i are = _mm512_load_si512(keys + i);
        least = _mm512_mask_min_epu16(least, _mm512_cmpge_epu16_mask(are, limit), least, are);
    }
    __m256i half =
        _mm256_min_epu16(_mm512_castsi512_si256(least), _mm512_extracti64x4_epi64(least, 1));
    __m128i quarter =
        _mm_min_epu16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    return (uint16_t)_mm_cvtsi128_si32(_mm_minpos_epu16(quarter));
}

static int nearest_512(const idf_word_group *groups, int n, const idf_descriptor *wanted, int k,
                       uint32_t *out) {
    _Alignas(64) uint16_t keys[WORD_KEYS];
    __m512i parts[4];
    unsigned from = 0;
    int found = 0, filled = 0;
    for (int part = 0; part < 4; part++)
        parts[part] = _mm512_set1_epi64((long long)word_part(wanted, part));
    for (; filled < n; filled += IDF_WORD_GROUP)
        _mm256_store_si256((__m256i *)(void *)(keys + filled),
                           keys16(&groups[filled / IDF_WORD_GROUP], n - filled, parts, filled));
    if (filled % (2 * IDF_WORD_GROUP) != 0)
        _mm256_store_si256((__m256i *)(void *)(keys + filled), _mm256_set1_epi16(-1));
    for (; found < k && found < n; found++) {
        unsigned key = least_from(keys, n, from);
        out[found] = (uint32_t)(key >> WORD_KEY_BITS) << 16 | key % WORD_KEYS;
        from = key + 1;
    }
    return found;
}

const idf_word_scan idf_word_scan_avx512popcnt = {near_512, nearest_512, word_distance};
