/* index_file_codes.c - the vectors of an index file in bytes: written, read, checked. */
#include "index/index_file.h"

#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "index/codes.h"

enum { CHECKED_BYTES = 4 << 20, SAMPLES = 64 };

static const char *const CODES = "embeddings_int8", *const SCALES = "embeddings_scale";

/* The scale of each row goes to scales. */
static idf_status write_codes(idf_zip_writer *zip, const idf_index_row *rows, size_t n, int dim,
                              float *scales, int8_t *codes, idf_error *err) {
    const idf_npy array = {
        .type = IDF_NPY_I1, .item_bytes = 1, .n_dims = 2, .shape = {n, (uint64_t)dim}};
    idf_status status = idf_npz_begin(zip, CODES, &array, false, err);
    for (size_t i = 0; i < n && status == IDF_OK; i++) {
        scales[i] = idf_codes_make(codes, rows[i].embedding, (size_t)dim);
        status = idf_zip_writer_write(zip, codes, (size_t)dim, err);
    }
    return status == IDF_OK ? idf_zip_writer_end(zip, err) : status;
}

idf_status idf_index_write_codes(idf_zip_writer *zip, const idf_index_row *rows, size_t n, int dim,
                                 idf_error *err) {
    const idf_npy array = {
        .type = IDF_NPY_F4, .item_bytes = sizeof(float), .n_dims = 1, .shape = {n}};
    float *scales = idf_alloc(n, sizeof *scales);
    int8_t *codes = idf_alloc((size_t)dim, 1);
    idf_status status =
        scales == NULL || codes == NULL
            ? idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while writing an index")
            : write_codes(zip, rows, n, dim, scales, codes, err);
    if (status == IDF_OK)
        status = idf_npz_begin(zip, SCALES, &array, false, err);
    if (status == IDF_OK)
        status = idf_zip_writer_write(zip, scales, n * sizeof *scales, err);
    if (status == IDF_OK)
        status = idf_zip_writer_end(zip, err);
    idf_free(scales);
    idf_free(codes);
    return status;
}

static idf_status fail(const char *name, const char *what, idf_error *err) {
    return idf_error_set(err, IDF_ERR_FORMAT, "member '%s.npy' %s", name, what);
}

/* What can only be used as it lies in the file, and lies otherwise: the file is somebody else's. */
static idf_status cannot_lie(const char *name, const char *what, idf_error *err) {
    return idf_error_set(err, IDF_ERR_UNSUPPORTED, "member '%s.npy' %s", name, what);
}

static idf_status read_member(idf_index_part *part, const char *name, idf_npz_array *out,
                              idf_error *err) {
    char member_name[64];
    snprintf(member_name, sizeof member_name, "%s.npy", name);
    const idf_zip_member *member = idf_zip_find(part->zip, member_name);
    if (member == NULL)
        return IDF_OK;
    if (member->deflated)
        return cannot_lie(name, "is compressed", err);
    return idf_npz_read(part->zip, name, UINT64_MAX, member->size_bytes <= CHECKED_BYTES, out, err);
}

static idf_status check_row(const idf_index_part *part, size_t i, idf_error *err) {
    size_t dim = (size_t)part->dim;
    float scale = part->scales[i];
    if (!(scale >= 0 && scale < INFINITY))
        return fail(SCALES, "has a scale that there cannot be", err);
    if (!idf_codes_fit(part->codes + i * dim, scale, part->embeddings + i * dim, dim))
        return fail(CODES, "is not of these references' vectors", err);
    return IDF_OK;
}

idf_status idf_index_check_codes(const idf_index_part *part, idf_error *err) {
    idf_status status = IDF_OK;
    for (size_t i = 0; part->codes != NULL && i < part->n_rows && status == IDF_OK; i++)
        status = check_row(part, i, err);
    return status;
}

idf_status idf_index_read_codes(idf_index_part *part, idf_error *err) {
    idf_npz_array *codes = &part->codes_array, *scales = &part->scales_array;
    idf_status status = read_member(part, CODES, codes, err);
    if (status == IDF_OK)
        status = read_member(part, SCALES, scales, err);
    if (status != IDF_OK || (!codes->found && !scales->found))
        return status;
    if (!codes->found || !scales->found)
        return fail(codes->found ? SCALES : CODES, "is missing beside the other", err);
    if (codes->npy.type != IDF_NPY_I1 || codes->npy.n_dims != 2 ||
        codes->npy.shape[0] != part->n_rows || codes->npy.shape[1] != (uint64_t)part->dim)
        return fail(CODES, "has not the type and shape that 'embeddings' asks for", err);
    if (scales->npy.type != IDF_NPY_F4 || scales->npy.n_dims != 1 ||
        scales->npy.shape[0] != part->n_rows)
        return fail(SCALES, "has not the type and shape that 'embeddings' asks for", err);
    if ((uintptr_t)scales->npy.data % _Alignof(float) != 0)
        return cannot_lie(SCALES, "is misaligned", err);
    part->codes = (const int8_t *)codes->npy.data;
    part->scales = (const float *)(const void *)scales->npy.data;
    if (codes->npy.data_bytes <= CHECKED_BYTES)
        return idf_index_check_codes(part, err);
    for (size_t i = 0; i < SAMPLES && status == IDF_OK; i++)
        status = check_row(part, i * part->n_rows / SAMPLES, err);
    return status;
}
