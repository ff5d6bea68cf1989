/* encoder.c - what every encoder does alike: extract features where its class reads them, and share
 * pictures out to the workers of a pool. */
#include "model/encoder.h"

#include <string.h>

#include "base/alloc.h"
#include "local/extract.h"

idf_encoder *idf_encoder_retain(idf_encoder *encoder) {
    atomic_fetch_add(&encoder->n_more, 1);
    return encoder;
}

void idf_encoder_free(idf_encoder *encoder) {
    if (encoder && atomic_fetch_sub(&encoder->n_more, 1) == 0)
        encoder->class_->free(encoder);
}

int idf_encoder_dim(const idf_encoder *encoder) {
    return encoder->dim;
}

const char *idf_encoder_identity(const idf_encoder *encoder) {
    return encoder->identity;
}

/* What one worker needs. */
typedef struct worker {
    idf_extractor *extractor;
    idf_encoder_workspace *workspace;
    idf_status status;
    size_t item; /* at which it failed */
    idf_error error;
} worker;

typedef struct job {
    const idf_encoder *encoder;
    const idf_image *images;
    float *out;
    worker *workers;
} job;

static void encode_one(void *context, size_t item, int worker_index) {
    job *j = context;
    worker *w = &j->workers[worker_index];
    if (w->status)
        return;
    idf_features features = {0};
    idf_status status =
        idf_extract(w->extractor, &j->images[item], IDF_PICTURE_FEATURES, &features, &w->error);
    idf_encoder_input input = {&j->images[item], &features};
    if (!status)
        status =
            j->encoder->class_->encode(j->encoder, w->workspace, &input, 1,
                                       j->out + item * (size_t)j->encoder->dim, NULL, &w->error);
    w->status = status;
    w->item = item;
}

/* One picture a task: every worker has an extractor and a workspace of its own. */
static idf_status encode_features(const idf_encoder *encoder, const idf_image *images,
                                  size_t n_images, float *out, idf_pool *pool, idf_error *err) {
    int n_workers = idf_pool_threads(pool);
    job j = {encoder, images, out, NULL};
    idf_status status = IDF_OK;
    j.workers = idf_alloc_zero((size_t)n_workers, sizeof *j.workers);
    if (!j.workers)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory to encode pictures");
    for (int i = 0; i < n_workers && !status; i++) {
        status = idf_extractor_new(&j.workers[i].extractor, err);
        if (!status)
            idf_extractor_enlarge(j.workers[i].extractor, IDF_LOCAL_SMALL_REFERENCE);
        if (!status)
            status = encoder->class_->workspace_new(encoder, &j.workers[i].workspace, err);
    }
    if (!status)
        idf_pool_for(pool, n_images, encode_one, &j);
    const worker *failed = NULL; /* at the first picture, whatever the number of workers */
    for (int i = 0; i < n_workers; i++) {
        const worker *w = &j.workers[i];
        if (w->status && (!failed || w->item < failed->item))
            failed = w;
    }
    if (failed) {
        status = failed->status;
        if (err)
            *err = failed->error;
    }
    for (int i = 0; i < n_workers; i++) {
        idf_extractor_free(j.workers[i].extractor);
        if (j.workers[i].workspace)
            encoder->class_->workspace_free(j.workers[i].workspace);
    }
    idf_free(j.workers);
    return status;
}

/* Batches of the size the encoder likes; it uses the pool itself. */
static idf_status encode_images(const idf_encoder *encoder, const idf_image *images,
                                size_t n_images, float *out, idf_pool *pool, idf_error *err) {
    size_t batch = encoder->class_->max_batch > 0 ? (size_t)encoder->class_->max_batch : 1;
    idf_encoder_workspace *workspace = NULL;
    idf_encoder_input *inputs = idf_alloc(batch, sizeof *inputs);
    if (!inputs)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory to encode pictures");
    idf_status status = encoder->class_->workspace_new(encoder, &workspace, err);
    for (size_t i = 0; i < n_images && !status; i += batch) {
        size_t n = n_images - i < batch ? n_images - i : batch;
        for (size_t k = 0; k < n; k++)
            inputs[k] = (idf_encoder_input){&images[i + k], NULL};
        status = encoder->class_->encode(encoder, workspace, inputs, n,
                                         out + i * (size_t)encoder->dim, pool, err);
    }
    if (workspace)
        encoder->class_->workspace_free(workspace);
    idf_free(inputs);
    return status;
}

idf_status idf_encoder_encode(const idf_encoder *encoder, const idf_image *images, size_t n_images,
                              float *out, idf_pool *pool, idf_error *err) {
    if (n_images == 0)
        return IDF_OK;
    memset(out, 0, sizeof *out * n_images * (size_t)encoder->dim);
    if (encoder->class_->wants_features)
        return encode_features(encoder, images, n_images, out, pool, err);
    return encode_images(encoder, images, n_images, out, pool, err);
}
