/* wordindex_inside.h - the inverted file, for what builds it and what looks it up. */
#ifndef IDF_MATCH_WORDINDEX_INSIDE_H
#define IDF_MATCH_WORDINDEX_INSIDE_H

#include <stdint.h>
#include <string.h>

#include "match/wordindex.h"
#include "match/wordscan.h"

enum { IDF_WORD_BRANCH_MAX = 128 };

/* Where a reference feature comes from. */
typedef struct idf_word_entry {
    uint32_t row;
    uint16_t feature;
} idf_word_entry;

struct idf_wordindex {
    const idf_features *references;
    size_t n_rows;
    int branch;             /* nodes on the first level, and below each */
    int n_groups;           /* that hold as many */
    idf_word_group *nodes;  /* n_groups */
    idf_word_group *leaves; /* branch * n_groups */
    uint32_t *start;        /* branch * branch + 1: of each word's entries */
    idf_word_entry *entries;
    uint64_t *signatures;
    size_t n_entries;
    int longest; /* word */
    const idf_word_scan *scan;
};

/* The first 64 bits of a descriptor: the pattern's tests come in an order in which each says as
 * much as it can beyond those before it. */
static inline uint64_t idf_word_signature(const idf_descriptor *d) {
    uint64_t bits;
    memcpy(&bits, d->bits, sizeof bits);
    return bits;
}

#endif
