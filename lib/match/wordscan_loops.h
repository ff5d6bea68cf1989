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

static inline void word_distances(const idf_descriptor *descriptors, int n,
                                  const idf_descriptor *wanted, uint16_t *out) {
    for (int i = 0; i < n; i++)
        out[i] = (uint16_t)word_distance(&descriptors[i], wanted);
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
