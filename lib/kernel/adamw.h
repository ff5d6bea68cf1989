/* adamw.h - one step of AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization",
 * 2019) on an array of parameters. */
#ifndef IDF_KERNEL_ADAMW_H
#define IDF_KERNEL_ADAMW_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_adamw {
    float keep;                /* 1 - learning rate * weight decay */
    float keep_mean, add_mean; /* beta_1 and 1 - beta_1, each rounded once */
    float keep_square, add_square;
    float rate;         /* learning rate / (1 - beta_1^step) */
    float square_scale; /* 1 / sqrt(1 - beta_2^step) */
    float epsilon;
} idf_adamw;

/* For each of n parameters p with gradient g:
 *     mean = keep_mean mean + add_mean g;   square = keep_square square + add_square g g;
 *     p = keep p - rate mean / (square_scale sqrt(square) + epsilon) */
void idf_adamw_step(float *p, float *mean, float *square, const float *g, size_t n,
                    const idf_adamw *step);

#ifdef __cplusplus
}
#endif
#endif
