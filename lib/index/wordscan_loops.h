/* wordscan_loops.h - the loops in plain C; included where they are compiled, once for any processor
 * and once for those with an instruction that counts bits. */
#ifndef IDF_INDEX_WORDSCAN_LOOPS_H
#define IDF_INDEX_WORDSCAN_LOOPS_H

#include <string.h>

#include "index/wordscan.h"

static inline uint64_t word_part(const idf_descriptor *d, int i) {
    uint64_t part;
    memcpy(&part, d->bits + 8 * i, sizeof part);
    return part;
}

static inline unsigned word_distance(const idf_descriptor *a, const idf_descriptor *b) {
    return (unsigned)(__builtin_popcountll(word_part(a, 0) ^ word_part(b, 0)) +
                      __builtin_popcountll(word_part(a, 1) ^ word_part(b, 1)) +
                      __builtin_popcountll(word_part(a, 2) ^ word_part(b, 2)) +
                      __builtin_popcountll(word_part(a, 3) ^ word_part(b, 3)));
}

/* A distance, at most WORD_FAR, and a number make a key of 16 bits; 0xffff is none. */
enum { WORD_KEY_BITS = 8, WORD_KEYS = 1 << WORD_KEY_BITS, WORD_FAR = 254 };

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
