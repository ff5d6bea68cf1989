/* target.h - a request's target as it was sent, decoded strictly.
 *
 * "/a%20b?x=1": the path's escapes have to be whole, must not hide a NUL, and what they make is
 * kept apart from what was sent. Nothing is normalised: ".." and "//" are what they are. Any
 * thread. */
#ifndef IDF_NET_TARGET_H
#define IDF_NET_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_TARGET_MAX_BYTES = 8192 };

typedef struct idf_target {
    char *raw;         /* the path as it was sent, begins with "/" (or is "*") */
    char *path;        /* decoded; NULL when its escapes are malformed or hide a NUL */
    const char *query; /* what follows "?", as it was sent; "" when there is none */
    char *memory;
} idf_target;

/* Takes a target apart: "/path?query", "http://host/path?query" or "*". IDF_ERR_FORMAT for any
 * other, IDF_ERR_LIMIT over IDF_TARGET_MAX_BYTES. Release it. */
idf_status idf_target_parse(idf_target *target, const char *sent, idf_error *err);
/* NULL is allowed. */
void idf_target_release(idf_target *target);

/* Decodes the escapes of n bytes to out[n + 1], terminated; "+" becomes a space when `form`. False
 * when one is malformed or makes a NUL. */
bool idf_target_decode(char *out, const char *text, size_t n, bool form);

/* The decoded value of the first `name` in a query to out. Returns 1, 0 when there is none, -1 when
 * it is malformed, no UTF-8 or does not fit. */
int idf_query_get(char *out, size_t out_bytes, const char *query, const char *name);

/* Appends `text` to out escaped for a path's segment: all but unreserved characters. Returns false
 * when it does not fit out_bytes, which counts the NUL. */
bool idf_target_encode(char *out, size_t out_bytes, const char *text);

#ifdef __cplusplus
}
#endif
#endif
