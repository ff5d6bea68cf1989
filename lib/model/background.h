/* background.h - vectors of pictures of no collection: what strangers look like, for collections
 * that are too small to say so themselves. */
#ifndef IDF_MODEL_BACKGROUND_H
#define IDF_MODEL_BACKGROUND_H

#include <stddef.h>

#include <identify/encoder.h>

/* Makes (*n, dim of the encoder) unit vectors, the head of an encoder that has one applied; *n is 0
 * for an encoder of which none are known (CLIP's: its weights are not ours to run here). The caller
 * frees *vectors with idf_free. */
idf_status idf_background_new(float **vectors, size_t *n, const idf_encoder *encoder,
                              idf_error *err);

#endif
