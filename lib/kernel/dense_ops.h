/* dense_ops.h - what a variant of gelu.h, softmax.h, layernorm.h, attention.h and adamw.h
 * implements. */
#ifndef IDF_KERNEL_DENSE_OPS_H
#define IDF_KERNEL_DENSE_OPS_H

#include "kernel/adamw.h"
#include "kernel/attention.h"
#include "kernel/gelu.h"
#include "kernel/layernorm.h"
#include "kernel/softmax.h"

enum {
    IDF_ATTENTION_ROWS = 6, /* queries at a time */
    IDF_ATTENTION_PAD = 16, /* keys are padded to a multiple of this */
};

typedef struct idf_dense_ops {
    void (*activate)(float *y, const float *x, size_t n, idf_activation activation);
    void (*softmax)(float *x, size_t n, float scale);
    void (*layernorm)(float *y, const float *x, size_t n, const float *gamma, const float *beta,
                      float epsilon);
    void (*attention)(const idf_attention *job);
    void (*gelu_backward)(float *dx, const float *x, const float *dy, size_t n);
    void (*adamw)(float *p, float *mean, float *square, const float *g, size_t n,
                  const idf_adamw *step);
} idf_dense_ops;

extern const idf_dense_ops idf_dense_ops_c;
#if defined(__x86_64__)
extern const idf_dense_ops idf_dense_ops_avx2, idf_dense_ops_avx512;
#elif defined(__aarch64__)
extern const idf_dense_ops idf_dense_ops_neon;
#endif

static inline size_t idf_attention_padded(int n_keys) {
    return ((size_t)n_keys + IDF_ATTENTION_PAD - 1) / IDF_ATTENTION_PAD * IDF_ATTENTION_PAD;
}

#endif
