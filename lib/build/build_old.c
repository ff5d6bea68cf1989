/* build_old.c - what the index that stands at the target knows already.
 *
 * A picture whose name, size and time are unchanged keeps its row without being read; one whose
 * bytes hash to a known row (renamed, touched, copied) keeps that row's vector and features. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "build/build_parts.h"

/* An index from before they were kept has older features, too. */
static bool has_pictures(const idf_index *index) {
    for (size_t i = 0; i < idf_index_n_rows(index); i++) {
        idf_index_row row;
        idf_index_get_row(index, i, &row);
        if (row.picture == NULL)
            return false;
    }
    return true;
}

/* Opens the index at the target when its rows can be taken over. */
idf_status idf_build_open_old(idf_build *b, idf_error *err) {
    idf_file_stat stat;
    if (b->options->rebuild || idf_file_get_stat(&stat, b->options->out_path, NULL) != IDF_OK)
        return IDF_OK;
    idf_error why = IDF_ERROR_INIT;
    idf_status status = idf_index_open(&b->old, b->options->out_path, &why);
    if (status != IDF_OK)
        return idf_error_set(err, status,
                             "%.700s; it will not be overwritten: name another --out, or give "
                             "--rebuild if the file may go",
                             why.message);
    const char *made_by = idf_index_encoder(b->old);
    char message[512];
    if (strcmp(made_by, idf_encoder_identity(b->encoder)) != 0 ||
        idf_index_dim(b->old) != idf_encoder_dim(b->encoder))
        snprintf(message, sizeof message, "the index was made by %.100s, this is encoder %.100s",
                 made_by[0] ? made_by : "the Python original", idf_encoder_identity(b->encoder));
    else if (!has_pictures(b->old))
        snprintf(message, sizeof message, "the index has no small pictures of its references yet");
    else
        return IDF_OK;
    idf_build_tell(b, IDF_NOTE_REBUILD, b->options->out_path, NULL, message);
    idf_index_free(b->old);
    b->old = NULL;
    return IDF_OK;
}

/* The old row of this file name, SIZE_MAX when there is none; rows are sorted by file name. */
static size_t old_row_of(const idf_build *b, const char *filename) {
    size_t low = 0, high = b->old == NULL ? 0 : idf_index_n_rows(b->old);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(idf_index_filename(b->old, mid), filename);
        if (order == 0)
            return mid;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return SIZE_MAX;
}

void idf_build_take_over(idf_build *b, idf_build_item *it, size_t old_row) {
    idf_index_get_row(b->old, old_row, &it->row);
    memcpy(it->sha256, it->row.sha256, 32);
    it->hashed = true;
    it->state = ITEM_KEPT;
}

static bool is_hash(const uint8_t sha256[32]) {
    static const uint8_t zero[32];
    return memcmp(sha256, zero, 32) != 0;
}

/* Marks what is unchanged by name, size and time. */
idf_status idf_build_compare(idf_build *b, idf_error *err) {
    for (size_t i = 0; i < b->n_items; i++) {
        idf_build_item *it = &b->items[i];
        char *path = idf_path_join(b->options->refs_dir, it->filename);
        if (path == NULL)
            return idf_build_no_memory(err);
        idf_file_get_stat(&it->stat, path, NULL); /* a failure shows when the file is read */
        idf_free(path);
        size_t old_row = old_row_of(b, it->filename);
        if (old_row != SIZE_MAX) {
            idf_index_row row;
            idf_index_get_row(b->old, old_row, &row);
            it->replaces = true;
            if (it->stat.is_file && is_hash(row.sha256) && row.size_bytes == it->stat.size_bytes &&
                row.mtime_ns == it->stat.mtime_ns)
                idf_build_take_over(b, it, old_row);
        }
        if (it->state == ITEM_NEW)
            b->todo[b->n_todo++] = i;
    }
    return IDF_OK;
}

int idf_build_order_hashes(const void *a, const void *b) {
    const idf_build_hash *x = a, *y = b;
    int order = memcmp(x->sha256, y->sha256, 32);
    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

idf_status idf_build_sort_old(idf_build *b, idf_error *err) {
    if (b->old == NULL || b->n_todo == 0)
        return IDF_OK;
    size_t n = idf_index_n_rows(b->old);
    idf_build_hash *keys = idf_alloc(n, sizeof *keys);
    b->old_by_hash = idf_alloc(n, sizeof *b->old_by_hash);
    if (keys == NULL || b->old_by_hash == NULL) {
        idf_free(keys);
        return idf_build_no_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        idf_index_row row;
        idf_index_get_row(b->old, i, &row);
        memcpy(keys[i].sha256, row.sha256, 32);
        keys[i].at = i;
    }
    qsort(keys, n, sizeof *keys, idf_build_order_hashes);
    for (size_t i = 0; i < n; i++)
        b->old_by_hash[i] = keys[i].at;
    idf_free(keys);
    return IDF_OK;
}

/* A row of the old index with the bytes of this item, SIZE_MAX when there is none. */
size_t idf_build_old_row(const idf_build *b, const idf_build_item *it) {
    size_t low = 0, high = b->old == NULL ? 0 : idf_index_n_rows(b->old);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        idf_index_row row;
        idf_index_get_row(b->old, b->old_by_hash[mid], &row);
        int order = memcmp(row.sha256, it->sha256, 32);
        if (order == 0)
            return b->old_by_hash[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return SIZE_MAX;
}
