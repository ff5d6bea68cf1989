/* wordscan_loops.h - the loops in plain C; included where they are compiled, once for any processor
 * and once for those with an instruction that counts bits. */
#ifndef IDF_MATCH_WORDSCAN_LOOPS_H
#define IDF_MATCH_WORDSCAN_LOOPS_H

#include <string.h>

#include "match/wordscan.h"

static inline unsigned word_distance(const idf_descriptor *a, const idf_descriptor *b) {
    uint64_t x[4], y[4];
    memcpy(x, a->bits, sizeof x);
    memcpy(y, b->bits, sizeof y);
    return (unsigned)(__builtin_popcountll(x[0] ^ y[0]) + __builtin_popcountll(x[1] ^ y[1]) +
                      __builtin_popcountll(x[2] ^ y[2]) + __builtin_popcountll(x[3] ^ y[3]));
}

enum { WORD_KEYS = 128, WORD_KEY_BITS = 7 };

/* The least of n keys. */
typedef uint16_t word_least_fn(const uint16_t *keys, int n);

static inline uint16_t word_least(const uint16_t *keys, int n) {
    uint16_t least = UINT16_MAX;
    for (int i = 0; i < n; i++)
        least = keys[i] < least ? keys[i] : least;
    return least;
}

/* Distance and number fit into 16 bits: the least key is taken out k times. `n` is rounded up to
 * whole eights for `least`. */
static inline int word_nearest(const idf_descriptor *descriptors, int n,
                               const idf_descriptor *wanted, const int k, uint32_t *out,
                               word_least_fn *least) {
    _Alignas(32) uint16_t keys[WORD_KEYS];
    int padded = (n + 7) & ~7, found = 0;
    for (int i = 0; i < n; i++)
        keys[i] = (uint16_t)(word_distance(&descriptors[i], wanted) << WORD_KEY_BITS | (unsigned)i);
    for (int i = n; i < padded; i++)
        keys[i] = UINT16_MAX;
    for (; found < k && found < n; found++) {
        uint16_t key = least(keys, padded), number = key & (WORD_KEYS - 1);
        keys[number] = UINT16_MAX;
        out[found] = (uint32_t)(key >> WORD_KEY_BITS) << 16 | number;
    }
    return found;
}

static inline int word_near(const uint64_t *signatures, int n, uint64_t wanted, int most,
                            uint32_t *out) {
    int found = 0;
    for (int i = 0; i < n; i++) {
        out[found] = (uint32_t)i;
        found += __builtin_popcountll(signatures[i] ^ wanted) <= most;
    }
    return found;
}

#endif
