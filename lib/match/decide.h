/* decide.h - from evidence to one score, and from scores to an answer. */
#ifndef IDF_MATCH_DECIDE_H
#define IDF_MATCH_DECIDE_H

#include <stdbool.h>

#include <identify/index.h>

#include "match/sighting.h"

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

/* The evidence of a sighting that counts: less than all of it when only a part of the reference is
 * seen, or only what it shares with others. */
double idf_effective_evidence(const idf_sighting *seen);

double idf_geometry_score(const idf_scale *scale, double effective_evidence);
double idf_embedding_score(const idf_scale *scale, double cosine);
/* A score when the odds against it are `doubt` longer (a natural logarithm). */
double idf_doubt(double score, double doubt);

/* 0..1: how surely the thing is this reference and not its rival. */
double idf_lead_over_rival(const idf_sighting *seen);

/* Whether the rival shows the same artwork, so that only the printing is in doubt. */
bool idf_is_variant(const idf_sighting *seen);

#ifdef __cplusplus
}
#endif
#endif
