/* estimate.h - the map that most of a set of matches agree on, and how unlikely that is by chance.
 */
#ifndef IDF_LOCAL_ESTIMATE_H
#define IDF_LOCAL_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#include "local/features.h"
#include "local/homography.h"
#include "local/match.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Matches with what their keypoints imply, an array a quantity. Zero n before filling. */
typedef struct idf_match_set {
    int n;
    double width, height; /* of the reference's working picture, pixels */
    double frame_width, frame_height;
    float x[IDF_MATCHES_MAX], y[IDF_MATCHES_MAX]; /* in the reference, pixels */
    float u[IDF_MATCHES_MAX], v[IDF_MATCHES_MAX]; /* in the frame */
    float tolerance[IDF_MATCHES_MAX]; /* a map agrees with the match within this many pixels */
    float chance[IDF_MATCHES_MAX];    /* probability that a false match agrees with a given map */
    uint8_t turn[IDF_MATCHES_MAX];    /* angle in the frame minus that in the reference, 256ths */
    int8_t steps[IDF_MATCHES_MAX];    /* level in the frame minus that in the reference */
} idf_match_set;

/* What was found. n_inliers 0: nothing. */
typedef struct idf_estimate {
    idf_homography h; /* reference to frame */
    int n_inliers;
    uint8_t inlier[IDF_MATCHES_MAX]; /* flags, by match */
    int n_distinct;                  /* inliers that are not repeats of one spot */
    double spread;                   /* 0..1: how much of the reference they cover */
    double score; /* -log10 of the number of such agreements that chance gives; 0 when >= 1 */
} idf_estimate;

/* Finds the best-supported believable map. Deterministic. matches must be in rising order of
 * distance. Takes about n * n / 8 ns for the vote and 20 to 60 us for the search. */
void idf_estimate_map(const idf_match_set *set, const idf_homography_limits *limits,
                      idf_estimate *out);

#ifdef __cplusplus
}
#endif
#endif
