/* encode.h - pictures to JPEG and PNG bytes. */
#ifndef IDF_IMAGE_ENCODE_H
#define IDF_IMAGE_ENCODE_H

#include <identify/image.h>
#include <identify/status.h>

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Append the encoded picture to `out`; after a failure `out` is as long as before. Any thread. */

/* JPEG; quality 1..100, 0 means 90. Chroma is halved under quality 90 and kept in full from there.
 */
idf_status idf_image_encode_jpeg(idf_bytes *out, const idf_image *image, int quality,
                                 idf_error *err);
/* PNG, at zlib level 0..9 (1 is several times faster than 6 and a little larger). */
idf_status idf_image_encode_png(idf_bytes *out, const idf_image *image, int level, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
