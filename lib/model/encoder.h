/* encoder.h - what an encoder is made of: the built-in one and CLIP implement this table. */
#ifndef IDF_MODEL_ENCODER_H
#define IDF_MODEL_ENCODER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <identify/encoder.h>

#include "local/features.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One picture to encode. An encoder reads `image`, and `features` when its class says so; then the
 * image may have any size. */
typedef struct idf_encoder_input {
    const idf_image *image;
    const idf_features *features;
} idf_encoder_input;

/* Features taken of a picture; those of them that encoders of the first kind look at, and those
 * that an index keeps: a prefix of the list is spread over the picture too. */
enum { IDF_PICTURE_FEATURES = 1450, IDF_ENCODER_FEATURES = 1000, IDF_STORED_FEATURES = 1050 };

/* An encoder's scratch; belongs to one thread. */
typedef struct idf_encoder_workspace idf_encoder_workspace;

typedef struct idf_encoder_class {
    bool wants_features; /* reads input.features too */
    int max_batch;       /* inputs a call is best given at once */
    int decode_side;     /* shorter side that pictures need to have at least; 0: IDF_LOCAL_SIDE's */
    void (*free)(idf_encoder *encoder);
    idf_status (*workspace_new)(const idf_encoder *encoder, idf_encoder_workspace **workspace,
                                idf_error *err);
    void (*workspace_free)(idf_encoder_workspace *workspace);
    /* n in 1..max_batch; `pool` may be NULL; out: n rows of dim floats, unit or all zero. */
    idf_status (*encode)(const idf_encoder *encoder, idf_encoder_workspace *workspace,
                         const idf_encoder_input *inputs, size_t n, float *out, idf_pool *pool,
                         idf_error *err);
} idf_encoder_class;

/* What every encoder's own struct begins with. */
struct idf_encoder {
    const idf_encoder_class *class_;
    atomic_size_t n_more;        /* owners beyond the first */
    const struct idf_head *head; /* the projection behind it (model/projected.h), or NULL */
    int dim;
    char identity[160];
    /* Scores of this encoder below which nothing is worth reporting, before an index has been
     * calibrated (the original's 0.70 for CLIP). */
    float default_sim_threshold, default_margin_threshold;
};

#ifdef __cplusplus
}
#endif
#endif
