/* sampler.h - which classes and views a training step takes. */
#ifndef IDF_TRAIN_SAMPLER_H
#define IDF_TRAIN_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* k different ones of n classes (k <= n), m views of each. */
typedef struct idf_sampler {
    uint64_t seed;
    uint32_t n_classes, k, m;
    uint32_t n_views; /* of each class, of which m different ones are drawn (repeated when there
                         are fewer); 0: every draw is a view of its own */
    uint32_t *permutation; /* n_classes + n_views entries of the caller's, scratch */
} idf_sampler;

/* The draw of step `step`: classes and views have k * m entries, the views of a class side by side.
 * Depends on nothing but the seed and the step. */
void idf_sampler_draw(const idf_sampler *sampler, uint64_t step, uint32_t *classes,
                      uint64_t *views);

#ifdef __cplusplus
}
#endif
#endif
