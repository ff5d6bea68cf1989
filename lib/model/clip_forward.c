/* clip_forward.c - a pass of some images through CLIP's image tower.
 *
 * Rows of all images lie one below the other, so that every product has as many rows as there are.
 * Only the class row of the last layer is used: behind that layer's attention, nothing else is
 * computed. The residual stream and everything between products is float in every precision. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "kernel/attention.h"
#include "kernel/layernorm.h"
#include "model/clip.h"

/* Rows that a pass takes: enough to stream the weights at full speed, few enough for the cache. */
enum { ROWS_AIM = 1024 };

static const float epsilon = 1e-5f; /* of every CLIP */

struct idf_clip_scratch {
    const idf_clip_model *model;
    int batch;
    float *x;    /* (rows, width): the residual stream */
    float *h;    /* (rows, width): normalised rows, then what attention gives */
    float *wide; /* (rows, widest): patches, then queries, keys and values, then the hidden layer */
    void *packed;     /* input of a product */
    float *attention; /* a part for each worker */
    int n_workers;
    idf_clip_trace trace;
    void *trace_context;
};

static size_t largest(size_t a, size_t b) {
    return a > b ? a : b;
}

/* Most numbers in a row of `wide`. */
static size_t widest(const idf_clip_config *c) {
    return largest(largest((size_t)idf_clip_patch_items(c), (size_t)c->mlp), 3 * (size_t)c->width);
}

idf_status idf_clip_scratch_new(idf_clip_scratch **out, const idf_clip_model *model,
                                idf_error *err) {
    const idf_clip_config *c = &model->config;
    idf_clip_scratch *s = idf_alloc_zero(1, sizeof *s);
    *out = NULL;
    if (s != NULL) {
        int tokens = idf_clip_tokens(c);
        s->model = model;
        s->batch = ROWS_AIM / tokens;
        s->batch = s->batch < 1 ? 1 : s->batch > IDF_CLIP_BATCH ? IDF_CLIP_BATCH : s->batch;
        size_t rows = (size_t)(s->batch * tokens);
        size_t bytes = largest(idf_gemm_input_bytes(model->precision, (int)rows, (int)widest(c)),
                               idf_gemm_input_bytes(model->projection.type, s->batch, c->width));
        s->x = idf_alloc_aligned(rows * (size_t)c->width, sizeof *s->x);
        s->h = idf_alloc_aligned(rows * (size_t)c->width, sizeof *s->h);
        s->wide = idf_alloc_aligned(rows * widest(c), sizeof *s->wide);
        s->packed = idf_alloc_aligned(bytes, 1);
    }
    if (s == NULL || s->x == NULL || s->h == NULL || s->wide == NULL || s->packed == NULL) {
        idf_clip_scratch_free(s);
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for CLIP's scratch");
    }
    *out = s;
    return IDF_OK;
}

void idf_clip_scratch_free(idf_clip_scratch *s) {
    if (s == NULL)
        return;
    idf_free(s->x);
    idf_free(s->h);
    idf_free(s->wide);
    idf_free(s->packed);
    idf_free(s->attention);
    idf_free(s);
}

void idf_clip_scratch_trace(idf_clip_scratch *scratch, idf_clip_trace trace, void *context) {
    scratch->trace = trace;
    scratch->trace_context = context;
}

int idf_clip_scratch_batch(const idf_clip_scratch *scratch) {
    return scratch->batch;
}

float *idf_clip_scratch_patches(idf_clip_scratch *s, int i) {
    const idf_clip_config *c = &s->model->config;
    return s->wide + (size_t)(i * idf_clip_tokens(c)) * (size_t)idf_clip_patch_items(c);
}

/* Makes sure that every worker has a part of the attention scratch. */
static idf_status reserve_workers(idf_clip_scratch *s, int n_workers, idf_error *err) {
    if (n_workers <= s->n_workers)
        return IDF_OK;
    idf_free(s->attention);
    s->n_workers = 0;
    size_t each = idf_attention_scratch(idf_clip_tokens(&s->model->config));
    s->attention = idf_alloc_aligned((size_t)n_workers * each, sizeof *s->attention);
    if (s->attention == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for CLIP's scratch");
    s->n_workers = n_workers;
    return IDF_OK;
}

/* Rows of a matrix, ld floats apart. */
typedef struct rows {
    float *at;
    int n;
    size_t ld;
} rows;

/* One pass; norm, from and input belong to the step that is running. */
typedef struct pass {
    idf_clip_scratch *s;
    const idf_clip_model *model;
    idf_pool *pool;
    int n, tokens;
    const idf_clip_norm *norm; /* or NULL */
    rows from, to;
    idf_gemm_input input;
    int n_queries; /* rows of an image that ask */
} pass;

static void pack_task(void *context, size_t block, int worker) {
    (void)worker;
    pass *p = context;
    int begin, end;
    idf_gemm_input_rows(&p->input, (int)block, &begin, &end);
    for (int r = begin; p->norm != NULL && r < end; r++)
        idf_layernorm(p->to.at + (size_t)r * p->to.ld, p->from.at + (size_t)r * p->from.ld,
                      (size_t)p->model->config.width, p->norm->gain, p->norm->bias, epsilon);
    rows source = p->norm != NULL ? p->to : p->from;
    idf_gemm_input_pack(&p->input, (int)block, source.at, source.ld);
}

/* Packs rows of k numbers as the input of the next product, normalised into `to` first when there
 * is a norm. */
static void pack(pass *p, idf_gemm_type type, rows from, int k, const idf_clip_norm *norm,
                 rows to) {
    p->input = idf_gemm_input_view(type, from.n, k, p->s->packed);
    p->from = from;
    p->to = to;
    p->norm = norm;
    idf_pool_for(p->pool, (size_t)p->input.n_blocks, pack_task, p);
}

/* y = linear(input), columns [begin, end) of it. */
static void product(pass *p, const idf_clip_linear *linear, rows y, int begin, int end) {
    idf_gemm_job job = {.weights = &linear->weights,
                        .input = &p->input,
                        .n_begin = begin,
                        .n_end = end,
                        .bias = linear->bias + begin,
                        .y = y.at + begin,
                        .ld_y = y.ld};
    idf_gemm_run(&job, p->pool);
}

/* y += linear(input) */
static void product_add(pass *p, const idf_clip_linear *linear, rows y) {
    idf_gemm_job job = {.weights = &linear->weights,
                        .input = &p->input,
                        .bias = linear->bias,
                        .residual = y.at,
                        .ld_residual = y.ld,
                        .y = y.at,
                        .ld_y = y.ld};
    idf_gemm_run(&job, p->pool);
}

static void attention_task(void *context, size_t item, int worker) {
    const pass *p = context;
    size_t width = (size_t)p->model->config.width, heads = width / IDF_HEAD_DIM;
    size_t image = item / heads, head = item % heads;
    size_t first = image * (size_t)p->tokens;
    const float *q = p->s->wide + first * 3 * width + head * IDF_HEAD_DIM;
    idf_attention job = {
        .n_queries = p->n_queries,
        .n_keys = p->tokens,
        .q = q,
        .k = q + width,
        .v = q + 2 * width,
        .ld_q = 3 * width,
        .ld_kv = 3 * width,
        .scale = 0.125f, /* 1 / sqrt(IDF_HEAD_DIM) */
        .out = p->s->h + first * width + head * IDF_HEAD_DIM,
        .ld_out = width,
        .scratch = p->s->attention + (size_t)worker * idf_attention_scratch(p->tokens),
    };
    idf_attention_run(&job);
}

/* The layer up to its attention, whose result is left in h: all rows, or only the class rows. */
static void attend(pass *p, const idf_clip_layer *layer, bool class_only) {
    int width = p->model->config.width, all = p->n * p->tokens;
    size_t w = (size_t)width, t = (size_t)p->tokens;
    rows x = {p->s->x, all, w}, h = {p->s->h, all, w}, qkv = {p->s->wide, all, 3 * w};
    pack(p, p->model->precision, x, width, &layer->norm1, h);
    product(p, &layer->qkv, qkv, class_only ? width : 0, 3 * width);
    if (class_only) {
        pack(p, p->model->precision, (rows){h.at, p->n, t * w}, width, NULL, (rows){0});
        product(p, &layer->qkv, (rows){qkv.at, p->n, t * qkv.ld}, 0, width);
    }
    p->n_queries = class_only ? 1 : p->tokens;
    idf_pool_for(p->pool, (size_t)p->n * (w / IDF_HEAD_DIM), attention_task, p);
}

/* What follows attention, on rows of x and h that lie ld apart. */
static void transform(pass *p, const idf_clip_layer *layer, int n_rows, size_t ld) {
    const idf_clip_config *c = &p->model->config;
    rows x = {p->s->x, n_rows, ld}, h = {p->s->h, n_rows, ld};
    rows hidden = {p->s->wide, n_rows, (size_t)c->mlp};
    pack(p, p->model->precision, h, c->width, NULL, (rows){0});
    product_add(p, &layer->out, x);
    pack(p, p->model->precision, x, c->width, &layer->norm2, h);
    idf_gemm_job job = {.weights = &layer->fc.weights,
                        .input = &p->input,
                        .bias = layer->fc.bias,
                        .activation = c->activation,
                        .y = hidden.at,
                        .ld_y = hidden.ld};
    idf_gemm_run(&job, p->pool);
    pack(p, p->model->precision, hidden, c->mlp, NULL, (rows){0});
    product_add(p, &layer->proj, x);
}

/* Patches to rows: x = norm(patches + positions). */
static void embed_patches(pass *p) {
    const idf_clip_config *c = &p->model->config;
    size_t w = (size_t)c->width, image = (size_t)p->tokens * w;
    int all = p->n * p->tokens, items = idf_clip_patch_items(c);
    for (int i = 0; i < p->n; i++)
        memcpy(p->s->x + (size_t)i * image, p->model->positions, image * sizeof *p->s->x);
    pack(p, p->model->precision, (rows){p->s->wide, all, (size_t)items}, items, NULL, (rows){0});
    idf_gemm_job job = {.weights = &p->model->patches,
                        .input = &p->input,
                        .residual = p->s->x,
                        .ld_residual = w,
                        .y = p->s->x,
                        .ld_y = w};
    idf_gemm_run(&job, p->pool);
    for (int r = 0; r < all; r++)
        idf_layernorm(p->s->x + (size_t)r * w, p->s->x + (size_t)r * w, w, p->model->pre.gain,
                      p->model->pre.bias, epsilon);
}

static void make_unit(float *v, int n) {
    double squares = 0;
    for (int i = 0; i < n; i++)
        squares += (double)v[i] * v[i];
    double inverse = isfinite(squares) && squares > 0 ? 1 / sqrt(squares) : 0;
    for (int i = 0; i < n; i++)
        v[i] = inverse > 0 ? (float)(v[i] * inverse) : 0;
}

/* Class rows to embeddings. */
static void project(pass *p, float *out) {
    const idf_clip_config *c = &p->model->config;
    size_t ld = (size_t)p->tokens * (size_t)c->width;
    pack(p, p->model->projection.type, (rows){p->s->x, p->n, ld}, c->width, &p->model->post,
         (rows){p->s->h, p->n, ld});
    idf_gemm_job job = {
        .weights = &p->model->projection, .input = &p->input, .y = out, .ld_y = (size_t)c->dim};
    idf_gemm_run(&job, p->pool);
    for (int i = 0; i < p->n; i++)
        make_unit(out + (size_t)i * (size_t)c->dim, c->dim);
}

static void show(const pass *p, int layer, int n_rows) {
    if (p->s->trace != NULL)
        p->s->trace(p->s->trace_context, layer, p->s->x, n_rows, (size_t)p->model->config.width);
}

idf_status idf_clip_run(idf_clip_scratch *s, int n, float *out, idf_pool *pool, idf_error *err) {
    const idf_clip_config *c = &s->model->config;
    idf_status status = reserve_workers(s, idf_pool_threads(pool), err);
    if (status != IDF_OK)
        return status;
    pass p = {.s = s, .model = s->model, .pool = pool, .n = n, .tokens = idf_clip_tokens(c)};
    embed_patches(&p);
    show(&p, 0, p.tokens);
    for (int i = 0; i < c->n_layers; i++) {
        bool last = i == c->n_layers - 1;
        attend(&p, &s->model->layers[i], last);
        transform(&p, &s->model->layers[i], last ? n : n * p.tokens,
                  last ? (size_t)(p.tokens * c->width) : (size_t)c->width);
        show(&p, i + 1, last ? 1 : p.tokens);
    }
    project(&p, out);
    return IDF_OK;
}
