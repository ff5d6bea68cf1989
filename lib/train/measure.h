/* measure.h - how well vectors of views find their references, before a head and behind it. */
#ifndef IDF_TRAIN_MEASURE_H
#define IDF_TRAIN_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include <identify/train.h>

#ifdef __cplusplus
extern "C" {
#endif

/* References and views as unit rows of dim floats. References of one class count as one. */
typedef struct idf_view_test {
    const float *references, *views;
    size_t n_references, n_views;
    int dim;
    const uint32_t *classes; /* of each reference */
    const uint32_t *of;      /* the reference that each view shows */
} idf_view_test;

/* *out and, unless NULL, right[n_views]: whether the nearest reference is the right one. */
idf_status idf_view_test_run(idf_separation *out, uint8_t *right, const idf_view_test *test,
                             idf_pool *pool, idf_error *err);

/* From the same n views before and after. Helps or hurts: more views were won than lost or the
 * other way round by more than twice what a fair coin would explain; or, where that says nothing,
 * right and wrong scores are clearly better or worse to tell apart. */
idf_verdict idf_verdict_of(const idf_separation *before, const uint8_t *right_before,
                           const idf_separation *after, const uint8_t *right_after);

#ifdef __cplusplus
}
#endif
#endif
