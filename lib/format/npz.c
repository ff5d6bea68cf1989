/* npz.c - NumPy's archives. */
#include "format/npz.h"

#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 128 };

void idf_npz_array_release(idf_npz_array *array) {
    idf_blob_release(&array->blob);
    memset(array, 0, sizeof *array);
}

idf_status idf_npz_read(const idf_zip *zip, const char *name, uint64_t max_bytes, bool check_crc,
                        idf_npz_array *out, idf_error *err) {
    char member_name[NAME_BYTES];
    memset(out, 0, sizeof *out);
    snprintf(member_name, sizeof member_name, "%s.npy", name);
    const idf_zip_member *member = idf_zip_find(zip, member_name);
    if (member == NULL)
        return IDF_OK;
    idf_status status = idf_zip_read(zip, member, max_bytes, check_crc, &out->blob, err);
    if (status != IDF_OK)
        return status;
    status = idf_npy_parse(&out->npy, out->blob.data, out->blob.len, err);
    if (status != IDF_OK) {
        idf_npz_array_release(out);
        char prefix[NAME_BYTES + 16];
        snprintf(prefix, sizeof prefix, "member '%s'", member_name);
        return idf_error_prefix(err, status, prefix);
    }
    out->found = true;
    return IDF_OK;
}

idf_status idf_npz_begin(idf_zip_writer *writer, const char *name, const idf_npy *array,
                         bool deflated, idf_error *err) {
    char member_name[NAME_BYTES];
    idf_bytes header = {0};
    uint64_t n_bytes = array->item_bytes;
    bool over = false;
    for (int i = 0; i < array->n_dims; i++)
        over = over || __builtin_mul_overflow(n_bytes, array->shape[i], &n_bytes);
    snprintf(member_name, sizeof member_name, "%s.npy", name);
    idf_status status = idf_npy_put_header(&header, array);
    if (status != IDF_OK)
        status = idf_error_set(err, status, "out of memory while writing the array '%s'", name);
    else if (over || __builtin_add_overflow(n_bytes, header.len, &n_bytes))
        status = idf_error_set(err, IDF_ERR_ARGUMENT, "the array '%s' is too large", name);
    if (status == IDF_OK)
        status = idf_zip_writer_begin(writer, member_name, n_bytes, deflated, err);
    if (status == IDF_OK)
        status = idf_zip_writer_write(writer, header.data, header.len, err);
    idf_bytes_release(&header);
    return status;
}
