/* references.c - reads the pictures of a folder and holds as many as memory allows. */
#include "train/references.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"
#include "build/builder.h"
#include "image/image.h"
#include "image/resize.h"

enum { CHUNK = 64 };

static const size_t DEFAULT_HELD_BYTES = (size_t)512 << 20;

/* Reading some of the items. */
typedef struct reading {
    idf_references *refs;
    const uint32_t *which; /* NULL: items first, first + 1 ... */
    size_t first;
    idf_error *errors; /* of each */
} reading;

static size_t picture_bytes(const idf_image *image) {
    return image->stride_bytes * (size_t)image->height;
}

/* Shrinks so that the longer side is IDF_REFERENCE_SIDE at most. */
static idf_status shrink(idf_image *image, idf_error *err) {
    int longer = image->width > image->height ? image->width : image->height;
    if (longer <= IDF_REFERENCE_SIDE)
        return IDF_OK;
    double scale = (double)IDF_REFERENCE_SIDE / longer;
    int width = (int)(image->width * scale + 0.5), height = (int)(image->height * scale + 0.5);
    idf_image small;
    idf_status status = idf_image_resize(&small, image, width > 0 ? width : 1,
                                         height > 0 ? height : 1, IDF_FILTER_BICUBIC, NULL, err);
    if (status == IDF_OK) {
        idf_image_release(image);
        *image = small;
    }
    return status;
}

static idf_status read_one(idf_references *refs, idf_reference *item, idf_error *err) {
    const idf_decode_options decode = {.target_side = IDF_REFERENCE_SIDE};
    idf_bytes bytes = {0};
    char *path = idf_path_join(refs->dir, item->filename);
    idf_status status =
        path == NULL ? idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while reading pictures")
                     : idf_file_read(&bytes, path, IDF_PICTURE_MAX_BYTES, err);
    if (status == IDF_OK) {
        idf_sha256(item->sha256, bytes.data, bytes.len);
        status = idf_image_read_memory(&item->picture, bytes.data, bytes.len, &decode, NULL, err);
    }
    if (status == IDF_OK)
        status = shrink(&item->picture, err);
    if (status != IDF_OK)
        idf_image_release(&item->picture);
    idf_bytes_release(&bytes);
    idf_free(path);
    return status;
}

static void read_task(void *context, size_t task, int worker) {
    (void)worker;
    const reading *r = context;
    idf_reference *item = &r->refs->items[r->which != NULL ? r->which[task] : r->first + task];
    idf_error *err = &r->errors[task];
    err->status = IDF_OK;
    if (item->picture.pixels == NULL)
        read_one(r->refs, item, err);
}

static void let_go(idf_references *refs, idf_reference *item) {
    if (item->picture.pixels != NULL)
        refs->held_bytes -= picture_bytes(&item->picture);
    idf_image_release(&item->picture);
}

static void tell(const idf_references_options *o, idf_note_kind kind, const char *filename,
                 const char *other, const char *message) {
    idf_note note = {kind, filename, other, message};
    if (o->note != NULL)
        o->note(o->context, &note);
}

static idf_status list_pictures(idf_references *refs, idf_error *err) {
    idf_status status = idf_dir_list_read(&refs->listing, refs->dir, err);
    if (status != IDF_OK)
        return status;
    refs->items = idf_alloc_zero(refs->listing.n, sizeof *refs->items);
    if (refs->items == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while reading pictures");
    for (size_t i = 0; i < refs->listing.n; i++)
        if (idf_is_picture_name(refs->listing.names[i]))
            refs->items[refs->n++].filename = refs->listing.names[i];
    return IDF_OK;
}

/* Reads all items, chunk by chunk; errors[i] says what became of item i. */
static idf_status read_all(idf_references *refs, const idf_references_options *o, idf_error *errors,
                           idf_error *err) {
    double started = idf_clock_seconds();
    for (size_t at = 0; at < refs->n; at += CHUNK) {
        size_t n = refs->n - at < CHUNK ? refs->n - at : CHUNK;
        reading r = {refs, NULL, at, errors + at};
        idf_pool_for(o->pool, n, read_task, &r);
        for (size_t i = at; i < at + n; i++) {
            if (errors[i].status == IDF_ERR_NO_MEMORY)
                return idf_error_set(err, IDF_ERR_NO_MEMORY, "%s", errors[i].message);
            if (refs->items[i].picture.pixels != NULL)
                refs->held_bytes += picture_bytes(&refs->items[i].picture);
            if (refs->held_bytes > refs->max_held_bytes)
                let_go(refs, &refs->items[i]);
        }
        idf_progress progress = {"read", at + n, refs->n, idf_clock_seconds() - started};
        if (o->progress != NULL && !o->progress(o->context, &progress))
            return idf_error_set(err, IDF_ERR_CANCELLED, "stopped while reading the references");
    }
    return IDF_OK;
}

/* The earlier item with the same bytes, NULL when there is none. */
static const idf_reference *copy_of(const idf_references *refs, size_t n,
                                    const uint8_t sha256[32]) {
    for (size_t i = 0; i < n; i++)
        if (memcmp(refs->items[i].sha256, sha256, 32) == 0)
            return &refs->items[i];
    return NULL;
}

/* Takes out what could not be read and what is there already. */
static void keep_good(idf_references *refs, const idf_references_options *o,
                      const idf_error *errors) {
    size_t n = 0;
    for (size_t i = 0; i < refs->n; i++) {
        idf_reference *item = &refs->items[i];
        const idf_reference *first =
            errors[i].status == IDF_OK ? copy_of(refs, n, item->sha256) : NULL;
        if (errors[i].status != IDF_OK)
            tell(o, IDF_NOTE_UNREADABLE, item->filename, NULL, errors[i].message);
        else if (first != NULL)
            tell(o, IDF_NOTE_DUPLICATE, item->filename, first->filename, "it is left out");
        if (errors[i].status == IDF_OK && first == NULL) {
            idf_reference kept = *item;
            refs->items[n++] = kept;
        } else {
            let_go(refs, item);
        }
    }
    refs->n = n;
}

idf_status idf_references_read(idf_references *refs, const idf_references_options *o,
                               idf_error *err) {
    char shown[600];
    memset(refs, 0, sizeof *refs);
    refs->dir = o->dir;
    refs->max_held_bytes = o->max_held_bytes > 0 ? o->max_held_bytes : DEFAULT_HELD_BYTES;
    idf_status status = list_pictures(refs, err);
    if (status != IDF_OK)
        return status;
    size_t n_found = refs->n;
    idf_error *errors = idf_alloc_zero(n_found, sizeof *errors);
    if (errors == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while reading pictures");
    status = read_all(refs, o, errors, err);
    if (status == IDF_OK)
        keep_good(refs, o, errors);
    idf_free(errors);
    if (status == IDF_OK && refs->n == 0)
        status = idf_error_set(err, IDF_ERR_EMPTY, "%s in '%s'",
                               n_found == 0 ? "there are no pictures" : "no picture can be read",
                               idf_text_printable(shown, sizeof shown, o->dir));
    return status;
}

void idf_references_release(idf_references *refs) {
    for (size_t i = 0; refs->items != NULL && i < refs->n; i++)
        idf_image_release(&refs->items[i].picture);
    idf_free(refs->items);
    idf_dir_list_release(&refs->listing);
    memset(refs, 0, sizeof *refs);
}

static bool is_among(const uint32_t *which, size_t n, size_t item) {
    for (size_t i = 0; i < n; i++)
        if (which[i] == item)
            return true;
    return false;
}

/* The different ones of which[0..n) that are not held, in out; returns their number. */
static size_t find_missing(const idf_references *refs, const uint32_t *which, size_t n,
                           uint32_t *out) {
    size_t n_missing = 0;
    for (size_t i = 0; i < n; i++)
        if (refs->items[which[i]].picture.pixels == NULL && !is_among(out, n_missing, which[i]))
            out[n_missing++] = which[i];
    return n_missing;
}

idf_status idf_references_hold(idf_references *refs, const uint32_t *which, size_t n,
                               idf_pool *pool, idf_error *err) {
    if (refs->held_bytes > refs->max_held_bytes)
        for (size_t i = 0; i < refs->n; i++)
            if (!is_among(which, n, i))
                let_go(refs, &refs->items[i]);
    uint32_t *missing = idf_alloc(n, sizeof *missing);
    idf_error *errors = idf_alloc_zero(n, sizeof *errors);
    idf_status status = IDF_OK;
    if (missing != NULL && errors != NULL) {
        size_t n_missing = find_missing(refs, which, n, missing);
        reading r = {refs, missing, 0, errors};
        idf_pool_for(pool, n_missing, read_task, &r);
        for (size_t i = 0; i < n_missing; i++) {
            if (errors[i].status == IDF_OK)
                refs->held_bytes += picture_bytes(&refs->items[missing[i]].picture);
            else if (status == IDF_OK)
                status = idf_error_set(err, errors[i].status, "%s", errors[i].message);
        }
    } else {
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while reading pictures");
    }
    idf_free(missing);
    idf_free(errors);
    return status;
}
