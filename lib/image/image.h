/* image.h - what the parts of lib/image share: views, copies, and rows of pixels changing colour
 * model. */
#ifndef IDF_IMAGE_IMAGE_H
#define IDF_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/image.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_IMAGE_MAX_SIDE = 1 << 20 }; /* sides that idf_image_new accepts */

/* First byte of row y. */
static inline uint8_t *idf_image_row(const idf_image *image, int y) {
    return image->pixels + (size_t)y * image->stride_bytes;
}

/* True when the struct describes a picture: pixels, sides >= 1, 1 or 3 channels, a stride that
 * holds a row. */
bool idf_image_is_valid(const idf_image *image);

/* The part of `image` that the rectangle covers, sharing its pixels: never released, valid as long
 * as `image` is. The rectangle must lie inside. */
idf_image idf_image_view(const idf_image *image, int x, int y, int width, int height);

/* A copy of that rectangle, which is cut to the picture first. *out owns its pixels.
 * IDF_ERR_ARGUMENT when nothing of it lies inside. `out` must not be `image`. */
idf_status idf_image_crop(idf_image *out, const idf_image *image, const int rect_xywh[4],
                          idf_error *err);

/* A copy of the whole picture with `channels` 1 (luma, see idf_row_luma) or 3 (grey repeated).
 * *out owns its pixels; `out` must not be `image`. */
idf_status idf_image_convert(idf_image *out, const idf_image *image, int channels, idf_error *err);

/* The same to one channel: Rec. 601 luma, equal to Pillow's convert("L"). */
idf_status idf_image_to_grey(idf_image *out, const idf_image *image, idf_error *err);

/* Turns and mirrors `image` in place so that EXIF `orientation` 1..8 becomes 1. */
idf_status idf_image_orient(idf_image *image, int orientation, idf_error *err);

/* Rows of n pixels; `out` may be `in` where it has no more channels. */

/* RGB to luma: (19595 R + 38470 G + 7471 B + 32768) >> 16. */
void idf_row_luma(uint8_t *out, const uint8_t *in, size_t n);
/* Grey to RGB. Not in place. */
void idf_row_repeat(uint8_t *out, const uint8_t *in, size_t n);
/* `channels` (1 or 3) colour channels and alpha, not premultiplied, put over white. */
void idf_row_over_white(uint8_t *out, const uint8_t *in, size_t n, int channels);
/* From any of grey, grey + alpha, RGB, RGB + alpha (1 to 4 channels) to 1 or 3 channels. Not in
 * place when channels grow. */
void idf_row_convert(uint8_t *out, int out_channels, const uint8_t *in, int in_channels, size_t n);

/* a * b / 255, rounded to nearest. */
static inline uint8_t idf_mul_255(unsigned a, unsigned b) {
    unsigned t = a * b + 128;
    return (uint8_t)((t + (t >> 8)) >> 8);
}

static inline uint8_t idf_clamp_u8(int v) {
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

#ifdef __cplusplus
}
#endif
#endif
