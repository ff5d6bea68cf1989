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

static double logistic(double x) {
    return 1 / (1 + exp(-x));
}

double idf_geometry_score(const idf_scale *s, double effective_evidence) {
    return effective_evidence <= 0
               ? 0
               : logistic((effective_evidence - s->evidence_middle) * s->evidence_slope);
}

double idf_embedding_score(const idf_scale *s, double cosine) {
    return logistic((cosine - s->cosine_middle) * s->cosine_slope);
}

double idf_doubt(double score, double doubt) {
    return score / (score + (1 - score) * exp(doubt));
}
