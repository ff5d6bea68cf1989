/* build_old.c - what the index that stands at the target knows already.
 *
 * A picture whose name, size and time are unchanged keeps its row without being read; one whose
 * bytes hash to a known row (renamed, touched, copied) keeps that row's vector and features. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "build/build_parts.h"
#include "index/part.h"
#include "model/head.h"

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

static const char *projection_of(const idf_build *b) {
    return b->encoder->head == NULL ? "" : b->encoder->head->sha256;
}

/* Whether vectors of that making can stand beside those of this build. */
static bool fits(const idf_build *b, const char *encoder, int dim) {
    return strcmp(encoder == NULL ? "" : encoder, idf_encoder_identity(b->encoder)) == 0 &&
           dim == idf_encoder_dim(b->encoder);
}

static idf_status open_target(idf_build *b, idf_error *err) {
    idf_error why = IDF_ERROR_INIT;
    idf_index **old = &b->old[OLD_TARGET].index;
    idf_status status = idf_index_open(old, b->options->out_path, &why);
    if (status == IDF_ERR_NO_MEMORY || status == IDF_ERR_IO) /* says nothing of the file */
        return idf_error_set(err, status, "%.900s", why.message);
    if (status != IDF_OK) {
        idf_error_set(err, status, "%.900s; it will not be overwritten", why.message);
        if (err != NULL)
            err->advice = IDF_ADVICE_SPARE_TARGET;
        return status;
    }
    const char *made_by = idf_index_encoder(*old);
    char message[512];
    if (!fits(b, made_by, idf_index_dim(*old)))
        snprintf(message, sizeof message, "the index was made by %.100s, this is encoder %.100s",
                 made_by[0] ? made_by : "the Python original", idf_encoder_identity(b->encoder));
    else if (!has_pictures(*old))
        snprintf(message, sizeof message, "the index has no small pictures of its references yet");
    else
        return IDF_OK;
    idf_build_tell(b, IDF_NOTE_REBUILD, b->options->out_path, NULL, message);
    idf_index_free(*old);
    *old = NULL;
    return IDF_OK;
}

/* What all segments of a folder share, as far as it is known before the end. */
static idf_status begin_store(idf_build *b, idf_error *err) {
    const idf_head *h = b->encoder->head;
    const idf_index_head head =
        h == NULL ? (idf_index_head){0}
                  : (idf_index_head){h->in, h->hidden, h->out, h->params, h->n_params};
    const idf_index_meta meta = {.encoder = idf_encoder_identity(b->encoder),
                                 .projection = projection_of(b),
                                 .head = h == NULL ? NULL : &head,
                                 .refs_dir = b->refs_dir};
    if (b->old[OLD_TARGET].index == NULL)
        idf_store_clear(b->store);
    return idf_store_set_meta(b->store, &meta, idf_encoder_dim(b->encoder), err);
}

/* Opens the segments that a build which was not finished has left, as an index. */
static idf_status open_begun(idf_build *b, idf_error *err) {
    idf_manifest next;
    size_t first = idf_store_manifest(b->store)->n_segments, n = 0;
    idf_status status = IDF_OK;
    idf_store_read_checkpoint(b->store, &next);
    bool usable = next.n_segments > 0 &&
                  fits(b, json_string_value(json_object_get(next.meta, "encoder")), next.dim);
    if (usable && !b->options->rebuild)
        status = idf_store_adopt(b->store, &next, err);
    idf_manifest_release(&next);
    size_t end = idf_store_manifest(b->store)->n_segments;
    idf_index_part **parts = idf_alloc_zero(end - first + 1, sizeof(idf_index_part *));
    const uint8_t **none = idf_alloc_zero(end - first + 1, sizeof(uint8_t *));
    if (status == IDF_OK && (parts == NULL || none == NULL))
        status = idf_build_no_memory(err);
    for (; status == IDF_OK && first + n < end; n += status == IDF_OK)
        status = idf_store_open_segment(b->store, first + n, &parts[n], err);
    if (status == IDF_OK && n > 0)
        status = idf_index_of_parts(&b->old[OLD_BEGUN].index, parts, none, n, err);
    b->old[OLD_BEGUN].first_segment = (uint32_t)first;
    for (size_t i = 0; i < n; i++)
        idf_index_part_free(parts[i]);
    idf_free(parts);
    idf_free(none);
    return status;
}

/* "NAME.npz.building"; NULL when out of memory. */
static char *path_aside(const idf_build *b) {
    size_t n = strlen(b->options->out_path) + sizeof ".building";
    char *path = idf_alloc(n, 1);
    if (path != NULL)
        snprintf(path, n, "%s.building", b->options->out_path);
    return path;
}

idf_status idf_build_open_aside(idf_build *b, idf_error *err) {
    char *path = path_aside(b);
    idf_status status = path == NULL ? idf_build_no_memory(err)
                                     : idf_store_open(&b->store, path, IDF_STORE_ANEW, err);
    b->aside = true;
    idf_free(path);
    return status == IDF_OK ? begin_store(b, err) : status;
}

/* Goes on with what a build of a file that was not finished has left. */
static idf_status resume_aside(idf_build *b, idf_error *err) {
    idf_file_stat stat;
    char *path = path_aside(b);
    if (path == NULL)
        return idf_build_no_memory(err);
    bool there = idf_file_get_stat(&stat, path, NULL) == IDF_OK && stat.is_dir;
    idf_free(path);
    if (!there)
        return IDF_OK;
    idf_status status = idf_build_open_aside(b, err);
    return status == IDF_OK ? open_begun(b, err) : status;
}

idf_status idf_build_open_old(idf_build *b, idf_error *err) {
    const idf_build_options *o = b->options;
    idf_file_stat stat;
    if (idf_index_is_folder(o->out_path)) {
        idf_status status = idf_store_open(&b->store, o->out_path,
                                           o->rebuild ? IDF_STORE_ANEW : IDF_STORE_CREATE, err);
        if (status == IDF_OK && !o->rebuild && idf_store_manifest(b->store)->meta != NULL)
            status = open_target(b, err);
        if (status == IDF_OK)
            status = begin_store(b, err);
        return status == IDF_OK ? open_begun(b, err) : status;
    }
    idf_status status = idf_index_lock(&b->lock, o->out_path, err);
    if (status == IDF_OK && !o->rebuild && idf_file_get_stat(&stat, o->out_path, NULL) == IDF_OK)
        status = open_target(b, err);
    return status == IDF_OK ? resume_aside(b, err) : status;
}

/* The row of this file name, SIZE_MAX when there is none; rows are sorted by file name. */
static size_t row_of(const idf_index *index, const char *filename) {
    size_t low = 0, high = index == NULL ? 0 : idf_index_n_rows(index);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(idf_index_filename(index, mid), filename);
        if (order == 0)
            return mid;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return SIZE_MAX;
}

static void take_over(idf_build *b, idf_build_item *it, const idf_build_source *old, size_t row) {
    idf_index_get_row(old->index, row, &it->row);
    memcpy(it->sha256, it->row.sha256, 32);
    it->hashed = true;
    it->state = ITEM_KEPT;
    it->begun = old == &b->old[OLD_BEGUN];
    if (b->store != NULL && !b->aside) {
        idf_index_place place = idf_index_place_of(old->index, row);
        it->segment = old->first_segment + place.part;
        it->segment_row = place.row;
    }
}

static bool is_hash(const uint8_t sha256[32]) {
    static const uint8_t zero[32];
    return memcmp(sha256, zero, 32) != 0;
}

/* Takes over the row of the same name, size and time. */
static void compare_item(idf_build *b, idf_build_item *it) {
    for (int i = 0; i < N_OLD && it->state == ITEM_NEW; i++) {
        idf_index_row row;
        size_t at = row_of(b->old[i].index, it->filename);
        if (at == SIZE_MAX)
            continue;
        idf_index_get_row(b->old[i].index, at, &row);
        it->replaces = it->replaces || i == OLD_TARGET;
        if (it->stat.is_file && is_hash(row.sha256) && row.size_bytes == it->stat.size_bytes &&
            row.mtime_ns == it->stat.mtime_ns)
            take_over(b, it, &b->old[i], at);
    }
}

/* What lies on a ground is known without it, and whether it still is one depends on all that there
 * is: when anything has changed, the whole pictures are looked at once more. */
static void see_grounds_again(idf_build *b) {
    size_t n_kept = 0;
    for (size_t i = 0; i < b->n_items; i++)
        n_kept += b->items[i].state == ITEM_KEPT && !b->items[i].begun;
    const idf_index *old = b->old[OLD_TARGET].index;
    b->changed = n_kept < b->n_items || old == NULL || n_kept != idf_index_n_rows(old) ||
                 idf_index_meta_number(old, "on_ground", -1) < 0;
    for (size_t i = 0; i < b->n_items && b->changed; i++) {
        idf_build_item *it = &b->items[i];
        if (it->state == ITEM_KEPT && idf_index_row_is_cropped(&it->row)) {
            it->state = ITEM_NEW;
            it->segment = NO_SEGMENT;
            memset(&it->row, 0, sizeof it->row);
        }
    }
}

idf_status idf_build_compare(idf_build *b, idf_error *err) {
    for (size_t i = 0; i < b->n_items; i++) {
        idf_build_item *it = &b->items[i];
        char *path = idf_path_join(b->options->refs_dir, it->filename);
        if (path == NULL)
            return idf_build_no_memory(err);
        idf_file_get_stat(&it->stat, path, NULL); /* a failure shows when the file is read */
        idf_free(path);
        compare_item(b, it);
    }
    see_grounds_again(b);
    for (size_t i = 0; i < b->n_items; i++)
        if (b->items[i].state == ITEM_NEW)
            b->todo[b->n_todo++] = i;
    return IDF_OK;
}

int idf_build_order_hashes(const void *a, const void *b) {
    const idf_build_hash *x = a, *y = b;
    int order = memcmp(x->sha256, y->sha256, 32);
    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

static idf_status sort_source(idf_build_source *old, idf_error *err) {
    size_t n = idf_index_n_rows(old->index);
    idf_build_hash *keys = idf_alloc(n, sizeof *keys);
    old->by_hash = idf_alloc(n, sizeof *old->by_hash);
    if (keys == NULL || old->by_hash == NULL) {
        idf_free(keys);
        return idf_build_no_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        idf_index_row row;
        idf_index_get_row(old->index, i, &row);
        memcpy(keys[i].sha256, row.sha256, 32);
        keys[i].at = i;
    }
    qsort(keys, n, sizeof *keys, idf_build_order_hashes);
    for (size_t i = 0; i < n; i++)
        old->by_hash[i] = keys[i].at;
    idf_free(keys);
    return IDF_OK;
}

idf_status idf_build_sort_old(idf_build *b, idf_error *err) {
    idf_status status = IDF_OK;
    for (int i = 0; i < N_OLD && b->n_todo > 0 && status == IDF_OK; i++)
        if (b->old[i].index != NULL)
            status = sort_source(&b->old[i], err);
    return status;
}

/* A row with these bytes, SIZE_MAX when there is none. */
static size_t row_by_hash(const idf_build_source *old, const uint8_t sha256[32]) {
    size_t low = 0, high = old->index == NULL ? 0 : idf_index_n_rows(old->index);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        idf_index_row row;
        idf_index_get_row(old->index, old->by_hash[mid], &row);
        int order = memcmp(row.sha256, sha256, 32);
        if (order == 0)
            return old->by_hash[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return SIZE_MAX;
}

bool idf_build_take_known(idf_build *b, idf_build_item *it) {
    for (int i = 0; i < N_OLD; i++) {
        size_t row = row_by_hash(&b->old[i], it->sha256);
        idf_index_row known;
        if (row == SIZE_MAX)
            continue;
        idf_index_get_row(b->old[i].index, row, &known);
        if (!idf_index_row_is_cropped(&known)) {
            take_over(b, it, &b->old[i], row);
            return true;
        }
    }
    return false;
}
