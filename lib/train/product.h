/* product.h - y = x w^T + bias in float, x packed on the way by all threads. */
#ifndef IDF_TRAIN_PRODUCT_H
#define IDF_TRAIN_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/pool.h>

#include "kernel/gemm.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_product {
    int m, n, k;
    const float *x; /* m x k; by_columns: k x m */
    bool by_columns;
    const void *packed; /* weights, n x k (idf_gemm_weights_pack) */
    const float *bias;  /* n, or NULL */
    float *y;           /* m x n */
    void *scratch;      /* idf_gemm_input_bytes(IDF_GEMM_F32, m, k), aligned to 64 */
} idf_product;

void idf_product_run(const idf_product *product, idf_pool *pool);

#ifdef __cplusplus
}
#endif
#endif
