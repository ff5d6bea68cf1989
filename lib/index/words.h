/* words.h - binary words: a tree of them learnt from a collection's descriptors, and which features
 * of which rows are filed under each.
 *
 * A collection has one vocabulary. Its rows lie in one part or several; each part has postings of
 * its own, made with that vocabulary, and numbers its rows from 0. Both are immutable, lie in an
 * index file or in memory, and are shared freely between threads. */
#ifndef IDF_INDEX_WORDS_H
#define IDF_INDEX_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <identify/pool.h>
#include <identify/status.h>

#include "index/wordscan.h"
#include "local/features.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_WORD_LEVELS_MAX = 3,
    IDF_WORDS_MAX = 1 << 22,
    IDF_WORD_ROWS_MAX = 1 << 20, /* of one part */
    /* A collection's features are all filed while they are no more than this; a larger one files
     * fewer of each row, but never fewer than IDF_WORD_QUOTA_MIN. */
    IDF_WORD_ENTRIES_EASY = 3 << 20,
    IDF_WORD_QUOTA_MIN = 256,
    IDF_WORD_LOOKS_QUOTA = 512,
};

/* A tree whose nodes are descriptors. The children of one node lie together, in whole groups. */
typedef struct idf_vocabulary {
    int n_levels;                            /* 0: no words */
    int branch[IDF_WORD_LEVELS_MAX];         /* children of each node above a level */
    size_t first_group[IDF_WORD_LEVELS_MAX]; /* of a level */
    const idf_word_group *groups;            /* n_groups: level after level, node after node */
    size_t n_groups;
    uint32_t n_words;  /* leaves */
    uint64_t identity; /* a hash of all that */
    const idf_word_scan *scan;
    idf_word_group *owned; /* NULL when they lie elsewhere */
} idf_vocabulary;

/* What a feature that is filed looks like, beyond its signature: the rest of its descriptor, and of
 * its keypoint what a query weighs. */
typedef struct idf_word_look {
    uint8_t bits[IDF_DESCRIPTOR_BYTES - 8];
    uint8_t angle, level;
} idf_word_look;

/* A part's features by words. Those of a word come in such an order that any number of the first
 * are an even sample of all. A part that has entries under few of the words lists only those. */
typedef struct idf_postings {
    uint64_t vocabulary; /* identity of that whose words these are */
    uint32_t n_words, n_rows, n_entries;
    const uint32_t *used;       /* n_used words, in rising order; NULL: all n_words */
    uint32_t n_used;            /* n_words without `used` */
    const uint32_t *start;      /* n_used + 1: of each word's entries */
    const uint32_t *entries;    /* see idf_word_entry_row */
    const uint64_t *signatures; /* of each entry: the beginning of its descriptor */
    const idf_word_look *looks; /* of each entry; NULL: only the references have them */
    uint32_t *owned[3];         /* start, entries and used; NULL when they lie elsewhere */
    uint64_t *owned_signatures;
    idf_word_look *owned_looks;
} idf_postings;

/* Whether they are of these words. */
bool idf_postings_fit(const idf_postings *postings, const idf_vocabulary *vocabulary);

/* How many entries there are under a word, and the first of them. */
static inline uint32_t idf_postings_list(const idf_postings *p, uint32_t word, uint32_t *from) {
    uint32_t at = word;
    if (p->used != NULL) {
        uint32_t end = p->n_used;
        for (at = 0; at < end;) {
            uint32_t middle = at + (end - at) / 2;
            if (p->used[middle] < word)
                at = middle + 1;
            else
                end = middle;
        }
        if (at == p->n_used || p->used[at] != word)
            return 0;
    }
    *from = p->start[at];
    return p->start[at + 1] - p->start[at];
}

/* An entry is the row of its part in the upper 20 bits and the feature in the lower 12. */
enum { IDF_WORD_FEATURE_BITS = 12 };
static inline uint32_t idf_word_entry(uint32_t row, uint32_t feature) {
    return row << IDF_WORD_FEATURE_BITS | feature;
}
static inline uint32_t idf_word_entry_row(uint32_t entry) {
    return entry >> IDF_WORD_FEATURE_BITS;
}
static inline uint32_t idf_word_entry_feature(uint32_t entry) {
    return entry & (((uint32_t)1 << IDF_WORD_FEATURE_BITS) - 1);
}

/* The first 64 bits of a descriptor: the pattern's tests come in an order in which each says as
 * much as it can beyond those before it. */
static inline uint64_t idf_word_signature(const idf_descriptor *d) {
    uint64_t bits;
    memcpy(&bits, d->bits, sizeof bits);
    return bits;
}

/* Children of node `node` of a level (0: the one root): branch[level] of them. */
static inline const idf_word_group *idf_vocabulary_below(const idf_vocabulary *v, int level,
                                                         size_t node) {
    size_t groups = ((size_t)v->branch[level] + IDF_WORD_GROUP - 1) / IDF_WORD_GROUP;
    return v->groups + v->first_group[level] + node * groups;
}

/* Rows to learn from or to file, asked for in any order from any thread. */
typedef struct idf_word_rows {
    void (*get)(const void *context, size_t row, idf_features *out);
    const void *context;
    size_t n;
    void (*relax)(
        const void *context); /* lets go of memory that asking has taken up; may be NULL */
} idf_word_rows;
enum { IDF_WORD_RELAX = 256 }; /* rows between two calls of it, about */

/* Features of a row that are filed, at most, in a collection of these rows. */
size_t idf_word_quota(const idf_word_rows *rows);

/* The features of a row that are filed, in rising order; returns how many: all, or `quota`. */
size_t idf_word_choose(const idf_features *features, size_t quota,
                       uint16_t chosen[IDF_FEATURES_MAX]);

/* Features that are filed, about, of so many rows that have so many together. */
double idf_word_entries(uint64_t n_rows, uint64_t n_features);

/* Fills n_levels, branch and what follows from them, for so many entries. */
void idf_vocabulary_shape(idf_vocabulary *v, double n_entries);
/* The rest, from n_levels and branch. False when they are not possible. */
bool idf_vocabulary_lay_out(idf_vocabulary *v);
uint64_t idf_vocabulary_hash(const idf_vocabulary *v);

/* Learns a vocabulary from an even sample of what is filed. Takes less than 150
 * MB whatever the collection. The same rows give the same words on any number of threads; `pool`
 * may be NULL. Release with idf_vocabulary_release. */
idf_status idf_vocabulary_learn(idf_vocabulary *out, const idf_word_rows *rows, size_t quota,
                                idf_pool *pool, idf_error *err);
void idf_vocabulary_release(idf_vocabulary *vocabulary);

/* Whether a collection of which so many features of a row are filed is so large that entries have
 * looks: what a query reads of it then lies together, and not all over the references. */
static inline bool idf_word_looks_pay(size_t quota) {
    return quota < IDF_WORD_LOOKS_QUOTA;
}

/* Files `quota` features of each row, with looks where those pay. Release with
 * idf_postings_release. */
idf_status idf_postings_build(idf_postings *out, const idf_vocabulary *vocabulary,
                              const idf_word_rows *rows, size_t quota, idf_pool *pool,
                              idf_error *err);
void idf_postings_release(idf_postings *postings);

/* Rows on their way to postings that are too many to be had at once: what is under each word is
 * made some words at a time. `rows` and `vocabulary` are borrowed. */
typedef struct idf_filing idf_filing;
idf_status idf_filing_new(idf_filing **filing, const idf_vocabulary *vocabulary,
                          const idf_word_rows *rows, size_t quota, idf_pool *pool, idf_error *err);
void idf_filing_free(idf_filing *filing);
/* n_words + 1: of each word's entries, as idf_postings has them. */
const uint32_t *idf_filing_start(const idf_filing *filing);
bool idf_filing_has_looks(const idf_filing *filing);
/* What is filed under some words; what is NULL is not asked for. */
typedef struct idf_filed {
    uint32_t *entries;
    uint64_t *signatures;
    idf_word_look *looks;
} idf_filed;
/* Of the words [from, to). */
idf_status idf_filing_get(const idf_filing *filing, uint32_t from, uint32_t to,
                          const idf_filed *out, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
