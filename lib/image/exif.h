/* exif.h - the one thing that EXIF is read for: which way up the picture is. */
#ifndef IDF_IMAGE_EXIF_H
#define IDF_IMAGE_EXIF_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The orientation, 1..8, of an EXIF block: a TIFF header and its first directory, with or without
 * the six bytes "Exif\0\0" before it. 1 when it has none or is malformed. */
int idf_exif_orientation(const uint8_t *block, size_t len_bytes);

#ifdef __cplusplus
}
#endif
#endif
