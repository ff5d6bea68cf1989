/* scan.h - JSON (RFC 8259) read from front to back, without building a tree: the caller asks for
 * what it expects and skips the rest. For files of megabytes of which little is kept; small answers
 * of web sites are read with jansson.
 *
 * The first thing amiss is kept in `problem`; from then on every call says no. One thread. */
#ifndef IDF_FEEDS_SCAN_H
#define IDF_FEEDS_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/status.h>

#include "base/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_SCAN_MAX_DEPTH = 64 };

/* Borrows the text. */
typedef struct idf_scan {
    const char *begin, *at, *end;
    const char *problem; /* a fragment of a sentence, NULL while all is well */
    int depth;           /* objects and lists that are open */
    bool fresh;          /* one has just been opened: no comma before its first member */
} idf_scan;

/* A string between its quotes, escapes as they are written. */
typedef struct idf_scan_text {
    const char *at;
    size_t len;
    bool escaped;
} idf_scan_text;

void idf_scan_begin(idf_scan *scan, const void *text, size_t len_bytes);

/* The first character of the value that comes next: { [ " t f n, or 0 for a number. NUL when there
 * is none. */
char idf_scan_peek(idf_scan *scan);

/* Goes into an object ('{') or a list ('['); false when the next value is something else. */
bool idf_scan_enter(idf_scan *scan, char kind);
/* The next member of the object or item of the list that is open; the value is then to be taken or
 * skipped. False at the end, which is passed, or when something is amiss. */
bool idf_scan_key(idf_scan *scan, idf_scan_text *key);
bool idf_scan_item(idf_scan *scan);

/* Takes the next value if it is a string or a number; otherwise skips it and says false. */
bool idf_scan_string(idf_scan *scan, idf_scan_text *out);
bool idf_scan_number(idf_scan *scan, double *out);
void idf_scan_skip(idf_scan *scan);

/* Whether all of it was well-formed and nothing but white space is left. */
bool idf_scan_ended(idf_scan *scan);
/* "PATH: line 3: a comma is missing", IDF_ERR_FORMAT. */
idf_status idf_scan_fail(const idf_scan *scan, const char *shown, idf_error *err);

bool idf_scan_is(const idf_scan_text *text, const char *word);
/* The string with its escapes resolved, NUL-terminated, in the arena; control characters become
 * spaces, what is no UTF-8 becomes U+FFFD, and it is cut to max_bytes at a character. NULL when
 * memory is out. */
char *idf_scan_copy(const idf_scan_text *text, size_t max_bytes, idf_arena *arena);

#ifdef __cplusplus
}
#endif
#endif
