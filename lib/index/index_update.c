/* index_update.c - the numbers of an index's meta data, changed where the index lies. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/lock.h"
#include "base/text.h"
#include "index/index_file.h"
#include "index/store.h"

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while writing an index");
}

/* The members of `meta` with those of `numbers` put over them, as text of malloc's; without what
 * idf_index_meta has fields for. */
static char *merged(const json_t *meta, const char *numbers) {
    static const char *const fields[] = {"format", "encoder", "projection", "refs_dir"};
    json_t *all = meta == NULL ? json_object() : json_copy((json_t *)meta);
    json_t *changes = json_loads(numbers, JSON_REJECT_DUPLICATES, NULL);
    char *text = NULL;
    for (size_t i = 0; all != NULL && i < sizeof fields / sizeof fields[0]; i++)
        json_object_del(all, fields[i]);
    if (all != NULL && changes != NULL && json_object_update(all, changes) == 0)
        text = json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(all);
    json_decref(changes);
    return text;
}

static void relax(const void *index) {
    idf_index_forget(index);
}

/* Writes rows with what else the index has; `same`: they are those of its file. */
static idf_status write_like(const idf_index *index, const char *path, const idf_index_row *rows,
                             size_t n, const char *numbers, bool same, idf_error *err) {
    idf_index_head head = {0};
    char *extra = merged(index->meta, numbers);
    idf_status status = extra == NULL ? no_memory(err) : idf_index_read_head(index, &head, err);
    if (status == IDF_OK) {
        const char *projection = idf_index_meta_string(index, "projection");
        const idf_index_meta meta = {.encoder = idf_index_encoder(index),
                                     .projection = projection == NULL ? "" : projection,
                                     .refs_dir = idf_index_meta_string(index, "refs_dir"),
                                     .extra_json = extra,
                                     .head = head.params == NULL ? NULL : &head,
                                     .words = {.same = same ? index : NULL},
                                     .relax = relax,
                                     .relax_context = index};
        status = idf_index_write(path, rows, n, index->dim, &meta, err);
    }
    idf_free(head.params);
    free(extra); /* jansson's */
    return status;
}

idf_status idf_index_write_like(const idf_index *index, const char *path, const idf_index_row *rows,
                                size_t n, const char *numbers, idf_error *err) {
    return write_like(index, path, rows, n, numbers, false, err);
}

idf_status idf_index_save_numbers(const idf_index *index, const char *path, const char *numbers,
                                  idf_error *err) {
    idf_index_row *rows = idf_alloc(index->n_rows, sizeof *rows);
    if (rows == NULL)
        return no_memory(err);
    for (size_t i = 0; i < index->n_rows; i++) {
        idf_index_get_row(index, i, &rows[i]);
        if (i % IDF_WORD_RELAX == IDF_WORD_RELAX - 1)
            idf_index_forget(index);
    }
    idf_status status =
        write_like(index, path, rows, index->n_rows, numbers, index->places == NULL, err);
    idf_free(rows);
    return status;
}

static bool same_text(const char *a, const char *b) {
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

/* What was measured on `measured` holds for vectors of the same making only. */
static idf_status check_same_making(const idf_index *measured, const json_t *now, const char *path,
                                    idf_error *err) {
    static const char *const keys[] = {"encoder", "projection"};
    char shown[600];
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (!same_text(idf_index_meta_string(measured, keys[i]),
                       json_string_value(json_object_get(now, keys[i]))))
            return idf_error_set(err, IDF_ERR_MISMATCH,
                                 "'%s' has been built anew with another %s meanwhile; nothing was "
                                 "changed",
                                 idf_text_printable(shown, sizeof shown, path), keys[i]);
    return IDF_OK;
}

static idf_status put_into_file(const idf_index *measured, const char *path, const char *numbers,
                                idf_error *err) {
    idf_lock *lock;
    idf_index *now = NULL;
    idf_status status = idf_index_lock(&lock, path, err);
    if (status == IDF_OK)
        status = idf_index_open(&now, path, err);
    if (status == IDF_OK)
        status = check_same_making(measured, now->meta, path, err);
    if (status == IDF_OK)
        status = idf_index_save_numbers(now, path, numbers, err);
    idf_index_free(now);
    idf_lock_release(lock);
    return status;
}

static idf_status put_into_folder(const idf_index *measured, const char *path, const char *numbers,
                                  idf_error *err) {
    idf_store *store = NULL;
    json_t *changes = json_loads(numbers, JSON_REJECT_DUPLICATES, NULL);
    idf_status status =
        changes == NULL ? no_memory(err) : idf_store_open(&store, path, IDF_STORE_CHANGE, err);
    if (status == IDF_OK)
        status = check_same_making(measured, idf_store_manifest(store)->meta, path, err);
    if (status == IDF_OK)
        status = idf_store_put_numbers(store, changes, err);
    if (status == IDF_OK)
        status = idf_store_commit(store, err);
    idf_store_close(store);
    json_decref(changes);
    return status;
}

idf_status idf_index_put_numbers(const idf_index *measured, const char *path, const char *numbers,
                                 idf_error *err) {
    return idf_index_is_folder(path) ? put_into_folder(measured, path, numbers, err)
                                     : put_into_file(measured, path, numbers, err);
}
