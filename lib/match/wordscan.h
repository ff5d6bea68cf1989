/* wordscan.h - the inner loops of a look-up: which 64-bit signatures are near one, and which of
 * many descriptors are nearest to one. Every variant gives the same numbers as the plain one. */
#ifndef IDF_MATCH_WORDSCAN_H
#define IDF_MATCH_WORDSCAN_H

#include <stdint.h>

#include "local/features.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_word_scan {
    /* Writes the indices i < n for which signatures[i] and `wanted` differ in at most `most` bits,
     * in rising order, and returns their number. `out` has room for n. */
    int (*near)(const uint64_t *signatures, int n, uint64_t wanted, int most, uint32_t *out);
    /* Writes distance << 16 | number of the `k` of n <= 128 descriptors (all, when there are fewer)
     * that differ least from `wanted`, in rising order, and returns how many those are. */
    int (*nearest)(const idf_descriptor *descriptors, int n, const idf_descriptor *wanted, int k,
                   uint32_t *out);
    /* Bits in which two descriptors differ. */
    unsigned (*distance)(const idf_descriptor *a, const idf_descriptor *b);
} idf_word_scan;

extern const idf_word_scan idf_word_scan_c;
#if defined(__x86_64__)
extern const idf_word_scan idf_word_scan_avx2, idf_word_scan_avx512popcnt;
int idf_word_nearest_avx2(const idf_descriptor *descriptors, int n, const idf_descriptor *wanted,
                          int k, uint32_t *out);
#endif

/* The best variant for this processor. */
const idf_word_scan *idf_word_scan_choose(void);

#ifdef __cplusplus
}
#endif
#endif
