/* clip.c - the sizes of CLIP's image tower and the layout of its packed weights. */
#include "model/clip.h"

#include "kernel/attention.h"

enum { ALIGN = 64 };

static idf_status check_size(const char *what, int value, int most, idf_error *err) {
    if (value >= 1 && value <= most)
        return IDF_OK;
    return idf_error_set(err, IDF_ERR_LIMIT, "%s of the image tower is %d; 1 to %d are possible",
                         what, value, most);
}

idf_status idf_clip_config_check(const idf_clip_config *c, idf_error *err) {
    const struct {
        const char *what;
        int value, most;
    } sizes[] = {
        {"the width", c->width, IDF_CLIP_MAX_WIDTH},
        {"the number of layers", c->n_layers, IDF_CLIP_MAX_LAYERS},
        {"the hidden width", c->mlp, IDF_CLIP_MAX_MLP},
        {"the patch side", c->patch, IDF_CLIP_MAX_SIDE},
        {"the input side", c->side, IDF_CLIP_MAX_SIDE},
        {"the embedding", c->dim, IDF_CLIP_MAX_DIM},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        idf_status status = check_size(sizes[i].what, sizes[i].value, sizes[i].most, err);
        if (status != IDF_OK)
            return status;
    }
    if (c->width % IDF_HEAD_DIM != 0)
        return idf_error_set(err, IDF_ERR_MISMATCH,
                             "the width of the image tower is %d, no multiple of the %d of a head",
                             c->width, IDF_HEAD_DIM);
    if (c->side % c->patch != 0 || c->side / c->patch > 64)
        return idf_error_set(err, IDF_ERR_LIMIT,
                             "an input of %d pixels a side in patches of %d is not possible",
                             c->side, c->patch);
    if (c->activation != IDF_ACT_QUICK_GELU && c->activation != IDF_ACT_GELU)
        return idf_error_set(err, IDF_ERR_FORMAT, "the image tower's activation is unknown");
    return IDF_OK;
}

/* Walks over the block; base NULL only measures. */
typedef struct cursor {
    const uint8_t *base;
    size_t at;
    idf_gemm_type type;
} cursor;

static const void *take(cursor *c, size_t bytes) {
    size_t at = c->at;
    c->at += (bytes + ALIGN - 1) / ALIGN * ALIGN;
    return c->base == NULL ? NULL : c->base + at;
}

static const float *take_vector(cursor *c, size_t n) {
    return take(c, n * sizeof(float));
}

static idf_gemm_weights take_matrix(cursor *c, idf_gemm_type type, int n, int k) {
    size_t bytes = idf_gemm_weights_bytes(type, n, k);
    const void *at = take(c, bytes);
    return at == NULL ? (idf_gemm_weights){0} : idf_gemm_weights_view(type, n, k, at);
}

static idf_clip_norm take_norm(cursor *c, int n) {
    idf_clip_norm norm;
    norm.gain = take_vector(c, (size_t)n);
    norm.bias = take_vector(c, (size_t)n);
    return norm;
}

static idf_clip_linear take_linear(cursor *c, int n, int k) {
    idf_clip_linear linear;
    linear.bias = take_vector(c, (size_t)n);
    linear.weights = take_matrix(c, c->type, n, k);
    return linear;
}

static void walk(idf_clip_model *m, const idf_clip_config *s, cursor *c) {
    m->positions = take_vector(c, (size_t)idf_clip_tokens(s) * (size_t)s->width);
    m->patches = take_matrix(c, c->type, s->width, idf_clip_patch_items(s));
    m->pre = take_norm(c, s->width);
    for (int i = 0; i < s->n_layers; i++) {
        idf_clip_layer *layer = &m->layers[i];
        layer->norm1 = take_norm(c, s->width);
        layer->qkv = take_linear(c, 3 * s->width, s->width);
        layer->out = take_linear(c, s->width, s->width);
        layer->norm2 = take_norm(c, s->width);
        layer->fc = take_linear(c, s->mlp, s->width);
        layer->proj = take_linear(c, s->width, s->mlp);
    }
    m->post = take_norm(c, s->width);
    /* One row an image: int8 would save next to nothing here. */
    idf_gemm_type type = c->type == IDF_GEMM_S8 ? IDF_GEMM_BF16 : c->type;
    m->projection = take_matrix(c, type, s->dim, s->width);
}

size_t idf_clip_bytes(const idf_clip_config *config, idf_gemm_type precision) {
    idf_clip_model unused;
    cursor c = {NULL, 0, precision};
    walk(&unused, config, &c);
    return c.at;
}

void idf_clip_view(idf_clip_model *model, const idf_clip_config *config, idf_gemm_type precision,
                   const void *body) {
    cursor c = {body, 0, precision};
    model->config = *config;
    model->precision = precision;
    walk(model, config, &c);
}
