/* index_file_read.c - checks the arrays of an index file and makes rows of them.
 *
 * Everything is compared with the number of rows that `embeddings` has. Arrays stay where they are.
 */
#include "index/index_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "kernel/convert.h"

/* What deflated members may take together: NumPy's compression makes columns of text up to some 50
 * times smaller and numbers two times; a bomb, a thousand. */
static const uint64_t FREE_INFLATED_BYTES = (uint64_t)256 << 20;
static const uint64_t MAX_INFLATED_RATIO = 64;
static const uint64_t CRC_ON_OPEN_BYTES = (uint64_t)4 << 20; /* larger members: idf_index_check */
static const size_t MAX_META_BYTES = 16 << 20;

/* Rows off unit length by less than EXACT (rounding to float) are used as they are, by less than
 * CLOSE (rounding to half, or a sum in float) are scaled, others are not what they should be. */
static const double EXACT = 1e-5, CLOSE = 1e-2;

static idf_status fail_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while opening an index");
}

/* Reads a member's array. One that is stored is bounded by the file; those that are deflated share
 * a limit. */
idf_status idf_index_read_array(idf_index_part *part, const char *column, bool check_crc,
                                idf_npz_array *out, idf_error *err) {
    char member_name[64];
    snprintf(member_name, sizeof member_name, "%s.npy", column);
    const idf_zip_member *member = idf_zip_find(part->zip, member_name);
    uint64_t most = FREE_INFLATED_BYTES + MAX_INFLATED_RATIO * part->file_bytes;
    if (member != NULL && member->deflated) {
        if (member->size_bytes > most - part->inflated_bytes)
            return idf_error_set(err, IDF_ERR_LIMIT,
                                 "the index's deflated members, up to '%s', take %llu bytes, the "
                                 "limit for a file of its size is %llu",
                                 member_name,
                                 (unsigned long long)(member->size_bytes + part->inflated_bytes),
                                 (unsigned long long)most);
        part->inflated_bytes += member->size_bytes;
    }
    return idf_npz_read(part->zip, column, UINT64_MAX, check_crc, out, err);
}

/* Reads a numeric column and compares its type and shape; `width` 0 stands for one dimension. */
static idf_status read_numbers(idf_index_part *part, const char *column, idf_npy_type type,
                               size_t width, idf_npz_array *out, idf_error *err) {
    char member_name[64];
    snprintf(member_name, sizeof member_name, "%s.npy", column);
    const idf_zip_member *member = idf_zip_find(part->zip, member_name);
    if (member == NULL)
        return IDF_OK;
    idf_status status =
        idf_index_read_array(part, column, member->size_bytes <= CRC_ON_OPEN_BYTES, out, err);
    if (status != IDF_OK)
        return status;
    const idf_npy *npy = &out->npy;
    if (npy->type != type || npy->n_dims != (width == 0 ? 1 : 2) ||
        (width != 0 && npy->shape[1] != width))
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "member '%s' has not the type and shape that an index needs",
                             member_name);
    return IDF_OK;
}

idf_status idf_index_wrong_length(const char *column, uint64_t n, size_t n_rows, idf_error *err) {
    return idf_error_set(err, IDF_ERR_FORMAT,
                         "the index is inconsistent: '%s' has %llu rows and 'embeddings' %zu",
                         column, (unsigned long long)n, n_rows);
}

/* A column of numbers with one row a reference. */
static idf_status read_row_numbers(idf_index_part *part, const char *column, idf_npy_type type,
                                   size_t width, idf_npz_array *out, idf_error *err) {
    idf_status status = read_numbers(part, column, type, width, out, err);
    if (status == IDF_OK && out->found && out->npy.shape[0] != part->n_rows)
        return idf_index_wrong_length(column, out->npy.shape[0], part->n_rows, err);
    return status;
}

/* Row r's squared length, in eight sums that a compiler may keep in registers. */
static double squared_length(const float *row, size_t dim) {
    double sums[8] = {0}, total = 0;
    size_t i = 0;
    for (; i + 8 <= dim; i += 8)
        for (size_t k = 0; k < 8; k++)
            sums[k] += (double)row[i + k] * row[i + k];
    for (; i < dim; i++)
        total += (double)row[i] * row[i];
    for (size_t k = 0; k < 8; k++)
        total += sums[k];
    return total;
}

static idf_status convert_embeddings(idf_index_part *part, idf_error *err) {
    const idf_npy *npy = &part->embeddings_array.npy;
    float *copy = idf_alloc_aligned(npy->n_items, sizeof *copy);
    if (copy == NULL)
        return fail_memory(err);
    if (npy->type == IDF_NPY_F2) {
        idf_convert_f16_to_f32(npy->data, npy->n_items, copy);
    } else if (npy->type == IDF_NPY_F8) {
        idf_convert_f64_to_f32(npy->data, npy->n_items, copy);
    } else if (npy->n_items > 0) {
        memcpy(copy, npy->data, npy->n_items * sizeof *copy);
    }
    part->owned_embeddings = copy;
    part->embeddings = copy;
    return IDF_OK;
}

static idf_status wrong_vector(size_t row, double length, idf_error *err) {
    return idf_error_set(err, IDF_ERR_FORMAT,
                         "row %zu of 'embeddings' has the length %g instead of 1", row, length);
}

/* Every row of unit length (or all zero: a picture in which the encoder found nothing). */
static idf_status check_lengths(idf_index_part *part, idf_error *err) {
    size_t dim = (size_t)part->dim;
    for (size_t r = 0; r < part->n_rows; r++) {
        double squared = squared_length(part->embeddings + r * dim, dim);
        if (fabs(squared - 1) <= EXACT || squared == 0)
            continue;
        double length = sqrt(squared);
        if (!(fabs(length - 1) <= CLOSE)) /* NaN too */
            return wrong_vector(r, length, err);
        if (part->owned_embeddings == NULL) {
            idf_status status = convert_embeddings(part, err);
            if (status != IDF_OK)
                return status;
        }
        float *row = part->owned_embeddings + r * dim;
        for (size_t i = 0; i < dim; i++)
            row[i] = (float)(row[i] / length);
    }
    return IDF_OK;
}

idf_status idf_index_check_lengths(const idf_index_part *part, idf_error *err) {
    size_t dim = (size_t)part->dim;
    for (size_t r = 0; r < part->n_rows; r++) {
        double squared = squared_length(part->embeddings + r * dim, dim);
        if (!(fabs(squared - 1) <= EXACT) && squared != 0)
            return wrong_vector(r, sqrt(squared), err);
    }
    return IDF_OK;
}

static idf_status read_embeddings(idf_index_part *part, idf_error *err) {
    const idf_zip_member *member = idf_zip_find(part->zip, "embeddings.npy");
    if (member == NULL)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "this is no index: it has no member 'embeddings.npy'");
    idf_npz_array *array = &part->embeddings_array;
    idf_status status = idf_index_read_array(part, "embeddings",
                                             member->size_bytes <= CRC_ON_OPEN_BYTES, array, err);
    if (status != IDF_OK)
        return status;
    const idf_npy *npy = &array->npy;
    if ((npy->type != IDF_NPY_F4 && npy->type != IDF_NPY_F2 && npy->type != IDF_NPY_F8) ||
        npy->n_dims != 2)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "'embeddings' is no two-dimensional array of floating-point numbers");
    if (npy->shape[1] < 1 || npy->shape[1] > IDF_INDEX_MAX_DIM ||
        npy->shape[0] > SIZE_MAX / sizeof(void *))
        return idf_error_set(err, IDF_ERR_LIMIT,
                             "'embeddings' has vectors of %llu numbers; 1 to %d are read",
                             (unsigned long long)npy->shape[1], IDF_INDEX_MAX_DIM);
    /* A shape (n, D) with n = 0 is not limited by the bytes that are there; any other is. */
    part->n_rows = (size_t)npy->shape[0];
    part->dim = (int)npy->shape[1];
    if (npy->type == IDF_NPY_F4 && (uintptr_t)npy->data % _Alignof(float) == 0) {
        part->embeddings = (const float *)(const void *)npy->data;
    } else {
        status = convert_embeddings(part, err);
    }
    /* many vectors that the writer of their codes has checked are not all looked at again */
    part->lengths_checked = part->owned_embeddings != NULL ||
                            npy->data_bytes <= CRC_ON_OPEN_BYTES ||
                            idf_zip_find(part->zip, "embeddings_int8.npy") == NULL;
    return status == IDF_OK && part->lengths_checked ? check_lengths(part, err) : status;
}

bool idf_index_features_valid(const idf_features *f) {
    const int unit = IDF_LOCAL_COORD_UNIT;
    if (f->n == 0)
        return true;
    if (f->width < 1 || f->height < 1)
        return false;
    for (int i = 0; i < f->n; i++) {
        const idf_keypoint *k = &f->keypoints[i];
        if (k->x > f->width * unit || k->y > f->height * unit || k->level >= IDF_LOCAL_LEVELS)
            return false;
    }
    return true;
}

/* Offsets rise from 0 to the number of features, none over IDF_FEATURES_MAX apart. */
static idf_status check_offsets(const idf_index_part *part, idf_error *err) {
    uint64_t before = 0, n = part->keypoints.npy.shape[0];
    const uint8_t *offsets = part->feature_offsets.npy.data;
    for (size_t i = 0; i <= part->n_rows; i++) {
        uint64_t at = idf_load_u64le(offsets + 8 * i);
        if (at < before || at - before > IDF_FEATURES_MAX || at > n || (i == 0 && at != 0) ||
            (i == part->n_rows && at != n))
            return idf_error_set(err, IDF_ERR_FORMAT,
                                 "'feature_offsets' is malformed at row %zu (%llu after %llu of "
                                 "%llu features)",
                                 i, (unsigned long long)at, (unsigned long long)before,
                                 (unsigned long long)n);
        before = at;
    }
    return IDF_OK;
}

static idf_status check_features(idf_index_part *part, idf_error *err) {
    for (size_t i = 0; i < part->n_rows; i++) {
        idf_index_row row;
        idf_index_part_get_row(part, i, &row);
        if (!idf_index_features_valid(&row.features))
            return idf_error_set(err, IDF_ERR_FORMAT,
                                 "row %zu of the index has a feature outside its picture", i);
    }
    return IDF_OK;
}

static idf_status read_features(idf_index_part *part, idf_error *err) {
    idf_npz_array *offsets = &part->feature_offsets, *keypoints = &part->keypoints;
    idf_status status = read_numbers(part, "feature_offsets", IDF_NPY_U8, 0, offsets, err);
    if (status == IDF_OK)
        status =
            read_numbers(part, "keypoints", IDF_NPY_U1, IDF_INDEX_KEYPOINT_BYTES, keypoints, err);
    if (status == IDF_OK)
        status = read_numbers(part, "descriptors", IDF_NPY_U1, IDF_DESCRIPTOR_BYTES,
                              &part->descriptors, err);
    if (status == IDF_OK)
        status = read_row_numbers(part, "feature_sizes", IDF_NPY_U2, 2, &part->feature_sizes, err);
    if (status != IDF_OK)
        return status;
    int n_found =
        offsets->found + keypoints->found + part->descriptors.found + part->feature_sizes.found;
    if (n_found == 0)
        return IDF_OK;
    if (n_found != 4)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "the index has only some of the members 'feature_offsets', "
                             "'keypoints', 'descriptors' and 'feature_sizes'");
    if (offsets->npy.shape[0] != (uint64_t)part->n_rows + 1)
        return idf_index_wrong_length("feature_offsets", offsets->npy.shape[0], part->n_rows, err);
    if (part->descriptors.npy.shape[0] != keypoints->npy.shape[0])
        return idf_index_wrong_length("descriptors", part->descriptors.npy.shape[0],
                                      (size_t)keypoints->npy.shape[0], err);
    status = check_offsets(part, err);
    if (status != IDF_OK)
        return status;
    const uint8_t *at = keypoints->npy.data;
    if ((uintptr_t)at % _Alignof(idf_keypoint) != 0) {
        part->owned_keypoints = idf_alloc(keypoints->npy.data_bytes, 1);
        if (part->owned_keypoints == NULL)
            return fail_memory(err);
        memcpy(part->owned_keypoints, at, keypoints->npy.data_bytes);
        at = (const uint8_t *)part->owned_keypoints;
    }
    part->keypoint_rows = (const idf_keypoint *)(const void *)at;
    part->features_checked = part->descriptors.npy.data_bytes <= CRC_ON_OPEN_BYTES;
    return part->features_checked ? check_features(part, err) : IDF_OK;
}

static idf_status read_meta(idf_index_part *part, idf_error *err) {
    idf_npz_array array = {0};
    json_error_t json_error;
    part->meta_text = "{}";
    idf_status status = idf_npz_read(part->zip, "meta", MAX_META_BYTES, true, &array, err);
    if (status != IDF_OK || !array.found)
        return status;
    if (array.npy.type != IDF_NPY_TEXT || array.npy.n_items != 1) {
        status = idf_error_set(err, IDF_ERR_FORMAT, "member 'meta.npy' is no single text");
        goto done;
    }
    status = idf_npy_get_text(&array.npy, 0, &part->text, &part->meta_text, err);
    if (status != IDF_OK)
        goto done;
    part->meta = json_loads(part->meta_text, JSON_REJECT_DUPLICATES, &json_error);
    if (part->meta == NULL && json_error_code(&json_error) == json_error_out_of_memory) {
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while reading an index");
        goto done;
    }
    if (!json_is_object(part->meta)) {
        char shown[JSON_ERROR_TEXT_LENGTH];
        status = idf_error_set(err, IDF_ERR_FORMAT, "member 'meta.npy' is no JSON object: %s",
                               part->meta != NULL
                                   ? "it is something else"
                                   : idf_text_printable(shown, sizeof shown, json_error.text));
        goto done;
    }
    const json_t *format = json_object_get(part->meta, "format");
    if (!json_is_integer(format) || json_integer_value(format) < 1)
        status = idf_error_set(err, IDF_ERR_FORMAT, "member 'meta.npy' has no format version");
    else if (json_integer_value(format) > IDF_INDEX_FORMAT)
        status = idf_error_set(err, IDF_ERR_UNSUPPORTED,
                               "the index has format version %lld; this program reads up to %d",
                               (long long)json_integer_value(format), IDF_INDEX_FORMAT);
done:
    idf_npz_array_release(&array);
    return status;
}

/* Vectors in bytes and words make answers quick and do not change them. A program that writes the
 * file anew, NumPy say, puts them where they cannot be used in place: then the index has none. */
static idf_status read_codes(idf_index_part *part, idf_error *err) {
    idf_error why = IDF_ERROR_INIT;
    idf_status status = idf_index_read_codes(part, &why);
    if (status == IDF_OK)
        return status;
    if (status == IDF_ERR_UNSUPPORTED) {
        idf_npz_array_release(&part->codes_array);
        idf_npz_array_release(&part->scales_array);
        return IDF_OK;
    }
    return idf_error_set(err, status, "%s", why.message);
}

static idf_status read_words(idf_index_part *part, idf_error *err) {
    const idf_word_table table = idf_index_word_table(part);
    idf_error why = IDF_ERROR_INIT;
    idf_status status = idf_word_file_read(&part->words, part->zip, &table, &why);
    if (status == IDF_OK)
        return status;
    if (status == IDF_ERR_UNSUPPORTED) {
        idf_word_file_release(&part->words);
        return IDF_OK;
    }
    return idf_error_set(err, status, "%s", why.message);
}

/* A part of a picture has a width and a height; a whole one is all zero. */
static idf_status read_crops(idf_index_part *part, idf_error *err) {
    idf_status status = read_row_numbers(part, "crops", IDF_NPY_U2, 4, &part->crops, err);
    for (size_t i = 0; status == IDF_OK && part->crops.found && i < part->n_rows; i++) {
        const uint8_t *at = part->crops.npy.data + 8 * i;
        unsigned left = idf_load_u16le(at), top = idf_load_u16le(at + 2);
        unsigned right = idf_load_u16le(at + 4), bottom = idf_load_u16le(at + 6);
        if ((left | top | right | bottom) != 0 && (left >= right || top >= bottom))
            status = idf_error_set(err, IDF_ERR_FORMAT,
                                   "row %zu of 'crops' is no part of a picture: %u to %u, %u to %u",
                                   i, left, right, top, bottom);
    }
    return status;
}

idf_status idf_index_read_columns(idf_index_part *part, idf_error *err) {
    idf_status status = read_meta(part, err);
    if (status == IDF_OK)
        status = read_embeddings(part, err);
    if (status == IDF_OK)
        status = read_codes(part, err);
    if (status == IDF_OK)
        status = idf_index_read_labels(part, err);
    if (status == IDF_OK)
        status = read_row_numbers(part, "sizes", IDF_NPY_U8, 0, &part->sizes, err);
    if (status == IDF_OK)
        status = read_row_numbers(part, "mtimes", IDF_NPY_I8, 0, &part->mtimes, err);
    if (status == IDF_OK)
        status = read_row_numbers(part, "sha256", IDF_NPY_U1, IDF_INDEX_SHA256_BYTES, &part->sha256,
                                  err);
    if (status == IDF_OK)
        status =
            read_row_numbers(part, "pictures", IDF_NPY_U1, IDF_SMALL_BYTES, &part->pictures, err);
    if (status == IDF_OK)
        status = read_crops(part, err);
    if (status == IDF_OK)
        status = read_features(part, err);
    return status == IDF_OK ? read_words(part, err) : status;
}
