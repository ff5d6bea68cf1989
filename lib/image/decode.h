/* decode.h - what the decoders share. Each codec is one file with one entry: bytes in, pixels out,
 * not yet turned by the EXIF orientation that it reports. */
#ifndef IDF_IMAGE_DECODE_H
#define IDF_IMAGE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/image.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a decoder is given. */
typedef struct idf_decode_input {
    const uint8_t *bytes;
    size_t len_bytes;
    idf_decode_options options; /* every limit filled in */
    bool over_black;            /* what is transparent is put over black, not over white */
} idf_decode_input;

/* IDF_ERR_LIMIT with a sentence when a picture of this size may not be decoded; `codec` is how the
 * sentence calls it ("JPEG"). Zero sides are IDF_ERR_FORMAT. */
idf_status idf_decode_check_size(const idf_decode_input *in, const char *codec, uint64_t width,
                                 uint64_t height, idf_error *err);

/* A row of n pixels as idf_row_convert makes it, what is transparent put over the ground asked for;
 * info->transparent is set when there is any. `row` is written to. */
void idf_decode_row(const idf_decode_input *in, idf_image_info *info, uint8_t *out,
                    int out_channels, uint8_t *row, int channels, size_t n);

/* As idf_image_read_memory reads, but what is transparent over black, or over white, whichever
 * shows more. */
idf_status idf_image_read_over(idf_image *out, const void *bytes, size_t len_bytes,
                               const idf_decode_options *options, bool over_black, idf_error *err);

/* The decoders. They fill info's width and height as stored and its orientation. Colours are sRGB;
 * a picture whose profile says otherwise may come in RGB when grey was asked for. *out is an empty
 * picture on entry, and again after a failure. */
idf_status idf_decode_jpeg(idf_image *out, const idf_decode_input *in, idf_image_info *info,
                           idf_error *err);
idf_status idf_decode_png(idf_image *out, const idf_decode_input *in, idf_image_info *info,
                          idf_error *err);
idf_status idf_decode_webp(idf_image *out, const idf_decode_input *in, idf_image_info *info,
                           idf_error *err);
idf_status idf_decode_heif(idf_image *out, const idf_decode_input *in, idf_image_info *info,
                           idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
