/* projected.c - an encoder and a head, one behind the other. */
#include "model/projected.h"

#include <stdio.h>
#include <string.h>

#include <identify/head.h>

#include "base/alloc.h"

typedef struct projected {
    idf_encoder encoder;
    idf_encoder_class class_; /* as the base's, the functions apart */
    idf_encoder *base;
    idf_head *head;
} projected;

typedef struct workspace {
    const projected *owner;
    idf_encoder_workspace *base;
    float *vectors; /* max_batch of the base's */
    void *scratch;
} workspace;

static const projected *self_of(const idf_encoder *encoder) {
    return (const projected *)(const void *)encoder;
}

static void projected_free(idf_encoder *encoder) {
    projected *self = (projected *)(void *)encoder;
    idf_encoder_free(self->base);
    idf_head_free(self->head);
    idf_free(self);
}

static void workspace_free(idf_encoder_workspace *memory) {
    workspace *w = (workspace *)(void *)memory;
    if (w == NULL)
        return;
    if (w->base != NULL)
        w->owner->base->class_->workspace_free(w->base);
    idf_free(w->vectors);
    idf_free(w->scratch);
    idf_free(w);
}

static idf_status workspace_new(const idf_encoder *encoder, idf_encoder_workspace **out,
                                idf_error *err) {
    const projected *self = self_of(encoder);
    size_t batch = self->class_.max_batch > 0 ? (size_t)self->class_.max_batch : 1;
    idf_status status = IDF_OK;
    workspace *w = idf_alloc_zero(1, sizeof *w);
    *out = NULL;
    if (w != NULL) {
        w->owner = self;
        w->vectors = idf_alloc_aligned(batch * (size_t)self->base->dim, sizeof *w->vectors);
        w->scratch = idf_alloc_aligned(idf_head_scratch_bytes(self->head), 1);
    }
    if (w == NULL || w->vectors == NULL || w->scratch == NULL)
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for a projection head's scratch");
    if (status == IDF_OK)
        status = self->base->class_->workspace_new(self->base, &w->base, err);
    if (status != IDF_OK)
        workspace_free((idf_encoder_workspace *)(void *)w);
    else
        *out = (idf_encoder_workspace *)(void *)w;
    return status;
}

static idf_status encode(const idf_encoder *encoder, idf_encoder_workspace *memory,
                         const idf_encoder_input *inputs, size_t n, float *out, idf_pool *pool,
                         idf_error *err) {
    const projected *self = self_of(encoder);
    workspace *w = (workspace *)(void *)memory;
    idf_status status =
        self->base->class_->encode(self->base, w->base, inputs, n, w->vectors, pool, err);
    if (status == IDF_OK)
        idf_head_apply(self->head, w->vectors, n, out, w->scratch, pool);
    return status;
}

idf_status idf_projected_new(idf_encoder **out, idf_encoder *base, idf_head *head, idf_error *err) {
    *out = NULL;
    projected *self = idf_alloc_zero(1, sizeof *self);
    if (self == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for a projection head");
    self->class_ = *base->class_;
    self->class_.free = projected_free;
    self->class_.workspace_new = workspace_new;
    self->class_.workspace_free = workspace_free;
    self->class_.encode = encode;
    self->base = base;
    self->head = head;
    self->encoder = *base; /* its thresholds */
    self->encoder.class_ = &self->class_;
    self->encoder.dim = head->out;
    self->encoder.head = head;
    snprintf(self->encoder.identity, sizeof self->encoder.identity,
             "%.120s" IDF_PROJECTED_MARK "%.16s", base->identity, head->sha256);
    *out = &self->encoder;
    return IDF_OK;
}

idf_status idf_encoder_add_head(idf_encoder **encoder, const char *path, idf_error *err) {
    idf_head *head;
    idf_head_facts facts;
    idf_encoder *both = NULL;
    if ((*encoder)->head != NULL)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "the encoder has a head already");
    idf_status status = idf_head_read(&head, &facts, path, err);
    if (status != IDF_OK)
        return status;
    status = idf_head_check(head, &facts, path, (*encoder)->identity, (*encoder)->dim, err);
    if (status == IDF_OK)
        status = idf_projected_new(&both, *encoder, head, err);
    if (status == IDF_OK)
        *encoder = both;
    else
        idf_head_free(head);
    return status;
}
