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

/* What a head's file tells of it. Strings are "" and numbers 0 where unknown. */
typedef struct idf_head_facts {
    char encoder[160];       /* identity of the encoder that it was trained behind */
    char model[64];          /* the original's name of that: "ViT-B/32" */
    char measurements[2048]; /* a JSON object */
    int64_t epochs, k_cards, m_augs, ref_count, seed;
} idf_head_facts;

typedef struct idf_head {
    int in, hidden, out;
    size_t n_params;
    float *params; /* weight 1 [hidden][in], bias 1, weight 2 [out][hidden], bias 2; owned */
    float *weight1, *bias1, *weight2, *bias2; /* inside params */
    void *packed1, *packed2;                  /* the weights as the kernels read them; owned */
    char sha256[65]; /* of params as little-endian float32, in hexadecimal; by idf_head_hash */
} idf_head;

/* A head of zeros. Release with idf_head_free. */
idf_status idf_head_new(idf_head **head, int in, int hidden, int out, idf_error *err);
void idf_head_free(idf_head *head);

/* Sets the parameters as PyTorch's Linear does: uniform within 1 / sqrt(inputs of the layer). */
void idf_head_randomise(idf_head *head, uint64_t seed);

/* A head of these parameters, copied, in the order of idf_head.params; packed and hashed. */
idf_status idf_head_from_params(idf_head **head, int in, int hidden, int out, const float *params,
                                idf_error *err);

/* To be called whenever params have changed, before idf_head_apply. */
void idf_head_pack(idf_head *head);

/* The head's name: sets sha256. */
void idf_head_hash(idf_head *head);

/* Reads a head: a checkpoint of the original's layout or a bare state dictionary (both written by
 * torch.save), or safetensors; by content. docs/formats/head.md. It comes packed and hashed. */
idf_status idf_head_read(idf_head **head, idf_head_facts *facts, const char *path, idf_error *err);

/* Writes it atomically: safetensors when the name ends in .safetensors, else as torch.save does. */
idf_status idf_head_write(const idf_head *head, const idf_head_facts *facts, const char *path,
                          idf_error *err);

/* IDF_ERR_MISMATCH with a sentence when the head at `path` is not for this encoder. */
idf_status idf_head_check(const idf_head *head, const idf_head_facts *facts, const char *path,
                          const char *encoder_identity, int encoder_dim, idf_error *err);

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
