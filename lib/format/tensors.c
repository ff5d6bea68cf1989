/* tensors.c - the collection, and which format a file has. */
#include "format/tensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "format/tensors_build.h"
#include "kernel/convert.h"

static const struct {
    const char *name;
    size_t bytes;
} types[IDF_TENSOR_N_TYPES] = {
#define TYPE_ROW(symbol, safetensors, torch, bytes) {safetensors, bytes},
    IDF_TENSOR_TYPE_LIST(TYPE_ROW)
#undef TYPE_ROW
};

const char *idf_tensor_type_name(idf_tensor_type type) {
    return types[type].name;
}

size_t idf_tensor_type_bytes(idf_tensor_type type) {
    return types[type].bytes;
}

static idf_status fail_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while handling tensors");
}

bool idf_tensor_measure(idf_tensor *tensor) {
    uint64_t n = 1, n_bytes;
    bool over = false, empty = false;
    for (int i = 0; i < tensor->n_dims; i++) {
        empty = empty || tensor->shape[i] == 0;
        over = over || __builtin_mul_overflow(n, tensor->shape[i], &n);
    }
    if (empty) {
        n = 0;
        over = false;
    }
    if (over || __builtin_mul_overflow(n, (uint64_t)types[tensor->type].bytes, &n_bytes) ||
        n_bytes > SIZE_MAX / 2)
        return false;
    tensor->n_items = (size_t)n;
    tensor->data_bytes = (size_t)n_bytes;
    return true;
}

/* Room for one more in an array of *n items; NULL when memory is out or there are too many. */
static void *grow(void *items, size_t n, size_t *cap, size_t item_bytes) {
    if (n < *cap)
        return items;
    if (n >= IDF_TENSORS_MAX)
        return NULL;
    size_t wanted = *cap == 0 ? 64 : *cap * 2;
    void *grown = idf_realloc(items, wanted, item_bytes);
    if (grown != NULL)
        *cap = wanted;
    return grown;
}

/* Copies a name, or says what is wrong with it. */
static idf_status copy_name(idf_tensors *tensors, const char *name, size_t n, const char **out,
                            idf_error *err) {
    if (n == 0 || n >= IDF_TENSOR_NAME_BYTES || memchr(name, '\0', n) != NULL ||
        !idf_text_is_utf8(name, n))
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "a tensor's or value's name is empty, no UTF-8, or over %d bytes",
                             IDF_TENSOR_NAME_BYTES - 1);
    *out = idf_arena_copy(&tensors->arena, name, n);
    return *out == NULL ? fail_memory(err) : IDF_OK;
}

static idf_status too_many(size_t n, idf_error *err) {
    if (n < IDF_TENSORS_MAX)
        return fail_memory(err);
    return idf_error_set(err, IDF_ERR_LIMIT, "the file has more than the limit of %d tensors",
                         IDF_TENSORS_MAX);
}

idf_status idf_tensors_add(idf_tensors *tensors, const idf_tensor *tensor, const char *name,
                           size_t name_len, idf_error *err) {
    idf_tensor *grown = grow(tensors->tensors, tensors->n, &tensors->cap, sizeof *tensors->tensors);
    if (grown == NULL)
        return too_many(tensors->n, err);
    tensors->tensors = grown;
    idf_tensor *added = &tensors->tensors[tensors->n];
    *added = *tensor;
    idf_status status = copy_name(tensors, name, name_len, &added->name, err);
    if (status == IDF_OK)
        tensors->n++;
    return status;
}

idf_status idf_tensors_add_value(idf_tensors *tensors, const idf_value *value, const char *name,
                                 size_t name_len, idf_error *err) {
    idf_value *grown =
        grow(tensors->values, tensors->n_values, &tensors->cap_values, sizeof *tensors->values);
    if (grown == NULL)
        return too_many(tensors->n_values, err);
    tensors->values = grown;
    idf_value *added = &tensors->values[tensors->n_values];
    *added = *value;
    idf_status status = copy_name(tensors, name, name_len, &added->name, err);
    if (status == IDF_OK && value->kind == IDF_VALUE_TEXT) {
        added->text = idf_arena_copy(&tensors->arena, value->text, strlen(value->text));
        if (added->text == NULL)
            status = fail_memory(err);
    }
    if (status == IDF_OK)
        tensors->n_values++;
    return status;
}

static int compare_tensors(const void *a, const void *b) {
    return strcmp(((const idf_tensor *)a)->name, ((const idf_tensor *)b)->name);
}

static int compare_values(const void *a, const void *b) {
    return strcmp(((const idf_value *)a)->name, ((const idf_value *)b)->name);
}

static idf_status twice(const char *name, idf_error *err) {
    char shown[IDF_TENSOR_NAME_BYTES];
    return idf_error_set(err, IDF_ERR_FORMAT, "there are two tensors or values of the name '%s'",
                         idf_text_printable(shown, sizeof shown, name));
}

static idf_status sort_all(idf_tensors *t, idf_error *err) {
    if (t->n > 1)
        qsort(t->tensors, t->n, sizeof *t->tensors, compare_tensors);
    if (t->n_values > 1)
        qsort(t->values, t->n_values, sizeof *t->values, compare_values);
    for (size_t i = 1; i < t->n; i++)
        if (compare_tensors(&t->tensors[i - 1], &t->tensors[i]) == 0)
            return twice(t->tensors[i].name, err);
    for (size_t i = 1; i < t->n_values; i++)
        if (compare_values(&t->values[i - 1], &t->values[i]) == 0)
            return twice(t->values[i].name, err);
    return IDF_OK;
}

static idf_status read_any(idf_tensors *tensors, idf_error *err) {
    const uint8_t *p = tensors->bytes;
    idf_status status;
    if (tensors->len >= 4 && memcmp(p, "PK\3\4", 4) == 0)
        status = idf_torch_read(tensors, err);
    else if (tensors->len >= 2 && p[0] == 0x80 && p[1] >= 2 && p[1] <= 5 &&
             (tensors->len < 9 || p[8] != '{'))
        /* A pickle: what torch.save wrote before version 1.6. */
        status = idf_error_set(err, IDF_ERR_UNSUPPORTED,
                               "this is PyTorch's old format without a zip archive; load it with "
                               "torch.load and save it again with torch.save");
    else
        status = idf_safetensors_read(tensors, err);
    return status == IDF_OK ? sort_all(tensors, err) : status;
}

idf_status idf_tensors_open_memory(idf_tensors **out, const void *bytes, size_t len,
                                   idf_error *err) {
    *out = NULL;
    idf_tensors *tensors = idf_alloc_zero(1, sizeof *tensors);
    if (tensors == NULL)
        return fail_memory(err);
    tensors->bytes = bytes;
    tensors->len = len;
    idf_status status = read_any(tensors, err);
    if (status != IDF_OK) {
        idf_tensors_free(tensors);
        return status;
    }
    *out = tensors;
    return IDF_OK;
}

idf_status idf_tensors_open(idf_tensors **out, const char *path, idf_error *err) {
    char shown[512];
    idf_map map;
    *out = NULL;
    idf_status status = idf_map_open(&map, path, 0, err);
    if (status != IDF_OK)
        return status;
    status = idf_tensors_open_memory(out, map.data, map.len, err);
    if (status != IDF_OK) {
        idf_map_release(&map);
        return idf_error_prefix(err, status, idf_text_printable(shown, sizeof shown, path));
    }
    (*out)->map = map;
    return IDF_OK;
}

void idf_tensors_free(idf_tensors *tensors) {
    if (tensors == NULL)
        return;
    idf_free(tensors->tensors);
    idf_free(tensors->values);
    idf_arena_release(&tensors->arena);
    idf_zip_free(tensors->zip);
    idf_map_release(&tensors->map);
    idf_free(tensors);
}

bool idf_tensors_is_script(const idf_tensors *tensors) {
    size_t n = tensors->zip == NULL ? 0 : idf_zip_n_members(tensors->zip);
    for (size_t i = 0; i < n; i++) {
        const char *slash = strchr(idf_zip_member_at(tensors->zip, i)->name, '/');
        if (slash != NULL && strcmp(slash, "/constants.pkl") == 0)
            return true;
    }
    return false;
}

size_t idf_tensors_n(const idf_tensors *tensors) {
    return tensors->n;
}

const idf_tensor *idf_tensors_at(const idf_tensors *tensors, size_t i) {
    return &tensors->tensors[i];
}

size_t idf_tensors_n_values(const idf_tensors *tensors) {
    return tensors->n_values;
}

const idf_value *idf_tensors_value_at(const idf_tensors *tensors, size_t i) {
    return &tensors->values[i];
}

const idf_tensor *idf_tensors_find(const idf_tensors *tensors, const char *name) {
    idf_tensor key = {.name = name};
    return tensors->n == 0
               ? NULL
               : bsearch(&key, tensors->tensors, tensors->n, sizeof key, compare_tensors);
}

const idf_value *idf_tensors_find_value(const idf_tensors *tensors, const char *name) {
    idf_value key = {.name = name};
    return tensors->n_values == 0
               ? NULL
               : bsearch(&key, tensors->values, tensors->n_values, sizeof key, compare_values);
}

idf_status idf_tensor_to_f32(const idf_tensor *tensor, float *out, idf_error *err) {
    char shown[IDF_TENSOR_NAME_BYTES];
    switch (tensor->type) {
    case IDF_TENSOR_F32: /* the file is little-endian, and so is every machine this runs on */
        if (tensor->data_bytes > 0)
            memcpy(out, tensor->data, tensor->data_bytes);
        return IDF_OK;
    case IDF_TENSOR_F16:
        idf_convert_f16_to_f32(tensor->data, tensor->n_items, out);
        return IDF_OK;
    case IDF_TENSOR_BF16:
        idf_convert_bf16_to_f32(tensor->data, tensor->n_items, out);
        return IDF_OK;
    case IDF_TENSOR_F64:
        idf_convert_f64_to_f32(tensor->data, tensor->n_items, out);
        return IDF_OK;
    default:
        return idf_error_set(
            err, IDF_ERR_MISMATCH, "tensor '%s' has the type %s, not a floating-point one",
            idf_text_printable(shown, sizeof shown, tensor->name), types[tensor->type].name);
    }
}

static bool good_name(const char *name) {
    size_t n = name == NULL ? 0 : strlen(name);
    return n > 0 && n < IDF_TENSOR_NAME_BYTES && idf_text_is_utf8(name, n);
}

idf_status idf_tensors_check_output(const idf_tensor *tensors, size_t n, const idf_value *values,
                                    size_t n_values, idf_error *err) {
    char shown[IDF_TENSOR_NAME_BYTES];
    for (size_t i = 0; i < n; i++) {
        idf_tensor measured = tensors[i];
        if (!good_name(measured.name) || measured.n_dims < 0 ||
            measured.n_dims > IDF_TENSOR_MAX_DIMS || measured.type >= IDF_TENSOR_N_TYPES)
            return idf_error_set(err, IDF_ERR_ARGUMENT, "tensor %zu cannot be written", i);
        if (!idf_tensor_measure(&measured) || measured.n_items != tensors[i].n_items ||
            measured.data_bytes != tensors[i].data_bytes)
            return idf_error_set(err, IDF_ERR_ARGUMENT,
                                 "tensor '%s' has not the data its shape asks for",
                                 idf_text_printable(shown, sizeof shown, measured.name));
        for (size_t k = 0; k < i; k++) /* a few hundred at most */
            if (strcmp(tensors[k].name, measured.name) == 0)
                return idf_error_set(err, IDF_ERR_ARGUMENT, "two tensors have the name '%s'",
                                     idf_text_printable(shown, sizeof shown, measured.name));
    }
    for (size_t i = 0; i < n_values; i++) {
        const idf_value *value = &values[i];
        bool bad = !good_name(value->name) || strcmp(value->name, "state_dict") == 0 ||
                   (value->kind == IDF_VALUE_TEXT &&
                    (value->text == NULL || !idf_text_is_utf8(value->text, strlen(value->text))));
        for (size_t k = 0; k < i && !bad; k++)
            bad = strcmp(values[k].name, value->name) == 0;
        if (bad)
            return idf_error_set(err, IDF_ERR_ARGUMENT, "value %zu cannot be written", i);
    }
    return IDF_OK;
}
