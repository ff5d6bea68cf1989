/* learner.c - one step of training.
 *
 * Six products a step: two forward, two for the second layer's weights and input, one for the first
 * layer's weights, one in the loss. The weights' gradients sum over the rows of the batch, so they
 * are products of transposes: both sides are packed by columns. */
#include "train/learner.h"

#include <math.h>
#include <stdbool.h>

#include "base/alloc.h"
#include "kernel/adamw.h"
#include "train/product.h"
#include "train/supcon.h"

/* PyTorch's defaults. */
static const double BETA_MEAN = 0.9, BETA_SQUARE = 0.999, EPSILON = 1e-8;

enum { TASK_PARAMS = 16384 };

struct idf_learner_scratch {
    float *before, *hidden; /* rows x hidden: ahead of GELU and behind it */
    float *slope_hidden;    /* rows x hidden */
    float *out, *slope_out; /* rows x out */
    void *columns;          /* packed columns of a batch, or of weight 2 */
    void *input;            /* packed activations */
    void *supcon;
};

typedef struct idf_learner_scratch scratch;

typedef struct column_packing {
    int n, k; /* as of the packed matrix */
    const float *in;
    uint8_t *out;
} column_packing;

static void pack_columns(void *context, size_t panel, int worker) {
    (void)worker;
    const column_packing *p = context;
    int first = (int)panel * IDF_GEMM_PANEL;
    int n = p->n - first < IDF_GEMM_PANEL ? p->n - first : IDF_GEMM_PANEL;
    idf_gemm_weights_pack_columns(n, p->k, p->in + first, (size_t)p->n,
                                  p->out + panel * idf_gemm_weights_bytes(IDF_GEMM_F32, n, p->k));
}

static size_t n_panels(int n) {
    return ((size_t)n + IDF_GEMM_PANEL - 1) / IDF_GEMM_PANEL;
}

/* Packs k rows of n floats as the n x k matrix that they are by columns. */
static void pack(const idf_learner *l, const float *in, int n, int k) {
    column_packing p = {n, k, in, l->scratch->columns};
    idf_pool_for(l->pool, n_panels(n), pack_columns, &p);
}

static void activate_row(void *context, size_t row, int worker) {
    (void)worker;
    const idf_learner *l = context;
    size_t n = (size_t)l->head->hidden;
    idf_activate(l->scratch->hidden + row * n, l->scratch->before + row * n, n, IDF_ACT_GELU);
}

static void slope_row(void *context, size_t row, int worker) {
    (void)worker;
    const idf_learner *l = context;
    size_t n = (size_t)l->head->hidden;
    float *slope = l->scratch->slope_hidden + row * n;
    idf_gelu_backward(slope, l->scratch->before + row * n, slope, n);
}

static void forward(const idf_learner *l, const float *features) {
    const idf_head *h = l->head;
    const scratch *s = l->scratch;
    idf_product_run(&(idf_product){.m = l->n_rows,
                                   .n = h->hidden,
                                   .k = h->in,
                                   .x = features,
                                   .packed = h->packed1,
                                   .bias = h->bias1,
                                   .y = s->before,
                                   .scratch = s->input},
                    l->pool);
    idf_pool_for(l->pool, (size_t)l->n_rows, activate_row, (void *)(uintptr_t)l);
    idf_product_run(&(idf_product){.m = l->n_rows,
                                   .n = h->out,
                                   .k = h->hidden,
                                   .x = s->hidden,
                                   .packed = h->packed2,
                                   .bias = h->bias2,
                                   .y = s->out,
                                   .scratch = s->input},
                    l->pool);
}

/* The sum of each of n columns, some side by side. */
static void sum_columns(float *out, const float *x, int n_rows, int n) {
    enum { SIDE_BY_SIDE = 32 };
    for (int first = 0; first < n; first += SIDE_BY_SIDE) {
        double sums[SIDE_BY_SIDE] = {0};
        int some = n - first < SIDE_BY_SIDE ? n - first : SIDE_BY_SIDE;
        for (int r = 0; r < n_rows; r++)
            for (int i = 0; i < some; i++)
                sums[i] += x[(size_t)r * (size_t)n + (size_t)(first + i)];
        for (int i = 0; i < some; i++)
            out[first + i] = (float)sums[i];
    }
}

/* A layer's gradients, from the slopes at its end (rows x n) and its input (rows x k). */
static void layer_gradient(const idf_learner *l, const float *slopes, int n, const float *input,
                           int k, float *weight, float *bias) {
    const scratch *s = l->scratch;
    pack(l, input, k, l->n_rows);
    idf_product_run(&(idf_product){.m = n,
                                   .n = k,
                                   .k = l->n_rows,
                                   .x = slopes,
                                   .by_columns = true,
                                   .packed = s->columns,
                                   .y = weight,
                                   .scratch = s->input},
                    l->pool);
    sum_columns(bias, slopes, l->n_rows, n);
}

static void backward(const idf_learner *l, const float *features) {
    const idf_head *h = l->head;
    const scratch *s = l->scratch;
    float *weight1 = l->gradient, *bias1 = weight1 + (h->bias1 - h->params);
    float *weight2 = weight1 + (h->weight2 - h->params), *bias2 = weight1 + (h->bias2 - h->params);
    layer_gradient(l, s->slope_out, h->out, s->hidden, h->hidden, weight2, bias2);
    pack(l, h->weight2, h->hidden, h->out);
    idf_product_run(&(idf_product){.m = l->n_rows,
                                   .n = h->hidden,
                                   .k = h->out,
                                   .x = s->slope_out,
                                   .packed = s->columns,
                                   .y = s->slope_hidden,
                                   .scratch = s->input},
                    l->pool);
    idf_pool_for(l->pool, (size_t)l->n_rows, slope_row, (void *)(uintptr_t)l);
    layer_gradient(l, s->slope_hidden, h->hidden, features, h->in, weight1, bias1);
}

double idf_learner_loss(idf_learner *l, const float *features, const uint32_t *classes) {
    forward(l, features);
    const idf_supcon job = {l->n_rows,      l->head->out,          l->scratch->out,   classes,
                            l->temperature, l->scratch->slope_out, l->scratch->supcon};
    double loss = idf_supcon_run(&job, l->pool);
    backward(l, features);
    return loss;
}

typedef struct update {
    const idf_learner *learner;
    idf_adamw step;
} update;

static void update_params(void *context, size_t task, int worker) {
    (void)worker;
    const update *u = context;
    const idf_learner *l = u->learner;
    size_t begin = task * TASK_PARAMS, all = l->head->n_params;
    size_t n = all - begin < TASK_PARAMS ? all - begin : TASK_PARAMS;
    idf_adamw_step(l->head->params + begin, l->mean + begin, l->square + begin, l->gradient + begin,
                   n, &u->step);
}

/* Packs one panel of either weight. */
static void pack_panel(void *context, size_t task, int worker) {
    (void)worker;
    const idf_head *h = ((const idf_learner *)context)->head;
    bool second = task >= n_panels(h->hidden);
    size_t panel = second ? task - n_panels(h->hidden) : task;
    int rows = second ? h->out : h->hidden, k = second ? h->hidden : h->in;
    int first = (int)panel * IDF_GEMM_PANEL;
    int n = rows - first < IDF_GEMM_PANEL ? rows - first : IDF_GEMM_PANEL;
    const float *from = (second ? h->weight2 : h->weight1) + (size_t)first * (size_t)k;
    uint8_t *to = second ? h->packed2 : h->packed1;
    idf_gemm_weights_pack(IDF_GEMM_F32, n, k, from, (size_t)k,
                          to + panel * idf_gemm_weights_bytes(IDF_GEMM_F32, n, k));
}

void idf_learner_update(idf_learner *l, double learning_rate) {
    double t = (double)++l->n_steps;
    update u = {l,
                {
                    .keep = (float)(1 - learning_rate * l->weight_decay),
                    .keep_mean = (float)BETA_MEAN,
                    .add_mean = (float)(1 - BETA_MEAN),
                    .keep_square = (float)BETA_SQUARE,
                    .add_square = (float)(1 - BETA_SQUARE),
                    .rate = (float)(learning_rate / (1 - pow(BETA_MEAN, t))),
                    .square_scale = (float)(1 / sqrt(1 - pow(BETA_SQUARE, t))),
                    .epsilon = (float)EPSILON,
                }};
    size_t n_tasks = (l->head->n_params + TASK_PARAMS - 1) / TASK_PARAMS;
    idf_pool_for(l->pool, n_tasks, update_params, &u);
    idf_pool_for(l->pool, n_panels(l->head->hidden) + n_panels(l->head->out), pack_panel, l);
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static idf_status scratch_new(scratch **out, const idf_head *h, int n_rows, idf_error *err) {
    scratch *s = *out = idf_alloc_zero(1, sizeof *s);
    if (s == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for training");
    size_t rows = (size_t)n_rows, hidden = (size_t)h->hidden, n_out = (size_t)h->out;
    const idf_gemm_type f32 = IDF_GEMM_F32;
    size_t columns = larger(idf_gemm_weights_bytes(f32, h->in, n_rows),
                            idf_gemm_weights_bytes(f32, h->hidden, n_rows));
    columns = larger(columns, idf_gemm_weights_bytes(f32, h->hidden, h->out));
    size_t input = larger(idf_gemm_input_bytes(f32, n_rows, h->in),
                          idf_gemm_input_bytes(f32, n_rows, h->hidden));
    input = larger(input, idf_gemm_input_bytes(f32, n_rows, h->out));
    input = larger(input, idf_gemm_input_bytes(f32, h->hidden, n_rows));
    input = larger(input, idf_gemm_input_bytes(f32, h->out, n_rows));
    s->before = idf_alloc_aligned(rows * hidden, sizeof(float));
    s->hidden = idf_alloc_aligned(rows * hidden, sizeof(float));
    s->slope_hidden = idf_alloc_aligned(rows * hidden, sizeof(float));
    s->out = idf_alloc_aligned(rows * n_out, sizeof(float));
    s->slope_out = idf_alloc_aligned(rows * n_out, sizeof(float));
    s->columns = idf_alloc_aligned(columns, 1);
    s->input = idf_alloc_aligned(input, 1);
    s->supcon = idf_alloc_aligned(idf_supcon_scratch_bytes(n_rows, h->out), 1);
    bool complete = s->before && s->hidden && s->slope_hidden && s->out && s->slope_out &&
                    s->columns && s->input && s->supcon;
    return complete ? IDF_OK : idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for training");
}

static void scratch_free(scratch *s) {
    if (s == NULL)
        return;
    idf_free(s->before);
    idf_free(s->hidden);
    idf_free(s->slope_hidden);
    idf_free(s->out);
    idf_free(s->slope_out);
    idf_free(s->columns);
    idf_free(s->input);
    idf_free(s->supcon);
    idf_free(s);
}

idf_status idf_learner_new(idf_learner **out, idf_head *head, int n_rows, idf_pool *pool,
                           idf_error *err) {
    *out = NULL;
    idf_learner *l = idf_alloc_zero(1, sizeof *l);
    if (l == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for training");
    l->head = head;
    l->pool = pool;
    l->n_rows = n_rows;
    l->temperature = 0.1f;
    l->weight_decay = 1e-4f;
    l->gradient = idf_alloc_zero(head->n_params, sizeof(float));
    l->mean = idf_alloc_zero(head->n_params, sizeof(float));
    l->square = idf_alloc_zero(head->n_params, sizeof(float));
    idf_status status = scratch_new(&l->scratch, head, n_rows, err);
    if (status == IDF_OK && (l->gradient == NULL || l->mean == NULL || l->square == NULL))
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for training");
    if (status != IDF_OK) {
        idf_learner_free(l);
        return status;
    }
    *out = l;
    return IDF_OK;
}

void idf_learner_free(idf_learner *l) {
    if (l == NULL)
        return;
    scratch_free(l->scratch);
    idf_free(l->gradient);
    idf_free(l->mean);
    idf_free(l->square);
    idf_free(l);
}
