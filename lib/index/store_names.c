/* store_names.c - rows of a folder by file name, from nothing but the column of file names. */
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "format/npz.h"
#include "index/store_parts.h"

static const uint64_t MAX_COLUMN_BYTES = (uint64_t)1 << 30;

struct idf_store_names {
    idf_map map;
    idf_zip *zip;
    idf_npz_array column;
};

void idf_store_names_free(idf_store_names *names) {
    if (names == NULL)
        return;
    idf_npz_array_release(&names->column);
    idf_zip_free(names->zip);
    idf_map_release(&names->map);
    idf_free(names);
}

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while changing an index");
}

static idf_status load(const idf_store *s, const idf_manifest_segment *segment,
                       idf_store_names **out, idf_error *err) {
    idf_store_names *names = idf_alloc_zero(1, sizeof *names);
    if (names == NULL)
        return no_memory(err);
    idf_status status = idf_folder_map(s->folder, segment->file, 0, &names->map, err);
    if (status == IDF_OK)
        status = idf_zip_open(&names->zip, names->map.data, names->map.len, err);
    if (status == IDF_OK)
        status = idf_npz_read(names->zip, "filenames", MAX_COLUMN_BYTES, true, &names->column, err);
    const idf_npy *npy = &names->column.npy;
    if (status == IDF_OK && (!names->column.found || npy->type != IDF_NPY_TEXT ||
                             npy->n_dims != 1 || npy->shape[0] != segment->n_rows))
        status = idf_error_set(err, IDF_ERR_FORMAT, "it has not the file names of %llu rows",
                               (unsigned long long)segment->n_rows);
    if (status != IDF_OK) {
        idf_store_names_free(names);
        return idf_error_prefix(err, status, segment->file);
    }
    *out = names;
    return IDF_OK;
}

/* Deletes the rows of segment i whose item is item[0, column's width). */
static idf_status delete_equal(idf_store *s, size_t i, const uint8_t *item, bool *found,
                               idf_error *err) {
    const idf_npy *npy = &s->bits[i].names->column.npy;
    idf_status status = IDF_OK;
    for (size_t row = 0; row < npy->shape[0] && status == IDF_OK; row++) {
        if (memcmp(npy->data + row * npy->item_bytes, item, npy->item_bytes) != 0)
            continue;
        const uint8_t *bits;
        status = idf_store_get_deleted(s, i, &bits, err);
        if (status == IDF_OK && !(bits[row / 8] >> (row % 8) & 1)) {
            *found = true;
            status = idf_store_delete(s, i, row, err);
        }
    }
    return status;
}

idf_status idf_store_delete_named(idf_store *s, const char *filename, bool *found, idf_error *err) {
    size_t len = idf_npy_text_len(filename);
    idf_status status = IDF_OK;
    *found = false;
    for (size_t i = 0; i < s->state.n_segments && status == IDF_OK; i++) {
        if (s->bits[i].names == NULL)
            status = load(s, &s->state.segments[i], &s->bits[i].names, err);
        size_t width = status == IDF_OK ? s->bits[i].names->column.npy.item_bytes / 4 : 0;
        if (status != IDF_OK || len > width)
            continue;
        uint8_t *item = idf_alloc(width, 4);
        if (item == NULL)
            return no_memory(err);
        idf_npy_put_text(item, width, filename);
        status = delete_equal(s, i, item, found, err);
        idf_free(item);
    }
    return status;
}
