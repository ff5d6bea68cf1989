/* identify/head.h - projection heads: small networks trained on one collection, behind an encoder.
 */
#ifndef IDENTIFY_HEAD_H
#define IDENTIFY_HEAD_H

#include <identify/encoder.h>
#include <identify/index.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Puts the head in a file (.pt as torch.save writes it, or .safetensors) behind *encoder, which is
 * replaced: its vectors get another length and its identity names the head. IDF_ERR_MISMATCH when
 * the head was trained for another encoder. After a failure *encoder is as it was. */
IDF_API idf_status idf_encoder_add_head(idf_encoder **encoder, const char *path, idf_error *err);

/* Puts the head that an index carries behind *encoder, likewise. An index without one leaves it as
 * it is. */
IDF_API idf_status idf_encoder_add_index_head(idf_encoder **encoder, const idf_index *index,
                                              idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
