/* scale.c - logistic curves from evidence and cosine to a probability. */
#include "collection/scale.h"

#include <math.h>

#include "index/index.h"

const idf_scale idf_scale_default = {5, 0.8, 0.35, 20};

idf_scale idf_scale_of(const idf_index *index, float default_cosine) {
    const idf_scale *d = &idf_scale_default;
    return (idf_scale){
        idf_index_meta_number(index, "evidence_middle", d->evidence_middle),
        idf_index_meta_number(index, "evidence_slope", d->evidence_slope),
        idf_index_meta_number(index, "cosine_middle", (double)default_cosine),
        idf_index_meta_number(index, "cosine_slope", d->cosine_slope),
    };
}

/* From these odds on scores rise more slowly, and never to more than those at KNEE + ROOM. */
static const double KNEE = 8, ROOM = 4, PACE = 16;

double idf_score_of_odds(double odds) {
    if (odds > KNEE)
        odds = KNEE + ROOM * (1 - exp((KNEE - odds) / PACE));
    return 1 / (1 + exp(-odds));
}

double idf_odds_of_score(double score) {
    double odds = log(score / (1 - score));
    return odds > KNEE ? KNEE - PACE * log(fmax(1e-9, 1 - (odds - KNEE) / ROOM)) : odds;
}

/* Evidence under which there is hardly any: with none of it there are no odds. */
static const double LITTLE = 1;

double idf_geometry_odds(const idf_scale *s, double effective_evidence) {
    double odds = (effective_evidence - s->evidence_middle) * s->evidence_slope;
    if (effective_evidence <= 0)
        return -INFINITY;
    return effective_evidence < LITTLE ? odds + log(effective_evidence / LITTLE) : odds;
}

double idf_embedding_odds(const idf_scale *s, double cosine) {
    return (cosine - s->cosine_middle) * s->cosine_slope;
}

double idf_geometry_score(const idf_scale *s, double effective_evidence) {
    return idf_score_of_odds(idf_geometry_odds(s, effective_evidence));
}

double idf_embedding_score(const idf_scale *s, double cosine) {
    return idf_score_of_odds(idf_embedding_odds(s, cosine));
}
