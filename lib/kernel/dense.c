/* dense.c - choice of variant for the row kernels and attention. */
#include "kernel/cpu.h"
#include "kernel/dense_ops.h"

static const idf_dense_ops *choose(void) {
    unsigned features = idf_cpu_features();
#if defined(__x86_64__)
    if (features & IDF_CPU_AVX512)
        return &idf_dense_ops_avx512;
    if (features & IDF_CPU_AVX2)
        return &idf_dense_ops_avx2;
#elif defined(__aarch64__)
    if (features & IDF_CPU_NEON)
        return &idf_dense_ops_neon;
#endif
    (void)features;
    return &idf_dense_ops_c;
}

void idf_activate(float *y, const float *x, size_t n, idf_activation activation) {
    choose()->activate(y, x, n, activation);
}

void idf_softmax(float *x, size_t n, float scale) {
    choose()->softmax(x, n, scale);
}

void idf_layernorm(float *y, const float *x, size_t n, const float *gamma, const float *beta,
                   float epsilon) {
    choose()->layernorm(y, x, n, gamma, beta, epsilon);
}

void idf_gelu_backward(float *dx, const float *x, const float *dy, size_t n) {
    choose()->gelu_backward(dx, x, dy, n);
}

void idf_adamw_step(float *p, float *mean, float *square, const float *g, size_t n,
                    const idf_adamw *step) {
    choose()->adamw(p, mean, square, g, n, step);
}

size_t idf_attention_scratch(int n_keys) {
    /* keys and values, and the scores of a block of queries */
    return idf_attention_padded(n_keys) * (2 * IDF_HEAD_DIM + IDF_ATTENTION_ROWS);
}

void idf_attention_run(const idf_attention *job) {
    choose()->attention(job);
}
