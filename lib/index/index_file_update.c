/* index_file_update.c - an index written again with other meta data; rows and head stay. */
#include "index/index_file.h"

#include <stdlib.h>

#include "base/alloc.h"

/* The members of the index's meta data with those of `numbers` put over them, as text of malloc's;
 * without what idf_index_meta has fields for. */
static char *merged(const idf_index *index, const char *numbers) {
    static const char *const fields[] = {"format", "encoder", "projection", "refs_dir"};
    json_t *all = index->meta == NULL ? json_object() : json_copy(index->meta);
    json_t *changes = json_loads(numbers, JSON_REJECT_DUPLICATES, NULL);
    char *text = NULL;
    for (size_t i = 0; all != NULL && i < sizeof fields / sizeof fields[0]; i++)
        json_object_del(all, fields[i]);
    if (all != NULL && changes != NULL && json_object_update(all, changes) == 0)
        text = json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(all);
    json_decref(changes);
    return text;
}

idf_status idf_index_save_numbers(const idf_index *index, const char *path, const char *numbers,
                                  idf_error *err) {
    idf_index_head head = {0};
    char *extra = merged(index, numbers);
    idf_index_row *rows = idf_alloc(index->n_rows, sizeof *rows);
    idf_status status =
        extra == NULL || rows == NULL
            ? idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while writing an index")
            : idf_index_read_head(index, &head, err);
    if (status == IDF_OK) {
        const char *projection = idf_index_meta_string(index, "projection");
        const idf_index_meta meta = {.encoder = idf_index_encoder(index),
                                     .projection = projection == NULL ? "" : projection,
                                     .refs_dir = idf_index_meta_string(index, "refs_dir"),
                                     .extra_json = extra,
                                     .head = head.params == NULL ? NULL : &head,
                                     .words = {.same = index}};
        for (size_t i = 0; i < index->n_rows; i++)
            idf_index_get_row(index, i, &rows[i]);
        status = idf_index_write(path, rows, index->n_rows, index->dim, &meta, err);
    }
    idf_free(head.params);
    idf_free(rows);
    free(extra); /* jansson's */
    return status;
}
