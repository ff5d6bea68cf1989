/* head.c - the projection head's arithmetic. */
#include "model/head.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/rng.h"

enum { ROWS = 64 }; /* at a time */

idf_status idf_head_new(idf_head **out, int in, int hidden, int n_out, idf_error *err) {
    const int most = IDF_HEAD_MAX_SIDE;
    *out = NULL;
    if (in < 1 || hidden < 1 || n_out < 1 || in > most || hidden > most || n_out > most)
        return idf_error_set(err, IDF_ERR_LIMIT,
                             "a head of %d, %d and %d numbers; 1 to %d each are possible", in,
                             hidden, n_out, most);
    idf_head *head = idf_alloc_zero(1, sizeof *head);
    if (head != NULL) {
        size_t n1 = (size_t)in * (size_t)hidden, n2 = (size_t)hidden * (size_t)n_out;
        head->in = in;
        head->hidden = hidden;
        head->out = n_out;
        head->n_params = n1 + (size_t)hidden + n2 + (size_t)n_out;
        head->params = idf_alloc_aligned(head->n_params, sizeof *head->params);
        head->packed1 = idf_alloc_aligned(idf_gemm_weights_bytes(IDF_GEMM_F32, hidden, in), 1);
        head->packed2 = idf_alloc_aligned(idf_gemm_weights_bytes(IDF_GEMM_F32, n_out, hidden), 1);
        if (head->params != NULL && head->packed1 != NULL && head->packed2 != NULL) {
            memset(head->params, 0, head->n_params * sizeof *head->params);
            head->weight1 = head->params;
            head->bias1 = head->weight1 + n1;
            head->weight2 = head->bias1 + hidden;
            head->bias2 = head->weight2 + n2;
            *out = head;
            return IDF_OK;
        }
    }
    idf_head_free(head);
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for a head of %d, %d and %d numbers",
                         in, hidden, n_out);
}

void idf_head_free(idf_head *head) {
    if (head == NULL)
        return;
    idf_free(head->params);
    idf_free(head->packed1);
    idf_free(head->packed2);
    idf_free(head);
}

void idf_head_randomise(idf_head *head, uint64_t seed) {
    idf_rng rng;
    idf_rng_init(&rng, seed, 0);
    for (size_t i = 0; i < head->n_params; i++) {
        int inputs = head->params + i < head->weight2 ? head->in : head->hidden;
        double most = 1 / sqrt(inputs);
        head->params[i] = (float)idf_rng_range(&rng, -most, most);
    }
}

idf_status idf_head_from_params(idf_head **out, int in, int hidden, int n_out, const float *params,
                                idf_error *err) {
    idf_status status = idf_head_new(out, in, hidden, n_out, err);
    if (status != IDF_OK)
        return status;
    memcpy((*out)->params, params, (*out)->n_params * sizeof *params);
    idf_head_pack(*out);
    idf_head_hash(*out);
    return IDF_OK;
}

void idf_head_hash(idf_head *head) {
    uint8_t digest[32];
    idf_sha256(digest, head->params, head->n_params * sizeof *head->params);
    idf_sha256_hex(head->sha256, digest);
}

void idf_head_pack(idf_head *head) {
    idf_gemm_weights_pack(IDF_GEMM_F32, head->hidden, head->in, head->weight1, (size_t)head->in,
                          head->packed1);
    idf_gemm_weights_pack(IDF_GEMM_F32, head->out, head->hidden, head->weight2,
                          (size_t)head->hidden, head->packed2);
}

/* Input packed for the wider layer, and the hidden rows. */
size_t idf_head_scratch_bytes(const idf_head *head) {
    int widest = head->in > head->hidden ? head->in : head->hidden;
    return idf_gemm_input_bytes(IDF_GEMM_F32, ROWS, widest) +
           ROWS * (size_t)head->hidden * sizeof(float);
}

/* One layer for m rows. */
static void layer(const float *x, int m, const idf_gemm_weights *weights, const float *bias,
                  idf_activation activation, float *y, void *scratch, idf_pool *pool) {
    idf_gemm_input input = idf_gemm_input_view(IDF_GEMM_F32, m, weights->k, scratch);
    for (int block = 0; block < input.n_blocks; block++)
        idf_gemm_input_pack(&input, block, x, (size_t)weights->k);
    const idf_gemm_job job = {.weights = weights,
                              .input = &input,
                              .bias = bias,
                              .activation = activation,
                              .y = y,
                              .ld_y = (size_t)weights->n};
    idf_gemm_run(&job, pool);
}

static bool all_zero(const float *x, size_t n) {
    size_t i = 0;
    while (i < n && x[i] == 0)
        i++;
    return i == n;
}

static void make_unit(float *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    float inverse = sum > 0 ? (float)(1 / sqrt(sum)) : 0;
    for (size_t i = 0; i < n; i++)
        x[i] *= inverse;
}

void idf_head_apply(const idf_head *head, const float *x, size_t n, float *out, void *scratch,
                    idf_pool *pool) {
    const size_t in = (size_t)head->in, n_out = (size_t)head->out;
    idf_gemm_weights w1 =
        idf_gemm_weights_view(IDF_GEMM_F32, head->hidden, head->in, head->packed1);
    idf_gemm_weights w2 =
        idf_gemm_weights_view(IDF_GEMM_F32, head->out, head->hidden, head->packed2);
    int widest = head->in > head->hidden ? head->in : head->hidden;
    float *rows = (float *)((uint8_t *)scratch + idf_gemm_input_bytes(IDF_GEMM_F32, ROWS, widest));
    for (size_t at = 0; at < n; at += ROWS) {
        int m = n - at < ROWS ? (int)(n - at) : ROWS;
        layer(x + at * in, m, &w1, head->bias1, IDF_ACT_GELU, rows, scratch, pool);
        layer(rows, m, &w2, head->bias2, IDF_ACT_NONE, out + at * n_out, scratch, pool);
    }
    for (size_t i = 0; i < n; i++) {
        if (all_zero(x + i * in, in))
            memset(out + i * n_out, 0, n_out * sizeof *out);
        make_unit(out + i * n_out, n_out);
    }
}
