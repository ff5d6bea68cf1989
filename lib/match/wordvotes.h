/* wordvotes.h - features of a frame matched to features of many references vote.
 *
 * By the turn and the scale that they imply: weak geometric consistency (Jegou, Douze and Schmid
 * 2008). */
#ifndef IDF_MATCH_WORDVOTES_H
#define IDF_MATCH_WORDVOTES_H

#include <stdbool.h>

#include "match/wordindex.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_WORD_MATCHES_MAX = 1 << 15, /* of one frame */
    IDF_WORD_CANDIDATES = 256,      /* rows ranked */
};

typedef struct idf_word_match {
    uint32_t row;
    idf_pairing match;
    uint8_t angle, level; /* of the reference's keypoint */
} idf_word_match;

/* The matches of one row. */
struct idf_voting_row {
    uint32_t row;
    int from, to; /* in `matches` and `sorted` */
    bool in_order;
};

struct idf_voted_row {
    int group;
    float support;
};

typedef struct idf_word_votes {
    const idf_features *frame;
    idf_word_match *matches[2]; /* in the order of frame features; and for sorting them */
    int n;
    float *weight;                 /* of each frame feature's matches */
    idf_pairing *sorted;           /* by row, then, where in_order, distance */
    struct idf_voting_row *groups; /* by row */
    int n_groups;
    struct idf_voted_row best[IDF_WORD_CANDIDATES];
    int n_candidates;
} idf_word_votes;

/* Makes room; false without memory for it. Released either way. */
bool idf_word_votes_reserve(idf_word_votes *votes);
void idf_word_votes_release(idf_word_votes *votes);

/* Counts the n matches of matches[0], each of the weight of its frame feature. Returns the number
 * of rows with at least `least`. The frame is borrowed. */
int idf_word_votes_count(idf_word_votes *votes, const idf_features *frame, size_t n_rows,
                         int least);
/* The k-th best supported; the candidate of one row. */
void idf_word_votes_get(idf_word_votes *votes, int k, idf_candidate *out);
void idf_word_votes_get_row(idf_word_votes *votes, size_t row, idf_candidate *out);

#ifdef __cplusplus
}
#endif
#endif
