/* sighting.h - a reference seen in a frame, whichever way it was looked at: in the whole frame or
 * in a part of it made upright. */
#ifndef IDF_MATCH_SIGHTING_H
#define IDF_MATCH_SIGHTING_H

#include <stdbool.h>
#include <stddef.h>

#include "match/confirm_all.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_SIGHTINGS_MAX = 48 };

typedef struct idf_sighting {
    size_t row;
    double evidence, coverage; /* idf_confirmation.score, idf_thing.coverage */
    int n_inliers, n_found, n_visible;
    idf_point corners[4]; /* pixels of the frame, continuous; its own top left, then clockwise */
    double rotation_degrees;
    size_t rival_row; /* as in idf_thing */
    double rival_evidence, rival_shared, own_evidence, lead;
    bool other_printing; /* it may be one that the collection lacks: `lead` says how surely not */
    /* Of its surface (match/surface.h), 0 when it was not compared. */
    int n_windows;
    double surface;    /* idf_windows_evidence */
    bool marked;       /* most features are of a mark (match/mark.h); surface and own_evidence are
                          without it */
    unsigned track_id; /* match/track.h; 0 outside of a stream */
} idf_sighting;

/* All sightings of one frame; at most one for a place. */
typedef struct idf_sightings {
    idf_sighting items[IDF_SIGHTINGS_MAX];
    int n;
} idf_sightings;

/* The map from a working picture to the frame that it is a smaller version of. */
idf_homography idf_working_to_frame(const idf_features *working, int width, int height);

/* A thing found in a picture that `back` (pixel centres, as keypoints count) maps to the frame.
 * False when its outline cannot be mapped. */
bool idf_sighting_from_thing(idf_sighting *out, const idf_thing *thing, const idf_homography *back);

/* Makes another reference at its place the rival of a sighting. `surface`, a lead of its own that
 * the sighting's surface has over the other's, is added to that of the features; where it turns the
 * scales against the sighting, the other is what is seen. */
void idf_sighting_weigh(idf_sighting *seen, const idf_thing_other *other, double surface);

/* Takes a sighting in. At a place that is known already the one with more evidence stays, and the
 * other becomes its rival when it had none. Beyond IDF_SIGHTINGS_MAX nothing is taken in. */
void idf_sightings_add(idf_sightings *list, const idf_sighting *seen);

/* The most evidence first. What repeats, with little evidence, a row where it is seen beyond doubt
 * is left out. */
void idf_sightings_sort(idf_sightings *list);

/* Whether something seen beyond doubt covers the outline or holds it within. */
bool idf_sightings_cover(const idf_sightings *list, const idf_point corners[4]);

/* Whether something seen beyond doubt holds the point. */
bool idf_sightings_hold(const idf_sightings *list, idf_point at);

/* Part of a frame, 0..1, that the largest thing seen beyond doubt covers. */
double idf_sightings_cover_part(const idf_sightings *list, int width, int height);

#ifdef __cplusplus
}
#endif
#endif
