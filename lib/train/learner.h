/* learner.h - teaches a head: forward, backward and an AdamW step for one batch at a time.
 *
 * One learner belongs to one thread. The same batches give the same parameters to the last bit,
 * whatever the number of threads of the pool. */
#ifndef IDF_TRAIN_LEARNER_H
#define IDF_TRAIN_LEARNER_H

#include <stddef.h>
#include <stdint.h>

#include <identify/pool.h>

#include "model/head.h"

#ifdef __cplusplus
extern "C" {
#endif

struct idf_learner_scratch;

typedef struct idf_learner {
    idf_head *head; /* borrowed; its parameters change */
    idf_pool *pool; /* borrowed; may be NULL */
    int n_rows;     /* of a batch */
    float temperature;
    float weight_decay;   /* of every parameter, biases too, as the original */
    uint64_t n_steps;     /* done so far */
    float *gradient;      /* of the last loss, laid out like head->params */
    float *mean, *square; /* AdamW's running means of gradient and squared gradient, likewise */
    struct idf_learner_scratch *scratch;
} idf_learner;

idf_status idf_learner_new(idf_learner **learner, idf_head *head, int n_rows, idf_pool *pool,
                           idf_error *err);
void idf_learner_free(idf_learner *learner);

/* Loss and gradient of a batch: features is n_rows x head->in, classes has n_rows entries, each at
 * least twice. head's parameters must be packed. */
double idf_learner_loss(idf_learner *learner, const float *features, const uint32_t *classes);

/* Moves the parameters against the gradient and packs them. */
void idf_learner_update(idf_learner *learner, double learning_rate);

#ifdef __cplusplus
}
#endif
#endif
