/* labels.c - labels.csv: lines are read once into a sorted array and found by binary search.
 *
 * File names are compared in normal form C, since file systems and spreadsheets disagree about it.
 */
#include "index/labels.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "index/csv.h"
#include "index/title.h"

enum column { FILENAME, NAME, RARITY, SET_CODE, N_COLUMNS };

static const char *const column_names[N_COLUMNS] = {"filename", "name", "rarity", "set_code"};

enum { KEY_BYTES = IDF_CSV_FIELD_BYTES + 1, SHOWN_BYTES = 128, WARNING_BYTES = 256 };

typedef struct label_warning {
    size_t line;
    char text[WARNING_BYTES];
} label_warning;

/* A line: where its strings begin in the text of all. */
typedef struct label_row {
    size_t line;
    size_t at[N_COLUMNS];
} label_row;

struct idf_labels {
    label_row *rows; /* sorted by file name */
    size_t n, cap;
    idf_bytes text;                   /* NUL-terminated strings */
    label_warning *warnings;          /* room for IDF_LABELS_MAX_WARNINGS + 1 */
    size_t n_warnings, n_passed_over; /* kept; not kept */
};

/* What is being read. */
typedef struct label_reader {
    idf_labels *labels;
    idf_csv csv;
    idf_csv_record record;
    int column[N_COLUMNS]; /* where each stands in the file, -1: nowhere */
} label_reader;

static idf_status fail_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for labels");
}

/* ---- warnings ---- */

static IDF_PRINTF(3, 4) void warn(idf_labels *labels, size_t line, const char *format, ...) {
    if (labels->n_warnings == IDF_LABELS_MAX_WARNINGS) {
        labels->n_passed_over++;
        return;
    }
    label_warning *warning = &labels->warnings[labels->n_warnings++];
    warning->line = line;
    int n = snprintf(warning->text, sizeof warning->text, "line %zu: ", line);
    va_list args;
    va_start(args, format);
    vsnprintf(warning->text + n, sizeof warning->text - (size_t)n, format, args);
    va_end(args);
    idf_text_trim_partial(warning->text);
}

static int compare_warnings(const void *a, const void *b) {
    const label_warning *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return strcmp(x->text, y->text);
}

/* Sorts by line and says last how many were not kept. */
static void finish_warnings(idf_labels *labels) {
    if (labels->n_warnings > 1)
        qsort(labels->warnings, labels->n_warnings, sizeof *labels->warnings, compare_warnings);
    label_warning *last = &labels->warnings[IDF_LABELS_MAX_WARNINGS];
    if (labels->n_passed_over > 0)
        snprintf(last->text, sizeof last->text, "%zu more lines have something amiss",
                 labels->n_passed_over);
}

/* ---- lines ---- */

/* Writes the form of a file name that is compared. */
static void make_key(char key[KEY_BYTES], const char *filename, size_t len) {
    if (len >= KEY_BYTES)
        len = KEY_BYTES - 1;
    if (idf_text_is_utf8(filename, len)) {
        int32_t composed[2 * KEY_BYTES];
        size_t used = 0, n = idf_text_nfc(composed, 2 * KEY_BYTES, filename, len);
        for (size_t i = 0; i < n && used + 4 < KEY_BYTES; i++)
            used += idf_text_encode((uint32_t)composed[i], key + used);
        key[used] = '\0';
    } else {
        memcpy(key, filename, len);
        key[len] = '\0';
    }
}

static const char *text_of(const idf_labels *labels, const label_row *row, enum column column) {
    return (const char *)labels->text.data + row->at[column];
}

/* The field of a column, "" when the record is too short for it. */
static const char *field_of(const label_reader *reader, enum column column, size_t *len) {
    int at = reader->column[column];
    *len = at >= 0 && (size_t)at < reader->record.n_fields ? reader->record.len[at] : 0;
    return *len == 0 ? "" : reader->record.field[at];
}

/* Tidies a field into out[max_bytes + 1], and warns when it was no UTF-8 or too long. A code that
 * is cut is worth nothing, a name that is cut is. */
static void tidy_field(label_reader *reader, enum column column, char *out, size_t out_bytes) {
    size_t len, line = reader->record.line;
    char tidy[3 * IDF_CSV_FIELD_BYTES + 1];
    const char *text = field_of(reader, column, &len);
    size_t n = idf_text_tidy(tidy, sizeof tidy, text, len);
    if (!idf_text_is_utf8(text, len))
        warn(reader->labels, line, "the %s is not UTF-8", column_names[column]);
    out[0] = '\0';
    if (n >= out_bytes)
        warn(reader->labels, line, "the %s has more than %zu bytes and is %s", column_names[column],
             out_bytes - 1, column == NAME ? "cut" : "passed over");
    if (n < out_bytes || column == NAME)
        idf_text_tidy(out, out_bytes, tidy, n);
}

/* One of the nine rarities in its own spelling, anything else as it is. */
static void spell_rarity(char rarity[IDF_RARITY_BYTES]) {
    char stored[IDF_RARITY_BYTES + 2];
    idf_name split;
    snprintf(stored, sizeof stored, "x %.*s", IDF_RARITY_BYTES - 1, rarity);
    idf_name_split_rarity(&split, stored);
    if (strcmp(split.name, "x") == 0)
        snprintf(rarity, IDF_RARITY_BYTES, "%s", split.rarity);
}

static bool push_row(idf_labels *labels, const label_row *row) {
    if (labels->n == labels->cap) {
        size_t cap = labels->cap == 0 ? 64 : labels->cap * 2;
        label_row *rows = idf_realloc(labels->rows, cap, sizeof *rows);
        if (rows == NULL)
            return false;
        labels->rows = rows;
        labels->cap = cap;
    }
    labels->rows[labels->n++] = *row;
    return true;
}

static bool is_blank(const label_reader *reader) {
    for (size_t i = 0; i < reader->record.n_fields; i++)
        if (reader->record.len[i] > 0)
            return false;
    return true;
}

static idf_status add_row(label_reader *reader, idf_error *err) {
    idf_labels *labels = reader->labels;
    size_t len, line = reader->record.line;
    const char *filename = field_of(reader, FILENAME, &len);
    if (len == 0) {
        if (!is_blank(reader)) /* spreadsheets end in lines of commas */
            warn(labels, line, "there is no filename");
        return IDF_OK;
    }
    if (labels->n == IDF_LABELS_MAX_ROWS)
        return idf_error_set(err, IDF_ERR_LIMIT, "line %zu: more than %d lines", line,
                             IDF_LABELS_MAX_ROWS);
    char strings[N_COLUMNS][KEY_BYTES];
    make_key(strings[FILENAME], filename, len);
    tidy_field(reader, NAME, strings[NAME], IDF_NAME_BYTES);
    tidy_field(reader, RARITY, strings[RARITY], IDF_RARITY_BYTES);
    tidy_field(reader, SET_CODE, strings[SET_CODE], IDF_SET_CODE_BYTES);
    spell_rarity(strings[RARITY]);
    label_row row = {.line = line};
    for (int c = 0; c < N_COLUMNS; c++) {
        row.at[c] = labels->text.len;
        if (idf_bytes_append(&labels->text, strings[c], strlen(strings[c]) + 1) != IDF_OK)
            return fail_memory(err);
    }
    return push_row(labels, &row) ? IDF_OK : fail_memory(err);
}

static bool equals_ignoring_case(const char *text, const char *word) {
    for (; *text != '\0' && *word != '\0'; text++, word++)
        if (*text != *word && !(*text >= 'A' && *text <= 'Z' && *text - 'A' + 'a' == *word))
            return false;
    return *text == *word;
}

static idf_status read_header(label_reader *reader, idf_error *err) {
    bool more;
    for (int c = 0; c < N_COLUMNS; c++)
        reader->column[c] = -1;
    idf_status status = idf_csv_next(&reader->csv, &reader->record, &more, err);
    if (status != IDF_OK)
        return status;
    if (!more)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "there is no header line (filename,name,rarity,set_code)");
    for (size_t i = 0; i < reader->record.n_fields; i++)
        for (int c = 0; c < N_COLUMNS; c++) {
            if (!equals_ignoring_case(reader->record.field[i], column_names[c]))
                continue;
            if (reader->column[c] >= 0)
                return idf_error_set(err, IDF_ERR_FORMAT, "line %zu: two columns are called %s",
                                     reader->record.line, column_names[c]);
            reader->column[c] = (int)i;
        }
    if (reader->column[FILENAME] < 0)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "line %zu: the header has no column called filename",
                             reader->record.line);
    return IDF_OK;
}

/* A row with what sorting needs, since qsort hands no context over. */
typedef struct sort_row {
    const char *filename;
    label_row row;
} sort_row;

static int compare_rows(const void *a, const void *b) {
    const sort_row *x = a, *y = b;
    int order = strcmp(x->filename, y->filename);
    return order != 0 ? order : x->row.line < y->row.line ? -1 : 1;
}

/* Sorts the lines and drops all but the first one of each file. */
static idf_status sort_rows(idf_labels *labels, idf_error *err) {
    size_t kept = 0;
    sort_row *sorted = idf_alloc(labels->n, sizeof *sorted);
    if (sorted == NULL)
        return fail_memory(err);
    for (size_t i = 0; i < labels->n; i++)
        sorted[i] = (sort_row){text_of(labels, &labels->rows[i], FILENAME), labels->rows[i]};
    if (labels->n > 1)
        qsort(sorted, labels->n, sizeof *sorted, compare_rows);
    for (size_t i = 0; i < labels->n; i++) {
        const label_row *before = kept == 0 ? NULL : &labels->rows[kept - 1];
        char shown[SHOWN_BYTES];
        if (before != NULL && strcmp(text_of(labels, before, FILENAME), sorted[i].filename) == 0)
            warn(labels, sorted[i].row.line, "'%s' has been labelled on line %zu already",
                 idf_text_printable(shown, sizeof shown, sorted[i].filename), before->line);
        else
            labels->rows[kept++] = sorted[i].row;
    }
    labels->n = kept;
    idf_free(sorted);
    return IDF_OK;
}

static idf_status read_rows(label_reader *reader, idf_error *err) {
    bool more = true;
    idf_status status = read_header(reader, err);
    while (status == IDF_OK && more) {
        status = idf_csv_next(&reader->csv, &reader->record, &more, err);
        if (status == IDF_OK && more)
            status = add_row(reader, err);
    }
    return status;
}

static idf_labels *labels_new(void) {
    idf_labels *labels = idf_alloc_zero(1, sizeof *labels);
    if (labels == NULL)
        return NULL;
    labels->warnings = idf_alloc_zero(IDF_LABELS_MAX_WARNINGS + 1, sizeof *labels->warnings);
    if (labels->warnings == NULL) {
        idf_free(labels);
        return NULL;
    }
    return labels;
}

static const label_row *find_row(const idf_labels *labels, const char *filename) {
    char key[KEY_BYTES];
    make_key(key, filename, strlen(filename));
    size_t low = 0, high = labels->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(key, text_of(labels, &labels->rows[middle], FILENAME));
        if (order == 0)
            return &labels->rows[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* ---- public ---- */

idf_status idf_labels_parse(idf_labels **out, const void *bytes, size_t len_bytes,
                            const char *shown, idf_error *err) {
    *out = NULL;
    idf_status status = IDF_OK;
    idf_labels *labels = labels_new();
    label_reader *reader = idf_alloc_zero(1, sizeof *reader);
    char prefix[600];
    if (labels == NULL || reader == NULL) {
        status = fail_memory(err);
    } else if (len_bytes > IDF_LABELS_MAX_BYTES) {
        status = idf_error_set(err, IDF_ERR_LIMIT, "%zu bytes, more than the limit of %d",
                               len_bytes, IDF_LABELS_MAX_BYTES);
    } else {
        reader->labels = labels;
        status = idf_csv_begin(&reader->csv, len_bytes == 0 ? "" : bytes, len_bytes, err);
        if (status == IDF_OK)
            status = read_rows(reader, err);
        if (status == IDF_OK)
            status = sort_rows(labels, err);
    }
    idf_free(reader);
    if (status != IDF_OK) {
        idf_labels_free(labels);
        return idf_error_prefix(err, status, idf_text_printable(prefix, sizeof prefix, shown));
    }
    finish_warnings(labels);
    *out = labels;
    return IDF_OK;
}

idf_status idf_labels_read(idf_labels **labels, const char *folder, idf_error *err) {
    *labels = NULL;
    idf_map map = {0};
    idf_file_stat found;
    idf_error local = IDF_ERROR_INIT;
    char *path = idf_path_join(folder, "labels.csv");
    if (path == NULL)
        return fail_memory(err);
    idf_status status = idf_file_get_stat(&found, path, &local);
    if (status == IDF_ERR_NOT_FOUND) {
        *labels = labels_new();
        status = *labels == NULL ? fail_memory(err) : IDF_OK;
        goto done;
    }
    status = idf_map_open(&map, path, IDF_LABELS_MAX_BYTES, err);
    if (status == IDF_OK)
        status = idf_labels_parse(labels, map.data, map.len, path, err);
done:
    idf_map_release(&map);
    idf_free(path);
    return status;
}

void idf_labels_free(idf_labels *labels) {
    if (labels == NULL)
        return;
    idf_bytes_release(&labels->text);
    idf_free(labels->rows);
    idf_free(labels->warnings);
    idf_free(labels);
}

idf_status idf_labels_check(idf_labels *labels, char *const *filenames, size_t n, idf_error *err) {
    bool *present = idf_alloc_zero(labels->n, sizeof *present);
    if (present == NULL)
        return fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        const label_row *row = find_row(labels, filenames[i]);
        if (row != NULL)
            present[row - labels->rows] = true;
    }
    for (size_t i = 0; i < labels->n; i++) {
        const label_row *row = &labels->rows[i];
        char shown[SHOWN_BYTES];
        if (!present[i])
            warn(labels, row->line, "there is no file '%s'",
                 idf_text_printable(shown, sizeof shown, text_of(labels, row, FILENAME)));
    }
    finish_warnings(labels);
    idf_free(present);
    return IDF_OK;
}

size_t idf_labels_n_warnings(const idf_labels *labels) {
    return labels->n_warnings + (labels->n_passed_over > 0);
}

const char *idf_labels_warning(const idf_labels *labels, size_t i) {
    return labels->warnings[i].text;
}

size_t idf_labels_n(const idf_labels *labels) {
    return labels->n;
}

bool idf_labels_find(const idf_labels *labels, const char *filename, idf_label *label) {
    const label_row *row = find_row(labels, filename);
    if (row != NULL && label != NULL)
        *label = (idf_label){.filename = text_of(labels, row, FILENAME),
                             .name = text_of(labels, row, NAME),
                             .rarity = text_of(labels, row, RARITY),
                             .set_code = text_of(labels, row, SET_CODE),
                             .line = row->line};
    return row != NULL;
}

bool idf_labels_apply(const idf_labels *labels, const char *filename, idf_name *name) {
    idf_label label;
    if (labels == NULL || !idf_labels_find(labels, filename, &label))
        return false;
    if (label.name[0] != '\0')
        snprintf(name->name, sizeof name->name, "%s", label.name);
    if (label.rarity[0] != '\0')
        snprintf(name->rarity, sizeof name->rarity, "%s", label.rarity);
    if (label.set_code[0] != '\0')
        snprintf(name->set_code, sizeof name->set_code, "%s", label.set_code);
    return true;
}
