/* writer_target.c - the two forms of an index behind one writer. */
#include "build/writer_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/lock.h"
#include "index/store.h"
#include "model/encoder.h"

struct idf_writer_target {
    char *path;
    idf_store *store; /* a folder; or NULL, and for a file: */
    idf_lock *lock;
    idf_index *index;
    bool *gone; /* of each row */
    uint64_t bytes_written;
};

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while changing an index");
}

static idf_status open_file(idf_writer_target *t, idf_error *err) {
    idf_index_free(t->index);
    idf_free(t->gone);
    t->gone = NULL;
    idf_status status = idf_index_open(&t->index, t->path, err);
    if (status == IDF_OK) {
        t->gone = idf_alloc_zero(idf_index_n_rows(t->index), sizeof *t->gone);
        if (t->gone == NULL)
            status = no_memory(err);
    }
    return status;
}

idf_status idf_writer_target_open(idf_writer_target **out, const char *path, idf_error *err) {
    idf_writer_target *t = idf_alloc_zero(1, sizeof *t);
    *out = NULL;
    if (t == NULL)
        return no_memory(err);
    t->path = idf_strdup(path);
    idf_status status = t->path == NULL ? no_memory(err) : IDF_OK;
    if (status == IDF_OK && idf_index_is_folder(path)) {
        status = idf_store_open(&t->store, path, IDF_STORE_CHANGE, err);
    } else if (status == IDF_OK) {
        status = idf_index_lock(&t->lock, path, err);
        if (status == IDF_OK)
            status = open_file(t, err);
    }
    if (status != IDF_OK) {
        idf_writer_target_close(t);
        return status;
    }
    *out = t;
    return IDF_OK;
}

void idf_writer_target_close(idf_writer_target *t) {
    if (t == NULL)
        return;
    idf_store_close(t->store);
    idf_index_free(t->index);
    idf_free(t->gone);
    idf_lock_release(t->lock);
    idf_free(t->path);
    idf_free(t);
}

idf_status idf_writer_target_check(const idf_writer_target *t, const idf_encoder *encoder,
                                   idf_error *err) {
    const idf_manifest *m = t->store == NULL ? NULL : idf_store_manifest(t->store);
    const char *made_by = m == NULL ? idf_index_encoder(t->index)
                                    : json_string_value(json_object_get(m->meta, "encoder"));
    int dim = m == NULL ? idf_index_dim(t->index) : m->dim;
    if (made_by != NULL && strcmp(made_by, encoder->identity) == 0 && dim == encoder->dim)
        return IDF_OK;
    return idf_error_set(err, IDF_ERR_MISMATCH,
                         "the index was made by %.200s, not by encoder %s: nothing can be added "
                         "with this encoder",
                         made_by == NULL || made_by[0] == '\0' ? "the Python original" : made_by,
                         encoder->identity);
}

idf_status idf_writer_target_delete(idf_writer_target *t, const char *filename, bool *found,
                                    idf_error *err) {
    *found = false;
    if (t->store != NULL)
        return idf_store_delete_named(t->store, filename, found, err);
    for (size_t i = 0; i < idf_index_n_rows(t->index); i++)
        if (!t->gone[i] && strcmp(idf_index_filename(t->index, i), filename) == 0)
            *found = t->gone[i] = true;
    return IDF_OK;
}

/* What has changed since the thresholds were chosen, as a JSON object's text. */
/* What of the meta data does not hold any more: whether there is a common ground is looked for
 * again by the next build. */
static void count_changes(double before, bool calibrated, size_t n, char out[64]) {
    if (calibrated)
        snprintf(out, 64, "{\"calibration_changes\":%.0f,\"on_ground\":-1}", before + (double)n);
    else
        snprintf(out, 64, "{\"on_ground\":-1}");
}

static int by_filename(const void *a, const void *b) {
    return strcmp(((const idf_index_row *)a)->filename, ((const idf_index_row *)b)->filename);
}

static idf_status commit_file(idf_writer_target *t, const idf_index_row *added, size_t n_added,
                              size_t n_changes, idf_error *err) {
    size_t n_old = idf_index_n_rows(t->index), n = 0;
    char numbers[64];
    idf_file_stat stat = {0};
    idf_index_row *rows = idf_alloc(n_old + n_added, sizeof *rows);
    if (rows == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n_old; i++)
        if (!t->gone[i])
            idf_index_get_row(t->index, i, &rows[n++]);
    for (size_t i = 0; i < n_added; i++)
        rows[n++] = added[i];
    if (n > 1)
        qsort(rows, n, sizeof *rows, by_filename);
    count_changes(idf_index_meta_number(t->index, "calibration_changes", 0),
                  idf_index_meta_number(t->index, "calibration_views", 0) > 0, n_changes, numbers);
    idf_status status = idf_index_write_like(t->index, t->path, rows, n, numbers, err);
    idf_free(rows);
    if (status != IDF_OK)
        return status;
    idf_file_get_stat(&stat, t->path, NULL);
    t->bytes_written += stat.size_bytes;
    return open_file(t, err);
}

static idf_status commit_folder(idf_writer_target *t, const idf_index_row *rows, size_t n,
                                size_t n_changes, idf_error *err) {
    const json_t *meta = idf_store_manifest(t->store)->meta;
    char numbers[64];
    count_changes(json_number_value(json_object_get(meta, "calibration_changes")),
                  json_number_value(json_object_get(meta, "calibration_views")) > 0, n_changes,
                  numbers);
    json_t *object = json_loads(numbers, 0, NULL);
    idf_status status = object == NULL ? no_memory(err) : IDF_OK;
    if (status == IDF_OK && n > 0)
        status = idf_store_add(t->store, rows, n, NULL, err);
    bool added = status == IDF_OK && n > 0;
    if (status == IDF_OK)
        status = idf_store_put_numbers(t->store, object, err);
    if (status == IDF_OK)
        status = idf_store_commit(t->store, err);
    if (status != IDF_OK && added) /* they wait for another try */
        idf_store_drop(t->store, idf_store_manifest(t->store)->n_segments - 1);
    json_decref(object);
    return status;
}

idf_status idf_writer_target_commit(idf_writer_target *t, const idf_index_row *rows, size_t n,
                                    size_t n_changes, idf_error *err) {
    return t->store == NULL ? commit_file(t, rows, n, n_changes, err)
                            : commit_folder(t, rows, n, n_changes, err);
}

idf_status idf_writer_target_merge(idf_writer_target *t, uint64_t max_bytes, bool all,
                                   idf_error *err) {
    if (t->store == NULL)
        return IDF_OK;
    uint64_t before = idf_store_bytes_written(t->store);
    idf_status status =
        all ? idf_store_compact(t->store, NULL, err) : idf_store_merge(t->store, max_bytes, err);
    return status == IDF_OK && idf_store_bytes_written(t->store) != before
               ? idf_store_commit(t->store, err)
               : status;
}

uint64_t idf_writer_target_bytes_written(const idf_writer_target *t) {
    return t->store == NULL ? t->bytes_written : idf_store_bytes_written(t->store);
}

size_t idf_writer_target_n_rows(const idf_writer_target *t) {
    if (t->store == NULL)
        return idf_index_n_rows(t->index);
    const idf_manifest *m = idf_store_committed(t->store);
    uint64_t n = 0;
    for (size_t i = 0; i < m->n_segments; i++)
        n += m->segments[i].n_rows - m->segments[i].n_deleted;
    return (size_t)n;
}

double idf_writer_target_n_changes(const idf_writer_target *t) {
    if (t->store == NULL)
        return idf_index_meta_number(t->index, "calibration_changes", 0);
    return json_number_value(
        json_object_get(idf_store_committed(t->store)->meta, "calibration_changes"));
}
