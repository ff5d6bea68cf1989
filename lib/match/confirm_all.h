/* confirm_all.h - everything that a collection knows in one frame.
 *
 * The quick way through: the word index says who shares features with the frame, those few are
 * looked at with the pairs it found, the promising ones are compared in full. What is confirmed is
 * taken out of the frame and the next thing is looked for. */
#ifndef IDF_MATCH_CONFIRM_ALL_H
#define IDF_MATCH_CONFIRM_ALL_H

#include <stddef.h>
#include <stdint.h>

#include <identify/status.h>

#include "match/confirm.h"
#include "match/mark.h"
#include "match/parts.h"
#include "match/wordindex.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Share in common with another from which two references are printings of one artwork. */
#define IDF_SAME_ARTWORK 0.65

enum { IDF_THING_OTHERS = 6 };

/* Another reference at the place of a thing. */
typedef struct idf_thing_other {
    size_t row;
    idf_homography h;     /* as it was seen in the frame */
    double score, shared; /* as rival_score and rival_shared */
    double lead;          /* the thing's own evidence less its */
    idf_common common;    /* parts of the thing (a) and of this one (b) that show the same */
} idf_thing_other;

/* One thing found. */
typedef struct idf_thing {
    size_t row;
    idf_confirmation seen;
    double coverage; /* 0..1: how evenly the reference is seen (match/parts.h) */
    /* The other reference at the same place that is hardest to tell from this one: another
     * printing, a book of the same series, a card with the same frame. SIZE_MAX: there is none. */
    size_t rival_row;
    double rival_score;
    double rival_shared; /* 0..1: share of this reference, as far as in view, that the rival shows
                            too */
    /* log10 of a likelihood ratio, from what is seen of the part that the rival lacks: of this
     * reference being there over only what both share being there; the least over all references
     * that have some but not all in common with it, in the frame or not. INFINITY without any. */
    double own_evidence;
    double lead;      /* own_evidence less the rival's; INFINITY without a rival */
    idf_cells shared; /* parts of it that references which are no printings of it show too */
    int n_bearers;    /* those that have most in common with it, wherever they are */
    idf_bearer bearers[IDF_BEARERS_MAX];
    int n_others; /* what was weighed against it, the rival among them */
    idf_thing_other others[IDF_THING_OTHERS];
} idf_thing;

/* Zero in a field means its default. */
typedef struct idf_find_options {
    double min_score;   /* evidence from which a thing is reported; IDF_FIND_MIN_SCORE */
    int max_quick;      /* references looked at quickly; 10 */
    int max_full;       /* references compared in full; 10 */
    int n_always;       /* compared in full whatever the quick look says; 1, less than 0: none */
    const size_t *rows; /* further rows to look at, the embedding's shortlist; n_rows of them */
    size_t n_rows;
    const uint8_t *masked; /* NULL, or a flag for each reference: those are not there */
} idf_find_options;

#define IDF_FIND_MIN_SCORE 4.0

/* Scratch; belongs to one thread. Index and references must outlive it. */
typedef struct idf_finder idf_finder;

/* `index` is of n_references. */
idf_status idf_finder_new(idf_finder **finder, const idf_wordindex *index, size_t n_references,
                          idf_error *err);
void idf_finder_free(idf_finder *finder);

/* Finds at most max things, the strongest first. options may be NULL. */
void idf_finder_run(idf_finder *finder, const idf_features *frame, const idf_find_options *options,
                    idf_thing *out, int max, int *n);

/* The best score of the last run and its row, accepted or not; 0 and SIZE_MAX when nothing agreed.
 */
double idf_finder_best(const idf_finder *finder, size_t *row);

/* What the last run saw of one reference, in the frame as it was. */
typedef struct idf_hint {
    size_t row;
    double score; /* of the fuller of the looks it got */
} idf_hint;

/* The references that the last run looked at most closely, at most max. Returns their number. */
int idf_finder_hints(const idf_finder *finder, idf_hint *out, int max);

/* Share, 0..1, of the features of reference a that lie where it shows what b shows too, or of b's
 * when that is more. */
double idf_finder_shared(idf_finder *finder, size_t a, size_t b);

/* Confirms one reference in full against the frame of the last run, nothing taken out. */
void idf_finder_confirm(idf_finder *finder, size_t row, idf_confirmation *out);

#ifdef __cplusplus
}
#endif
#endif
