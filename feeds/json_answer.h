/* json_answer.h - fields of the JSON that sources and price sites answer with: they may be missing
 * or of another type. */
#ifndef IDF_FEEDS_JSON_ANSWER_H
#define IDF_FEEDS_JSON_ANSWER_H

#include <stddef.h>

#include <jansson.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The answer as a tree of the caller's; NULL, with IDF_ERR_FORMAT, when it is no JSON, or (the
 * second) no object. `site` is who answered. */
json_t *idf_json_read(const void *bytes, size_t len_bytes, const char *site, idf_error *err);
json_t *idf_json_read_object(const void *bytes, size_t len_bytes, const char *site, idf_error *err);
/* "SITE's answer has no WHAT; its shape has changed", IDF_ERR_FORMAT. */
idf_status idf_json_lacks(const char *site, const char *what, idf_error *err);

/* A string below `object` along keys that end with NULL, "" when it is missing or something else;
 * lives as long as the tree. */
const char *idf_json_text(const json_t *object, ...);
/* A whole number, 0 when it is missing. */
long long idf_json_number(const json_t *object, const char *key);
/* A price: a number, or a string that is one ("12.50", "1,204.00"); 0 for anything else. */
double idf_json_price(const json_t *object, const char *key);

/* Text without its HTML: tags dropped, the common entities resolved, white space collapsed; cut to
 * out_bytes at a character. Returns out. */
char *idf_html_plain(char *out, size_t out_bytes, const char *html);

#ifdef __cplusplus
}
#endif
#endif
