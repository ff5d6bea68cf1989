/* wordscan.h - the inner loops of a look-up: which 64-bit signatures are near one, and which of
 * many descriptors are nearest to one. Every variant gives the same numbers as the plain one. */
#ifndef IDF_INDEX_WORDSCAN_H
#define IDF_INDEX_WORDSCAN_H

#include <stdint.h>

#include "local/features.h"

enum { IDF_WORD_GROUP = 16, IDF_WORD_BRANCH_MAX = 256 };

#ifdef __cplusplus
extern "C" {
#endif

/* Sixteen descriptors, a quarter of each after another: part[i][k] is bytes 8 i to 8 i + 7 of
 * descriptor k. */
typedef struct idf_word_group {
    _Alignas(32) uint64_t part[4][IDF_WORD_GROUP];
} idf_word_group;

typedef struct idf_word_scan {
    /* Writes the indices i < n for which signatures[i] and `wanted` differ in at most `most` bits,
     * in rising order, and returns their number. `out` has room for n. */
    int (*near)(const uint64_t *signatures, int n, uint64_t wanted, int most, uint32_t *out);
    /* Writes distance << 16 | number of the `k` of n <= IDF_WORD_BRANCH_MAX descriptors (all, when
     * there are fewer) that differ least from `wanted`, in rising order, and returns how many those
     * are; distances over 254 count as that. They fill groups; what is left of the last one is not
     * looked at. */
    int (*nearest)(const idf_word_group *groups, int n, const idf_descriptor *wanted, int k,
                   uint32_t *out);
    /* Bits in which two descriptors differ. */
    unsigned (*distance)(const idf_descriptor *a, const idf_descriptor *b);
} idf_word_scan;

extern const idf_word_scan idf_word_scan_c;
#if defined(__x86_64__)
extern const idf_word_scan idf_word_scan_avx2, idf_word_scan_avx512popcnt;
#endif

/* Fills groups, as many as n descriptors need. */
void idf_word_groups_fill(idf_word_group *groups, const idf_descriptor *descriptors, int n);

/* The best variant for this processor. */
const idf_word_scan *idf_word_scan_choose(void);

#ifdef __cplusplus
}
#endif
#endif
