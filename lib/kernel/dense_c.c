/* dense_c.c - the plain C variants of the row kernels and attention: the specification. */
#include <math.h>

#include "kernel/dense_ops.h"

static void activate(float *y, const float *x, size_t n, idf_activation activation) {
    for (size_t i = 0; i < n; i++)
        y[i] = activation == IDF_ACT_QUICK_GELU ? x[i] / (1 + expf(-1.702f * x[i]))
               : activation == IDF_ACT_GELU     ? 0.5f * x[i] * erfcf(-x[i] * 0.70710678f)
                                                : x[i];
}

static void softmax(float *x, size_t n, float scale) {
    float most = x[0], sum = 0;
    for (size_t i = 1; i < n; i++)
        most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < n; i++) {
        x[i] = expf((x[i] - most) * scale);
        sum += x[i];
    }
    for (size_t i = 0; i < n; i++)
        x[i] /= sum;
}

static void layernorm(float *y, const float *x, size_t n, const float *gamma, const float *beta,
                      float epsilon) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    double inverse = 1 / sqrt(squares / (double)n + epsilon);
    for (size_t i = 0; i < n; i++)
        y[i] = (float)((x[i] - mean) * inverse) * gamma[i] + beta[i];
}

static void attention(const idf_attention *job) {
    float *scores = job->scratch;
    for (int q = 0; q < job->n_queries; q++) {
        const float *query = job->q + (size_t)q * job->ld_q;
        float *out = job->out + (size_t)q * job->ld_out;
        for (int k = 0; k < job->n_keys; k++) {
            const float *key = job->k + (size_t)k * job->ld_kv;
            scores[k] = 0;
            for (int d = 0; d < IDF_HEAD_DIM; d++)
                scores[k] += query[d] * key[d];
        }
        softmax(scores, (size_t)job->n_keys, job->scale);
        for (int d = 0; d < IDF_HEAD_DIM; d++) {
            float sum = 0;
            for (int k = 0; k < job->n_keys; k++)
                sum += scores[k] * job->v[(size_t)k * job->ld_kv + (size_t)d];
            out[d] = sum;
        }
    }
}

static void gelu_backward(float *dx, const float *x, const float *dy, size_t n) {
    for (size_t i = 0; i < n; i++)
        dx[i] = dy[i] * (0.5f * erfcf(-x[i] * 0.70710678f) +
                         x[i] * 0.39894228f * expf(-0.5f * x[i] * x[i]));
}

static void adamw(float *p, float *mean, float *square, const float *g, size_t n,
                  const idf_adamw *step) {
    for (size_t i = 0; i < n; i++) {
        mean[i] = step->keep_mean * mean[i] + step->add_mean * g[i];
        square[i] = step->keep_square * square[i] + step->add_square * g[i] * g[i];
        p[i] = step->keep * p[i] -
               step->rate * mean[i] / (sqrtf(square[i]) * step->square_scale + step->epsilon);
    }
}

const idf_dense_ops idf_dense_ops_c = {activate,  softmax,       layernorm,
                                       attention, gelu_backward, adamw};
