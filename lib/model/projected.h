/* projected.h - an encoder with a head behind it is an encoder. */
#ifndef IDF_MODEL_PROJECTED_H
#define IDF_MODEL_PROJECTED_H

#include "model/encoder.h"
#include "model/head.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Stands between the base's identity and the beginning of the head's hash. */
#define IDF_PROJECTED_MARK "+head-"

/* Takes over base and head (packed and hashed, head->in is base's dim) after success. The identity
 * is base's, the mark and the first 16 digits of the head's hash. */
idf_status idf_projected_new(idf_encoder **encoder, idf_encoder *base, idf_head *head,
                             idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
