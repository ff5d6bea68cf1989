/* warp_kernel.h - the inner loop of warping and its SIMD variants. All give exactly the same bytes:
 * the same single-precision operations in the same order, then integers. */
#ifndef IDF_IMAGE_WARP_KERNEL_H
#define IDF_IMAGE_WARP_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include <identify/image.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_WARP_FRACTION_BITS = 8 };

/* A row of output. Pixel x fetches at (u / w, v / w), in 1/256 pixel from the centre of the input's
 * first pixel, where with X = x + 0.5: u = step[0] X + base[0], v and w likewise. */
typedef struct idf_warp_span {
    const idf_image *in;
    float step[3], base[3];
    float low[2], high[2]; /* u / w and v / w are clamped to these */
    bool affine;           /* w is 1 */
    uint8_t colour[3];
} idf_warp_span;

/* Writes n pixels from output column x on. */
typedef void idf_warp_span_fn(uint8_t *out, const idf_warp_span *span, int x, int n);

idf_warp_span_fn idf_warp_span_c, idf_warp_span_avx2;

#ifdef __cplusplus
}
#endif
#endif
