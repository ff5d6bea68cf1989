/* confirm.h - is this reference in this frame, and where exactly? */
#ifndef IDF_MATCH_CONFIRM_H
#define IDF_MATCH_CONFIRM_H

#include <identify/status.h>

#include "local/estimate.h"
#include "local/features.h"
#include "local/homography.h"
#include "local/match.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What speaks for a reference being in the frame. Points are pixels of the frame's working picture.
 */
typedef struct idf_confirmation {
    /* Evidence in powers of ten: about how many pictures that show nothing of the reference would
     * have to be looked at until one agrees with it as well as this one does. 0: nothing agrees.
     * docs/matching.md says what it rests on and where it ends. */
    double score;
    int n_matches;          /* descriptor pairs that were looked at */
    int n_inliers;          /* places of the reference whose features agree on the map */
    int n_pieces;           /* maps that agree: 1 for a flat thing, more for one that bends */
    double spread;          /* 0..1: share of a 5 x 5 grid over the reference that agrees */
    int n_visible, n_found; /* reference features that should be in view, and those seen in place */
    int n_tried, n_seen;    /* second look: frame features that stand where a map puts one of the
                               reference's, at its angle and level, and those that are alike */
    idf_homography h;       /* the reference's working picture to the frame's */
    idf_point corners[4];   /* of the reference in the frame: its top left, then clockwise */
    double rotation_degrees; /* -180..180, clockwise on the screen */
    int n_pairs;             /* features that agree */
    idf_pairing pairs[IDF_MATCHES_MAX];
} idf_confirmation;

/* Zero in a field means its default. */
typedef struct idf_confirm_options {
    idf_pairing_options match; /* `skip` is not read */
    idf_homography_limits limits;
} idf_confirm_options;

/* A frame made ready for many comparisons, and their scratch. Belongs to one thread. */
typedef struct idf_confirmer idf_confirmer;

/* options may be NULL; they are copied. */
idf_status idf_confirmer_new(idf_confirmer **confirmer, const idf_confirm_options *options,
                             idf_error *err);
void idf_confirmer_free(idf_confirmer *confirmer);

/* Makes `frame` the one that is looked at; its arrays are borrowed until the next call. Features
 * beyond IDF_FEATURES_MAX are ignored. Nothing is taken out of it yet. */
void idf_confirmer_set_frame(idf_confirmer *confirmer, const idf_features *frame);

/* Looks for the reference in the frame, by comparing every feature with every other. */
void idf_confirm(idf_confirmer *confirmer, const idf_features *reference, idf_confirmation *out);

/* The same when the pairs are known already, in rising order of distance (those with features taken
 * out are left aside; pairs over IDF_MATCHES_MAX too). */
void idf_confirm_matches(idf_confirmer *confirmer, const idf_features *reference,
                         const idf_pairing *matches, int n_matches, idf_confirmation *out);

/* Takes the features that `found` explains out of the frame, so that the next thing, or the next
 * copy of this one, can be looked for. */
void idf_confirmer_take_out(idf_confirmer *confirmer, const idf_confirmation *found);

#ifdef __cplusplus
}
#endif
#endif
