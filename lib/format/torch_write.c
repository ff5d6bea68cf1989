/* torch_write.c - writes what torch.save would: {"state_dict": OrderedDict of tensors, values}.
 *
 * A pickle of protocol 2 that uses only what torch.load(weights_only=True) lets through, the
 * tensors' bytes as members archive/data/N, and the version record. Layout as in torch_pt.c. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "format/tensors_build.h"
#include "format/zip_write.h"

static const char *const storages[IDF_TENSOR_N_TYPES] = {
#define CLASS_NAME(symbol, safetensors, torch, bytes) torch,
    IDF_TENSOR_TYPE_LIST(CLASS_NAME)
#undef CLASS_NAME
};

/* Each appends opcodes; false when memory is out. */
static bool put(idf_bytes *out, const char *opcodes, size_t n) {
    return idf_bytes_append(out, opcodes, n) == IDF_OK;
}

static bool put_global(idf_bytes *out, const char *module, const char *name) {
    return idf_bytes_printf(out, "c%s\n%s\n", module, name) == IDF_OK;
}

static bool put_text(idf_bytes *out, const char *text) {
    uint8_t head[5] = {'X'};
    size_t n = strlen(text);
    idf_store_u32le(head + 1, (uint32_t)n);
    return n <= UINT32_MAX && put(out, (const char *)head, sizeof head) && put(out, text, n);
}

/* BININT where it fits, else LONG1 of eight bytes. */
static bool put_int(idf_bytes *out, int64_t value) {
    uint8_t op[10] = {'J'};
    if (value >= INT32_MIN && value <= INT32_MAX) {
        idf_store_u32le(op + 1, (uint32_t)value);
        return put(out, (const char *)op, 5);
    }
    op[0] = 0x8A;
    op[1] = 8;
    idf_store_u64le(op + 2, (uint64_t)value);
    return put(out, (const char *)op, sizeof op);
}

static bool put_float(idf_bytes *out, double value) {
    uint8_t op[9] = {'G'};
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 8; i++)
        op[1 + i] = (uint8_t)(bits >> (56 - 8 * i));
    return put(out, (const char *)op, sizeof op);
}

/* (shape), (strides of C order) */
static bool put_shape(idf_bytes *out, const idf_tensor *tensor) {
    uint64_t strides[IDF_TENSOR_MAX_DIMS], stride = 1;
    for (int i = tensor->n_dims - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= tensor->shape[i] == 0 ? 1 : tensor->shape[i];
    }
    bool good = put(out, "(", 1);
    for (int i = 0; i < tensor->n_dims; i++)
        good = good && put_int(out, (int64_t)tensor->shape[i]);
    good = good && put(out, "t(", 2);
    for (int i = 0; i < tensor->n_dims; i++)
        good = good && put_int(out, (int64_t)strides[i]);
    return good && put(out, "t", 1);
}

/* _rebuild_tensor_v2(('storage', class, 'i', 'cpu', n), 0, shape, strides, False, OrderedDict()) */
static bool put_tensor(idf_bytes *out, const idf_tensor *tensor, size_t i) {
    char key[24];
    snprintf(key, sizeof key, "%zu", i);
    return put_text(out, tensor->name) && put_global(out, "torch._utils", "_rebuild_tensor_v2") &&
           put(out, "((", 2) && put_text(out, "storage") &&
           put_global(out, "torch", storages[tensor->type]) && put_text(out, key) &&
           put_text(out, "cpu") && put_int(out, (int64_t)tensor->n_items) && put(out, "tQ", 2) &&
           put_int(out, 0) && put_shape(out, tensor) && put(out, "\x89", 1) &&
           put_global(out, "collections", "OrderedDict") && put(out, ")RtR", 4);
}

static bool put_value(idf_bytes *out, const idf_value *value) {
    if (!put_text(out, value->name))
        return false;
    switch (value->kind) {
    case IDF_VALUE_INT:
        return put_int(out, value->integer);
    case IDF_VALUE_FLOAT:
        return put_float(out, value->real);
    default:
        return put_text(out, value->text);
    }
}

static bool put_pickle(idf_bytes *out, const idf_tensor *tensors, size_t n, const idf_value *values,
                       size_t n_values) {
    bool good = put(out, "\x80\x02}(", 4) && put_text(out, "state_dict") &&
                put_global(out, "collections", "OrderedDict") && put(out, ")R(", 3);
    for (size_t i = 0; i < n && good; i++)
        good = put_tensor(out, &tensors[i], i);
    good = good && put(out, "u", 1);
    for (size_t i = 0; i < n_values && good; i++)
        good = put_value(out, &values[i]);
    return good && put(out, "u.", 2);
}

static idf_status check_types(const idf_tensor *tensors, size_t n, idf_error *err) {
    for (size_t i = 0; i < n; i++)
        if (storages[tensors[i].type][0] == '\0')
            return idf_error_set(err, IDF_ERR_ARGUMENT,
                                 "PyTorch has no tensors of the type %s for '%s'",
                                 idf_tensor_type_name(tensors[i].type), tensors[i].name);
    return IDF_OK;
}

idf_status idf_torch_write(const char *path, const idf_tensor *tensors, size_t n,
                           const idf_value *values, size_t n_values, idf_error *err) {
    idf_zip_writer *zip = NULL;
    idf_bytes pickle = {0};
    idf_status status = idf_tensors_check_output(tensors, n, values, n_values, err);
    if (status == IDF_OK)
        status = check_types(tensors, n, err);
    if (status != IDF_OK)
        return status;
    if (!put_pickle(&pickle, tensors, n, values, n_values))
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while writing tensors");
    if (status == IDF_OK)
        status = idf_zip_writer_new(&zip, path, err);
    if (status == IDF_OK)
        status = idf_zip_writer_add(zip, "archive/data.pkl", pickle.data, pickle.len, err);
    for (size_t i = 0; i < n && status == IDF_OK; i++) {
        char name[40];
        snprintf(name, sizeof name, "archive/data/%zu", i);
        status = idf_zip_writer_add(zip, name, tensors[i].data, tensors[i].data_bytes, err);
    }
    if (status == IDF_OK)
        status = idf_zip_writer_add(zip, "archive/version", "3\n", 2, err);
    idf_bytes_release(&pickle);
    if (status == IDF_OK)
        return idf_zip_writer_commit(zip, err);
    idf_zip_writer_discard(zip);
    return status;
}
