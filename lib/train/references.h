/* references.h - the pictures of a folder, for making views of them.
 *
 * One thread uses a collection at a time; its pool works for it. */
#ifndef IDF_TRAIN_REFERENCES_H
#define IDF_TRAIN_REFERENCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/build.h>
#include <identify/image.h>
#include <identify/pool.h>
#include <identify/progress.h>
#include <identify/status.h>

#include "base/file.h"
#include "image/augment.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_reference {
    const char *filename; /* in the folder */
    uint8_t sha256[32];   /* of the file */
    idf_image picture;    /* RGB, its longer side at most IDF_REFERENCE_SIDE; empty: not held now */
} idf_reference;

enum { IDF_REFERENCE_SIDE = 640 };

typedef struct idf_references {
    const char *dir; /* borrowed */
    idf_dir_list listing;
    idf_reference *items;
    size_t n;
    size_t held_bytes, max_held_bytes; /* of pictures; over the limit they are read again */
} idf_references;

/* Reads every picture of the folder (named and decoded as idf_build_index does). Unreadable ones
 * and copies of one with the same bytes are left out and told; `note` and `progress` may be NULL.
 * No picture left is IDF_ERR_EMPTY. Release in any case. */
typedef struct idf_references_options {
    const char *dir;
    size_t max_held_bytes; /* 0: 512 MiB */
    idf_pool *pool;
    idf_progress_fn progress;
    void (*note)(void *context, const idf_note *note);
    void *context;
} idf_references_options;
idf_status idf_references_read(idf_references *refs, const idf_references_options *options,
                               idf_error *err);
void idf_references_release(idf_references *refs);

/* Makes sure that the pictures of items[which[0..n)] are held, those only if memory is short. */
idf_status idf_references_hold(idf_references *refs, const uint32_t *which, size_t n,
                               idf_pool *pool, idf_error *err);

/* How a view comes about. */
typedef enum idf_recipe {
    IDF_RECIPE_NONE,     /* the reference as it is */
    IDF_RECIPE_ORIGINAL, /* idf_augment_original */
    IDF_RECIPE_CAMERA,   /* idf_augment_frame by `camera` */
    IDF_RECIPE_MIXED,    /* views of even number by the original's, the others by the camera */
} idf_recipe;

/* n views: view views[i] of reference which[i]. */
typedef struct idf_view_list {
    idf_recipe recipe;
    idf_camera camera; /* of IDF_RECIPE_CAMERA and IDF_RECIPE_MIXED */
    uint64_t seed;
    const uint32_t *which;
    const uint64_t *views;
    size_t n;
} idf_view_list;

/* Renders all of a list of moderate length; out[i] owns its pixels after success, and all are empty
 * after a failure. */
idf_status idf_views_render(idf_references *refs, const idf_view_list *list, idf_image *out,
                            idf_pool *pool, idf_error *err);

/* Renders and encodes a list of any length, some views at a time: out is (n, dim). `progress` is
 * told of views, under the word `stage`; it may be NULL. */
typedef struct idf_view_encoding {
    const idf_encoder *encoder;
    idf_pool *pool;
    idf_progress_fn progress;
    void *context;
    const char *stage;
} idf_view_encoding;
idf_status idf_views_encode(idf_references *refs, const idf_view_list *list,
                            const idf_view_encoding *how, float *out, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
