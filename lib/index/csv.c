/* csv.c - records of a comma-separated text, one at a time (RFC 4180). */
#include "index/csv.h"

#include <string.h>

static const char candidates[] = ",;\t"; /* separators */

static bool at_line_end(const idf_csv *csv) {
    return csv->at == csv->end || *csv->at == '\n' || *csv->at == '\r';
}

/* Passes one line end. */
static void pass_line_end(idf_csv *csv) {
    if (csv->at == csv->end)
        return;
    csv->at += *csv->at == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n' ? 2 : 1;
    csv->line++;
}

/* The first of the candidates in the first line, outside quotes; the comma when there is none. */
static char find_separator(const idf_csv *csv) {
    bool quoted = false;
    for (const char *p = csv->at; p < csv->end && *p != '\n' && *p != '\r'; p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (!quoted && *p != '\0' && strchr(candidates, *p) != NULL)
            return *p;
    }
    return ',';
}

idf_status idf_csv_begin(idf_csv *csv, const char *text, size_t len, idf_error *err) {
    if (len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
        return idf_error_set(err, IDF_ERR_UNSUPPORTED,
                             "the text is UTF-16; save it as CSV in UTF-8");
    size_t mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    *csv = (idf_csv){.at = text + mark, .end = text + len, .line = 1};
    while (csv->at < csv->end && at_line_end(csv))
        pass_line_end(csv);
    csv->separator = find_separator(csv);
    return IDF_OK;
}

/* One field's text as it grows; out is NULL for a column that is dropped. */
typedef struct field_writer {
    char *out;
    size_t n;
} field_writer;

static idf_status put(field_writer *field, char c, const idf_csv *csv, idf_error *err) {
    if (c == '\0')
        return idf_error_set(err, IDF_ERR_FORMAT, "line %zu has a NUL byte", csv->line);
    if (field->n == IDF_CSV_FIELD_BYTES)
        return idf_error_set(err, IDF_ERR_LIMIT, "line %zu has a field of more than %d bytes",
                             csv->line, IDF_CSV_FIELD_BYTES);
    if (field->out != NULL)
        field->out[field->n] = c;
    field->n++;
    return IDF_OK;
}

static idf_status read_quoted(idf_csv *csv, field_writer *field, idf_error *err) {
    size_t first_line = csv->line;
    for (csv->at++; csv->at < csv->end; csv->at++) {
        char c = *csv->at;
        if (c == '"') {
            if (csv->at + 1 == csv->end || csv->at[1] != '"') {
                csv->at++;
                return IDF_OK;
            }
            csv->at++; /* a doubled quote is one */
        }
        idf_status status = put(field, c, csv, err);
        if (status != IDF_OK)
            return status;
        if (c == '\n' || (c == '\r' && (csv->at + 1 == csv->end || csv->at[1] != '\n')))
            csv->line++;
    }
    return idf_error_set(err, IDF_ERR_FORMAT, "the quote that opens on line %zu is never closed",
                         first_line);
}

/* Reads one field up to its separator or line end. Blanks around it are dropped, inside quotes they
 * are kept. */
static idf_status read_field(idf_csv *csv, field_writer *field, idf_error *err) {
    idf_status status = IDF_OK;
    while (csv->at < csv->end && *csv->at == ' ')
        csv->at++;
    if (csv->at < csv->end && *csv->at == '"') {
        status = read_quoted(csv, field, err);
        while (csv->at < csv->end && *csv->at == ' ')
            csv->at++;
        if (status == IDF_OK && !at_line_end(csv) && *csv->at != csv->separator)
            status = idf_error_set(err, IDF_ERR_FORMAT, "line %zu has text after a closing quote",
                                   csv->line);
        return status;
    }
    for (; status == IDF_OK && !at_line_end(csv) && *csv->at != csv->separator; csv->at++)
        status = put(field, *csv->at, csv, err);
    while (field->n > 0 && field->out != NULL && field->out[field->n - 1] == ' ')
        field->n--;
    return status;
}

idf_status idf_csv_next(idf_csv *csv, idf_csv_record *record, bool *more, idf_error *err) {
    *more = false;
    record->n_fields = 0;
    while (csv->at < csv->end && at_line_end(csv))
        pass_line_end(csv);
    if (csv->at == csv->end)
        return IDF_OK;
    record->line = csv->line;
    for (;;) {
        size_t column = record->n_fields;
        field_writer field = {column < IDF_CSV_COLUMNS ? record->field[column] : NULL, 0};
        idf_status status = read_field(csv, &field, err);
        if (status != IDF_OK)
            return status;
        if (field.out != NULL) {
            field.out[field.n] = '\0';
            record->len[column] = field.n;
            record->n_fields++;
        }
        if (at_line_end(csv))
            break;
        csv->at++; /* the separator */
    }
    pass_line_end(csv);
    *more = true;
    return IDF_OK;
}
