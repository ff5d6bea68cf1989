/* head.h - the projection head: Linear, GELU, Linear, unit length; small, and trained on a
 * collection.
 *
 * Immutable and shared between threads once it is packed. */
#ifndef IDF_MODEL_HEAD_H
#define IDF_MODEL_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include <identify/pool.h>
#include <identify/status.h>

#include "kernel/gemm.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_HEAD_HIDDEN = 512, /* what the original trains */
    IDF_HEAD_OUT = 256,
    IDF_HEAD_MAX_SIDE = 8192, /* of each of the three sizes */
};

typedef struct idf_head {
    int in, hidden, out;
    size_t n_params;
    float *params; /* weight 1 [hidden][in], bias 1, weight 2 [out][hidden], bias 2; owned */
    float *weight1, *bias1, *weight2, *bias2; /* inside params */
    void *packed1, *packed2;                  /* the weights as the kernels read them; owned */
} idf_head;

/* A head of zeros. Release with idf_head_free. */
idf_status idf_head_new(idf_head **head, int in, int hidden, int out, idf_error *err);
void idf_head_free(idf_head *head);

/* Sets the parameters as PyTorch's Linear does: uniform within 1 / sqrt(inputs of the layer). */
void idf_head_randomise(idf_head *head, uint64_t seed);

/* To be called whenever params have changed, before idf_head_apply. */
void idf_head_pack(idf_head *head);

/* Bytes of scratch for idf_head_apply, to be aligned to 64. */
size_t idf_head_scratch_bytes(const idf_head *head);

/* n rows of `in` floats become n rows of `out`, of unit length; a row of zeros stays one. `scratch`
 * belongs to the caller, `pool` may be NULL. */
void idf_head_apply(const idf_head *head, const float *x, size_t n, float *out, void *scratch,
                    idf_pool *pool);

#ifdef __cplusplus
}
#endif
#endif
