/* writer.c - references added to an index and removed from it.
 *
 * Rows that wait for the commit lie in memory, by file name. What they replace and what is removed
 * is looked up in the file names of each segment, the only column that is read. */
#include <identify/writer.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <identify/names.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/text.h"
#include "build/builder.h"
#include "build/cutout.h"
#include "build/writer_target.h"
#include "image/image.h"
#include "local/extract.h"
#include "model/encoder.h"

/* A row that waits. */
typedef struct waiting {
    idf_index_row row; /* points into what follows */
    char *filename;
    idf_name label;
    float *embedding;
    void *features;
} waiting;

struct idf_index_writer {
    idf_writer_target *target;
    const idf_encoder *encoder;
    idf_extractor *extractor;
    idf_encoder_workspace *workspace;
    idf_cutout cutout;
    idf_bytes bytes;
    waiting **rows;
    size_t n_rows;
    size_t n_changes; /* since the last commit */
};

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while changing an index");
}

static void waiting_free(waiting *w) {
    if (w == NULL)
        return;
    idf_free(w->filename);
    idf_free(w->embedding);
    idf_free(w->features);
    idf_free(w);
}

static idf_status open_encoder(idf_index_writer *w, idf_error *err) {
    if (w->encoder == NULL)
        return IDF_OK;
    idf_status status = idf_writer_target_check(w->target, w->encoder, err);
    if (status == IDF_OK)
        status = idf_extractor_new(&w->extractor, err);
    if (status == IDF_OK)
        idf_extractor_enlarge(w->extractor, IDF_LOCAL_SMALL_REFERENCE);
    return status == IDF_OK ? w->encoder->class_->workspace_new(w->encoder, &w->workspace, err)
                            : status;
}

idf_status idf_index_writer_open(idf_index_writer **out, const char *path,
                                 const idf_encoder *encoder, idf_error *err) {
    idf_index_writer *w = idf_alloc_zero(1, sizeof *w);
    *out = NULL;
    if (w == NULL)
        return no_memory(err);
    w->encoder = encoder;
    idf_status status = idf_writer_target_open(&w->target, path, err);
    if (status == IDF_OK)
        status = open_encoder(w, err);
    if (status != IDF_OK) {
        idf_index_writer_close(w);
        return status;
    }
    *out = w;
    return IDF_OK;
}

static void forget_rows(idf_index_writer *w) {
    for (size_t i = 0; i < w->n_rows; i++)
        waiting_free(w->rows[i]);
    w->n_rows = 0;
    w->n_changes = 0;
}

void idf_index_writer_close(idf_index_writer *w) {
    if (w == NULL)
        return;
    forget_rows(w);
    idf_free(w->rows);
    idf_extractor_free(w->extractor);
    if (w->workspace != NULL)
        w->encoder->class_->workspace_free(w->workspace);
    idf_bytes_release(&w->bytes);
    idf_writer_target_close(w->target);
    idf_free(w);
}

/* --- adding --- */

static idf_status check_filename(const char *filename, idf_error *err) {
    char shown[200];
    size_t n = strlen(filename);
    if (n > 0 && n <= 255 && strchr(filename, '/') == NULL && strcmp(filename, ".") != 0 &&
        strcmp(filename, "..") != 0)
        return IDF_OK;
    return idf_error_set(err, IDF_ERR_ARGUMENT,
                         "'%s' is no name for a reference: 1 to 255 bytes without '/'",
                         idf_text_printable(shown, sizeof shown, filename));
}

static void fill_label(waiting *it, const idf_writer_picture *picture) {
    idf_name_parse(&it->label, it->filename);
    if (picture->name != NULL)
        snprintf(it->label.name, sizeof it->label.name, "%s", picture->name);
    if (picture->rarity != NULL)
        snprintf(it->label.rarity, sizeof it->label.rarity, "%s", picture->rarity);
    if (picture->set_code != NULL)
        snprintf(it->label.set_code, sizeof it->label.set_code, "%s", picture->set_code);
    it->row.filename = it->filename;
    it->row.name = it->label.name;
    it->row.rarity = it->label.rarity;
    it->row.set_code = it->label.set_code;
}

static idf_status read_bytes(idf_index_writer *w, const idf_writer_picture *picture, waiting *it,
                             idf_error *err) {
    idf_file_stat stat = {0};
    idf_bytes_clear(&w->bytes);
    if (picture->bytes != NULL) {
        it->row.size_bytes = picture->len_bytes;
        return IDF_OK;
    }
    if (picture->path == NULL)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "'%s' has neither bytes nor a path",
                             picture->filename);
    idf_status status = idf_file_get_stat(&stat, picture->path, err);
    it->row.size_bytes = stat.size_bytes;
    it->row.mtime_ns = stat.mtime_ns;
    return status == IDF_OK ? idf_file_read(&w->bytes, picture->path, IDF_PICTURE_MAX_BYTES, err)
                            : status;
}

/* Vector and features of a decoded picture. */
static idf_status encode_image(idf_index_writer *w, const idf_cutout_file *file, waiting *it,
                               idf_error *err) {
    const idf_image *image = file->image;
    idf_features found;
    bool any_surface;
    it->embedding = idf_alloc((size_t)w->encoder->dim, sizeof *it->embedding);
    idf_status status = it->embedding == NULL
                            ? no_memory(err)
                            : idf_extract(w->extractor, image, IDF_PICTURE_FEATURES, &found, err);
    const idf_encoder_input input = {image, &found};
    if (status == IDF_OK)
        status = w->encoder->class_->encode(w->encoder, w->workspace, &input, 1, it->embedding,
                                            NULL, err);
    if (status == IDF_OK)
        status = idf_cutout_see(&w->cutout, w->extractor, file, &found, &any_surface, err);
    if (status == IDF_OK)
        status = idf_build_keep(&it->features, &it->row, &found, any_surface ? image : NULL, err);
    it->row.embedding = it->embedding;
    return status;
}

static idf_status encode(idf_index_writer *w, const idf_writer_picture *picture, waiting *it,
                         idf_error *err) {
    idf_image image = {0};
    idf_image_info info;
    const idf_decode_options decode = {.target_side =
                                           w->encoder->class_->wants_features ? IDF_LOCAL_SIDE : 0};
    idf_status status = read_bytes(w, picture, it, err);
    const void *data = picture->bytes != NULL ? picture->bytes : w->bytes.data;
    size_t len = picture->bytes != NULL ? picture->len_bytes : w->bytes.len;
    if (status == IDF_OK) {
        idf_sha256(it->row.sha256, data, len);
        status = idf_image_read_memory(&image, data, len, &decode, &info, err);
    }
    const idf_cutout_file file = {data, len, &decode, &info, &image};
    if (status == IDF_OK)
        status = encode_image(w, &file, it, err);
    idf_image_release(&image);
    return status;
}

/* Where a file name is or belongs among the rows that wait. */
static size_t place_of(const idf_index_writer *w, const char *filename, bool *found) {
    size_t low = 0, high = w->n_rows;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(w->rows[mid]->filename, filename) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *found = low < w->n_rows && strcmp(w->rows[low]->filename, filename) == 0;
    return low;
}

static idf_status put(idf_index_writer *w, waiting *it, bool *replaced, idf_error *err) {
    bool waits, stored = false;
    size_t at = place_of(w, it->filename, &waits);
    waiting **grown = idf_realloc(w->rows, w->n_rows + 1, sizeof(waiting *));
    if (grown == NULL)
        return no_memory(err);
    w->rows = grown;
    idf_status status = idf_writer_target_delete(w->target, it->filename, &stored, err);
    if (status != IDF_OK)
        return status;
    if (waits) {
        waiting_free(w->rows[at]);
    } else {
        memmove(&w->rows[at + 1], &w->rows[at], (w->n_rows - at) * sizeof(waiting *));
        w->n_rows++;
    }
    w->rows[at] = it;
    w->n_changes++;
    if (replaced != NULL)
        *replaced = waits || stored;
    return IDF_OK;
}

idf_status idf_index_writer_add(idf_index_writer *w, const idf_writer_picture *picture,
                                bool *replaced, idf_error *err) {
    if (w->encoder == NULL)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "the index was opened without an encoder");
    idf_status status = check_filename(picture->filename, err);
    if (status != IDF_OK)
        return status;
    waiting *it = idf_alloc_zero(1, sizeof *it);
    if (it == NULL)
        return no_memory(err);
    it->filename = idf_strdup(picture->filename);
    if (it->filename == NULL)
        status = no_memory(err);
    else
        fill_label(it, picture);
    if (status == IDF_OK)
        status = encode(w, picture, it, err);
    if (status == IDF_OK)
        status = put(w, it, replaced, err);
    if (status != IDF_OK)
        waiting_free(it);
    return status;
}

idf_status idf_index_writer_remove(idf_index_writer *w, const char *filename, idf_error *err) {
    bool waits, stored = false;
    char shown[300];
    size_t at = place_of(w, filename, &waits);
    idf_status status = idf_writer_target_delete(w->target, filename, &stored, err);
    if (status != IDF_OK)
        return status;
    if (!waits && !stored)
        return idf_error_set(err, IDF_ERR_NOT_FOUND, "the index has no reference '%s'",
                             idf_text_printable(shown, sizeof shown, filename));
    if (waits) {
        waiting_free(w->rows[at]);
        w->n_rows--;
        memmove(&w->rows[at], &w->rows[at + 1], (w->n_rows - at) * sizeof(waiting *));
    }
    w->n_changes++;
    return IDF_OK;
}

idf_status idf_index_writer_commit(idf_index_writer *w, idf_error *err) {
    if (w->n_changes == 0)
        return IDF_OK;
    idf_index_row *rows = idf_alloc(w->n_rows, sizeof *rows);
    if (rows == NULL)
        return no_memory(err);
    for (size_t i = 0; i < w->n_rows; i++)
        rows[i] = w->rows[i]->row;
    idf_status status = idf_writer_target_commit(w->target, rows, w->n_rows, w->n_changes, err);
    if (status == IDF_OK)
        forget_rows(w);
    idf_free(rows);
    return status;
}

idf_status idf_index_writer_merge(idf_index_writer *w, uint64_t max_bytes, bool all,
                                  idf_error *err) {
    idf_status status = idf_index_writer_commit(w, err);
    return status == IDF_OK ? idf_writer_target_merge(w->target, max_bytes, all, err) : status;
}

size_t idf_index_writer_n_rows(const idf_index_writer *w) {
    return idf_writer_target_n_rows(w->target);
}

double idf_index_writer_n_changes(const idf_index_writer *w) {
    return idf_writer_target_n_changes(w->target);
}

uint64_t idf_index_writer_bytes_written(const idf_index_writer *w) {
    return idf_writer_target_bytes_written(w->target);
}

idf_status idf_index_export(const char *path, const char *out_path, idf_error *err) {
    idf_index *index;
    char shown[600];
    idf_lock *lock = NULL;
    if (idf_index_is_folder(out_path))
        return idf_error_set(err, IDF_ERR_ARGUMENT, "'%s' is a folder: one file is to be written",
                             idf_text_printable(shown, sizeof shown, out_path));
    idf_status status = idf_index_open(&index, path, err);
    if (status == IDF_OK)
        status = idf_index_lock(&lock, out_path, err);
    if (status == IDF_OK)
        status = idf_index_save_numbers(index, out_path, "{}", err);
    idf_lock_release(lock);
    idf_index_free(index);
    return status;
}
