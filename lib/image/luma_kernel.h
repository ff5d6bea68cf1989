/* luma_kernel.h - SIMD variants of idf_row_luma (image.h). All give exactly the same bytes, also in
 * place. */
#ifndef IDF_IMAGE_LUMA_KERNEL_H
#define IDF_IMAGE_LUMA_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Converts whole blocks of pixels from the beginning of the row; returns how many of the n. */
typedef size_t idf_luma_blocks_fn(uint8_t *out, const uint8_t *in, size_t n);

idf_luma_blocks_fn idf_luma_blocks_avx2, idf_luma_blocks_neon;

#ifdef __cplusplus
}
#endif
#endif
