/* npz.h - NumPy's archives: a zip whose member NAME.npy is the array NAME. */
#ifndef IDF_FORMAT_NPZ_H
#define IDF_FORMAT_NPZ_H

#include <stdbool.h>

#include "format/npy.h"
#include "format/zip.h"
#include "format/zip_write.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An array and the bytes it lies in. Zero it before use. */
typedef struct idf_npz_array {
    idf_npy npy;
    idf_blob blob;
    bool found;
} idf_npz_array;

void idf_npz_array_release(idf_npz_array *array);

/* Reads the array `name` (without .npy) of an archive; sentences name it. One that is not there
 * leaves *out empty, found false, and is no error. max_bytes and check_crc as in idf_zip_read. */
idf_status idf_npz_read(const idf_zip *zip, const char *name, uint64_t max_bytes, bool check_crc,
                        idf_npz_array *out, idf_error *err);

/* Begins the array `name` of the given type, item_bytes and shape. Its items follow by
 * idf_zip_writer_write, exactly as many bytes as the shape asks for, then idf_zip_writer_end. */
idf_status idf_npz_begin(idf_zip_writer *writer, const char *name, const idf_npy *array,
                         bool deflated, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
