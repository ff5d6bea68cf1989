/* views.c - camera views of references, rendered and encoded by all threads. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "image/image.h"
#include "train/references.h"

enum { CHUNK = 128 }; /* views at a time: up to 120 MiB */

typedef struct rendering {
    const idf_references *refs;
    const idf_view_list *list;
    idf_image *out;
    idf_error *errors;
} rendering;

static void render_one(void *context, size_t i, int worker) {
    (void)worker;
    const rendering *r = context;
    const idf_view_list *list = r->list;
    const idf_image *reference = &r->refs->items[list->which[i]].picture;
    const idf_view_key key = {list->seed, list->which[i], list->views[i]};
    const idf_scene scene = {.references = &reference, .n_references = 1, .key = key};
    idf_error *err = &r->errors[i];
    idf_recipe recipe = list->recipe;
    if (recipe == IDF_RECIPE_MIXED)
        recipe = list->views[i] % 2 == 0 ? IDF_RECIPE_ORIGINAL : IDF_RECIPE_CAMERA;
    if (recipe == IDF_RECIPE_ORIGINAL)
        idf_augment_original(&r->out[i], reference, key, err);
    else if (recipe == IDF_RECIPE_CAMERA)
        idf_augment_frame(&r->out[i], NULL, &scene, &list->camera, err);
    else
        idf_image_convert(&r->out[i], reference, reference->channels, err);
}

idf_status idf_views_render(idf_references *refs, const idf_view_list *list, idf_image *out,
                            idf_pool *pool, idf_error *err) {
    memset(out, 0, list->n * sizeof *out);
    idf_status status = idf_references_hold(refs, list->which, list->n, pool, err);
    if (status != IDF_OK)
        return status;
    idf_error *errors = idf_alloc_zero(list->n, sizeof *errors);
    if (errors == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for camera views");
    rendering r = {refs, list, out, errors};
    idf_pool_for(pool, list->n, render_one, &r);
    for (size_t i = 0; i < list->n && status == IDF_OK; i++)
        if (errors[i].status != IDF_OK)
            status = idf_error_set(err, errors[i].status, "%s", errors[i].message);
    for (size_t i = 0; i < list->n && status != IDF_OK; i++)
        idf_image_release(&out[i]);
    idf_free(errors);
    return status;
}

idf_status idf_views_encode(idf_references *refs, const idf_view_list *list,
                            const idf_view_encoding *how, float *out, idf_error *err) {
    const size_t dim = (size_t)idf_encoder_dim(how->encoder);
    double started = idf_clock_seconds();
    idf_status status = IDF_OK;
    for (size_t at = 0; at < list->n && status == IDF_OK; at += CHUNK) {
        idf_image images[CHUNK];
        idf_view_list part = *list;
        part.which += at;
        part.views += at;
        part.n = list->n - at < CHUNK ? list->n - at : CHUNK;
        status = idf_views_render(refs, &part, images, how->pool, err);
        if (status != IDF_OK)
            break;
        status = idf_encoder_encode(how->encoder, images, part.n, out + at * dim, how->pool, err);
        for (size_t i = 0; i < part.n; i++)
            idf_image_release(&images[i]);
        const idf_progress progress = {how->stage, at + part.n, list->n,
                                       idf_clock_seconds() - started};
        if (status == IDF_OK && how->progress != NULL && !how->progress(how->context, &progress))
            status = idf_error_set(err, IDF_ERR_CANCELLED, "stopped after %zu of %zu camera views",
                                   at + part.n, list->n);
    }
    return status;
}
