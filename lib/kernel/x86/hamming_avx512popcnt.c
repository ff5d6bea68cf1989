/* hamming_avx512popcnt.c - nearest descriptors with VPOPCNTDQ: sixteen candidates at once.
 *
 * A block of candidates is transposed so that a lane holds the same 32-bit word of sixteen of them;
 * a descriptor's eight words are broadcast against it. A lane keeps its two smallest keys, distance
 * << 16 | number in the block, so that min and max do all of the bookkeeping. */
#include <immintrin.h>

#include <string.h>

#include "kernel/hamming_variants.h"

enum { WORDS = 8, LANES = 16, BLOCK = 512 };

/* Writes word w of candidate j to words[w][j], zero for those that fill up the last sixteen. */
static void transpose(uint32_t words[WORDS][BLOCK], const uint8_t *b, size_t n) {
    for (size_t j = 0; j < n; j++)
        for (int w = 0; w < WORDS; w++)
            memcpy(&words[w][j], b + j * IDF_HAMMING_BYTES + 4 * w, 4);
    for (size_t j = n; j % LANES != 0; j++)
        for (int w = 0; w < WORDS; w++)
            words[w][j] = 0;
}

static inline __m512i broadcast_word(const uint8_t *a, int word) {
    int32_t bits;
    memcpy(&bits, a + 4 * word, 4);
    return _mm512_set1_epi32(bits);
}

/* Keys of the sixteen candidates from `at` on against the descriptor whose words are a[8]. */
static inline __m512i keys_at(const __m512i a[WORDS], const uint32_t words[WORDS][BLOCK], size_t at,
                              __m512i numbers) {
    __m512i count[WORDS];
    for (int w = 0; w < WORDS; w++)
        count[w] = _mm512_popcnt_epi32(_mm512_xor_si512(a[w], _mm512_load_si512(&words[w][at])));
    __m512i low = _mm512_add_epi32(_mm512_add_epi32(count[0], count[1]),
                                   _mm512_add_epi32(count[2], count[3]));
    __m512i high = _mm512_add_epi32(_mm512_add_epi32(count[4], count[5]),
                                    _mm512_add_epi32(count[6], count[7]));
    return _mm512_or_si512(_mm512_slli_epi32(_mm512_add_epi32(low, high), 16), numbers);
}

typedef struct lane_best {
    __m512i best, second; /* keys */
} lane_best;

static inline void fold_lanes(lane_best *lanes, __m512i keys) {
    __m512i larger = _mm512_max_epu32(lanes->best, keys);
    lanes->best = _mm512_min_epu32(lanes->best, keys);
    lanes->second = _mm512_min_epu32(lanes->second, larger);
}

/* The two smallest keys of all lanes go to *out; `first` is the number of the block's first. */
static inline void fold_block(idf_hamming_best *out, const lane_best *lanes, size_t first) {
    uint32_t best = _mm512_reduce_min_epu32(lanes->best);
    __mmask16 winner = _mm512_cmpeq_epi32_mask(lanes->best, _mm512_set1_epi32((int32_t)best));
    uint32_t second =
        _mm512_reduce_min_epu32(_mm512_mask_mov_epi32(lanes->best, winner, lanes->second));
    idf_hamming_fold(out, best >> 16, second >> 16, (uint32_t)(first + (best & 0xffff)));
}

/* One block against the descriptors of `a`, two at a time so that each load serves both. */
static void match_block(const uint8_t *a, size_t n_a, const uint32_t words[WORDS][BLOCK], size_t n,
                        size_t first, idf_hamming_best *out) {
    const __m512i sixteen = _mm512_set1_epi32(LANES), none = _mm512_set1_epi32(-1);
    const __m512i iota = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    size_t whole = n / LANES * LANES;
    __mmask16 rest = (__mmask16)((1u << (n - whole)) - 1);
    for (size_t i = 0; i < n_a; i += 2) {
        const uint8_t *a0 = a + i * IDF_HAMMING_BYTES;
        const uint8_t *a1 = i + 1 < n_a ? a0 + IDF_HAMMING_BYTES : a0;
        __m512i words0[WORDS], words1[WORDS], numbers = iota;
        lane_best lanes0 = {none, none}, lanes1 = {none, none};
        for (int w = 0; w < WORDS; w++) {
            words0[w] = broadcast_word(a0, w);
            words1[w] = broadcast_word(a1, w);
        }
        for (size_t at = 0; at < whole; at += LANES) {
            fold_lanes(&lanes0, keys_at(words0, words, at, numbers));
            fold_lanes(&lanes1, keys_at(words1, words, at, numbers));
            numbers = _mm512_add_epi32(numbers, sixteen);
        }
        if (rest != 0) {
            __m512i keys0 = keys_at(words0, words, whole, numbers);
            __m512i keys1 = keys_at(words1, words, whole, numbers);
            fold_lanes(&lanes0, _mm512_mask_mov_epi32(none, rest, keys0));
            fold_lanes(&lanes1, _mm512_mask_mov_epi32(none, rest, keys1));
        }
        fold_block(&out[i], &lanes0, first);
        if (i + 1 < n_a)
            fold_block(&out[i + 1], &lanes1, first);
    }
}

void idf_hamming_match2_avx512popcnt(const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b,
                                     idf_hamming_best *out) {
    _Alignas(64) uint32_t words[WORDS][BLOCK];
    for (size_t first = 0; first < n_b; first += BLOCK) {
        size_t n = n_b - first < BLOCK ? n_b - first : BLOCK;
        transpose(words, b + first * IDF_HAMMING_BYTES, n);
        match_block(a, n_a, (const uint32_t(*)[BLOCK])words, n, first, out);
    }
}
