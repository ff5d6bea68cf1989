/* safetensors.c - Hugging Face's safetensors: a length, a JSON header, the tensors' bytes.
 *
 * Format: https://github.com/huggingface/safetensors#format. As the reference reader does, a file
 * is refused whose tensors overlap, leave holes, or end before the file does. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "format/tensors_build.h"

enum {
    LENGTH_BYTES = 8,
    MAX_HEADER_BYTES = 16 << 20,
    ALIGN = 64, /* of the data that is written here */
};

/* Where a tensor's bytes lie, for finding overlaps. */
typedef struct span {
    uint64_t begin, end;
} span;

static idf_status fail_tensor(idf_status status, const char *name, const char *what,
                              idf_error *err) {
    char shown[IDF_TENSOR_NAME_BYTES];
    return idf_error_set(err, status, "tensor '%s' of the safetensors file %s",
                         idf_text_printable(shown, sizeof shown, name), what);
}

static idf_status bad_tensor(const char *name, const char *what, idf_error *err) {
    return fail_tensor(IDF_ERR_FORMAT, name, what, err);
}

static bool read_unsigned(const json_t *value, uint64_t *out) {
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static idf_status read_type(const json_t *dtype, const char *name, idf_tensor_type *out,
                            idf_error *err) {
    char what[160], shown[64];
    const char *text = json_string_value(dtype);
    if (text == NULL)
        return bad_tensor(name, "has no dtype", err);
    for (int i = 0; i < IDF_TENSOR_N_TYPES; i++)
        if (strcmp(text, idf_tensor_type_name((idf_tensor_type)i)) == 0) {
            *out = (idf_tensor_type)i;
            return IDF_OK;
        }
    snprintf(what, sizeof what, "has the dtype '%s', which is not read",
             idf_text_printable(shown, sizeof shown, text));
    return fail_tensor(IDF_ERR_UNSUPPORTED, name, what, err);
}

static idf_status read_shape(const json_t *shape, const char *name, idf_tensor *tensor,
                             idf_error *err) {
    if (!json_is_array(shape))
        return bad_tensor(name, "has no shape", err);
    if (json_array_size(shape) > IDF_TENSOR_MAX_DIMS)
        return bad_tensor(name, "has more than 8 dimensions", err);
    tensor->n_dims = (int)json_array_size(shape);
    for (int i = 0; i < tensor->n_dims; i++)
        if (!read_unsigned(json_array_get(shape, (size_t)i), &tensor->shape[i]))
            return bad_tensor(name, "has a shape that is not made of whole numbers", err);
    if (!idf_tensor_measure(tensor))
        return bad_tensor(name, "has a shape that overflows", err);
    return IDF_OK;
}

/* One entry of the header; its bytes lie in data[0, data_bytes). */
static idf_status read_entry(idf_tensors *tensors, const char *name, const json_t *entry,
                             uint64_t data_at, span *where, idf_error *err) {
    idf_tensor tensor = {.name = name};
    uint64_t data_bytes = tensors->len - data_at;
    const json_t *offsets = json_object_get(entry, "data_offsets");
    if (!json_is_object(entry) || json_object_size(entry) != 3)
        return bad_tensor(name, "is not described by dtype, shape and data_offsets", err);
    idf_status status = read_type(json_object_get(entry, "dtype"), name, &tensor.type, err);
    if (status == IDF_OK)
        status = read_shape(json_object_get(entry, "shape"), name, &tensor, err);
    if (status != IDF_OK)
        return status;
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !read_unsigned(json_array_get(offsets, 0), &where->begin) ||
        !read_unsigned(json_array_get(offsets, 1), &where->end) || where->begin > where->end)
        return bad_tensor(name, "has malformed data_offsets", err);
    if (where->end > data_bytes)
        return fail_tensor(IDF_ERR_TRUNCATED, name,
                           "ends behind the end of the file (it was cut short)", err);
    if (where->end - where->begin != tensor.data_bytes)
        return bad_tensor(name, "has not as many bytes as its shape asks for", err);
    tensor.data = tensors->bytes + data_at + where->begin;
    return idf_tensors_add(tensors, &tensor, name, strlen(name), err);
}

/* __metadata__: an object of strings. */
static idf_status read_metadata(idf_tensors *tensors, json_t *metadata, idf_error *err) {
    const char *key;
    json_t *text;
    json_object_foreach(metadata, key, text) {
        idf_value value = {.kind = IDF_VALUE_TEXT, .text = json_string_value(text)};
        if (value.text == NULL)
            return idf_error_set(err, IDF_ERR_FORMAT,
                                 "the safetensors file's __metadata__ is not made of strings");
        if (key[0] == '\0')
            continue;
        idf_status status = idf_tensors_add_value(tensors, &value, key, strlen(key), err);
        if (status != IDF_OK)
            return status;
    }
    return IDF_OK;
}

static int compare_spans(const void *a, const void *b) {
    const span *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* The spans, put in order, must follow each other from the first byte to the last. */
static idf_status check_spans(span *spans, size_t n, uint64_t data_bytes, idf_error *err) {
    uint64_t at = 0;
    if (n > 1)
        qsort(spans, n, sizeof *spans, compare_spans);
    for (size_t i = 0; i < n; i++) {
        if (spans[i].begin != at)
            return idf_error_set(err, IDF_ERR_FORMAT,
                                 "the safetensors file's tensors %s at byte %" PRIu64,
                                 spans[i].begin < at ? "overlap" : "leave a hole", at);
        at = spans[i].end;
    }
    if (at != data_bytes)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "the safetensors file has %" PRIu64 " bytes behind its last tensor",
                             data_bytes - at);
    return IDF_OK;
}

static idf_status read_header(idf_tensors *tensors, json_t *header, uint64_t data_at,
                              idf_error *err) {
    idf_status status = IDF_OK;
    size_t n = 0;
    const char *key;
    json_t *entry;
    span *spans = idf_alloc(json_object_size(header), sizeof *spans);
    if (spans == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while reading tensors");
    json_object_foreach(header, key, entry) {
        if (strcmp(key, "__metadata__") == 0)
            status = read_metadata(tensors, entry, err);
        else
            status = read_entry(tensors, key, entry, data_at, &spans[n++], err);
        if (status != IDF_OK)
            break;
    }
    if (status == IDF_OK)
        status = check_spans(spans, n, tensors->len - data_at, err);
    idf_free(spans);
    return status;
}

idf_status idf_safetensors_read(idf_tensors *tensors, idf_error *err) {
    json_error_t json_error;
    char shown[JSON_ERROR_TEXT_LENGTH];
    if (tensors->len < LENGTH_BYTES)
        return idf_error_set(err, IDF_ERR_TRUNCATED,
                             "the file has %zu bytes: too few for safetensors or a PyTorch archive",
                             tensors->len);
    uint64_t n = idf_load_u64le(tensors->bytes);
    if (tensors->len > LENGTH_BYTES && tensors->bytes[LENGTH_BYTES] != '{')
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "this is neither a safetensors file nor a PyTorch archive");
    if (n > MAX_HEADER_BYTES)
        return idf_error_set(err, IDF_ERR_LIMIT,
                             "the safetensors header has %" PRIu64
                             " bytes, more than the limit of %d",
                             n, MAX_HEADER_BYTES);
    if (n > tensors->len - LENGTH_BYTES)
        return idf_error_set(err, IDF_ERR_TRUNCATED,
                             "the safetensors file ends within its header of %" PRIu64 " bytes", n);
    json_t *header = json_loadb((const char *)tensors->bytes + LENGTH_BYTES, (size_t)n,
                                JSON_REJECT_DUPLICATES, &json_error);
    idf_status status;
    if (header == NULL && json_error_code(&json_error) == json_error_out_of_memory)
        status = idf_error_set(err, IDF_ERR_NO_MEMORY,
                               "out of memory while reading a safetensors header");
    else if (!json_is_object(header))
        status = idf_error_set(err, IDF_ERR_FORMAT, "the safetensors header is no JSON object: %s",
                               header != NULL
                                   ? "it is something else"
                                   : idf_text_printable(shown, sizeof shown, json_error.text));
    else
        status = read_header(tensors, header, LENGTH_BYTES + n, err);
    json_decref(header);
    return status;
}

/* Adds __metadata__ to the header; false when memory is out. */
static bool put_values(json_t *header, const idf_value *values, size_t n) {
    json_t *metadata = json_object();
    for (size_t i = 0; i < n; i++) {
        char number[40];
        const char *text = number;
        if (values[i].kind == IDF_VALUE_TEXT)
            text = values[i].text;
        else if (values[i].kind == IDF_VALUE_INT)
            snprintf(number, sizeof number, "%" PRId64, values[i].integer);
        else
            idf_format(number, sizeof number, "%.17g", values[i].real);
        if (json_object_set_new(metadata, values[i].name, json_string(text)) != 0) {
            json_decref(metadata);
            return false;
        }
    }
    return json_object_set_new(header, "__metadata__", metadata) == 0;
}

/* The header as text of malloc's; NULL when memory is out. */
static char *make_header(const idf_tensor *tensors, size_t n, const idf_value *values,
                         size_t n_values) {
    json_t *header = json_object();
    char *text = NULL;
    uint64_t at = 0;
    if (header == NULL || (n_values > 0 && !put_values(header, values, n_values)))
        goto done;
    for (size_t i = 0; i < n; i++) {
        json_t *shape = json_array();
        for (int k = 0; k < tensors[i].n_dims; k++)
            json_array_append_new(shape, json_integer((json_int_t)tensors[i].shape[k]));
        bool whole = shape != NULL && json_array_size(shape) == (size_t)tensors[i].n_dims;
        json_t *entry = json_pack(
            "{s:s, s:o, s:[I,I]}", "dtype", idf_tensor_type_name(tensors[i].type), "shape", shape,
            "data_offsets", (json_int_t)at, (json_int_t)(at + tensors[i].data_bytes));
        if (json_object_set_new(header, tensors[i].name, entry) != 0 || !whole)
            goto done;
        at += tensors[i].data_bytes;
    }
    text = json_dumps(header, JSON_COMPACT);
done:
    json_decref(header);
    return text;
}

idf_status idf_safetensors_write(const char *path, const idf_tensor *tensors, size_t n,
                                 const idf_value *values, size_t n_values, idf_error *err) {
    idf_writer *file = NULL;
    uint8_t length[LENGTH_BYTES];
    char spaces[ALIGN];
    idf_status status = idf_tensors_check_output(tensors, n, values, n_values, err);
    if (status != IDF_OK)
        return status;
    char *header = make_header(tensors, n, values, n_values);
    if (header == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while writing tensors");
    size_t len = strlen(header);
    size_t padding = (ALIGN - (LENGTH_BYTES + len) % ALIGN) % ALIGN; /* JSON may end in spaces */
    idf_store_u64le(length, len + padding);
    memset(spaces, ' ', sizeof spaces);
    status = idf_writer_new(&file, path, err);
    if (status == IDF_OK)
        status = idf_writer_write(file, length, sizeof length, err);
    if (status == IDF_OK)
        status = idf_writer_write(file, header, len, err);
    if (status == IDF_OK)
        status = idf_writer_write(file, spaces, padding, err);
    for (size_t i = 0; i < n && status == IDF_OK; i++)
        status = idf_writer_write(file, tensors[i].data, tensors[i].data_bytes, err);
    free(header); /* jansson's */
    if (status == IDF_OK)
        return idf_writer_commit(file, err);
    idf_writer_discard(file);
    return status;
}
