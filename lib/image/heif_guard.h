/* heif_guard.h - looks over the structure of a HEIF file before libheif is given it. */
#ifndef IDF_IMAGE_HEIF_GUARD_H
#define IDF_IMAGE_HEIF_GUARD_H

#include <identify/status.h>

#include "image/decode.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Refuses what would make a decoder recurse for ever, decode one picture thousands of times, or
 * allocate for a canvas over the limits: IDF_ERR_FORMAT, IDF_ERR_LIMIT, IDF_ERR_UNSUPPORTED,
 * IDF_ERR_TRUNCATED when the file ends inside of a box. *len_bytes is how much of the input is
 * boxes; what comes after that is not to be looked at. */
idf_status idf_heif_check(const idf_decode_input *in, size_t *len_bytes, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
