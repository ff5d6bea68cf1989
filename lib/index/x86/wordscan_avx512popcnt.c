/* wordscan_avx512popcnt.c - eight signatures at a time; the indices of those that pass are packed
 * together by a compressing store. */
#include <immintrin.h>

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

const idf_word_scan idf_word_scan_avx512popcnt = {near_512, idf_word_nearest_avx2, word_distance};
