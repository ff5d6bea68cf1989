/* warp.h - affine and perspective warps: each output pixel is fetched from where a 3 x 3 matrix
 * says, interpolated bilinearly.
 *
 * Coordinates are continuous: a picture covers 0..width by 0..height and the centre of its first
 * pixel is (0.5, 0.5). Where keypoints count pixel centres as whole numbers, add a half.
 *
 * Nothing is filtered: an output much smaller than what it shows aliases. Shrink the input first,
 * by idf_image_shrink or idf_image_resize, until the warp no longer shrinks it by more than
 * about 1.5, and scale the matrix with it. */
#ifndef IDF_IMAGE_WARP_H
#define IDF_IMAGE_WARP_H

#include <identify/image.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum idf_border {
    IDF_BORDER_CONSTANT,  /* outside the input everything has `colour` */
    IDF_BORDER_REPLICATE, /* the edge pixels go on for ever */
} idf_border;

typedef struct idf_warp {
    /* Row-major: takes (x, y, 1) of the output to (u w, v w, w) of the input. Points with w <= 0
     * lie behind the viewer and count as outside (replicate: as the first pixel). */
    double matrix[9];
    idf_border border;
    uint8_t colour[3]; /* the first one alone for grey */
} idf_warp;

/* Makes *out, which the caller owns after success, of width x height with the channels of `in`. Any
 * thread. */
idf_status idf_image_warp(idf_image *out, const idf_image *in, int width, int height,
                          const idf_warp *warp, idf_error *err);

/* Writes n output pixels from (x, y) on; rows are independent of one another. `in` must be valid
 * and its sides at most IDF_IMAGE_MAX_SIDE. */
void idf_warp_row(uint8_t *out, const idf_image *in, const idf_warp *warp, const int xy[2], int n);

#ifdef __cplusplus
}
#endif
#endif
