/* csv.h - records of a comma-separated text, one at a time (RFC 4180, and what spreadsheets make of
 * it: a byte order mark, LF, CRLF or CR, a semicolon or a tab for the comma). */
#ifndef IDF_INDEX_CSV_H
#define IDF_INDEX_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_CSV_FIELD_BYTES = 4096, IDF_CSV_COLUMNS = 32 };

/* The text is borrowed. */
typedef struct idf_csv {
    const char *at, *end;
    size_t line; /* of `at`, from 1 */
    char separator;
} idf_csv;

/* The fields of one record. Columns past the last one kept are read and dropped; a record with
 * fewer leaves the rest empty. */
typedef struct idf_csv_record {
    size_t line;     /* it begins on */
    size_t n_fields; /* at most IDF_CSV_COLUMNS */
    size_t len[IDF_CSV_COLUMNS];
    char field[IDF_CSV_COLUMNS][IDF_CSV_FIELD_BYTES + 1]; /* NUL-terminated */
} idf_csv_record;

/* Begins at the first record: passes a byte order mark and finds the separator in the first line.
 */
idf_status idf_csv_begin(idf_csv *csv, const char *text, size_t len, idf_error *err);

/* Reads the next record that is no empty line into *record; *more is false at the end. Fails for an
 * open quote, text after a closing quote, a field over the limit and a NUL byte; err names the
 * line.
 */
idf_status idf_csv_next(idf_csv *csv, idf_csv_record *record, bool *more, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
