/* tensors_build.h - how the readers of the formats fill a collection; not for others. */
#ifndef IDF_FORMAT_TENSORS_BUILD_H
#define IDF_FORMAT_TENSORS_BUILD_H

#include "base/arena.h"
#include "base/file.h"
#include "format/tensors.h"
#include "format/zip.h"

#ifdef __cplusplus
extern "C" {
#endif

struct idf_tensors {
    idf_map map; /* empty when opened from memory */
    idf_zip *zip;
    const uint8_t *bytes;
    size_t len;
    idf_tensor *tensors;
    size_t n, cap;
    idf_value *values;
    size_t n_values, cap_values;
    idf_arena arena; /* names, texts, and copies of tensors */
};

/* Adds a tensor or value; its name (name_len bytes) and text (NUL-terminated) are copied, its data
 * is not. n_items and data_bytes follow from the shape, which must not have overflowed. */
idf_status idf_tensors_add(idf_tensors *tensors, const idf_tensor *tensor, const char *name,
                           size_t name_len, idf_error *err);
idf_status idf_tensors_add_value(idf_tensors *tensors, const idf_value *value, const char *name,
                                 size_t name_len, idf_error *err);

/* Computes n_items and data_bytes from type and shape; false when that overflows. */
bool idf_tensor_measure(idf_tensor *tensor);

/* What the writers check of every tensor and value. */
idf_status idf_tensors_check_output(const idf_tensor *tensors, size_t n, const idf_value *values,
                                    size_t n_values, idf_error *err);

/* The readers: tensors->bytes is set. */
idf_status idf_safetensors_read(idf_tensors *tensors, idf_error *err);
idf_status idf_torch_read(idf_tensors *tensors, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
