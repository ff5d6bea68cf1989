/* layernorm.h - layer normalisation (Ba, Kiros and Hinton 2016) of one row. */
#ifndef IDF_KERNEL_LAYERNORM_H
#define IDF_KERNEL_LAYERNORM_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* y[i] = (x[i] - mean) / sqrt(variance + epsilon) * gamma[i] + beta[i] for n > 0 values; the
 * variance is the population's. y may be x. */
void idf_layernorm(float *y, const float *x, size_t n, const float *gamma, const float *beta,
                   float epsilon);

#ifdef __cplusplus
}
#endif
#endif
