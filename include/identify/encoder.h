/* identify/encoder.h - turns a picture into a unit vector. */
#ifndef IDENTIFY_ENCODER_H
#define IDENTIFY_ENCODER_H

#include <stddef.h>

#include <identify/image.h>
#include <identify/pool.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Immutable once open: shared freely between threads. */
typedef struct idf_encoder idf_encoder;

/* Opens the encoder that needs no download. */
IDF_API idf_status idf_encoder_open_builtin(idf_encoder **encoder, idf_error *err);
/* One more owner; returns the encoder. Any thread. */
IDF_API idf_encoder *idf_encoder_retain(idf_encoder *encoder);
/* One owner less; the last one frees it. NULL is allowed. */
IDF_API void idf_encoder_free(idf_encoder *encoder);

/* Length of its vectors. */
IDF_API int idf_encoder_dim(const idf_encoder *encoder);

/* A string that is equal for two encoders exactly when their vectors may be compared, for example
 * "builtin/3". Owned by the encoder. */
IDF_API const char *idf_encoder_identity(const idf_encoder *encoder);

/* Writes n_images rows of idf_encoder_dim floats, each of unit length (all zero for a picture in
 * which the encoder finds nothing). `pool` may be NULL. */
IDF_API idf_status idf_encoder_encode(const idf_encoder *encoder, const idf_image *images,
                                      size_t n_images, float *out, idf_pool *pool, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
