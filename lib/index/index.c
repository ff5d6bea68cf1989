/* index.c - an index: parts, and the rows of them that count. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "index/index_file.h"

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while opening an index");
}

/* The index of one part, which it takes over, a failure included. */
static idf_status index_of_part(idf_index **out, idf_index_part *part, idf_error *err) {
    idf_index *index = idf_alloc_zero(1, sizeof *index);
    idf_index_member *member = idf_alloc_zero(1, sizeof *member);
    *out = NULL;
    if (index == NULL || member == NULL) {
        idf_free(index);
        idf_free(member);
        idf_index_part_free(part);
        return no_memory(err);
    }
    member->part = part;
    *index = (idf_index){.members = member,
                         .n_members = 1,
                         .n_rows = part->n_rows,
                         .dim = part->dim,
                         .meta = json_incref(part->meta),
                         .meta_text = part->meta_text};
    *out = index;
    return IDF_OK;
}

idf_status idf_index_open_memory(idf_index **out, const void *bytes, size_t len, idf_error *err) {
    idf_index_part *part;
    *out = NULL;
    idf_status status = idf_index_part_open_memory(&part, bytes, len, err);
    return status == IDF_OK ? index_of_part(out, part, err) : status;
}

idf_status idf_index_of_parts(idf_index **out, idf_index_part *const *parts,
                              const uint8_t *const *deleted, size_t n, idf_error *err) {
    idf_index *index = idf_alloc_zero(1, sizeof *index);
    *out = NULL;
    if (index == NULL)
        return no_memory(err);
    index->meta_text = "{}";
    index->members = idf_alloc_zero(n, sizeof *index->members);
    idf_status status = index->members == NULL ? no_memory(err) : IDF_OK;
    for (size_t i = 0; i < n && status == IDF_OK; i++) {
        index->members[i].part = idf_index_part_share(parts[i]);
        index->n_members++;
        index->dim = parts[i]->dim;
    }
    if (status == IDF_OK)
        status = idf_index_arrange(index, deleted, err);
    if (status != IDF_OK) {
        idf_index_free(index);
        return status;
    }
    *out = index;
    return IDF_OK;
}

static idf_status open_file(idf_index **out, const char *path, idf_error *err) {
    idf_index_part *part;
    idf_file_stat stat;
    *out = NULL;
    idf_status status = idf_file_get_stat(&stat, path, NULL); /* before it is opened: if it is */
    status = idf_index_part_open(&part, path, err);           /* replaced now, refresh sees that */
    if (status == IDF_OK)
        status = index_of_part(out, part, err);
    if (status != IDF_OK)
        return status;
    (*out)->stat = stat;
    (*out)->path = idf_strdup(path);
    if ((*out)->path != NULL)
        return IDF_OK;
    idf_index_free(*out);
    *out = NULL;
    return no_memory(err);
}

idf_status idf_index_open_like(idf_index **out, const char *path, const idf_index *known,
                               const idf_index_open_options *options, idf_error *err) {
    idf_file_stat stat;
    bool is_dir = idf_file_get_stat(&stat, path, NULL) == IDF_OK && stat.is_dir;
    return is_dir ? idf_index_open_folder(out, path, known, options, err)
                  : open_file(out, path, err);
}

idf_status idf_index_open_with(idf_index **out, const char *path,
                               const idf_index_open_options *options, idf_error *err) {
    return idf_index_open_like(out, path, NULL, options, err);
}

idf_status idf_index_open(idf_index **out, const char *path, idf_error *err) {
    return idf_index_open_with(out, path, NULL, err);
}

idf_status idf_index_check_files(const idf_index *index, idf_error *err) {
    idf_status status = index->shared == NULL ? IDF_OK : idf_map_check(&index->shared->map, err);
    for (size_t i = 0; i < index->n_members && status == IDF_OK; i++)
        status = idf_map_check(&index->members[i].part->map, err);
    return status;
}

static idf_status refresh_folder(idf_index **fresh, const idf_index *index, idf_error *err) {
    idf_status status = idf_index_open_folder(fresh, index->path, index, NULL, err);
    bool same = status == IDF_OK && (*fresh)->generation == index->generation &&
                (*fresh)->n_members == index->n_members;
    for (size_t i = 0; same && i < index->n_members; i++)
        same = (*fresh)->members[i].part == index->members[i].part;
    if (same) {
        idf_index_free(*fresh);
        *fresh = NULL;
    }
    return status;
}

idf_status idf_index_refresh(idf_index **fresh, const idf_index *index, idf_error *err) {
    idf_file_stat stat;
    *fresh = NULL;
    if (index->path == NULL)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "the index was not opened from a path");
    idf_status status = idf_file_get_stat(&stat, index->path, err);
    if (status != IDF_OK)
        return status;
    if (stat.is_dir)
        return refresh_folder(fresh, index, err);
    if (stat.size_bytes == index->stat.size_bytes && stat.mtime_ns == index->stat.mtime_ns &&
        stat.device == index->stat.device && stat.inode == index->stat.inode)
        return IDF_OK;
    return open_file(fresh, index->path, err);
}

idf_index *idf_index_retain(idf_index *index) {
    atomic_fetch_add(&index->n_more, 1);
    return index;
}

void idf_index_free(idf_index *index) {
    if (index == NULL || atomic_fetch_sub(&index->n_more, 1) > 0)
        return;
    for (size_t i = 0; i < index->n_members; i++) {
        idf_index_part_free(index->members[i].part);
        idf_free(index->members[i].rows);
    }
    idf_index_part_free(index->shared);
    idf_index_part_free(index->words);
    idf_free(index->members);
    idf_free(index->places);
    idf_free(index->path);
    json_decref(index->meta);
    free(index->owned_meta_text); /* jansson's */
    idf_free(index);
}

idf_status idf_index_check(const idf_index *index, idf_error *err) {
    idf_status status = IDF_OK;
    for (size_t i = 0; i < index->n_members && status == IDF_OK; i++) {
        const idf_index_member *member = &index->members[i];
        status = idf_index_part_check(member->part, err);
        if (status != IDF_OK && member->file[0] != '\0')
            status = idf_error_prefix(err, status, member->file);
    }
    if (status == IDF_OK && index->words != NULL)
        status = idf_index_part_check(index->words, err);
    return status == IDF_OK && index->shared != NULL ? idf_index_part_check(index->shared, err)
                                                     : status;
}

void idf_index_warm(const idf_index *index, size_t max_bytes) {
    if (index->words != NULL)
        max_bytes -= idf_index_part_warm(index->words, max_bytes);
    for (size_t i = 0; i < index->n_members; i++)
        max_bytes -= idf_index_part_warm(index->members[i].part, max_bytes);
}

void idf_index_forget(const idf_index *index) {
    for (size_t i = 0; i < index->n_members; i++)
        idf_index_part_forget(index->members[i].part);
}

size_t idf_index_n_rows(const idf_index *index) {
    return index->n_rows;
}

int idf_index_dim(const idf_index *index) {
    return index->dim;
}

size_t idf_index_n_parts(const idf_index *index) {
    return index->n_members;
}

const idf_index_part *idf_index_get_part(const idf_index *index, size_t part) {
    return index->members[part].part;
}

idf_index_place idf_index_place_of(const idf_index *index, size_t row) {
    return index->places != NULL ? index->places[row] : (idf_index_place){0, (uint32_t)row};
}

const uint32_t *idf_index_rows_of_part(const idf_index *index, size_t part) {
    return index->members[part].rows;
}

uint32_t idf_index_row_at(const idf_index *index, size_t part, size_t row) {
    const uint32_t *rows = index->members[part].rows;
    return rows != NULL ? rows[row] : (uint32_t)row;
}

/* The part that row `*row` is in; *row becomes that part's. */
static const idf_index_part *part_of(const idf_index *index, size_t *row) {
    idf_index_place place = idf_index_place_of(index, *row);
    *row = place.row;
    return index->members[place.part].part;
}

const char *idf_index_name(const idf_index *index, size_t row) {
    const idf_index_part *part = part_of(index, &row);
    return idf_index_part_text(part, IDF_COLUMN_NAME, row);
}

const char *idf_index_filename(const idf_index *index, size_t row) {
    const idf_index_part *part = part_of(index, &row);
    return idf_index_part_text(part, IDF_COLUMN_FILENAME, row);
}

const char *idf_index_rarity(const idf_index *index, size_t row) {
    const idf_index_part *part = part_of(index, &row);
    return idf_index_part_text(part, IDF_COLUMN_RARITY, row);
}

const char *idf_index_set_code(const idf_index *index, size_t row) {
    const idf_index_part *part = part_of(index, &row);
    return idf_index_part_text(part, IDF_COLUMN_SET_CODE, row);
}

const float *idf_index_embedding(const idf_index *index, size_t row) {
    const idf_index_part *part = part_of(index, &row);
    return part->embeddings + row * (size_t)index->dim;
}

void idf_index_get_row(const idf_index *index, size_t row, idf_index_row *out) {
    const idf_index_part *part = part_of(index, &row);
    idf_index_part_get_row(part, row, out);
}

size_t idf_index_n_on_ground(const idf_index *index) {
    size_t n = 0;
    for (size_t i = 0; i < index->n_rows; i++) {
        idf_index_place at = idf_index_place_of(index, i);
        const idf_npz_array *crops = &index->members[at.part].part->crops;
        n += crops->found && idf_load_u16le(crops->npy.data + 8 * (size_t)at.row + 4) > 0;
    }
    return n;
}

const uint8_t *idf_index_get_picture(const idf_index *index, size_t row) {
    const idf_index_part *part = part_of(index, &row);
    return part->pictures.found ? part->pictures.npy.data + (size_t)IDF_SMALL_BYTES * row : NULL;
}

void idf_index_get_features(const idf_index *index, size_t row, idf_features *out) {
    const idf_index_part *part = part_of(index, &row);
    idf_index_part_get_features(part, row, out);
}

const idf_vocabulary *idf_index_vocabulary(const idf_index *index) {
    const idf_vocabulary *found =
        index->words != NULL ? idf_index_part_vocabulary(index->words) : NULL;
    for (size_t i = 0; i < index->n_members && found == NULL; i++)
        found = idf_index_part_vocabulary(index->members[i].part);
    return found;
}

idf_status idf_index_read_head(const idf_index *index, idf_index_head *head, idf_error *err) {
    const idf_index_part *part = index->shared;
    if (part == NULL && index->n_members == 1 && index->members[0].file[0] == '\0')
        part = index->members[0].part;
    memset(head, 0, sizeof *head);
    return part == NULL ? IDF_OK : idf_index_part_read_head(part, head, err);
}

const char *idf_index_encoder(const idf_index *index) {
    const char *encoder = idf_index_meta_string(index, "encoder");
    return encoder == NULL ? "" : encoder;
}

const char *idf_index_refs_dir(const idf_index *index) {
    const char *folder = idf_index_meta_string(index, "refs_dir");
    return folder == NULL ? "" : folder;
}

bool idf_index_same_label(const idf_index *index, size_t a, size_t b) {
    return strcmp(idf_index_name(index, a), idf_index_name(index, b)) == 0 &&
           strcmp(idf_index_rarity(index, a), idf_index_rarity(index, b)) == 0;
}

double idf_index_meta_number(const idf_index *index, const char *key, double fallback) {
    const json_t *value = json_object_get(index->meta, key);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

const char *idf_index_meta_string(const idf_index *index, const char *key) {
    return json_string_value(json_object_get(index->meta, key));
}

const char *idf_index_meta_json(const idf_index *index) {
    return index->meta_text;
}
