/* torch_pt.c - reads what torch.save and torch.jit.save write: a zip archive with a pickle.
 *
 * Layout (torch/serialization.py, caffe2/serialize of PyTorch): ROOT/data.pkl is a pickle of
 * dictionaries and modules in which a tensor is _rebuild_tensor_v2(storage, offset, size, stride,
 * ...); a storage is the persistent identifier ('storage', torch.FloatStorage, KEY, device, items)
 * and its bytes are the member ROOT/data/KEY. TorchScript writes modules as instances of classes
 * below `__torch__` whose state is a dictionary. Code in the archive is never looked at. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "format/pickle.h"
#include "format/tensors_build.h"

enum {
    MAX_DEPTH = 64,      /* nesting of dictionaries and modules */
    MAX_STEPS = 1 << 22, /* values visited: what is shared could be visited without end */
    MAX_PICKLE_BYTES = 256 << 20,
};

static const idf_pickle_name allowed[] = {
    {"collections", "OrderedDict"},
    {"torch._utils", "_rebuild_tensor_v2"},
    {"torch._utils", "_rebuild_parameter"},
    {"torch", "FloatStorage"},
    {"torch", "HalfStorage"},
    {"torch", "BFloat16Storage"},
    {"torch", "DoubleStorage"},
    {"torch", "LongStorage"},
    {"torch", "IntStorage"},
    {"torch", "ShortStorage"},
    {"torch", "CharStorage"},
    {"torch", "ByteStorage"},
    {"torch", "BoolStorage"},
    {"torch", "Size"},
    {"torch", "device"},
    {"torch.jit._pickle", "build_intlist"},
    {"torch.jit._pickle", "build_doublelist"},
    {"torch.jit._pickle", "build_boollist"},
    {"torch.jit._pickle", "build_tensorlist"},
    {"torch.jit._pickle", "restore_type_tag"},
    {"__torch__", "*"}, /* TorchScript's own modules */
    {"__torch__.*", "*"},
};

/* A walk over the pickle's tree. */
typedef struct walk {
    idf_tensors *tensors;
    char root[IDF_ZIP_NAME_BYTES]; /* "archive/" */
    char name[IDF_TENSOR_NAME_BYTES];
    size_t steps, copied_bytes;
    idf_error *err;
} walk;

static idf_status bad_tensor(walk *w, idf_status status, const char *what) {
    char shown[IDF_TENSOR_NAME_BYTES];
    return idf_error_set(w->err, status, "tensor '%s' of the PyTorch archive %s",
                         idf_text_printable(shown, sizeof shown, w->name), what);
}

static bool is_tuple(const idf_pickle_value *value, size_t n) {
    return value->kind == IDF_PICKLE_TUPLE && value->n_items >= n;
}

static bool storage_type(const idf_pickle_value *global, idf_tensor_type *out) {
    static const char *const classes[IDF_TENSOR_N_TYPES] = {
#define CLASS_NAME(symbol, safetensors, torch, bytes) torch,
        IDF_TENSOR_TYPE_LIST(CLASS_NAME)
#undef CLASS_NAME
    };
    for (int i = 0; i < IDF_TENSOR_N_TYPES; i++)
        if (classes[i][0] != '\0' && idf_pickle_is_global(global, "torch", classes[i])) {
            *out = (idf_tensor_type)i;
            return true;
        }
    return false;
}

/* Finds a storage's bytes by its persistent identifier. */
static idf_status find_storage(walk *w, const idf_pickle_value *storage, idf_tensor_type *type,
                               idf_blob *bytes) {
    char member_name[IDF_ZIP_NAME_BYTES];
    const idf_pickle_value *id = storage->args;
    if (storage->kind != IDF_PICKLE_PERSISTENT || !is_tuple(id, 5) ||
        !idf_pickle_is_text(id->items[0], "storage") || !storage_type(id->items[1], type) ||
        id->items[2]->kind != IDF_PICKLE_STRING || id->items[4]->kind != IDF_PICKLE_INT)
        return bad_tensor(w, IDF_ERR_FORMAT, "has a storage of a kind that is not read");
    const idf_pickle_value *key = id->items[2];
    if (key->text_len == 0 || key->text_len > 64 || memchr(key->text, '\0', key->text_len) != NULL)
        return bad_tensor(w, IDF_ERR_FORMAT, "has a malformed storage key");
    int n = snprintf(member_name, sizeof member_name, "%sdata/%.*s", w->root, (int)key->text_len,
                     key->text);
    const idf_zip_member *member = n < 0 || (size_t)n >= sizeof member_name
                                       ? NULL
                                       : idf_zip_find(w->tensors->zip, member_name);
    if (member == NULL)
        return bad_tensor(w, IDF_ERR_FORMAT, "has no data in the archive");
    if (member->deflated) /* PyTorch never does; a mapping would be of no use */
        return bad_tensor(w, IDF_ERR_UNSUPPORTED, "has compressed data, which is not read");
    idf_status status = idf_zip_read(w->tensors->zip, member, UINT64_MAX, false, bytes, w->err);
    if (status != IDF_OK)
        return status;
    uint64_t item_bytes = idf_tensor_type_bytes(*type), n_bytes;
    if (id->items[4]->integer < 0 ||
        __builtin_mul_overflow((uint64_t)id->items[4]->integer, item_bytes, &n_bytes) ||
        n_bytes > bytes->len)
        return bad_tensor(w, IDF_ERR_FORMAT, "has fewer bytes in the archive than it claims");
    bytes->len = (size_t)n_bytes;
    return IDF_OK;
}

/* A tuple of `n` whole numbers >= 0, or torch.Size of one. */
static bool read_numbers(const idf_pickle_value *value, int *n, uint64_t *out) {
    if (value->kind == IDF_PICKLE_OBJECT && idf_pickle_is_global(value->callee, "torch", "Size") &&
        is_tuple(value->args, 1))
        value = value->args->items[0];
    if (value->kind != IDF_PICKLE_TUPLE || value->n_items > IDF_TENSOR_MAX_DIMS)
        return false;
    *n = (int)value->n_items;
    for (size_t i = 0; i < value->n_items; i++) {
        if (value->items[i]->kind != IDF_PICKLE_INT || value->items[i]->integer < 0)
            return false;
        out[i] = (uint64_t)value->items[i]->integer;
    }
    return true;
}

/* Whether the items already lie in C order without gaps. */
static bool is_contiguous(const idf_tensor *tensor, const uint64_t *strides) {
    uint64_t expected = 1;
    for (int i = tensor->n_dims - 1; i >= 0; i--) {
        if (tensor->shape[i] != 1 && strides[i] != expected)
            return false;
        expected *= tensor->shape[i];
    }
    return true;
}

/* Index of the last item that the strides reach; false when that overflows. */
static bool last_item(const idf_tensor *tensor, const uint64_t *strides, uint64_t offset,
                      uint64_t *out) {
    *out = offset;
    for (int i = 0; i < tensor->n_dims; i++) {
        uint64_t reach;
        if (__builtin_mul_overflow(tensor->shape[i] - 1, strides[i], &reach) ||
            __builtin_add_overflow(*out, reach, out))
            return false;
    }
    return true;
}

/* Copies items into C order. All reached items lie within the storage. */
static void copy_strided(const idf_tensor *tensor, const uint64_t *strides, const uint8_t *from,
                         uint8_t *out) {
    uint64_t at[IDF_TENSOR_MAX_DIMS] = {0}, item = 0;
    size_t item_bytes = idf_tensor_type_bytes(tensor->type);
    for (size_t i = 0; i < tensor->n_items; i++) {
        memcpy(out + i * item_bytes, from + item * item_bytes, item_bytes);
        for (int d = tensor->n_dims - 1; d >= 0; d--) {
            item += strides[d];
            if (++at[d] < tensor->shape[d])
                break;
            item -= strides[d] * tensor->shape[d];
            at[d] = 0;
        }
    }
}

/* Makes tensor->data of a strided view. Copies never exceed the size of the file in sum. */
static idf_status gather(walk *w, idf_tensor *tensor, const uint64_t *strides, const uint8_t *from,
                         size_t storage_bytes) {
    if (tensor->data_bytes > storage_bytes)
        return bad_tensor(w, IDF_ERR_UNSUPPORTED, "repeats its items by a stride of 0");
    if (tensor->data_bytes > w->tensors->len - w->copied_bytes)
        return bad_tensor(w, IDF_ERR_LIMIT, "is one view too many of the same storage");
    w->copied_bytes += tensor->data_bytes;
    uint8_t *copy = idf_arena_alloc(&w->tensors->arena, tensor->data_bytes, 1);
    if (copy == NULL)
        return bad_tensor(w, IDF_ERR_NO_MEMORY, "does not fit into memory");
    copy_strided(tensor, strides, from, copy);
    tensor->data = copy;
    return IDF_OK;
}

/* _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks ...) */
static idf_status add_tensor(walk *w, const idf_pickle_value *args) {
    idf_tensor tensor = {.name = NULL};
    uint64_t strides[IDF_TENSOR_MAX_DIMS], last;
    int n_strides;
    idf_blob storage = {0};
    if (!is_tuple(args, 4) || args->items[1]->kind != IDF_PICKLE_INT ||
        args->items[1]->integer < 0 ||
        !read_numbers(args->items[2], &tensor.n_dims, tensor.shape) ||
        !read_numbers(args->items[3], &n_strides, strides) || n_strides != tensor.n_dims)
        return bad_tensor(w, IDF_ERR_FORMAT, "is malformed");
    idf_status status = find_storage(w, args->items[0], &tensor.type, &storage);
    if (status != IDF_OK)
        return status;
    uint64_t offset = (uint64_t)args->items[1]->integer;
    size_t item_bytes = idf_tensor_type_bytes(tensor.type);
    if (!idf_tensor_measure(&tensor))
        return bad_tensor(w, IDF_ERR_FORMAT, "has a shape that overflows");
    if (tensor.n_items == 0)
        return idf_tensors_add(w->tensors, &tensor, w->name, strlen(w->name), w->err);
    if (!last_item(&tensor, strides, offset, &last) || last >= storage.len / item_bytes)
        return bad_tensor(w, IDF_ERR_FORMAT, "reaches behind the end of its data");
    const uint8_t *from = storage.data + offset * item_bytes;
    if (is_contiguous(&tensor, strides))
        tensor.data = from;
    else
        status = gather(w, &tensor, strides, from, storage.len);
    if (status != IDF_OK)
        return status;
    return idf_tensors_add(w->tensors, &tensor, w->name, strlen(w->name), w->err);
}

static idf_status add_value(walk *w, const idf_pickle_value *value) {
    idf_value added = {.kind = IDF_VALUE_INT};
    idf_arena scratch = {0};
    idf_status status = IDF_OK;
    if (value->kind == IDF_PICKLE_FLOAT) {
        added.kind = IDF_VALUE_FLOAT;
        added.real = value->real;
    } else if (value->kind == IDF_PICKLE_STRING) {
        added.kind = IDF_VALUE_TEXT;
        status = idf_pickle_text(value, &scratch, &added.text, w->err);
    } else {
        added.integer = value->integer;
        added.real = (double)value->integer;
    }
    if (status == IDF_OK)
        status = idf_tensors_add_value(w->tensors, &added, w->name, strlen(w->name), w->err);
    idf_arena_release(&scratch);
    return status;
}

static idf_status visit(walk *w, const idf_pickle_value *value, int depth);

/* Visits a child under the name of the walk plus ".KEY"; keys that are no names are passed over. */
static idf_status visit_child(walk *w, const idf_pickle_value *key, const idf_pickle_value *value,
                              int depth) {
    char digits[32];
    const char *text = digits;
    size_t n, before = strlen(w->name);
    if (key->kind == IDF_PICKLE_INT) {
        n = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)key->integer);
    } else if (key->kind == IDF_PICKLE_STRING) {
        text = key->text;
        n = key->text_len;
    } else {
        return IDF_OK;
    }
    if (n == 0 || memchr(text, '\0', n) != NULL)
        return IDF_OK;
    if (before + 1 + n >= sizeof w->name)
        return idf_error_set(w->err, IDF_ERR_LIMIT,
                             "a name in the PyTorch archive has more than the limit of %d bytes",
                             IDF_TENSOR_NAME_BYTES - 1);
    /* A checkpoint's own wrapping is no part of the names. */
    bool wrapper = before == 0 && n == strlen("state_dict") && memcmp(text, "state_dict", n) == 0;
    if (!wrapper) {
        char *at = w->name + before;
        if (before > 0)
            *at++ = '.';
        memcpy(at, text, n);
        at[n] = '\0';
    }
    idf_status status = visit(w, value, depth + 1);
    w->name[before] = '\0';
    return status;
}

static idf_status visit_pairs(walk *w, const idf_pickle_value *pairs, int depth) {
    for (size_t i = 0; i + 1 < pairs->n_items; i += 2) {
        idf_status status = visit_child(w, pairs->items[i], pairs->items[i + 1], depth);
        if (status != IDF_OK)
            return status;
    }
    return IDF_OK;
}

static idf_status visit_list(walk *w, const idf_pickle_value *list, int depth) {
    for (size_t i = 0; i < list->n_items; i++) {
        idf_pickle_value key = {.kind = IDF_PICKLE_INT, .integer = (int64_t)i};
        idf_status status = visit_child(w, &key, list->items[i], depth);
        if (status != IDF_OK)
            return status;
    }
    return IDF_OK;
}

static idf_status visit_object(walk *w, const idf_pickle_value *object, int depth) {
    const idf_pickle_value *callee = object->callee, *args = object->args;
    if (idf_pickle_is_global(callee, "torch._utils", "_rebuild_tensor_v2"))
        return add_tensor(w, args);
    if (idf_pickle_is_global(callee, "torch._utils", "_rebuild_parameter") ||
        idf_pickle_is_global(callee, "torch.jit._pickle", "*"))
        return is_tuple(args, 1) ? visit(w, args->items[0], depth + 1) : IDF_OK;
    if (idf_pickle_is_global(callee, "collections", "OrderedDict"))
        return visit_pairs(w, object, depth);
    if (idf_pickle_is_global(callee, "__torch__*", "*") && object->state != NULL &&
        object->state->kind == IDF_PICKLE_DICT)
        return visit_pairs(w, object->state, depth);
    return IDF_OK;
}

static idf_status visit(walk *w, const idf_pickle_value *value, int depth) {
    if (depth > MAX_DEPTH)
        return idf_error_set(w->err, IDF_ERR_LIMIT,
                             "the PyTorch archive is nested deeper than the limit of %d",
                             MAX_DEPTH);
    if (++w->steps > MAX_STEPS)
        return idf_error_set(w->err, IDF_ERR_LIMIT,
                             "the PyTorch archive holds more than the limit of %d values",
                             MAX_STEPS);
    switch (value->kind) {
    case IDF_PICKLE_DICT:
        return visit_pairs(w, value, depth);
    case IDF_PICKLE_LIST:
    case IDF_PICKLE_TUPLE:
        return visit_list(w, value, depth);
    case IDF_PICKLE_OBJECT:
        return visit_object(w, value, depth);
    case IDF_PICKLE_BOOL:
    case IDF_PICKLE_INT:
    case IDF_PICKLE_FLOAT:
    case IDF_PICKLE_STRING:
        return w->name[0] == '\0' ? IDF_OK : add_value(w, value);
    default:
        return IDF_OK;
    }
}

/* The one member ROOT/data.pkl; its root goes to w->root with the slash. */
static idf_status find_pickle(walk *w, const idf_zip_member **out) {
    const idf_zip *zip = w->tensors->zip;
    *out = NULL;
    for (size_t i = 0; i < idf_zip_n_members(zip); i++) {
        const idf_zip_member *member = idf_zip_member_at(zip, i);
        const char *slash = strchr(member->name, '/');
        if (slash == NULL || strcmp(slash, "/data.pkl") != 0)
            continue;
        if (*out != NULL)
            return idf_error_set(w->err, IDF_ERR_FORMAT,
                                 "the PyTorch archive has more than one data.pkl");
        *out = member;
        memcpy(w->root, member->name, (size_t)(slash + 1 - member->name));
        w->root[slash + 1 - member->name] = '\0';
    }
    if (*out == NULL)
        return idf_error_set(w->err, IDF_ERR_FORMAT,
                             "the zip archive is none of PyTorch's: it has no data.pkl");
    return IDF_OK;
}

/* ROOT/byteorder, where there is one, says "little". */
static idf_status check_byte_order(walk *w) {
    char name[IDF_ZIP_NAME_BYTES + 16];
    idf_blob blob;
    snprintf(name, sizeof name, "%sbyteorder", w->root);
    const idf_zip_member *member = idf_zip_find(w->tensors->zip, name);
    if (member == NULL)
        return IDF_OK;
    idf_status status = idf_zip_read(w->tensors->zip, member, 64, true, &blob, w->err);
    if (status == IDF_OK && (blob.len < 6 || memcmp(blob.data, "little", 6) != 0))
        status = idf_error_set(w->err, IDF_ERR_UNSUPPORTED,
                               "the PyTorch archive is not little-endian, which is not read");
    idf_blob_release(&blob);
    return status;
}

/* Every storage's checksum: a weight that is off by a bit would go unnoticed otherwise. */
static idf_status check_storages(walk *w) {
    const idf_zip *zip = w->tensors->zip;
    size_t n = strlen(w->root);
    for (size_t i = 0; i < idf_zip_n_members(zip); i++) {
        const idf_zip_member *member = idf_zip_member_at(zip, i);
        if (strncmp(member->name, w->root, n) != 0 || strncmp(member->name + n, "data/", 5) != 0)
            continue;
        idf_status status = idf_zip_check(zip, member, w->err);
        if (status != IDF_OK)
            return status;
    }
    return IDF_OK;
}

idf_status idf_torch_read(idf_tensors *tensors, idf_error *err) {
    walk w = {.tensors = tensors, .err = err};
    idf_pickle_options options = {.allowed = allowed,
                                  .n_allowed = sizeof allowed / sizeof allowed[0]};
    idf_arena tree = {0};
    idf_blob pickle = {0};
    idf_pickle_value *root;
    const idf_zip_member *member;
    idf_status status = idf_zip_open(&tensors->zip, tensors->bytes, tensors->len, err);
    if (status == IDF_OK)
        status = find_pickle(&w, &member);
    if (status == IDF_OK)
        status = check_byte_order(&w);
    if (status == IDF_OK)
        status = idf_zip_read(tensors->zip, member, MAX_PICKLE_BYTES, true, &pickle, err);
    if (status == IDF_OK)
        status = idf_pickle_read(&root, pickle.data, pickle.len, &options, &tree, err);
    if (status == IDF_OK)
        status = visit(&w, root, 0);
    if (status == IDF_OK)
        status = check_storages(&w);
    idf_arena_release(&tree);
    idf_blob_release(&pickle);
    return status;
}
