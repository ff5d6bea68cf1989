/* identify/models.h - CLIP weights: which are known, where they lie, opening an encoder with them.
 */
#ifndef IDENTIFY_MODELS_H
#define IDENTIFY_MODELS_H

#include <stddef.h>

#include <identify/encoder.h>
#include <identify/pool.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_MODEL_PATH_BYTES = 4096 };

/* A model whose weights are published. Static strings. */
typedef struct idf_model {
    const char *name;   /* "ViT-B/32" */
    const char *file;   /* "ViT-B-32.pt" */
    const char *sha256; /* of that file, hexadecimal */
    const char *url;
} idf_model;

/* The first is the default. */
IDF_API size_t idf_models_n(void);
IDF_API const idf_model *idf_model_at(size_t i);

/* The model of that name; case does not matter, nor whether '/', '-' or '_' stands in it. NULL for
 * an unknown one. */
IDF_API const idf_model *idf_model_find(const char *name);

/* Where weights are: `model` is a known name, a weights file, or a folder of Hugging Face's kind;
 * NULL is the default name. Names are looked for in $IDENTIFY_MODELS, ~/.cache/clip, the Hugging
 * Face cache and the own folder, in this order. IDF_ERR_NOT_FOUND with a sentence that says how to
 * get them. */
IDF_API idf_status idf_model_locate(char path[IDF_MODEL_PATH_BYTES], const char *model,
                                    idf_error *err);

/* The own folder's place for a downloaded file. IDF_ERR_NOT_FOUND when there is no home. */
IDF_API idf_status idf_model_download_path(char path[IDF_MODEL_PATH_BYTES], const idf_model *model,
                                           idf_error *err);

typedef enum idf_precision {
    IDF_PRECISION_AUTO, /* bf16 where the processor has it, else fp32 */
    IDF_PRECISION_FP32,
    IDF_PRECISION_BF16,
    IDF_PRECISION_INT8,
} idf_precision;

/* "auto", "fp32", "bf16" or "int8"; IDF_ERR_ARGUMENT for another word. */
IDF_API idf_status idf_precision_parse(idf_precision *precision, const char *word, idf_error *err);

/* Opens CLIP's image tower; `model` as for idf_model_locate. The first time, the weights are packed
 * and kept in the own folder ($XDG_CACHE_HOME/dlf-identify or ~/.cache/dlf-identify); where that
 * cannot be written they are packed in memory. The pool, which may be NULL, is used during the call
 * only. *encoder is NULL after a failure. */
IDF_API idf_status idf_encoder_open_clip(idf_encoder **encoder, const char *model,
                                         idf_precision precision, idf_pool *pool, idf_error *err);

/* Opens the encoder that an index names (idf_index_encoder): the built-in one or CLIP with the same
 * weights and precision. `model` (may be NULL) says where these weights are if not in a usual
 * place. IDF_ERR_MISMATCH or IDF_ERR_NOT_FOUND with a sentence that says what to do. */
IDF_API idf_status idf_encoder_open_named(idf_encoder **encoder, const char *identity,
                                          const char *model, idf_pool *pool, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
