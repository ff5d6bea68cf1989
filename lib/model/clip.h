/* clip.h - CLIP's image tower (Radford et al. 2021; a vision transformer, Dosovitskiy et al. 2020):
 * its sizes, its packed weights, and a pass through it.
 *
 * Weights are one block of memory, laid out by idf_clip_view from the sizes and the precision
 * alone, so that the block can be written to a file and mapped again (clip_cache.h). A model is
 * immutable and may be shared between threads; a scratch belongs to one. */
#ifndef IDF_MODEL_CLIP_H
#define IDF_MODEL_CLIP_H

#include <stddef.h>
#include <stdint.h>

#include <identify/image.h>
#include <identify/pool.h>
#include <identify/status.h>

#include "format/tensors.h"
#include "kernel/gemm.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_CLIP_MAX_WIDTH = 4096, /* a multiple of 64: heads have 64 dimensions */
    IDF_CLIP_MAX_LAYERS = 64,
    IDF_CLIP_MAX_MLP = 4 * IDF_CLIP_MAX_WIDTH,
    IDF_CLIP_MAX_SIDE = 1024, /* pixels of the input */
    IDF_CLIP_MAX_DIM = 4096,
    IDF_CLIP_BATCH = 16, /* images in one pass at most */
};

typedef struct idf_clip_config {
    int width, n_layers, mlp;
    int patch, side; /* pixels of a patch's and the input's side; side is a multiple of patch */
    int dim;         /* of the embedding */
    idf_activation activation;
} idf_clip_config;

/* IDF_ERR_LIMIT or IDF_ERR_FORMAT with a sentence when these sizes are impossible. */
idf_status idf_clip_config_check(const idf_clip_config *config, idf_error *err);

/* Patches and the class token. */
static inline int idf_clip_tokens(const idf_clip_config *config) {
    int grid = config->side / config->patch;
    return grid * grid + 1;
}

/* Numbers in a patch. */
static inline int idf_clip_patch_items(const idf_clip_config *config) {
    return 3 * config->patch * config->patch;
}

/* Gain and bias of a layer normalisation, width each. */
typedef struct idf_clip_norm {
    const float *gain, *bias;
} idf_clip_norm;

/* x -> weights x + bias */
typedef struct idf_clip_linear {
    idf_gemm_weights weights;
    const float *bias;
} idf_clip_linear;

typedef struct idf_clip_layer {
    idf_clip_norm norm1, norm2;
    idf_clip_linear qkv, out, fc, proj;
} idf_clip_layer;

typedef struct idf_clip_model {
    idf_clip_config config;
    idf_gemm_type precision;
    const float *positions; /* (tokens, width); row 0 has the class embedding added */
    idf_gemm_weights patches;
    idf_clip_norm pre, post;
    idf_gemm_weights projection;
    idf_clip_layer layers[IDF_CLIP_MAX_LAYERS];
} idf_clip_model;

/* Bytes of the block of weights for sizes that have been checked. */
size_t idf_clip_bytes(const idf_clip_config *config, idf_gemm_type precision);

/* Points the model into a block at `body` (64-byte aligned), which outlives it. */
void idf_clip_view(idf_clip_model *model, const idf_clip_config *config, idf_gemm_type precision,
                   const void *body);

/* --- reading (clip_read.c) --- */

/* What a file beside the weights or their format says of the activation. */
typedef enum idf_clip_hint {
    IDF_CLIP_HINT_NONE,
    IDF_CLIP_HINT_QUICK,
    IDF_CLIP_HINT_ERF
} idf_clip_hint;

/* Reads the sizes of the image tower among `tensors` in any of the layouts known: OpenAI's and
 * open_clip's ("visual.conv1.weight"), Hugging Face's ("vision_model.embeddings..."). Without a
 * hint, TorchScript files and Hugging Face's names mean QuickGELU, open_clip's GELU.
 * IDF_ERR_MISMATCH when there is no image tower, or not one of this kind. */
idf_status idf_clip_read_config(idf_clip_config *config, const idf_tensors *tensors,
                                idf_clip_hint hint, idf_error *err);

/* Packs the weights into `body`, idf_clip_bytes long. Every byte is written. A weight that is not
 * finite is IDF_ERR_FORMAT. `pool` may be NULL. */
idf_status idf_clip_pack(void *body, const idf_clip_config *config, idf_gemm_type precision,
                         const idf_tensors *tensors, idf_pool *pool, idf_error *err);

/* --- pictures (clip_preprocess.c) --- */

/* CLIP's transform: the shorter side to config->side by bicubic, centre crop, (x / 255 - mean) /
 * std. Equal to Pillow's and torchvision's bit for bit, but for pictures longer than 64 times their
 * width, which are cropped before they are resized. out: (tokens, patch items), each row a patch as
 * (channel, y, x), patches row by row; row 0 is zero. */
idf_status idf_clip_preprocess(float *out, const idf_clip_config *config, const idf_image *image,
                               idf_error *err);

/* --- the pass (clip_forward.c) --- */

typedef struct idf_clip_scratch idf_clip_scratch;

/* Called after the layer norm before the first layer (layer 0) and after each layer (1, 2, ...)
 * with the rows of the first image, ld floats apart; after the last layer with its class row alone.
 */
typedef void (*idf_clip_trace)(void *context, int layer, const float *rows, int n_rows, size_t ld);

idf_status idf_clip_scratch_new(idf_clip_scratch **scratch, const idf_clip_model *model,
                                idf_error *err);
void idf_clip_scratch_free(idf_clip_scratch *scratch);
void idf_clip_scratch_trace(idf_clip_scratch *scratch, idf_clip_trace trace, void *context);

/* Images that one pass takes. */
int idf_clip_scratch_batch(const idf_clip_scratch *scratch);

/* Where the patches of image i of the next pass belong, as idf_clip_preprocess writes them. */
float *idf_clip_scratch_patches(idf_clip_scratch *scratch, int i);

/* Embeds the n images whose patches are in place (they are overwritten): out has n rows of dim
 * floats, unit, or all zero where the sums were not finite. A row does not depend on the other
 * images of a pass or on the pool, which may be NULL. */
idf_status idf_clip_run(idf_clip_scratch *scratch, int n, float *out, idf_pool *pool,
                        idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
