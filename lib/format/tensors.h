/* tensors.h - a file of named tensors, whatever its format: safetensors or PyTorch's zip archives.
 *
 * The file is mapped and tensors are used where they lie. What a file claims (offsets, shapes,
 * types) has been compared with its bytes before a tensor is given out. Open collections are
 * immutable and may be shared between threads. */
#ifndef IDF_FORMAT_TENSORS_H
#define IDF_FORMAT_TENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_TENSOR_MAX_DIMS = 8,
    IDF_TENSOR_NAME_BYTES = 512, /* the NUL counted */
    IDF_TENSORS_MAX = 1 << 17,   /* tensors, and likewise values, in one file */
};

/* X(symbol, name in safetensors, storage class of PyTorch or "", bytes an item) */
#define IDF_TENSOR_TYPE_LIST(X)                                                                    \
    X(IDF_TENSOR_F32, "F32", "FloatStorage", 4)                                                    \
    X(IDF_TENSOR_F16, "F16", "HalfStorage", 2)                                                     \
    X(IDF_TENSOR_BF16, "BF16", "BFloat16Storage", 2)                                               \
    X(IDF_TENSOR_F64, "F64", "DoubleStorage", 8)                                                   \
    X(IDF_TENSOR_I64, "I64", "LongStorage", 8)                                                     \
    X(IDF_TENSOR_I32, "I32", "IntStorage", 4)                                                      \
    X(IDF_TENSOR_I16, "I16", "ShortStorage", 2)                                                    \
    X(IDF_TENSOR_I8, "I8", "CharStorage", 1)                                                       \
    X(IDF_TENSOR_U8, "U8", "ByteStorage", 1)                                                       \
    X(IDF_TENSOR_BOOL, "BOOL", "BoolStorage", 1)                                                   \
    X(IDF_TENSOR_U16, "U16", "", 2)                                                                \
    X(IDF_TENSOR_U32, "U32", "", 4)                                                                \
    X(IDF_TENSOR_U64, "U64", "", 8)

typedef enum idf_tensor_type {
#define IDF_TENSOR_TYPE_ENUM(symbol, safetensors, torch, bytes) symbol,
    IDF_TENSOR_TYPE_LIST(IDF_TENSOR_TYPE_ENUM)
#undef IDF_TENSOR_TYPE_ENUM
        IDF_TENSOR_N_TYPES
} idf_tensor_type;

/* Items little-endian, in C order, without gaps. */
typedef struct idf_tensor {
    const char *name;
    idf_tensor_type type;
    int n_dims; /* 0: a single number */
    uint64_t shape[IDF_TENSOR_MAX_DIMS];
    size_t n_items;
    const uint8_t *data; /* data_bytes; no alignment is promised */
    size_t data_bytes;   /* n_items times the type's */
} idf_tensor;

/* A number or text kept beside the tensors. */
typedef enum idf_value_kind { IDF_VALUE_INT, IDF_VALUE_FLOAT, IDF_VALUE_TEXT } idf_value_kind;
typedef struct idf_value {
    const char *name;
    idf_value_kind kind;
    int64_t integer; /* also of booleans */
    double real;     /* of INT too */
    const char *text;
} idf_value;

typedef struct idf_tensors idf_tensors;

/* Opens a file by its content. *tensors is NULL after a failure. Names are the keys as they are
 * written, joined by '.' where dictionaries or modules are nested; the prefix "state_dict." is
 * dropped. A file in PyTorch's old form without zip is IDF_ERR_UNSUPPORTED. */
idf_status idf_tensors_open(idf_tensors **tensors, const char *path, idf_error *err);

/* The same of bytes that outlive *tensors. */
idf_status idf_tensors_open_memory(idf_tensors **tensors, const void *bytes, size_t len,
                                   idf_error *err);

/* NULL is allowed. */
void idf_tensors_free(idf_tensors *tensors);

/* Whether they come from a TorchScript archive, which has code beside its tensors. */
bool idf_tensors_is_script(const idf_tensors *tensors);

/* Tensors and values in the order of their names (bytewise). */
size_t idf_tensors_n(const idf_tensors *tensors);
const idf_tensor *idf_tensors_at(const idf_tensors *tensors, size_t i);
size_t idf_tensors_n_values(const idf_tensors *tensors);
const idf_value *idf_tensors_value_at(const idf_tensors *tensors, size_t i);

/* NULL when there is none of that name. */
const idf_tensor *idf_tensors_find(const idf_tensors *tensors, const char *name);
const idf_value *idf_tensors_find_value(const idf_tensors *tensors, const char *name);

/* Name ("F32") and bytes an item. */
const char *idf_tensor_type_name(idf_tensor_type type);
size_t idf_tensor_type_bytes(idf_tensor_type type);

/* Converts a tensor of F32, F16, BF16 or F64 to n_items floats; others are IDF_ERR_MISMATCH. */
idf_status idf_tensor_to_f32(const idf_tensor *tensor, float *out, idf_error *err);

/* Writers. Both write atomically, n tensors in the order given and n_values values. The PyTorch one
 * is read by torch.load(path, weights_only=True) as {"state_dict": {tensors}, values}; the
 * safetensors one keeps values as text, which is all that format has. IDF_ERR_ARGUMENT for a name
 * that is empty, too long, used twice or no UTF-8, and for data that does not match its shape. */
idf_status idf_torch_write(const char *path, const idf_tensor *tensors, size_t n,
                           const idf_value *values, size_t n_values, idf_error *err);
idf_status idf_safetensors_write(const char *path, const idf_tensor *tensors, size_t n,
                                 const idf_value *values, size_t n_values, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
