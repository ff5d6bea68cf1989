/* clip_read.c - finds CLIP's image tower among the tensors of a file, and packs it.
 *
 * Three layouts are known: OpenAI's, which open_clip shares but for the activation, and Hugging
 * Face's. Sizes come from the shapes alone. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/clip.h"

enum { NAME_BYTES = 128 };

/* Names of one layout; those of a layer follow `layer` with its number in it. */
typedef struct layout {
    const char *patches, *class_, *positions, *pre, *post, *projection;
    bool projection_turned; /* (width, dim) */
    const char *layer, *norm1, *norm2, *out, *fc, *proj;
    const char *qkv_weight, *qkv_bias; /* one tensor; NULL: */
    const char *qkv[3];                /* three */
    idf_activation activation;         /* without a hint */
} layout;

static const layout layouts[] = {
    {"visual.conv1.weight",
     "visual.class_embedding",
     "visual.positional_embedding",
     "visual.ln_pre",
     "visual.ln_post",
     "visual.proj",
     true,
     "visual.transformer.resblocks.%d.",
     "ln_1",
     "ln_2",
     "attn.out_proj",
     "mlp.c_fc",
     "mlp.c_proj",
     "attn.in_proj_weight",
     "attn.in_proj_bias",
     {NULL},
     IDF_ACT_GELU},
    {"vision_model.embeddings.patch_embedding.weight",
     "vision_model.embeddings.class_embedding",
     "vision_model.embeddings.position_embedding.weight",
     "vision_model.pre_layrnorm",
     "vision_model.post_layernorm",
     "visual_projection.weight",
     false,
     "vision_model.encoder.layers.%d.",
     "layer_norm1",
     "layer_norm2",
     "self_attn.out_proj",
     "mlp.fc1",
     "mlp.fc2",
     NULL,
     NULL,
     {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
     IDF_ACT_QUICK_GELU},
};
static const char *const prefixes[] = {"", "module."}; /* of what was trained on several devices */

/* Where to read from. */
typedef struct source {
    const idf_tensors *tensors;
    const layout *layout;
    const char *prefix;
    idf_error *err;
} source;

static const idf_tensor *find(const source *s, const char *name) {
    char full[NAME_BYTES];
    snprintf(full, sizeof full, "%s%s", s->prefix, name);
    return idf_tensors_find(s->tensors, full);
}

/* "visual.transformer.resblocks.3." + "ln_1" + ".weight" */
static const idf_tensor *find_in_layer(const source *s, int layer, const char *name,
                                       const char *end) {
    char folder[NAME_BYTES / 2], full[NAME_BYTES];
    snprintf(folder, sizeof folder, s->layout->layer, layer);
    snprintf(full, sizeof full, "%s%s%s", folder, name, end);
    return find(s, full);
}

static idf_status no_tower(const source *s) {
    const char *what = "no CLIP image tower is in it";
    if (idf_tensors_find(s->tensors, "visual.layer1.0.conv1.weight") != NULL)
        what = "its image tower is a ResNet, and only vision transformers are read";
    else if (idf_tensors_find(s->tensors, "visual.trunk.pos_embed") != NULL)
        what = "its image tower is one of timm's, which are not read";
    else if (idf_tensors_find(s->tensors, "positional_embedding") != NULL ||
             idf_tensors_find(s->tensors, "text_model.embeddings.position_embedding.weight") !=
                 NULL)
        what = "it holds CLIP's text tower only";
    else if (idf_tensors_find(s->tensors, "vision_model.embeddings.class_embedding") != NULL)
        what = "its image tower lacks visual_projection.weight; take a model with a projection";
    return idf_error_set(s->err, IDF_ERR_MISMATCH, "%s", what);
}

static idf_status find_layout(source *s) {
    for (size_t p = 0; p < sizeof prefixes / sizeof *prefixes; p++)
        for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
            s->prefix = prefixes[p];
            s->layout = &layouts[i];
            const idf_tensor *patches = find(s, s->layout->patches);
            if (patches != NULL && patches->n_dims == 4 && find(s, s->layout->class_) != NULL &&
                find(s, s->layout->projection) != NULL)
                return IDF_OK;
        }
    return no_tower(s);
}

/* A side of a tensor as an int, 0 when it is too large for one. */
static int side_of(const idf_tensor *tensor, int dim) {
    bool there = tensor != NULL && dim < tensor->n_dims && tensor->shape[dim] <= 1 << 20;
    return there ? (int)tensor->shape[dim] : 0;
}

/* Whole square root, 0 when n is no square. */
static int square_root(int n) {
    int root = n < 1 ? 0 : (int)lround(sqrt(n));
    return root * root == n ? root : 0;
}

idf_status idf_clip_read_config(idf_clip_config *config, const idf_tensors *tensors,
                                idf_clip_hint hint, idf_error *err) {
    source s = {tensors, NULL, NULL, err};
    memset(config, 0, sizeof *config);
    idf_status status = find_layout(&s);
    if (status != IDF_OK)
        return status;
    const layout *l = s.layout;
    const idf_tensor *patches = find(&s, l->patches), *positions = find(&s, l->positions);
    config->width = side_of(patches, 0);
    config->patch = side_of(patches, 2);
    int grid = square_root(side_of(positions, 0) - 1);
    if (grid > 0 && grid <= IDF_CLIP_MAX_SIDE && config->patch <= IDF_CLIP_MAX_SIDE)
        config->side = grid * config->patch;
    config->dim = side_of(find(&s, l->projection), l->projection_turned ? 1 : 0);
    config->mlp = side_of(find_in_layer(&s, 0, l->fc, ".weight"), 0);
    while (config->n_layers <= IDF_CLIP_MAX_LAYERS &&
           find_in_layer(&s, config->n_layers, l->fc, ".weight") != NULL)
        config->n_layers++;
    config->activation = hint == IDF_CLIP_HINT_QUICK      ? IDF_ACT_QUICK_GELU
                         : hint == IDF_CLIP_HINT_ERF      ? IDF_ACT_GELU
                         : idf_tensors_is_script(tensors) ? IDF_ACT_QUICK_GELU
                                                          : l->activation;
    return idf_clip_config_check(config, err);
}

/* --- packing --- */

typedef struct packer {
    source s;
    const idf_clip_config *config;
    float *floats; /* room for the largest tensor */
} packer;

/* The tensor as floats at `to`: `rank` dims of the shape given, all finite. */
static idf_status load(const packer *p, const idf_tensor *tensor, const char *what, int rank,
                       const uint64_t *shape, float *to) {
    if (tensor == NULL)
        return idf_error_set(p->s.err, IDF_ERR_MISMATCH, "the image tower lacks a tensor, %s%s",
                             p->s.prefix, what);
    bool same = tensor->n_dims == rank;
    for (int i = 0; same && i < rank; i++)
        same = tensor->shape[i] == shape[i];
    if (!same)
        return idf_error_set(p->s.err, IDF_ERR_MISMATCH,
                             "%s does not have the shape that the other tensors call for",
                             tensor->name);
    idf_status status = idf_tensor_to_f32(tensor, to, p->s.err);
    if (status != IDF_OK)
        return status;
    for (size_t i = 0; i < tensor->n_items; i++)
        if (!isfinite(to[i]))
            return idf_error_set(p->s.err, IDF_ERR_FORMAT,
                                 "number %zu of %s is not finite: the file is damaged", i,
                                 tensor->name);
    return IDF_OK;
}

static idf_status load_vector(const packer *p, const idf_tensor *tensor, const char *what, int n,
                              const float *to) {
    return load(p, tensor, what, 1, (const uint64_t[]){(uint64_t)n}, (float *)to);
}

static idf_status load_matrix(const packer *p, const idf_tensor *tensor, const char *what, int n,
                              int k, float *to) {
    return load(p, tensor, what, 2, (const uint64_t[]){(uint64_t)n, (uint64_t)k}, to);
}

/* Packs floats (n, k) into the weights' place. */
static void pack_into(const idf_gemm_weights *weights, const float *floats) {
    idf_gemm_weights_pack(weights->type, weights->n, weights->k, floats, (size_t)weights->k,
                          (void *)weights->panels);
}

static idf_status load_norm(const packer *p, const char *name, const idf_clip_norm *to) {
    char weight[NAME_BYTES], bias[NAME_BYTES];
    snprintf(weight, sizeof weight, "%s.weight", name);
    snprintf(bias, sizeof bias, "%s.bias", name);
    int n = p->config->width;
    idf_status status = load_vector(p, find(&p->s, weight), weight, n, to->gain);
    return status == IDF_OK ? load_vector(p, find(&p->s, bias), bias, n, to->bias) : status;
}

/* The norm or linear `name` of a layer has its full name made first. */
static const char *in_layer(const packer *p, int layer, const char *name, char out[NAME_BYTES]) {
    int n = snprintf(out, NAME_BYTES, p->s.layout->layer, layer);
    snprintf(out + n, NAME_BYTES - (size_t)n, "%s", name);
    return out;
}

/* Part `part` of `parts`, one below the other, of a linear's weights and bias. */
static idf_status load_part(const packer *p, int layer, const char *names[2],
                            const idf_clip_linear *to, int part, int parts) {
    char full[NAME_BYTES];
    int n = to->weights.n / parts, k = to->weights.k;
    in_layer(p, layer, names[0], full);
    idf_status status = load_matrix(p, find(&p->s, full), full, n, k,
                                    p->floats + (size_t)part * (size_t)n * (size_t)k);
    if (status != IDF_OK)
        return status;
    in_layer(p, layer, names[1], full);
    return load_vector(p, find(&p->s, full), full, n, to->bias + part * n);
}

static idf_status load_linear(const packer *p, int layer, const char *name,
                              const idf_clip_linear *to) {
    char weight[NAME_BYTES / 2], bias[NAME_BYTES / 2];
    snprintf(weight, sizeof weight, "%s.weight", name);
    snprintf(bias, sizeof bias, "%s.bias", name);
    idf_status status = load_part(p, layer, (const char *[]){weight, bias}, to, 0, 1);
    if (status == IDF_OK)
        pack_into(&to->weights, p->floats);
    return status;
}

static idf_status load_qkv(const packer *p, int layer, const idf_clip_linear *to) {
    const struct layout *l = p->s.layout;
    idf_status status = IDF_OK;
    if (l->qkv_weight != NULL) {
        status = load_part(p, layer, (const char *[]){l->qkv_weight, l->qkv_bias}, to, 0, 1);
    } else {
        for (int i = 0; i < 3 && status == IDF_OK; i++) {
            char weight[NAME_BYTES / 2], bias[NAME_BYTES / 2];
            snprintf(weight, sizeof weight, "%s.weight", l->qkv[i]);
            snprintf(bias, sizeof bias, "%s.bias", l->qkv[i]);
            status = load_part(p, layer, (const char *[]){weight, bias}, to, i, 3);
        }
    }
    if (status == IDF_OK)
        pack_into(&to->weights, p->floats);
    return status;
}

static idf_status load_layer(const packer *p, int i, const idf_clip_layer *to) {
    const struct layout *l = p->s.layout;
    char name[NAME_BYTES];
    idf_status status = load_norm(p, in_layer(p, i, l->norm1, name), &to->norm1);
    if (status == IDF_OK)
        status = load_qkv(p, i, &to->qkv);
    if (status == IDF_OK)
        status = load_linear(p, i, l->out, &to->out);
    if (status == IDF_OK)
        status = load_norm(p, in_layer(p, i, l->norm2, name), &to->norm2);
    if (status == IDF_OK)
        status = load_linear(p, i, l->fc, &to->fc);
    if (status == IDF_OK)
        status = load_linear(p, i, l->proj, &to->proj);
    return status;
}

/* Patches, positions and the class embedding, which is added to the first position. */
static idf_status load_embeddings(const packer *p, const idf_clip_model *to) {
    const struct layout *l = p->s.layout;
    const idf_clip_config *c = p->config;
    uint64_t side = (uint64_t)c->patch, width = (uint64_t)c->width;
    idf_status status = load(p, find(&p->s, l->patches), l->patches, 4,
                             (const uint64_t[]){width, 3, side, side}, p->floats);
    if (status != IDF_OK)
        return status;
    pack_into(&to->patches, p->floats);
    float *positions = (float *)to->positions;
    status = load_matrix(p, find(&p->s, l->positions), l->positions, idf_clip_tokens(c), c->width,
                         positions);
    if (status == IDF_OK)
        status = load_vector(p, find(&p->s, l->class_), l->class_, c->width, p->floats);
    for (int i = 0; status == IDF_OK && i < c->width; i++)
        positions[i] += p->floats[i];
    return status;
}

static idf_status load_projection(const packer *p, const idf_clip_model *to) {
    const struct layout *l = p->s.layout;
    int dim = p->config->dim, width = p->config->width;
    const idf_tensor *tensor = find(&p->s, l->projection);
    if (!l->projection_turned) {
        idf_status status = load_matrix(p, tensor, l->projection, dim, width, p->floats);
        if (status == IDF_OK)
            pack_into(&to->projection, p->floats);
        return status;
    }
    float *turned = p->floats + (size_t)dim * (size_t)width;
    idf_status status = load_matrix(p, tensor, l->projection, width, dim, p->floats);
    if (status != IDF_OK)
        return status;
    for (int i = 0; i < dim; i++)
        for (int k = 0; k < width; k++)
            turned[(size_t)i * (size_t)width + (size_t)k] =
                p->floats[(size_t)k * (size_t)dim + (size_t)i];
    pack_into(&to->projection, turned);
    return IDF_OK;
}

/* One worker's share: the layers, then what stands before and behind them. */
typedef struct pack_run {
    packer *workers;
    const idf_clip_model *to;
    idf_status *status; /* of each item */
    idf_error *errors;  /* likewise */
} pack_run;

static void pack_item(void *context, size_t item, int worker) {
    const pack_run *run = context;
    packer p = run->workers[worker];
    int n_layers = p.config->n_layers;
    p.s.err = &run->errors[item];
    idf_status status;
    if (item < (size_t)n_layers) {
        status = load_layer(&p, (int)item, &run->to->layers[item]);
    } else {
        status = load_embeddings(&p, run->to);
        if (status == IDF_OK)
            status = load_norm(&p, p.s.layout->pre, &run->to->pre);
        if (status == IDF_OK)
            status = load_norm(&p, p.s.layout->post, &run->to->post);
        if (status == IDF_OK)
            status = load_projection(&p, run->to);
    }
    run->status[item] = status;
}

/* Floats of the largest tensor, or of the projection twice. */
static size_t room(const idf_clip_config *c) {
    size_t width = (size_t)c->width, hidden = width * (size_t)c->mlp, qkv = 3 * width * width;
    size_t patches = width * (size_t)idf_clip_patch_items(c), turned = 2 * width * (size_t)c->dim;
    size_t most = hidden > qkv ? hidden : qkv;
    most = patches > most ? patches : most;
    return turned > most ? turned : most;
}

idf_status idf_clip_pack(void *body, const idf_clip_config *config, idf_gemm_type precision,
                         const idf_tensors *tensors, idf_pool *pool, idf_error *err) {
    source s = {tensors, NULL, NULL, err};
    idf_status status = find_layout(&s);
    if (status != IDF_OK)
        return status;
    size_t n_items = (size_t)config->n_layers + 1;
    int n_workers = idf_pool_threads(pool);
    idf_clip_model *model = idf_alloc(1, sizeof *model);
    pack_run run = {idf_alloc_zero((size_t)n_workers, sizeof *run.workers), model,
                    idf_alloc_zero(n_items, sizeof *run.status),
                    idf_alloc_zero(n_items, sizeof *run.errors)};
    bool enough = model != NULL && run.workers != NULL && run.status != NULL && run.errors != NULL;
    for (int i = 0; enough && i < n_workers; i++) {
        run.workers[i] = (packer){s, config, idf_alloc_aligned(room(config), sizeof(float))};
        enough = run.workers[i].floats != NULL;
    }
    if (enough) {
        memset(body, 0, idf_clip_bytes(config, precision)); /* gaps between the parts too */
        idf_clip_view(model, config, precision, body);
        idf_pool_for(pool, n_items, pack_item, &run);
        for (size_t i = 0; i < n_items && status == IDF_OK; i++) {
            status = run.status[i];
            if (status != IDF_OK && err != NULL)
                *err = run.errors[i];
        }
    } else {
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory to pack CLIP's weights");
    }
    for (int i = 0; run.workers != NULL && i < n_workers; i++)
        idf_free(run.workers[i].floats);
    idf_free(run.workers);
    idf_free(run.status);
    idf_free(run.errors);
    idf_free(model);
    return status;
}
