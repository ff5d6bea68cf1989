/* url.h - addresses: percent-encoding what goes into one, and showing one without its secrets. */
#ifndef IDF_NET_URL_H
#define IDF_NET_URL_H

#include <stddef.h>

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Appends text with everything but letters, digits and -._~ percent-encoded (RFC 3986). */
idf_status idf_url_escape(idf_bytes *out, const char *text);

/* Appends a whole address with what may not stand in one (spaces, control characters, anything that
 * is no ASCII) percent-encoded, and the rest as it is. */
idf_status idf_url_mend(idf_bytes *out, const char *url);

/* Writes `url` for people to out (out_bytes > 0) and returns out: printable, the values of query
 * parameters such as api_key, key and token replaced by "***", a user and password left out. */
char *idf_url_shown(char *out, size_t out_bytes, const char *url);

/* The web address that `reference`, as it stands in the page `base`, means: RFC 3986, 5.2, without
 * taking ".." out. "" when it is none (another scheme, empty, too long). Returns out. */
char *idf_url_resolve(char *out, size_t out_bytes, const char *base, const char *reference);

/* The base address of a service: $IDENTIFY_BASE_<NAME> when it is set, else `usual`. NAME is
 * `service` in capitals with "_" for what is no letter or digit: IDENTIFY_BASE_YUYU_TEI. A slash at
 * the end is not part of it. Writes it to out[out_bytes] and returns out; "" when it does not fit.
 */
char *idf_url_base(char *out, size_t out_bytes, const char *service, const char *usual);

#ifdef __cplusplus
}
#endif
#endif
