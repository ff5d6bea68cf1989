/* resize_kernel.h - the inner loops of resampling and their SIMD variants.
 *
 * Everything is one operation: a weighted sum of rows of bytes. The vertical pass is that as it
 * stands; for the horizontal pass a block of rows is transposed first, so that what was a column is
 * a row of contiguous bytes. All variants give exactly the same bytes. */
#ifndef IDF_IMAGE_RESIZE_KERNEL_H
#define IDF_IMAGE_RESIZE_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_RESIZE_WEIGHT_BITS = 22 }; /* fixed-point weights: 1 is 1 << 22 */

/* The rows that make one output row: n_taps rows from the first, with weights. */
typedef struct idf_resize_taps {
    int first, n;
    const int32_t *weights; /* n, with a zero after them when n is odd */
    /* The same split for 16-bit multiplication: for each pair of taps a, b the two words
     * low(b) << 16 | low(a) and high(b) << 16 | high(a), where weight = high * 65536 + low and both
     * are signed. (n + 1) / 2 times two. */
    const int32_t *pairs;
} idf_resize_taps;

/* out[i] = clamp((2^21 + sum over t of in[t * stride + i] * weights[t]) >> 22) for i < n_bytes.
 * taps.first is not used: `in` is the first row. */
typedef void idf_resize_sum_fn(uint8_t *out, size_t n_bytes, const uint8_t *in, size_t stride,
                               const idf_resize_taps *taps);

/* Writes out[c * out_stride + r] = rows[r][c] for r < 16, c < n_columns. */
typedef void idf_resize_transpose_fn(uint8_t *out, size_t out_stride, const uint8_t *const rows[16],
                                     size_t n_columns);

typedef struct idf_resize_kernel {
    idf_resize_sum_fn *sum;
    idf_resize_transpose_fn *transpose; /* NULL: there is no fast one */
    int block_rows;                     /* rows that the horizontal pass transposes at once */
} idf_resize_kernel;

/* The best for this processor (kernel/cpu.h). */
const idf_resize_kernel *idf_resize_kernel_choose(void);

/* Rounds n weights to fixed point and splits them in pairs; both arrays hold n rounded up to even.
 */
void idf_resize_fix_weights(int32_t *fixed, int32_t *pairs, const double *weights, int n);

idf_resize_sum_fn idf_resize_sum_c, idf_resize_sum_avx2, idf_resize_sum_avx512, idf_resize_sum_neon;
idf_resize_transpose_fn idf_resize_transpose_c, idf_resize_transpose_avx2,
    idf_resize_transpose_neon;

#ifdef __cplusplus
}
#endif
#endif
