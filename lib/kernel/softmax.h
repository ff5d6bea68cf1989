/* softmax.h - softmax of one row. */
#ifndef IDF_KERNEL_SOFTMAX_H
#define IDF_KERNEL_SOFTMAX_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* x[i] = exp(scale * x[i]) / sum over j of exp(scale * x[j]) for n > 0 finite values, scale > 0,
 * without overflow. Below exp(-87) of the largest, values come out as about that. */
void idf_softmax(float *x, size_t n, float scale);

#ifdef __cplusplus
}
#endif
#endif
