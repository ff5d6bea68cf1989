/* checkpoint.h - where an interrupted training stopped, in a file, so that it can go on as if
 * nothing had happened. docs/formats/checkpoint.md. */
#ifndef IDF_TRAIN_CHECKPOINT_H
#define IDF_TRAIN_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include <identify/train.h>

#include "format/tensors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All that the head of a run depends on, as text: runs of the same facts make the same head. */
typedef struct idf_run_facts {
    char version[32], encoder[160], model[64], epochs[16], steps[16], k_cards[16], m_augs[16],
        rate[32], temperature[32], seed[24], views[24], recipe[16], start[16];
    char references[65]; /* SHA-256 over those of the pictures, in hexadecimal; "": not known yet */
} idf_run_facts;

/* All but the references. */
void idf_run_facts_of(idf_run_facts *facts, const idf_train_options *options);

/* Where a training stands. The arrays have n_params floats and are the caller's. */
typedef struct idf_checkpoint {
    uint64_t step; /* so many are done */
    int best_epoch;
    idf_separation best_held; /* what the best head is worth on the views that choose */
    double loss_sum;          /* over the steps of the epoch at hand */
    double last_loss;
    size_t n_params;
    float *params, *best; /* the head as it is, and the best one */
    float *mean, *square; /* AdamW's */
} idf_checkpoint;

/* Writes it atomically. */
idf_status idf_checkpoint_write(const idf_checkpoint *state, const idf_run_facts *facts,
                                const char *path, idf_error *err);

/* Opens the file and compares its checksum. IDF_ERR_NOT_FOUND when there is none, IDF_ERR_FORMAT
 * when it is no checkpoint or damaged. Free with idf_tensors_free. */
idf_status idf_checkpoint_open(idf_tensors **file, const char *path, idf_error *err);

/* IDF_ERR_MISMATCH, and what differs, when it is of another run. References that are not known yet
 * are not compared. */
idf_status idf_checkpoint_compare(const idf_tensors *file, const idf_run_facts *facts,
                                  const char *path, idf_error *err);

/* Fills state's numbers and arrays; n_params says how many there have to be. At most n_steps may be
 * done. */
idf_status idf_checkpoint_load(const idf_tensors *file, idf_checkpoint *state, uint64_t n_steps,
                               const char *path, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
