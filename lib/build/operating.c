/* operating.c - the tail of strangers, and what follows from it. */
#include "build/operating.h"

#include <math.h>
#include <stdio.h>

#include "base/format.h"
#include "index/index.h"

/* The tail's length by chance alone, which counts as much as this many views. */
static const double TAIL_BY_CHANCE = 0.8, TAIL_PRIOR = 3;
/* However strangers fare, never less and never more. */
static const double LEAST_EVIDENCE = 3, MOST_EVIDENCE = 6;

const double idf_operating_rates[IDF_OPERATING_POINTS] = {0.01, 0.001, 0.0001};

idf_tail idf_tail_fit(const double *strangers, size_t n) {
    double excess = TAIL_PRIOR * TAIL_BY_CHANCE, count = 0;
    for (size_t i = 0; i < n; i++)
        if (strangers[i] > IDF_TAIL_FROM) {
            excess += strangers[i] - IDF_TAIL_FROM;
            count++;
        }
    return (idf_tail){excess / (count + TAIL_PRIOR), (count + 1) / ((double)n + 2)};
}

double idf_tail_enough(const idf_tail *tail, double false_accepts) {
    double enough = IDF_TAIL_FROM + tail->length * log(fmax(1, tail->above / false_accepts));
    return fmin(MOST_EVIDENCE, fmax(LEAST_EVIDENCE, enough));
}

double idf_share_from(const double *values, size_t n, double least) {
    size_t reached = 0;
    for (size_t i = 0; i < n; i++)
        reached += values[i] >= least;
    return n > 0 ? (double)reached / (double)n : 0;
}

void idf_wilson(double *low, double *high, double k, double n) {
    const double z = 1.959964; /* of a normal distribution, 2.5 % on either side */
    *low = 0;
    *high = 1;
    if (n <= 0)
        return;
    double p = k / n, z2n = z * z / n;
    double middle = (p + z2n / 2) / (1 + z2n);
    double half = z / (1 + z2n) * sqrt(p * (1 - p) / n + z2n / (4 * n));
    *low = k <= 0 ? 0 : fmax(0, middle - half); /* exact at the ends, where rounding is not */
    *high = k >= n ? 1 : fmin(1, middle + half);
}

void idf_operating_points(idf_operating_point out[IDF_OPERATING_POINTS], const idf_scale *scale,
                          const double *right, size_t n_right, const double *strangers,
                          size_t n_strangers) {
    const idf_tail tail = idf_tail_fit(strangers, n_strangers);
    for (int i = 0; i < IDF_OPERATING_POINTS; i++) {
        idf_operating_point *p = &out[i];
        double enough = idf_tail_enough(&tail, idf_operating_rates[i]);
        p->false_accepts = idf_operating_rates[i];
        p->threshold = idf_geometry_score(scale, enough);
        p->recall = idf_share_from(right, n_right, enough);
        idf_wilson(&p->recall_low, &p->recall_high, p->recall * (double)n_right, (double)n_right);
    }
}

/* "recall_at_0.01" and the like. */
static const char *key_of(char out[40], const char *word, int i) {
    idf_format(out, 40, "%s_at_%g", word, idf_operating_rates[i]);
    return out;
}

char *idf_operating_to_json(const idf_operating_point points[IDF_OPERATING_POINTS],
                            char out[IDF_OPERATING_JSON]) {
    char key[4][40];
    int n = 0;
    out[0] = '\0';
    for (int i = 0; i < IDF_OPERATING_POINTS; i++)
        n += idf_format(out + n, (size_t)(IDF_OPERATING_JSON - n),
                        ",\"%s\":%.9g,\"%s\":%.9g,\"%s\":%.9g,\"%s\":%.9g",
                        key_of(key[0], "threshold", i), points[i].threshold,
                        key_of(key[1], "recall", i), points[i].recall,
                        key_of(key[2], "recall_low", i), points[i].recall_low,
                        key_of(key[3], "recall_high", i), points[i].recall_high);
    return out;
}

void idf_operating_of(idf_operating_point out[IDF_OPERATING_POINTS], const idf_index *index) {
    char key[40];
    for (int i = 0; i < IDF_OPERATING_POINTS; i++)
        out[i] = (idf_operating_point){
            idf_operating_rates[i],
            idf_index_meta_number(index, key_of(key, "threshold", i), 0),
            idf_index_meta_number(index, key_of(key, "recall", i), 0),
            idf_index_meta_number(index, key_of(key, "recall_low", i), 0),
            idf_index_meta_number(index, key_of(key, "recall_high", i), 0),
        };
}
