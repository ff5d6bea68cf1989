/* resize.h - antialiased resampling, bit for bit what Pillow's Image.resize gives. */
#ifndef IDF_IMAGE_RESIZE_H
#define IDF_IMAGE_RESIZE_H

#include <identify/image.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum idf_filter {
    IDF_FILTER_BOX,
    IDF_FILTER_BILINEAR,
    IDF_FILTER_BICUBIC, /* a = -0.5 (Keys 1981) */
} idf_filter;

/* Resamples the part `box` (left, top, right, bottom in pixels, NULL: all of it) of `in` to width x
 * height. When shrinking, the filter is widened so that nothing aliases. *out owns its pixels, has
 * the channels of `in`, and is empty after a failure; it must not be `in`. IDF_ERR_ARGUMENT for a
 * box that is empty or reaches outside. Any thread. */
idf_status idf_image_resize(idf_image *out, const idf_image *in, int width, int height,
                            idf_filter filter, const float box[4], idf_error *err);

/* Shrinks `in` until its longer side is at most max_side, by bilinear; the other side is rounded to
 * nearest, at least 1. A picture that is small enough is copied. Rules as above. */
idf_status idf_image_shrink(idf_image *out, const idf_image *in, int max_side, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
