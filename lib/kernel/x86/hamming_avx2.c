/* hamming_avx2.c - nearest descriptors with AVX2: eight candidates at once.
 *
 * As the AVX-512 variant, with 64-bit words in the lanes; the bits of each byte are counted by
 * looking up its two halves (Mula, Kurz and Lemire, "Faster population counts using AVX2
 * instructions", 2018), summed over the four words as bytes, and only then added up. */
#include <immintrin.h>

#include <string.h>

#include "kernel/hamming_variants.h"

enum { WORDS = 4, LANES = 8, BLOCK = 512 };

/* Writes word w of candidate j to words[w][j], zero for those that fill up the last eight. */
static void transpose(uint64_t words[WORDS][BLOCK], const uint8_t *b, size_t n) {
    for (size_t j = 0; j < n; j++)
        for (int w = 0; w < WORDS; w++)
            memcpy(&words[w][j], b + j * IDF_HAMMING_BYTES + 8 * w, 8);
    for (size_t j = n; j % LANES != 0; j++)
        for (int w = 0; w < WORDS; w++)
            words[w][j] = 0;
}

static inline __m256i broadcast_word(const uint8_t *a, int word) {
    int64_t bits;
    memcpy(&bits, a + 8 * word, 8);
    return _mm256_set1_epi64x(bits);
}

/* Distances, in 64-bit lanes, to the four candidates from `at` on. */
static inline __m256i distances_at(const __m256i a[WORDS], const uint64_t words[WORDS][BLOCK],
                                   size_t at) {
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                           2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15);
    __m256i bytes = _mm256_setzero_si256();
    for (int w = 0; w < WORDS; w++) {
        __m256i x = _mm256_xor_si256(a[w], _mm256_load_si256((const __m256i *)&words[w][at]));
        __m256i upper = _mm256_and_si256(_mm256_srli_epi16(x, 4), low);
        bytes = _mm256_add_epi8(bytes, _mm256_shuffle_epi8(table, _mm256_and_si256(x, low)));
        bytes = _mm256_add_epi8(bytes, _mm256_shuffle_epi8(table, upper));
    }
    return _mm256_sad_epu8(bytes, _mm256_setzero_si256());
}

/* Keys, distance << 16 | number, of the eight candidates from `at` on. Packing two vectors of four
 * into one leaves them in the order 0 1 4 5 2 3 6 7, which `numbers` follows. */
static inline __m256i keys_at(const __m256i a[WORDS], const uint64_t words[WORDS][BLOCK], size_t at,
                              __m256i numbers) {
    __m256i first = distances_at(a, words, at), next = distances_at(a, words, at + 4);
    __m256i packed = _mm256_castps_si256(_mm256_shuffle_ps(
        _mm256_castsi256_ps(first), _mm256_castsi256_ps(next), _MM_SHUFFLE(2, 0, 2, 0)));
    return _mm256_or_si256(_mm256_slli_epi32(packed, 16), numbers);
}

/* The two smallest keys of the eight lanes go to *out. */
static void fold_block(idf_hamming_best *out, __m256i best, __m256i second, size_t first) {
    uint32_t keys[2 * LANES], nearest = UINT32_MAX, next = UINT32_MAX;
    _mm256_storeu_si256((__m256i *)keys, best);
    _mm256_storeu_si256((__m256i *)(keys + LANES), second);
    for (int i = 0; i < 2 * LANES; i++) {
        uint32_t larger = keys[i] > nearest ? keys[i] : nearest;
        nearest = keys[i] < nearest ? keys[i] : nearest;
        next = larger < next ? larger : next;
    }
    idf_hamming_fold(out, nearest >> 16, next >> 16, (uint32_t)(first + (nearest & 0xffff)));
}

static void match_block(const uint8_t *a, size_t n_a, const uint64_t words[WORDS][BLOCK], size_t n,
                        size_t first, idf_hamming_best *out) {
    const __m256i iota = _mm256_setr_epi32(0, 1, 4, 5, 2, 3, 6, 7), none = _mm256_set1_epi32(-1);
    for (size_t i = 0; i < n_a; i++) {
        __m256i broadcast[WORDS], best = none, second = none, numbers = iota;
        for (int w = 0; w < WORDS; w++)
            broadcast[w] = broadcast_word(a + i * IDF_HAMMING_BYTES, w);
        for (size_t at = 0; at < n; at += LANES) {
            __m256i keys = keys_at(broadcast, words, at, numbers);
            if (at + LANES > n) /* a number of n or more is no candidate */
                keys = _mm256_or_si256(keys,
                                       _mm256_cmpgt_epi32(numbers, _mm256_set1_epi32((int)n - 1)));
            __m256i larger = _mm256_max_epu32(best, keys);
            best = _mm256_min_epu32(best, keys);
            second = _mm256_min_epu32(second, larger);
            numbers = _mm256_add_epi32(numbers, _mm256_set1_epi32(LANES));
        }
        fold_block(&out[i], best, second, first);
    }
}

void idf_hamming_match2_avx2(const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b,
                             idf_hamming_best *out) {
    _Alignas(64) uint64_t words[WORDS][BLOCK];
    for (size_t first = 0; first < n_b; first += BLOCK) {
        size_t n = n_b - first < BLOCK ? n_b - first : BLOCK;
        transpose(words, b + first * IDF_HAMMING_BYTES, n);
        match_block(a, n_a, (const uint64_t(*)[BLOCK])words, n, first, out);
    }
}
