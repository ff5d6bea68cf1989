/* local_x86.h - AVX2 loops of corner extraction that the wider table uses too. */
#ifndef IDF_LOCAL_X86_H
#define IDF_LOCAL_X86_H

#include "local/kernels.h"

void idf_shrink_row_avx2(uint8_t *out, const uint8_t *above, const uint8_t *below, int phase,
                         int n);
int idf_peaks_row_avx2(uint16_t *xs, const uint8_t *const rows[3], int n, int threshold);
float idf_harris_avx2(const uint8_t *at, ptrdiff_t stride);
void idf_moments_avx2(const uint8_t *at, ptrdiff_t stride, int32_t m[2]);
float idf_nearest_avx2(const float *xs, const float *ys, int n, float x, float y);

#endif
