/* source_json.h - what sources that answer in JSON share: fields that may be missing or of another
 * type. */
#ifndef IDF_FEEDS_SOURCE_JSON_H
#define IDF_FEEDS_SOURCE_JSON_H

#include <jansson.h>

#include "feeds/source.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The answer as a tree of the caller's; NULL, with IDF_ERR_FORMAT, when it is no JSON object. */
json_t *idf_source_read(const void *bytes, size_t len_bytes, const char *source, idf_error *err);
/* "SOURCE's answer has no 'WHAT'; its shape has changed", IDF_ERR_FORMAT. */
idf_status idf_source_lacks(const char *source, const char *what, idf_error *err);

/* A string below `object` along keys that end with NULL, "" when it is missing or something else;
 * lives as long as the tree. */
const char *idf_source_text(const json_t *object, ...);
/* A whole number, 0 when it is missing. */
long long idf_source_number(const json_t *object, const char *key);

/* Text without its HTML: tags dropped, the common entities resolved, white space collapsed; cut to
 * out_bytes at a character. Returns out. */
char *idf_source_plain(char *out, size_t out_bytes, const char *html);

#ifdef __cplusplus
}
#endif
#endif
