/* index_file_text_write.c - writes what references are called: as NumPy has text, deflated (four
 * bytes a character would not be stored), and once more in UTF-8 where a mapping can use it. */
#include "index/index_file.h"

#include <string.h>

#include "base/alloc.h"

typedef struct source {
    const idf_index_row *rows;
    size_t n;
    idf_zip_writer *zip;
    idf_error *err;
} source;

static const char *text_of(const idf_index_row *row, int column) {
    switch (column) {
    case IDF_COLUMN_NAME:
        return row->name;
    case IDF_COLUMN_FILENAME:
        return row->filename;
    case IDF_COLUMN_RARITY:
        return row->rarity;
    default:
        return row->set_code;
    }
}

static idf_status no_memory(const source *s) {
    return idf_error_set(s->err, IDF_ERR_NO_MEMORY, "out of memory while writing an index");
}

static idf_status write_column(const source *s, int which) {
    size_t width = 1; /* NumPy has no '<U0' */
    for (size_t i = 0; i < s->n; i++) {
        size_t n = idf_npy_text_len(text_of(&s->rows[i], which));
        width = n > width ? n : width;
    }
    if (width > IDF_NPY_MAX_TEXT)
        return idf_error_set(s->err, IDF_ERR_LIMIT,
                             "'%s' has %zu characters in a row, more than the limit of %d",
                             idf_index_column_names[which], width, IDF_NPY_MAX_TEXT);
    uint8_t *item = idf_alloc(width, 4);
    if (item == NULL)
        return no_memory(s);
    idf_npy array = {.type = IDF_NPY_TEXT, .item_bytes = 4 * width, .n_dims = 1, .shape = {s->n}};
    idf_status status = idf_npz_begin(s->zip, idf_index_column_names[which], &array, true, s->err);
    for (size_t i = 0; i < s->n && status == IDF_OK; i++) {
        idf_npy_put_text(item, width, text_of(&s->rows[i], which));
        status = idf_zip_writer_write(s->zip, item, 4 * width, s->err);
    }
    if (status == IDF_OK)
        status = idf_zip_writer_end(s->zip, s->err);
    idf_free(item);
    return status;
}

static idf_status begin(const source *s, const char *name, idf_npy_type type, uint64_t n) {
    const idf_npy array = {
        .type = type, .item_bytes = type == IDF_NPY_U1 ? 1 : 4, .n_dims = 1, .shape = {n}};
    return idf_npz_begin(s->zip, name, &array, false, s->err);
}

/* The strings, or where they begin. */
static idf_status write_packed_member(const source *s, const char *name, bool starts,
                                      uint64_t total) {
    uint64_t at = 0;
    uint8_t word[4];
    idf_status status = starts ? begin(s, name, IDF_NPY_U4, IDF_N_COLUMNS * (uint64_t)s->n + 1)
                               : begin(s, name, IDF_NPY_U1, total);
    for (int c = 0; c < IDF_N_COLUMNS; c++)
        for (size_t i = 0; i < s->n && status == IDF_OK; i++) {
            const char *text = text_of(&s->rows[i], c);
            size_t n = strlen(text) + 1;
            idf_store_u32le(word, (uint32_t)at);
            status = starts ? idf_zip_writer_write(s->zip, word, sizeof word, s->err)
                            : idf_zip_writer_write(s->zip, text, n, s->err);
            at += n;
        }
    idf_store_u32le(word, (uint32_t)at);
    if (status == IDF_OK && starts)
        status = idf_zip_writer_write(s->zip, word, sizeof word, s->err);
    return status == IDF_OK ? idf_zip_writer_end(s->zip, s->err) : status;
}

static idf_status write_packed(const source *s, const uint8_t *of, size_t of_bytes) {
    uint64_t total = 0;
    for (int c = 0; c < IDF_N_COLUMNS; c++)
        for (size_t i = 0; i < s->n; i++)
            total += strlen(text_of(&s->rows[i], c)) + 1;
    if (total > UINT32_MAX) /* readers take the columns */
        return IDF_OK;
    idf_status status = begin(s, "text_of", IDF_NPY_U4, IDF_N_COLUMNS);
    if (status == IDF_OK)
        status = idf_zip_writer_write(s->zip, of, of_bytes, s->err);
    if (status == IDF_OK)
        status = idf_zip_writer_end(s->zip, s->err);
    if (status == IDF_OK)
        status = write_packed_member(s, "text_starts", true, total);
    return status == IDF_OK ? write_packed_member(s, "text", false, total) : status;
}

idf_status idf_index_write_labels(idf_zip_writer *zip, const idf_index_row *rows, size_t n,
                                  idf_error *err) {
    const source s = {rows, n, zip, err};
    uint8_t of[4 * IDF_N_COLUMNS];
    idf_status status = IDF_OK;
    for (int c = 0; c < IDF_N_COLUMNS && status == IDF_OK; c++) {
        status = write_column(&s, c);
        idf_store_u32le(of + 4 * c, idf_zip_writer_crc(zip));
    }
    return status == IDF_OK ? write_packed(&s, of, sizeof of) : status;
}
