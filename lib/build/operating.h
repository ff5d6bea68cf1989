/* operating.h - thresholds for rates of false accepts, by the tail of what strangers reach. */
#ifndef IDF_BUILD_OPERATING_H
#define IDF_BUILD_OPERATING_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/camera_test.h>
#include <identify/index.h>

#include "collection/scale.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Evidence of strangers has an exponential tail: it is a logarithm of a probability, and what
 * references have in common only makes the tail longer. */
typedef struct idf_tail {
    double length; /* mean excess over IDF_TAIL_FROM */
    double above;  /* share of strangers that exceed it */
} idf_tail;

#define IDF_TAIL_FROM 1.0

/* The length is the maximum likelihood estimate, pulled towards what chance alone gives as if three
 * views had shown that; the share follows Laplace's rule. n may be 0. */
idf_tail idf_tail_fit(const double *strangers, size_t n);

/* The evidence that a share `false_accepts` of strangers reaches, within what is ever sensible. */
double idf_tail_enough(const idf_tail *tail, double false_accepts);

/* Share of `values` that are at least `least`; 0 for none. */
double idf_share_from(const double *values, size_t n, double least);

extern const double idf_operating_rates[IDF_OPERATING_POINTS];

/* Evidence of right answers and of strangers, in any order. */
void idf_operating_points(idf_operating_point out[IDF_OPERATING_POINTS], const idf_scale *scale,
                          const double *right, size_t n_right, const double *strangers,
                          size_t n_strangers);

/* A 95 % interval for a share of which k of n were seen (Wilson 1927). */
void idf_wilson(double *low, double *high, double k, double n);

/* As members of a JSON object, each begun by a comma, for an index's meta data. Returns out. */
enum { IDF_OPERATING_JSON = 640 };
char *idf_operating_to_json(const idf_operating_point points[IDF_OPERATING_POINTS],
                            char out[IDF_OPERATING_JSON]);
/* What an index carries; zeros when it carries none. */
void idf_operating_of(idf_operating_point out[IDF_OPERATING_POINTS], const idf_index *index);

#ifdef __cplusplus
}
#endif
#endif
