/* scale.h - how evidence and cosines become scores. */
#ifndef IDF_COLLECTION_SCALE_H
#define IDF_COLLECTION_SCALE_H

#include <identify/index.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How evidence becomes a score: by the index's own calibration, or the defaults that hold until an
 * index has one. Scores are probabilities, 0..1: of an answer being right where right ones and
 * strangers are equally frequent (docs/matching.md). */
typedef struct idf_scale {
    double evidence_middle, evidence_slope; /* logistic((effective evidence - middle) * slope) */
    double cosine_middle, cosine_slope;     /* of the embedding alone, likewise */
} idf_scale;

extern const idf_scale idf_scale_default;

/* Thresholds of an index that was not calibrated. */
#define IDF_DEFAULT_SIM    0.5
#define IDF_DEFAULT_MARGIN 0.25

/* The calibration that an index carries, else the defaults. */
idf_scale idf_scale_of(const idf_index *index, float default_cosine);

/* Log odds (natural) for a reference being there, by what geometry sees or by the vectors. */
double idf_geometry_odds(const idf_scale *scale, double effective_evidence);
double idf_embedding_odds(const idf_scale *scale, double cosine);

/* The score of log odds: a logistic curve up to 8, then ever slower towards 12, since no more than
 * some parts in a million can be promised. Different odds have different scores. */
double idf_score_of_odds(double odds);
double idf_odds_of_score(double score);
double idf_geometry_score(const idf_scale *scale, double effective_evidence);
double idf_embedding_score(const idf_scale *scale, double cosine);

#ifdef __cplusplus
}
#endif
#endif
