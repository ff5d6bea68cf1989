/* hamming_neon.c - nearest descriptors with NEON: CNT counts the bits of bytes, and pairwise sums
 * bring four candidates into the lanes of one vector. A lane keeps its two smallest keys, distance
 * << 16 | number in the block. */
#include <arm_neon.h>

#include "kernel/hamming_variants.h"

enum { LANES = 4, BLOCK = 1 << 15 }; /* numbers in a block fit the low half of a key */

/* Differing bits in bytes k and k + 16, k = 0..15. */
static inline uint8x16_t byte_counts(uint8x16_t low, uint8x16_t high, const uint8_t *b) {
    uint8x16_t x = vcntq_u8(veorq_u8(low, vld1q_u8(b)));
    return vaddq_u8(x, vcntq_u8(veorq_u8(high, vld1q_u8(b + 16))));
}

static inline uint32x4_t keys_at(uint8x16_t low, uint8x16_t high, const uint8_t *const b[LANES],
                                 uint32x4_t numbers) {
    uint8x16_t ab = vpaddq_u8(byte_counts(low, high, b[0]), byte_counts(low, high, b[1]));
    uint8x16_t cd = vpaddq_u8(byte_counts(low, high, b[2]), byte_counts(low, high, b[3]));
    uint32x4_t sums = vpaddlq_u16(vpaddlq_u8(vpaddq_u8(ab, cd)));
    return vorrq_u32(vshlq_n_u32(sums, 16), numbers);
}

/* The two smallest keys of the four lanes go to *out. */
static void fold_block(idf_hamming_best *out, uint32x4_t best, uint32x4_t second, size_t first) {
    uint32_t nearest = vminvq_u32(best);
    uint32x4_t winner = vceqq_u32(best, vdupq_n_u32(nearest));
    uint32_t next = vminvq_u32(vbslq_u32(winner, second, best));
    idf_hamming_fold(out, nearest >> 16, next >> 16, (uint32_t)(first + (nearest & 0xffff)));
}

static void match_block(const uint8_t *a, const uint8_t *b, size_t n, size_t first,
                        idf_hamming_best *out) {
    static const uint32_t iota[LANES] = {0, 1, 2, 3};
    uint8x16_t low = vld1q_u8(a), high = vld1q_u8(a + 16);
    uint32x4_t best = vdupq_n_u32(UINT32_MAX), second = best, numbers = vld1q_u32(iota);
    for (size_t at = 0; at < n; at += LANES) {
        const uint8_t *four[LANES];
        for (size_t k = 0; k < LANES; k++) /* past the end the last one stands in */
            four[k] = b + (at + k < n ? at + k : n - 1) * IDF_HAMMING_BYTES;
        uint32x4_t keys = keys_at(low, high, four, numbers);
        if (at + LANES > n)
            keys = vorrq_u32(keys, vcgeq_u32(numbers, vdupq_n_u32((uint32_t)n)));
        second = vminq_u32(second, vmaxq_u32(best, keys));
        best = vminq_u32(best, keys);
        numbers = vaddq_u32(numbers, vdupq_n_u32(LANES));
    }
    fold_block(out, best, second, first);
}

void idf_hamming_match2_neon(const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b,
                             idf_hamming_best *out) {
    for (size_t first = 0; first < n_b; first += BLOCK) {
        size_t n = n_b - first < BLOCK ? n_b - first : BLOCK;
        for (size_t i = 0; i < n_a; i++)
            match_block(a + i * IDF_HAMMING_BYTES, b + first * IDF_HAMMING_BYTES, n, first,
                        &out[i]);
    }
}
