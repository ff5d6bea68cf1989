/* clip_encoder.c - CLIP behind the interface that all encoders have. */
#include "model/clip_encoder.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"

typedef struct clip {
    idf_encoder head;
    idf_clip_model model;
    idf_clip_cache cache;
    void *memory;
} clip;

struct idf_encoder_workspace {
    idf_clip_scratch *scratch;
    idf_status status[IDF_CLIP_BATCH]; /* of preparing each picture */
    idf_error errors[IDF_CLIP_BATCH];
    const idf_encoder_input *inputs; /* of the pass under way */
    const idf_clip_config *config;
};

static void clip_free(idf_encoder *encoder) {
    clip *self = (clip *)(void *)encoder;
    idf_clip_cache_release(&self->cache);
    idf_free(self->memory);
    idf_free(self);
}

static void clip_workspace_free(idf_encoder_workspace *workspace) {
    if (workspace != NULL)
        idf_clip_scratch_free(workspace->scratch);
    idf_free(workspace);
}

static idf_status clip_workspace_new(const idf_encoder *encoder, idf_encoder_workspace **workspace,
                                     idf_error *err) {
    const clip *self = (const clip *)(const void *)encoder;
    *workspace = NULL;
    idf_encoder_workspace *made = idf_alloc_zero(1, sizeof *made);
    if (made == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for CLIP's scratch");
    idf_status status = idf_clip_scratch_new(&made->scratch, &self->model, err);
    if (status != IDF_OK) {
        clip_workspace_free(made);
        return status;
    }
    made->config = &self->model.config;
    *workspace = made;
    return IDF_OK;
}

static void prepare_task(void *context, size_t i, int worker) {
    (void)worker;
    idf_encoder_workspace *w = context;
    w->status[i] = idf_clip_preprocess(idf_clip_scratch_patches(w->scratch, (int)i), w->config,
                                       w->inputs[i].image, &w->errors[i]);
}

static idf_status clip_encode(const idf_encoder *encoder, idf_encoder_workspace *workspace,
                              const idf_encoder_input *inputs, size_t n, float *out, idf_pool *pool,
                              idf_error *err) {
    size_t batch = (size_t)idf_clip_scratch_batch(workspace->scratch);
    for (size_t at = 0; at < n; at += batch) {
        size_t now = n - at < batch ? n - at : batch;
        workspace->inputs = inputs + at;
        idf_pool_for(pool, now, prepare_task, workspace);
        for (size_t i = 0; i < now; i++)
            if (workspace->status[i] != IDF_OK) {
                if (err != NULL)
                    *err = workspace->errors[i];
                return workspace->status[i];
            }
        idf_status status =
            idf_clip_run(workspace->scratch, (int)now, out + at * (size_t)encoder->dim, pool, err);
        if (status != IDF_OK)
            return status;
    }
    return idf_map_check(&((const clip *)(const void *)encoder)->cache.map, err);
}

static const idf_encoder_class clip_class = {
    .wants_features = false,
    .max_batch = IDF_CLIP_BATCH,
    .free = clip_free,
    .workspace_new = clip_workspace_new,
    .workspace_free = clip_workspace_free,
    .encode = clip_encode,
};

void idf_clip_identity(char out[IDF_CLIP_IDENTITY_BYTES], const uint8_t sha256[32],
                       idf_gemm_type precision) {
    char hex[65];
    idf_sha256_hex(hex, sha256);
    snprintf(out, IDF_CLIP_IDENTITY_BYTES, "clip/%s/%s", hex, idf_gemm_type_name(precision));
}

idf_status idf_clip_encoder_new(idf_encoder **encoder, idf_clip_cache *cache, void *memory,
                                idf_error *err) {
    *encoder = NULL;
    clip *self = idf_alloc_zero(1, sizeof *self);
    if (self == NULL) {
        idf_clip_cache_release(cache);
        idf_free(memory);
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for CLIP");
    }
    self->cache = *cache;
    self->memory = memory;
    memset(cache, 0, sizeof *cache);
    const idf_clip_cache_info *info = &self->cache.info;
    idf_clip_view(&self->model, &info->config, info->precision,
                  memory != NULL ? memory : self->cache.body);
    self->head.class_ = &clip_class;
    self->head.dim = info->config.dim;
    idf_clip_identity(self->head.identity, info->sha256, info->precision);
    self->head.default_sim_threshold = 0.70f; /* the original's */
    self->head.default_margin_threshold = 0.04f;
    *encoder = &self->head;
    return IDF_OK;
}
