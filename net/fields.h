/* fields.h - the values of HTTP header fields that we read, by RFC 9110: parameters, lists of
 * entity tags, ranges, dates, cookies. Any thread. */
#ifndef IDF_NET_FIELDS_H
#define IDF_NET_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whether `value` is `token`, letters' case and what follows a ";" aside: a media type. */
bool idf_field_is(const char *value, const char *token);

/* The parameter `name` of "something; a=b; c=\"d\"", its quotes taken off, to out. Returns 1, 0
 * when there is none, -1 when it is malformed or does not fit. A backslash takes a quote or a
 * backslash literally and stands for itself otherwise (names of files on Windows come unescaped).
 */
int idf_field_parameter(char *out, size_t out_bytes, const char *value, const char *name);

/* Whether the list of entity tags (If-None-Match) has `etag` ("\"abc\""), weakly compared, or is
 * "*". */
bool idf_field_has_etag(const char *list, const char *etag);

typedef enum idf_range_kind {
    IDF_RANGE_NONE, /* serve the whole: no range of bytes, several, or nonsense */
    IDF_RANGE_PART, /* [first, first + len) */
    IDF_RANGE_OUTSIDE,
} idf_range_kind;

/* Reads "bytes=a-b" for something of `size` bytes; value may be NULL. */
idf_range_kind idf_field_range(const char *value, uint64_t size, uint64_t *first, uint64_t *len);

enum { IDF_FIELD_DATE_BYTES = 32 };

/* Writes "Sun, 06 Nov 1994 08:49:37 GMT" to out[IDF_FIELD_DATE_BYTES] and returns out. */
char *idf_field_date(char *out, time_t when);
/* Reads that form, the only one that may be sent today. False for anything else. */
bool idf_field_read_date(const char *value, time_t *when);

/* The value of the cookie `name` in a Cookie field, to out. False when there is none or it does not
 * fit. */
bool idf_field_cookie(char *out, size_t out_bytes, const char *value, const char *name);

/* Whether an Accept field asks for `type` ("text/html") by that name: wildcards do not count. */
bool idf_field_accepts(const char *value, const char *type);

#ifdef __cplusplus
}
#endif
#endif
