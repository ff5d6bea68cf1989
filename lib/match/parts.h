/* parts.h - which parts of a reference speak for it.
 *
 * Two references often have a part in common: the frame and text box of a card, the banner of a
 * series, a whole artwork in two printings. What a frame shows of the common part says nothing
 * about which of the two it is; what it shows of the part that one has alone decides. */
#ifndef IDF_MATCH_PARTS_H
#define IDF_MATCH_PARTS_H

#include <stdint.h>

#include "match/confirm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Cells of 8 x 8 over a reference; bit 8 * row + column. */
typedef uint64_t idf_cells;

/* Two references' cells that show the same. */
typedef struct idf_common {
    idf_cells a, b;
} idf_common;

/* What `a` and `b` have in common, from `seen`, a confirmation of b in a's own picture. Empty when
 * that says too little. */
idf_common idf_common_cells(const idf_features *a, const idf_features *b,
                            const idf_confirmation *seen);

/* Share, 0..1, of the features of `reference` that lie in the cells. */
double idf_cells_share(const idf_features *reference, idf_cells cells);

/* A sighting, divided into the part that the reference shares with another and its own part. */
typedef struct idf_parts {
    int n_shared, n_own;         /* features of the reference that should be in view */
    int found_shared, found_own; /* those that were found */
    /* log10 of how much likelier the own part's count is when the reference is there than when only
     * the shared part is. 0 when there is no own part in view. */
    double own_evidence;
} idf_parts;

/* 0..1: share of the features in view that lie in cells, of 5 x 5, where they are found about as
 * often as in the others. Low: a logo, a banner, a part that another has too. Cells in which the
 * frame shows nothing are left out, up to a bound. */
double idf_coverage(const idf_features *reference, const idf_confirmation *seen,
                    const idf_features *frame);

/* own_evidence where `by_chance` of the own part's features are found without it. */
double idf_parts_own_evidence(const idf_parts *parts, double by_chance);

/* Divides `seen`, a sighting of `reference` in a frame of frame_size (width, height). */
void idf_parts_divide(idf_parts *out, const idf_features *reference, idf_cells shared,
                      const idf_confirmation *seen, const int frame_size[2]);

#ifdef __cplusplus
}
#endif
#endif
