/* index_file_objects.c - the names and file names of the original's indexes: NumPy object arrays.
 *
 * NumPy pickles such an array as _reconstruct(ndarray, (0,), b'b') with the state (version, shape,
 * dtype, fortran, [item, ...]). Only that shape is accepted, with strings (Python's or NumPy's) for
 * items. */
#include "index/index_file.h"

#include <string.h>

#include "format/pickle.h"

static const idf_pickle_name allowed[] = {
    {"numpy", "ndarray"},
    {"numpy", "dtype"},
    {"numpy", "str_"},
    {"numpy.core.multiarray", "_reconstruct"},
    {"numpy._core.multiarray", "_reconstruct"}, /* NumPy 2 */
    {"numpy.core.multiarray", "scalar"},
    {"numpy._core.multiarray", "scalar"},
    {"_codecs", "encode"}, /* bytes in protocol 2 */
};

static bool is_numpy(const idf_pickle_value *value, const char *name) {
    return idf_pickle_is_global(value, "numpy.core.multiarray", name) ||
           idf_pickle_is_global(value, "numpy._core.multiarray", name);
}

/* The list of items of a pickled object array, or NULL. */
static const idf_pickle_value *items_of(const idf_pickle_value *root) {
    if (root->kind != IDF_PICKLE_OBJECT || !is_numpy(root->callee, "_reconstruct") ||
        root->state == NULL || root->state->kind != IDF_PICKLE_TUPLE || root->state->n_items != 5)
        return NULL;
    const idf_pickle_value *items = root->state->items[4];
    return items->kind == IDF_PICKLE_LIST ? items : NULL;
}

/* A string, or numpy.str_: scalar(dtype('<U..'), bytes). */
static idf_status read_item(const idf_pickle_value *item, const char **out, idf_arena *text,
                            idf_error *err) {
    if (item->kind != IDF_PICKLE_OBJECT || !is_numpy(item->callee, "scalar") ||
        item->args->n_items != 2 || item->args->items[1]->kind != IDF_PICKLE_BYTES)
        return idf_pickle_text(item, text, out, err);
    const idf_pickle_value *bytes = item->args->items[1];
    idf_npy one = {.type = IDF_NPY_TEXT,
                   .item_bytes = bytes->text_len / 4 * 4,
                   .n_items = 1,
                   .data = (const uint8_t *)bytes->text,
                   .data_bytes = bytes->text_len};
    return idf_npy_get_text(&one, 0, text, out, err);
}

idf_status idf_index_read_objects(const void *data, size_t len, size_t n, const char **out,
                                  idf_arena *text, idf_error *err) {
    idf_pickle_options options = {.allowed = allowed,
                                  .n_allowed = sizeof allowed / sizeof allowed[0]};
    idf_arena tree = {0};
    idf_pickle_value *root;
    idf_status status = idf_pickle_read(&root, data, len, &options, &tree, err);
    if (status != IDF_OK)
        goto done;
    const idf_pickle_value *items = items_of(root);
    if (items == NULL || items->n_items != n) {
        status = idf_error_set(err, IDF_ERR_FORMAT,
                               "the pickle is no array of %zu objects as its header says", n);
        goto done;
    }
    for (size_t i = 0; i < n && status == IDF_OK; i++)
        status = read_item(items->items[i], &out[i], text, err);
done:
    idf_arena_release(&tree);
    return status;
}
