/* index_file.c - opens an index file and answers for its rows. */
#include "index/index_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

idf_status idf_index_open_memory(idf_index **out, const void *bytes, size_t len, idf_error *err) {
    *out = NULL;
    idf_index *index = idf_alloc_zero(1, sizeof *index);
    if (index == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while opening an index");
    idf_status status = idf_zip_open(&index->zip, bytes, len, err);
    if (status == IDF_OK)
        status = idf_index_read_columns(index, err);
    if (status != IDF_OK) {
        idf_index_free(index);
        return status;
    }
    *out = index;
    return IDF_OK;
}

idf_status idf_index_open(idf_index **out, const char *path, idf_error *err) {
    char shown[512];
    idf_map map;
    *out = NULL;
    idf_status status = idf_map_open(&map, path, 0, err);
    if (status != IDF_OK)
        return status;
    status = idf_index_open_memory(out, map.data, map.len, err);
    if (status != IDF_OK) {
        idf_map_release(&map);
        return idf_error_prefix(err, status, idf_text_printable(shown, sizeof shown, path));
    }
    (*out)->map = map;
    return IDF_OK;
}

void idf_index_free(idf_index *index) {
    if (index == NULL)
        return;
    idf_npz_array *arrays[] = {&index->embeddings_array, &index->sizes,         &index->mtimes,
                               &index->sha256,           &index->feature_sizes, &index->keypoints,
                               &index->feature_offsets,  &index->descriptors};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        idf_npz_array_release(arrays[i]);
    idf_free(index->owned_embeddings);
    idf_free(index->owned_keypoints);
    idf_arena_release(&index->text);
    json_decref(index->meta);
    idf_zip_free(index->zip);
    idf_map_release(&index->map);
    idf_free(index);
}

idf_status idf_index_check(const idf_index *index, idf_error *err) {
    for (size_t i = 0; i < idf_zip_n_members(index->zip); i++) {
        idf_status status = idf_zip_check(index->zip, idf_zip_member_at(index->zip, i), err);
        if (status != IDF_OK)
            return status;
    }
    for (size_t i = 0; i < index->n_rows; i++) {
        idf_features features;
        idf_index_row row;
        idf_index_get_row(index, i, &row);
        features = row.features;
        if (index->keypoints.found) { /* what get_row would have hidden */
            uint64_t at = idf_load_u64le(index->feature_offsets.npy.data + 8 * i);
            uint64_t end = idf_load_u64le(index->feature_offsets.npy.data + 8 * i + 8);
            features.n = (int)(end - at);
            features.keypoints = index->keypoint_rows + at;
        }
        if (!idf_index_features_valid(&features))
            return idf_error_set(err, IDF_ERR_FORMAT,
                                 "row %zu of the index has a feature outside its picture", i);
    }
    return IDF_OK;
}

size_t idf_index_n_rows(const idf_index *index) {
    return index->n_rows;
}

int idf_index_dim(const idf_index *index) {
    return index->dim;
}

const char *idf_index_encoder(const idf_index *index) {
    const char *encoder = idf_index_meta_string(index, "encoder");
    return encoder == NULL ? "" : encoder;
}

const char *idf_index_refs_dir(const idf_index *index) {
    const char *folder = idf_index_meta_string(index, "refs_dir");
    return folder == NULL ? "" : folder;
}

const char *idf_index_name(const idf_index *index, size_t row) {
    return index->names[row];
}

const char *idf_index_filename(const idf_index *index, size_t row) {
    return index->filenames[row];
}

const char *idf_index_rarity(const idf_index *index, size_t row) {
    return index->rarities[row];
}

const char *idf_index_set_code(const idf_index *index, size_t row) {
    return index->set_codes[row];
}

static void get_features(const idf_index *index, size_t i, idf_features *out) {
    const uint8_t *offsets = index->feature_offsets.npy.data + 8 * i;
    const uint8_t *size = index->feature_sizes.npy.data + 4 * i;
    uint64_t at = idf_load_u64le(offsets);
    out->width = idf_load_u16le(size);
    out->height = idf_load_u16le(size + 2);
    out->n = (int)(idf_load_u64le(offsets + 8) - at);
    out->keypoints = index->keypoint_rows + at;
    out->descriptors = (const idf_descriptor *)index->descriptors.npy.data + at;
}

void idf_index_get_row(const idf_index *index, size_t i, idf_index_row *row) {
    memset(row, 0, sizeof *row);
    row->name = index->names[i];
    row->filename = index->filenames[i];
    row->rarity = index->rarities[i];
    row->set_code = index->set_codes[i];
    if (index->sizes.found)
        row->size_bytes = idf_load_u64le(index->sizes.npy.data + 8 * i);
    if (index->mtimes.found)
        row->mtime_ns = (int64_t)idf_load_u64le(index->mtimes.npy.data + 8 * i);
    if (index->sha256.found)
        memcpy(row->sha256, index->sha256.npy.data + IDF_INDEX_SHA256_BYTES * i,
               IDF_INDEX_SHA256_BYTES);
    row->embedding = index->embeddings + i * (size_t)index->dim;
    if (index->keypoints.found)
        get_features(index, i, &row->features);
    if (!index->features_checked && !idf_index_features_valid(&row->features))
        row->features.n = 0;
}

const float *idf_index_embeddings(const idf_index *index) {
    return index->embeddings;
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
