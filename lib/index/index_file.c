/* index_file.c - opens one file of an index and answers for its rows. */
#include "index/index_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

idf_status idf_index_part_open_memory(idf_index_part **out, const void *bytes, size_t len,
                                      idf_error *err) {
    *out = NULL;
    idf_index_part *part = idf_alloc_zero(1, sizeof *part);
    if (part == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while opening an index");
    atomic_init(&part->n_owners, 1);
    part->file_bytes = len;
    idf_status status = idf_zip_open(&part->zip, bytes, len, err);
    if (status == IDF_OK)
        status = idf_index_read_columns(part, err);
    if (status != IDF_OK) {
        idf_index_part_free(part);
        return status;
    }
    *out = part;
    return IDF_OK;
}

idf_status idf_index_part_open(idf_index_part **out, const char *path, idf_error *err) {
    char shown[512];
    idf_map map;
    *out = NULL;
    idf_status status = idf_map_open(&map, path, 0, err);
    if (status != IDF_OK)
        return status;
    status = idf_index_part_open_memory(out, map.data, map.len, err);
    if (status != IDF_OK) {
        idf_map_release(&map);
        return idf_error_prefix(err, status, idf_text_printable(shown, sizeof shown, path));
    }
    (*out)->map = map;
    return IDF_OK;
}

idf_index_part *idf_index_part_share(idf_index_part *part) {
    atomic_fetch_add_explicit(&part->n_owners, 1, memory_order_relaxed);
    return part;
}

void idf_index_part_free(idf_index_part *part) {
    if (part == NULL || atomic_fetch_sub_explicit(&part->n_owners, 1, memory_order_acq_rel) > 1)
        return;
    idf_npz_array *arrays[] = {&part->codes_array,   &part->scales_array, &part->embeddings_array,
                               &part->sizes,         &part->mtimes,       &part->sha256,
                               &part->feature_sizes, &part->keypoints,    &part->feature_offsets,
                               &part->descriptors,   &part->pictures,     &part->crops,
                               &part->packed_array,  &part->starts_array};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        idf_npz_array_release(arrays[i]);
    idf_word_file_release(&part->words);
    idf_free(part->owned_embeddings);
    idf_free(part->owned_keypoints);
    idf_arena_release(&part->text);
    json_decref(part->meta);
    idf_zip_free(part->zip);
    idf_map_release(&part->map);
    idf_free(part);
}

idf_status idf_index_part_check(const idf_index_part *part, idf_error *err) {
    for (size_t i = 0; i < idf_zip_n_members(part->zip); i++) {
        idf_status status = idf_zip_check(part->zip, idf_zip_member_at(part->zip, i), err);
        if (status != IDF_OK)
            return status;
    }
    for (size_t i = 0; i < part->n_rows; i++) {
        idf_features features;
        idf_index_row row;
        idf_index_part_get_row(part, i, &row);
        features = row.features;
        if (part->keypoints.found) { /* what get_row would have hidden */
            uint64_t at = idf_load_u64le(part->feature_offsets.npy.data + 8 * i);
            uint64_t end = idf_load_u64le(part->feature_offsets.npy.data + 8 * i + 8);
            features.n = (int)(end - at);
            features.keypoints = part->keypoint_rows + at;
        }
        if (!idf_index_features_valid(&features))
            return idf_error_set(err, IDF_ERR_FORMAT,
                                 "row %zu of the index has a feature outside its picture", i);
    }
    const idf_word_table table = idf_index_word_table(part);
    idf_status status = idf_word_file_check(&part->words, &table, err);
    if (status == IDF_OK)
        status = idf_index_check_codes(part, err);
    return status == IDF_OK && !part->lengths_checked ? idf_index_check_lengths(part, err) : status;
}

size_t idf_index_part_warm(idf_index_part *part, size_t max_bytes) {
    if (part->map.slot == 0 || max_bytes == 0 || atomic_exchange(&part->warm, true))
        return 0;
    size_t n = idf_map_warm(&part->map, max_bytes);
    const idf_postings *p = idf_index_part_postings(part);
    if (n == part->map.len && p != NULL) { /* what a frame reads all over */
        idf_map_touch(p->signatures, p->n_entries * sizeof *p->signatures);
        idf_map_touch(p->entries, p->n_entries * sizeof *p->entries);
        if (p->looks != NULL)
            idf_map_touch(p->looks, p->n_entries * sizeof *p->looks);
    }
    if (n == part->map.len && part->codes != NULL)
        idf_map_touch(part->codes, part->n_rows * (size_t)part->dim);
    return n;
}

void idf_index_part_forget(const idf_index_part *part) {
    idf_map_forget(&part->map);
}

size_t idf_index_part_n_rows(const idf_index_part *part) {
    return part->n_rows;
}

int idf_index_part_dim(const idf_index_part *part) {
    return part->dim;
}

const char *idf_index_part_filename(const idf_index_part *part, size_t row) {
    return idf_index_part_text(part, IDF_COLUMN_FILENAME, row);
}

const float *idf_index_part_embeddings(const idf_index_part *part) {
    return part->embeddings;
}

const int8_t *idf_index_part_codes(const idf_index_part *part, const float **scales) {
    *scales = part->scales;
    return part->codes;
}

const idf_zip *idf_index_part_zip(const idf_index_part *part) {
    return part->zip;
}

const char *idf_index_part_meta_string(const idf_index_part *part, const char *key) {
    return json_string_value(json_object_get(part->meta, key));
}

idf_word_table idf_index_word_table(const idf_index_part *part) {
    return (idf_word_table){part->feature_offsets.npy.data,
                            (const idf_descriptor *)part->descriptors.npy.data, part->n_rows};
}

const idf_vocabulary *idf_index_part_vocabulary(const idf_index_part *part) {
    return part->words.vocabulary.n_words > 0 ? &part->words.vocabulary : NULL;
}

const idf_postings *idf_index_part_postings(const idf_index_part *part) {
    return part->words.postings.start != NULL ? &part->words.postings : NULL;
}

void idf_index_part_get_features(const idf_index_part *part, size_t i, idf_features *out) {
    memset(out, 0, sizeof *out);
    if (!part->keypoints.found)
        return;
    const uint8_t *offsets = part->feature_offsets.npy.data + 8 * i;
    const uint8_t *size = part->feature_sizes.npy.data + 4 * i;
    uint64_t at = idf_load_u64le(offsets);
    out->width = idf_load_u16le(size);
    out->height = idf_load_u16le(size + 2);
    out->n = (int)(idf_load_u64le(offsets + 8) - at);
    out->keypoints = part->keypoint_rows + at;
    out->descriptors = (const idf_descriptor *)part->descriptors.npy.data + at;
}

void idf_index_part_get_row(const idf_index_part *part, size_t i, idf_index_row *row) {
    memset(row, 0, sizeof *row);
    row->name = idf_index_part_text(part, IDF_COLUMN_NAME, i);
    row->filename = idf_index_part_text(part, IDF_COLUMN_FILENAME, i);
    row->rarity = idf_index_part_text(part, IDF_COLUMN_RARITY, i);
    row->set_code = idf_index_part_text(part, IDF_COLUMN_SET_CODE, i);
    if (part->sizes.found)
        row->size_bytes = idf_load_u64le(part->sizes.npy.data + 8 * i);
    if (part->mtimes.found)
        row->mtime_ns = (int64_t)idf_load_u64le(part->mtimes.npy.data + 8 * i);
    if (part->sha256.found)
        memcpy(row->sha256, part->sha256.npy.data + IDF_INDEX_SHA256_BYTES * i,
               IDF_INDEX_SHA256_BYTES);
    row->embedding = part->embeddings + i * (size_t)part->dim;
    idf_index_part_get_features(part, i, &row->features);
    for (int k = 0; k < 4 && part->crops.found; k++)
        row->crop[k] = idf_load_u16le(part->crops.npy.data + 8 * i + 2 * (size_t)k);
    if (part->pictures.found)
        row->picture = part->pictures.npy.data + (size_t)IDF_SMALL_BYTES * i;
    if (!part->features_checked && !idf_index_features_valid(&row->features))
        row->features.n = 0;
}
