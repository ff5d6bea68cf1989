/* site_json.h - what the sites that answer in JSON share: fields that may be missing or of another
 * type, and words put into an address. */
#ifndef IDF_FEEDS_SITE_JSON_H
#define IDF_FEEDS_SITE_JSON_H

#include <stddef.h>

#include <jansson.h>

#include <identify/status.h>

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The answer as a tree of the caller's; NULL, with IDF_ERR_FORMAT, when it is no JSON. */
json_t *idf_site_json(const void *bytes, size_t len_bytes, const char *site, idf_error *err);
/* "SITE's answer has no LIST", IDF_ERR_FORMAT. */
idf_status idf_site_lacks(const char *site, const char *what, idf_error *err);

/* A string member, "" when it is missing or something else; lives as long as the tree. */
const char *idf_site_text(json_t *object, const char *key);
/* A price: a number, or a string that is one ("12.50", "1,204.00"); 0 for anything else. */
double idf_site_price(json_t *object, const char *key);

/* Appends a word with everything but letters, digits and "-_.~" as %XX. */
idf_status idf_site_escape(idf_bytes *url, const char *word);

#ifdef __cplusplus
}
#endif
#endif
