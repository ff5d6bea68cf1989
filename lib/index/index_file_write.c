/* index_file_write.c - writes the index file that docs/formats/index.md describes.
 *
 * Column after column, so that no more than one row is held besides what the caller has. Numbers
 * are stored where a mapping can use them. */
#include "index/index_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

/* What is written: the arguments of idf_index_write. */
typedef struct source {
    const idf_index_row *rows;
    size_t n;
    int dim;
    idf_zip_writer *zip;
    const idf_index_meta *meta;
    idf_error *err;
} source;

enum { RELAX = 256 }; /* rows between two calls of meta's */

static void relax(const source *s, size_t i) {
    if (s->meta->relax != NULL && i % RELAX == RELAX - 1)
        s->meta->relax(s->meta->relax_context);
}

static idf_status check_row(const source *s, size_t i) {
    const idf_index_row *row = &s->rows[i];
    char shown[256];
    if (row->name == NULL || row->filename == NULL || row->rarity == NULL ||
        row->set_code == NULL || row->embedding == NULL || row->features.n < 0 ||
        row->features.n > IDF_FEATURES_MAX)
        return idf_error_set(s->err, IDF_ERR_ARGUMENT, "row %zu of the index is incomplete", i);
    double squared = 0;
    for (int k = 0; k < s->dim; k++)
        squared += (double)row->embedding[k] * row->embedding[k];
    if (!(fabs(squared - 1) < 1e-3) && squared != 0)
        return idf_error_set(s->err, IDF_ERR_ARGUMENT,
                             "the vector of '%s' has the length %g instead of 1",
                             idf_text_printable(shown, sizeof shown, row->filename), sqrt(squared));
    if (!idf_index_features_valid(&row->features) || row->features.width > UINT16_MAX ||
        row->features.height > UINT16_MAX)
        return idf_error_set(s->err, IDF_ERR_ARGUMENT, "'%s' has a feature outside its picture",
                             idf_text_printable(shown, sizeof shown, row->filename));
    return IDF_OK;
}

static idf_status begin(const source *s, const char *name, idf_npy_type type, uint64_t n_rows,
                        size_t width) {
    static const uint8_t bytes[] = {
#define TYPE_BYTES(symbol, kind, n) n,
        IDF_NPY_TYPE_LIST(TYPE_BYTES)
#undef TYPE_BYTES
    };
    idf_npy array = {.type = type,
                     .item_bytes = bytes[type],
                     .n_dims = width == 0 ? 1 : 2,
                     .shape = {n_rows, width}};
    return idf_npz_begin(s->zip, name, &array, false, s->err);
}

static idf_status write_embeddings(const source *s) {
    size_t row_bytes = (size_t)s->dim * sizeof(float);
    idf_status status = begin(s, "embeddings", IDF_NPY_F4, s->n, (size_t)s->dim);
    for (size_t i = 0; i < s->n && status == IDF_OK; i++) {
        status = idf_zip_writer_write(s->zip, s->rows[i].embedding, row_bytes, s->err);
        relax(s, i);
    }
    return status == IDF_OK ? idf_zip_writer_end(s->zip, s->err) : status;
}

static idf_status write_file_facts(const source *s) {
    uint8_t word[8];
    idf_status status = begin(s, "sizes", IDF_NPY_U8, s->n, 0);
    for (size_t i = 0; i < s->n && status == IDF_OK; i++) {
        idf_store_u64le(word, s->rows[i].size_bytes);
        status = idf_zip_writer_write(s->zip, word, sizeof word, s->err);
    }
    if (status == IDF_OK)
        status = idf_zip_writer_end(s->zip, s->err);
    if (status == IDF_OK)
        status = begin(s, "mtimes", IDF_NPY_I8, s->n, 0);
    for (size_t i = 0; i < s->n && status == IDF_OK; i++) {
        idf_store_u64le(word, (uint64_t)s->rows[i].mtime_ns);
        status = idf_zip_writer_write(s->zip, word, sizeof word, s->err);
    }
    if (status == IDF_OK)
        status = idf_zip_writer_end(s->zip, s->err);
    if (status == IDF_OK)
        status = begin(s, "sha256", IDF_NPY_U1, s->n, IDF_INDEX_SHA256_BYTES);
    for (size_t i = 0; i < s->n && status == IDF_OK; i++)
        status = idf_zip_writer_write(s->zip, s->rows[i].sha256, IDF_INDEX_SHA256_BYTES, s->err);
    return status == IDF_OK ? idf_zip_writer_end(s->zip, s->err) : status;
}

static idf_status write_feature_table(const source *s) {
    uint8_t word[8] = {0};
    uint64_t total = 0;
    idf_status status = begin(s, "feature_sizes", IDF_NPY_U2, s->n, 2);
    for (size_t i = 0; i < s->n && status == IDF_OK; i++) {
        idf_store_u16le(word, (uint16_t)s->rows[i].features.width);
        idf_store_u16le(word + 2, (uint16_t)s->rows[i].features.height);
        status = idf_zip_writer_write(s->zip, word, 4, s->err);
    }
    if (status == IDF_OK)
        status = idf_zip_writer_end(s->zip, s->err);
    if (status == IDF_OK)
        status = begin(s, "feature_offsets", IDF_NPY_U8, (uint64_t)s->n + 1, 0);
    for (size_t i = 0; i <= s->n && status == IDF_OK; i++) {
        idf_store_u64le(word, total);
        status = idf_zip_writer_write(s->zip, word, sizeof word, s->err);
        if (i < s->n)
            total += (uint64_t)s->rows[i].features.n;
    }
    return status == IDF_OK ? idf_zip_writer_end(s->zip, s->err) : status;
}

static idf_status write_features(const source *s) {
    uint64_t total = 0;
    for (size_t i = 0; i < s->n; i++)
        total += (uint64_t)s->rows[i].features.n;
    idf_status status = write_feature_table(s);
    if (status == IDF_OK)
        status = begin(s, "keypoints", IDF_NPY_U1, total, IDF_INDEX_KEYPOINT_BYTES);
    for (size_t i = 0; i < s->n && status == IDF_OK; i++) {
        status =
            idf_zip_writer_write(s->zip, s->rows[i].features.keypoints,
                                 (size_t)s->rows[i].features.n * IDF_INDEX_KEYPOINT_BYTES, s->err);
        relax(s, i);
    }
    if (status == IDF_OK)
        status = idf_zip_writer_end(s->zip, s->err);
    if (status == IDF_OK)
        status = begin(s, "descriptors", IDF_NPY_U1, total, IDF_DESCRIPTOR_BYTES);
    for (size_t i = 0; i < s->n && status == IDF_OK; i++) {
        status = idf_zip_writer_write(s->zip, s->rows[i].features.descriptors,
                                      (size_t)s->rows[i].features.n * IDF_DESCRIPTOR_BYTES, s->err);
        relax(s, i);
    }
    return status == IDF_OK ? idf_zip_writer_end(s->zip, s->err) : status;
}

/* The small pictures, when there is one of each. */
static idf_status write_pictures(const source *s) {
    for (size_t i = 0; i < s->n; i++)
        if (s->rows[i].picture == NULL)
            return IDF_OK;
    idf_status status = begin(s, "pictures", IDF_NPY_U1, s->n, IDF_SMALL_BYTES);
    for (size_t i = 0; i < s->n && status == IDF_OK; i++) {
        status = idf_zip_writer_write(s->zip, s->rows[i].picture, IDF_SMALL_BYTES, s->err);
        relax(s, i);
    }
    return status == IDF_OK ? idf_zip_writer_end(s->zip, s->err) : status;
}

/* Which part of their pictures the rows are, when one is not all of it. */
static idf_status write_crops(const source *s) {
    size_t first = 0;
    uint8_t words[8];
    while (first < s->n && !idf_index_row_is_cropped(&s->rows[first]))
        first++;
    if (first == s->n)
        return IDF_OK;
    idf_status status = begin(s, "crops", IDF_NPY_U2, s->n, 4);
    for (size_t i = 0; i < s->n && status == IDF_OK; i++) {
        for (int k = 0; k < 4; k++)
            idf_store_u16le(words + 2 * k, s->rows[i].crop[k]);
        status = idf_zip_writer_write(s->zip, words, sizeof words, s->err);
    }
    return status == IDF_OK ? idf_zip_writer_end(s->zip, s->err) : status;
}

idf_status idf_index_make_meta(const idf_index_meta *meta, char **out, idf_error *err) {
    json_error_t json_error;
    json_t *extra = NULL;
    idf_status status = IDF_OK;
    *out = NULL;
    json_t *root = json_pack("{s:i, s:s, s:s}", "format", IDF_INDEX_FORMAT, "encoder",
                             meta->encoder, "projection", meta->projection);
    if (root == NULL) {
        status = idf_error_set(err, IDF_ERR_ARGUMENT,
                               "the encoder or projection of an index is missing or no UTF-8");
        goto done;
    }
    if (meta->refs_dir != NULL &&
        json_object_set_new(root, "refs_dir", json_string(meta->refs_dir)) != 0) {
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while writing an index");
        goto done;
    }
    if (meta->extra_json != NULL) {
        extra = json_loads(meta->extra_json, JSON_REJECT_DUPLICATES, &json_error);
        if (!json_is_object(extra) || json_object_get(extra, "format") != NULL ||
            json_object_get(extra, "encoder") != NULL ||
            json_object_get(extra, "projection") != NULL ||
            json_object_get(extra, "refs_dir") != NULL || json_object_update(root, extra) != 0) {
            status = idf_error_set(err, IDF_ERR_ARGUMENT,
                                   "the extra members of an index's meta data are no JSON object "
                                   "or have a name that is taken");
            goto done;
        }
    }
    *out = json_dumps(root, JSON_COMPACT);
    if (*out == NULL)
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while writing an index");
done:
    json_decref(extra);
    json_decref(root);
    return status;
}

static idf_status write_meta(const source *s, const idf_index_meta *meta) {
    char *text = NULL;
    uint8_t *item = NULL;
    idf_status status = idf_index_make_meta(meta, &text, s->err);
    if (status != IDF_OK)
        goto done;
    size_t width = idf_npy_text_len(text);
    if (width > IDF_NPY_MAX_TEXT) {
        status = idf_error_set(s->err, IDF_ERR_LIMIT,
                               "the meta data of an index has %zu characters, more than the limit "
                               "of %d",
                               width, IDF_NPY_MAX_TEXT);
        goto done;
    }
    item = idf_alloc(width, 4);
    if (item == NULL) {
        status = idf_error_set(s->err, IDF_ERR_NO_MEMORY, "out of memory while writing an index");
        goto done;
    }
    idf_npy_put_text(item, width, text);
    idf_npy array = {.type = IDF_NPY_TEXT, .item_bytes = 4 * width};
    status = idf_npz_begin(s->zip, "meta", &array, true, s->err);
    if (status == IDF_OK)
        status = idf_zip_writer_write(s->zip, item, 4 * width, s->err);
    if (status == IDF_OK)
        status = idf_zip_writer_end(s->zip, s->err);
done:
    idf_free(item);
    free(text); /* jansson's */
    return status;
}

idf_status idf_index_write(const char *path, const idf_index_row *rows, size_t n, int dim,
                           const idf_index_meta *meta, idf_error *err) {
    source s = {.rows = rows, .n = n, .dim = dim, .meta = meta, .err = err};
    if (dim < 1 || dim > IDF_INDEX_MAX_DIM)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "an index cannot have vectors of %d numbers",
                             dim);
    for (size_t i = 0; i < n; i++) {
        idf_status status = check_row(&s, i);
        if (status != IDF_OK)
            return status;
        relax(&s, i);
    }
    idf_status status = idf_zip_writer_new(&s.zip, path, err);
    if (status != IDF_OK)
        return status;
    status = write_meta(&s, meta);
    if (status == IDF_OK)
        status = idf_index_write_labels(s.zip, rows, n, err);
    if (status == IDF_OK)
        status = write_file_facts(&s);
    if (status == IDF_OK)
        status = write_embeddings(&s);
    if (status == IDF_OK)
        status = idf_index_write_codes(s.zip, rows, n, dim, err);
    if (status == IDF_OK)
        status = write_features(&s);
    if (status == IDF_OK)
        status = write_pictures(&s);
    if (status == IDF_OK)
        status = write_crops(&s);
    if (status == IDF_OK)
        status = idf_index_write_words(s.zip, rows, n, meta, err);
    if (status == IDF_OK && meta->head != NULL)
        status = idf_index_write_head(s.zip, meta->head, err);
    if (status != IDF_OK) {
        idf_zip_writer_discard(s.zip);
        return status;
    }
    return idf_zip_writer_commit(s.zip, err);
}
