/* clip_encoder.h - CLIP as an encoder, from weights that are packed already. */
#ifndef IDF_MODEL_CLIP_ENCODER_H
#define IDF_MODEL_CLIP_ENCODER_H

#include "model/clip_cache.h"
#include "model/encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Takes over `cache`, which is emptied, and `memory`, the block of weights where there is no
 * mapping (or NULL), whether or not it succeeds. */
idf_status idf_clip_encoder_new(idf_encoder **encoder, idf_clip_cache *cache, void *memory,
                                idf_error *err);

/* "clip/SHA256/bf16": what names the encoder in an index. */
enum { IDF_CLIP_IDENTITY_BYTES = 5 + 64 + 1 + 4 + 1 };
void idf_clip_identity(char out[IDF_CLIP_IDENTITY_BYTES], const uint8_t sha256[32],
                       idf_gemm_type precision);

#ifdef __cplusplus
}
#endif
#endif
