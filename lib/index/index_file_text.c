/* index_file_text.c - what references are called: four columns of text, as NumPy has it, and once
 * more as it is used.
 *
 * Text of NumPy's is inflated and turned into UTF-8, string by string. An index that this program
 * wrote has the same strings in UTF-8 too, one behind the other, which are used where they lie:
 * then opening it does not take longer the more there are. */
#include "index/index_file.h"

#include <stdio.h>
#include <string.h>

#include <identify/names.h>

#include "base/alloc.h"
#include "base/text.h"

const char *const idf_index_column_names[IDF_N_COLUMNS] = {
    [IDF_COLUMN_NAME] = "names",
    [IDF_COLUMN_RARITY] = "rarities",
    [IDF_COLUMN_SET_CODE] = "set_codes",
    [IDF_COLUMN_FILENAME] = "filenames",
};

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while opening an index");
}

/* Replaces bytes that are no UTF-8 by U+FFFD: only file names may have them. */
static idf_status make_utf8(const char **text, idf_arena *arena, idf_error *err) {
    size_t n = strlen(*text), len = 0;
    if (idf_text_is_utf8(*text, n))
        return IDF_OK;
    char *out = idf_arena_alloc(arena, n, 3);
    if (out == NULL)
        return no_memory(err);
    for (size_t at = 0; at < n;) {
        uint32_t c;
        size_t taken = idf_text_decode(*text + at, n - at, &c);
        len += idf_text_encode(taken == 0 ? 0xFFFD : c, out + len);
        at += taken == 0 ? 1 : taken;
    }
    out[len] = '\0';
    *text = out;
    return IDF_OK;
}

static idf_status read_text(idf_index_part *part, const char *column, const char ***out,
                            idf_error *err) {
    idf_npz_array array = {0};
    const char **strings = NULL;
    char prefix[64];
    snprintf(prefix, sizeof prefix, "member '%s.npy'", column);
    idf_status status = idf_index_read_array(part, column, true, &array, err);
    if (status != IDF_OK || !array.found)
        return status;
    const idf_npy *npy = &array.npy;
    if (npy->n_dims != 1 ||
        (npy->type != IDF_NPY_TEXT && npy->type != IDF_NPY_BYTES && npy->type != IDF_NPY_OBJECT)) {
        status = idf_error_set(err, IDF_ERR_FORMAT, "%s is no list of text", prefix);
        goto done;
    }
    if (npy->shape[0] != part->n_rows) {
        status = idf_index_wrong_length(column, npy->shape[0], part->n_rows, err);
        goto done;
    }
    strings = idf_arena_alloc(&part->text, part->n_rows, sizeof *strings);
    if (strings == NULL) {
        status = no_memory(err);
        goto done;
    }
    if (npy->type == IDF_NPY_OBJECT)
        status = idf_index_read_objects(npy->data, npy->data_bytes, part->n_rows, strings,
                                        &part->text, err);
    for (size_t i = 0; i < part->n_rows && status == IDF_OK && npy->type != IDF_NPY_OBJECT; i++)
        status = idf_npy_get_text(npy, i, &part->text, &strings[i], err);
    if (status != IDF_OK)
        status = idf_error_prefix(err, status, prefix);
    *out = strings;
done:
    idf_npz_array_release(&array);
    return status;
}

/* Strings that every row shares. */
static idf_status fill_empty(idf_index_part *part, idf_index_column column, idf_error *err) {
    const char **strings = part->columns[column];
    if (strings != NULL)
        return IDF_OK;
    strings = idf_arena_alloc(&part->text, part->n_rows, sizeof *strings);
    if (strings == NULL)
        return no_memory(err);
    for (size_t i = 0; i < part->n_rows; i++)
        strings[i] = "";
    part->columns[column] = strings;
    return IDF_OK;
}

static bool copy(idf_index_part *part, idf_index_column column, size_t row, const char *text) {
    part->columns[column][row] = idf_arena_copy(&part->text, text, strlen(text));
    return part->columns[column][row] != NULL;
}

/* The original keeps the rarity as the last word of a name and the set code in the file name. */
static idf_status split_names(idf_index_part *part, idf_error *err) {
    for (size_t i = 0; i < part->n_rows; i++) {
        idf_name name, file;
        idf_name_split_rarity(&name, part->columns[IDF_COLUMN_NAME][i]);
        idf_name_parse(&file, part->columns[IDF_COLUMN_FILENAME][i]);
        if (!copy(part, IDF_COLUMN_NAME, i, name.name) ||
            !copy(part, IDF_COLUMN_RARITY, i, name.rarity) ||
            !copy(part, IDF_COLUMN_SET_CODE, i, file.set_code))
            return no_memory(err);
    }
    return IDF_OK;
}

static idf_status read_columns(idf_index_part *part, idf_error *err) {
    idf_status status = IDF_OK;
    for (int c = 0; c < IDF_N_COLUMNS && status == IDF_OK; c++) {
        status = read_text(part, idf_index_column_names[c], &part->columns[c], err);
        if (status == IDF_OK && c == IDF_COLUMN_NAME && part->columns[c] == NULL)
            status = idf_error_set(err, IDF_ERR_FORMAT,
                                   "this is no index: it has no member 'names.npy'");
    }
    bool original =
        part->columns[IDF_COLUMN_RARITY] == NULL && part->columns[IDF_COLUMN_SET_CODE] == NULL;
    for (int c = 0; c < IDF_N_COLUMNS && status == IDF_OK; c++)
        status = fill_empty(part, (idf_index_column)c, err);
    for (int c = 0; c < IDF_N_COLUMNS && status == IDF_OK; c++)
        for (size_t i = 0; i < part->n_rows && c != IDF_COLUMN_FILENAME && status == IDF_OK; i++)
            status = make_utf8(&part->columns[c][i], &part->text, err);
    return status == IDF_OK && original ? split_names(part, err) : status;
}

/* --- the same text as it is used: UTF-8, mapped --- */

static const char *const TEXT = "text", *const STARTS = "text_starts", *const OF = "text_of";
enum { CHECKED_BYTES = 4 << 20 };

static idf_status read_packed_member(idf_index_part *part, const char *name, idf_npy_type type,
                                     size_t align, idf_npz_array *out, idf_error *err) {
    char member_name[64];
    snprintf(member_name, sizeof member_name, "%s.npy", name);
    const idf_zip_member *member = idf_zip_find(part->zip, member_name);
    if (member == NULL || member->deflated)
        return IDF_OK;
    idf_status status =
        idf_npz_read(part->zip, name, UINT64_MAX, member->size_bytes <= CHECKED_BYTES, out, err);
    if (status == IDF_OK &&
        (out->npy.type != type || out->npy.n_dims != 1 || (uintptr_t)out->npy.data % align != 0))
        idf_npz_array_release(out); /* somebody else's */
    return status;
}

/* Whether the four columns are those that the text was made of, by the sums that the archive has of
 * them. */
static bool is_of_columns(const idf_index_part *part, const idf_npz_array *of) {
    bool same = of->npy.n_items == IDF_N_COLUMNS;
    for (int c = 0; c < IDF_N_COLUMNS && same; c++) {
        char member_name[64];
        snprintf(member_name, sizeof member_name, "%s.npy", idf_index_column_names[c]);
        const idf_zip_member *member = idf_zip_find(part->zip, member_name);
        same = member != NULL && member->crc32 == idf_load_u32le(of->npy.data + 4 * (size_t)c);
    }
    return same;
}

/* Whether each string begins where another ends: within one it could begin within a character. */
static bool begin_behind_ends(const char *text, size_t n_bytes, const uint32_t *starts, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (starts[i] >= n_bytes || (starts[i] > 0 && text[starts[i] - 1] != '\0'))
            return false;
    return true;
}

/* Takes the text over when it is there, can be used where it lies, and is that of the columns. */
static idf_status read_packed(idf_index_part *part, idf_error *err) {
    idf_npz_array *text = &part->packed_array, *starts = &part->starts_array, of = {0};
    idf_status status = read_packed_member(part, OF, IDF_NPY_U4, 1, &of, err);
    bool ours = status == IDF_OK && of.found && is_of_columns(part, &of);
    idf_npz_array_release(&of);
    if (!ours)
        return status;
    status = read_packed_member(part, TEXT, IDF_NPY_U1, 1, text, err);
    if (status == IDF_OK)
        status = read_packed_member(part, STARTS, IDF_NPY_U4, sizeof(uint32_t), starts, err);
    if (status != IDF_OK || !text->found || !starts->found)
        return status;
    size_t n = text->npy.data_bytes;
    const char *bytes = (const char *)text->npy.data;
    const uint32_t *at = (const uint32_t *)(const void *)starts->npy.data;
    size_t n_strings = IDF_N_COLUMNS * part->n_rows;
    if (starts->npy.n_items != n_strings + 1 ||
        (n_strings > 0 && (n == 0 || bytes[n - 1] != '\0')) ||
        !begin_behind_ends(bytes, n, at, n_strings))
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "member '%s.npy' is not the text of %zu references", TEXT,
                             part->n_rows);
    part->starts = at;
    size_t to = part->starts[IDF_COLUMN_FILENAME * part->n_rows]; /* file names may be no UTF-8 */
    if (to <= n && idf_text_is_utf8(bytes, to))
        part->packed = bytes;
    return IDF_OK;
}

idf_status idf_index_read_labels(idf_index_part *part, idf_error *err) {
    idf_status status = read_packed(part, err);
    return status == IDF_OK && part->packed == NULL ? read_columns(part, err) : status;
}

const char *idf_index_part_text(const idf_index_part *part, idf_index_column column, size_t row) {
    if (part->packed == NULL)
        return part->columns[column][row];
    size_t last = part->packed_array.npy.data_bytes - 1;
    size_t at = part->starts[(size_t)column * part->n_rows + row];
    return part->packed + (at < last ? at : last); /* a mapped file may be written over */
}
