/* identify/image_memory.h - pictures encoded into memory. */
#ifndef IDENTIFY_IMAGE_MEMORY_H
#define IDENTIFY_IMAGE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include <identify/image.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Encodes as IDF_CODEC_JPEG (quality as idf_image_write_file) or IDF_CODEC_PNG. *bytes is released
 * by idf_image_bytes_free and NULL after a failure. */
IDF_API idf_status idf_image_write_memory(const idf_image *image, idf_codec codec, int quality,
                                          uint8_t **bytes, size_t *n_bytes, idf_error *err);
/* NULL is allowed. */
IDF_API void idf_image_bytes_free(uint8_t *bytes);

#ifdef __cplusplus
}
#endif
#endif
