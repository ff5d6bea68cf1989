/* builtin.h - the encoder that needs no download. */
#ifndef IDF_MODEL_BUILTIN_H
#define IDF_MODEL_BUILTIN_H

#include <stddef.h>
#include <stdint.h>

#include "model/encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The tables that are linked into the program (data/builtin.bin). */
const uint8_t *idf_builtin_tables(size_t *len_bytes);

/* An encoder over a table file in memory that stays there, at a multiple of 64; for learning and
 * tests. */
idf_status idf_builtin_open_tables(idf_encoder **encoder, const uint8_t *bytes, size_t len_bytes,
                                   idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
