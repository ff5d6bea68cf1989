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

double idf_geometry_score(const idf_scale *scale, double effective_evidence);
double idf_embedding_score(const idf_scale *scale, double cosine);
/* A score when the odds against it are `doubt` longer (a natural logarithm). */
double idf_doubt(double score, double doubt);

#ifdef __cplusplus
}
#endif
#endif
