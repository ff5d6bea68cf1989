/* gelu.h - the activations of CLIP's models.
 *
 * QuickGELU is x * sigmoid(1.702 x), OpenAI's; GELU is x * (1 + erf(x / sqrt 2)) / 2 (Hendrycks and
 * Gimpel 2016), LAION's. */
#ifndef IDF_KERNEL_GELU_H
#define IDF_KERNEL_GELU_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum idf_activation {
    IDF_ACT_NONE,
    IDF_ACT_QUICK_GELU,
    IDF_ACT_GELU,
} idf_activation;

/* y[i] = act(x[i]) for n values; y may be x. Within 1e-6 * (1 + |x|) of the exact value. */
void idf_activate(float *y, const float *x, size_t n, idf_activation activation);

/* dx[i] = dy[i] times the slope of GELU at x[i]; dx may be dy. The slope is within 1e-6. */
void idf_gelu_backward(float *dx, const float *x, const float *dy, size_t n);

#ifdef __cplusplus
}
#endif
#endif
