/* hamming.c - distances between binary descriptors: the plain version and the choice of variant.
 *
 * Bits are counted by adding neighbours in ever wider fields (Warren, Hacker's Delight, 5-1); the
 * four words of a descriptor share the last steps. */
#include "kernel/hamming.h"

#include <string.h>

#include "kernel/cpu.h"
#include "kernel/hamming_variants.h"

/* Counts in 4-bit fields of the bits that differ in word `word`. */
static inline uint64_t nibble_counts(const uint8_t *a, const uint8_t *b, int word) {
    uint64_t x, y;
    memcpy(&x, a + 8 * word, 8);
    memcpy(&y, b + 8 * word, 8);
    x ^= y;
    x -= x >> 1 & 0x5555555555555555u;
    return (x & 0x3333333333333333u) + (x >> 2 & 0x3333333333333333u);
}

static inline unsigned distance(const uint8_t *a, const uint8_t *b) {
    const uint64_t low = 0x0f0f0f0f0f0f0f0fu;
    uint64_t x = nibble_counts(a, b, 0) + nibble_counts(a, b, 1); /* at most 8 a field */
    uint64_t y = nibble_counts(a, b, 2) + nibble_counts(a, b, 3);
    uint64_t bytes = (x & low) + (x >> 4 & low) + (y & low) + (y >> 4 & low); /* at most 32 */
    uint64_t pairs = (bytes & 0x00ff00ff00ff00ffu) + (bytes >> 8 & 0x00ff00ff00ff00ffu);
    return (unsigned)(pairs * 0x0001000100010001u >> 48);
}

unsigned idf_hamming256(const uint8_t *a, const uint8_t *b) {
    return distance(a, b);
}

void idf_hamming_match2_c(const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b,
                          idf_hamming_best *out) {
    for (size_t i = 0; i < n_a; i++)
        for (size_t j = 0; j < n_b; j++) {
            unsigned d = distance(a + i * IDF_HAMMING_BYTES, b + j * IDF_HAMMING_BYTES);
            idf_hamming_fold(&out[i], d, IDF_HAMMING_NONE, (uint32_t)j);
        }
}

static idf_hamming_match2_fn *choose(void) {
    unsigned cpu = idf_cpu_features();
    (void)cpu;
#if defined(__x86_64__)
    if (cpu & IDF_CPU_AVX512POPCNT)
        return idf_hamming_match2_avx512popcnt;
    if (cpu & IDF_CPU_AVX2)
        return idf_hamming_match2_avx2;
#elif defined(__aarch64__)
    if (cpu & IDF_CPU_NEON)
        return idf_hamming_match2_neon;
#endif
    return idf_hamming_match2_c;
}

void idf_hamming_match2(const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b,
                        idf_hamming_best *out) {
    for (size_t i = 0; i < n_a; i++)
        out[i] = (idf_hamming_best){IDF_HAMMING_NONE, IDF_HAMMING_NONE, UINT32_MAX};
    if (n_a > 0 && n_b > 0)
        choose()(a, n_a, b, n_b, out);
}
