/* lines.h - lines of a text that comes in pieces and may be compressed with gzip. */
#ifndef IDF_FEEDS_LINES_H
#define IDF_FEEDS_LINES_H

#include <stddef.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_LINE_MAX_BYTES = 4 << 20 };

/* Gets a line without its end; anything but IDF_OK ends the reading with that. */
typedef idf_status (*idf_line_fn)(void *context, const char *line, size_t len, idf_error *err);

typedef struct idf_lines idf_lines;

idf_status idf_lines_new(idf_lines **lines, idf_line_fn take, void *context, idf_error *err);
/* Takes the next piece. IDF_ERR_FORMAT for damaged gzip, IDF_ERR_LIMIT for a line over 4 MiB, or
 * what `take` said. */
idf_status idf_lines_feed(idf_lines *lines, const void *data, size_t n, idf_error *err);
/* The text is over: gives out a last line without an end. IDF_ERR_TRUNCATED when gzip was not at
 * its end. */
idf_status idf_lines_end(idf_lines *lines, idf_error *err);
/* NULL is allowed. */
void idf_lines_free(idf_lines *lines);

#ifdef __cplusplus
}
#endif
#endif
