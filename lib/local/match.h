/* match.h - pairs the descriptors of a reference with those of a frame, and what each pair implies.
 */
#ifndef IDF_LOCAL_MATCH_H
#define IDF_LOCAL_MATCH_H

#include <stdint.h>

#include <identify/status.h>

#include "local/features.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A feature of the reference and one of the frame that look alike. */
typedef struct idf_pairing {
    uint16_t reference, frame; /* feature indices */
    uint16_t distance;         /* bits that differ, 0..256 */
} idf_pairing;

typedef struct idf_pairing_options {
    double max_ratio;    /* best distance / second best distance; 0: IDF_MATCH_RATIO */
    int max_distance;    /* bits; 0: IDF_MATCH_DISTANCE */
    int n_copies;        /* frame features that may claim one reference feature; 0: 2 */
    const uint8_t *skip; /* NULL, or frame->n flags: nonzero takes the feature out */
} idf_pairing_options;

enum { IDF_MATCH_DISTANCE = 80, IDF_MATCH_COPIES_MAX = 4, IDF_MATCHES_MAX = 512 };
#define IDF_MATCH_RATIO 0.9

/* Scratch for matching; belongs to one thread. */
typedef struct idf_match_workspace idf_match_workspace;
idf_status idf_match_workspace_new(idf_match_workspace **workspace, idf_error *err);
void idf_match_workspace_free(idf_match_workspace *workspace);

/* Pairs each frame feature with the reference feature most like it, when that is clearly better
 * than the second best (Lowe's ratio) and no other frame feature is more like it (n_copies: among
 * the n_copies most alike). At most IDF_MATCHES_MAX pairs, the most alike ones, in rising order of
 * distance; the number goes to *n. Features beyond IDF_FEATURES_MAX are ignored. */
void idf_match_features(const idf_features *reference, const idf_features *frame,
                        const idf_pairing_options *options, idf_match_workspace *workspace,
                        idf_pairing out[IDF_MATCHES_MAX], int *n);

#ifdef __cplusplus
}
#endif
#endif
