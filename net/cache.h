/* cache.h - answers of APIs, kept on disk in $XDG_CACHE_HOME/dlf-identify/answers: a file an
 * answer, named by the hash of its address, so that no key in an address lies there. At most 64
 * MiB, the oldest go first. All of it is best effort: what cannot be kept is asked for again. */
#ifndef IDF_NET_CACHE_H
#define IDF_NET_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_CACHE_NAME_BYTES = 65, IDF_ETAG_BYTES = 256, IDF_MODIFIED_BYTES = 64 };

/* Zero it before use. */
typedef struct idf_cached {
    idf_bytes body;
    int64_t fetched;                                              /* seconds since the epoch */
    char etag[IDF_ETAG_BYTES], last_modified[IDF_MODIFIED_BYTES]; /* "" when not said */
} idf_cached;

/* The folder of everything that this program keeps: "~/.cache/dlf-identify". False when there is
 * none or its name does not fit. */
bool idf_cache_folder(char *out, size_t out_bytes);

/* The name that an address has there. */
void idf_cache_name(char out[IDF_CACHE_NAME_BYTES], const char *url);

/* False when it is not there, or is not whole. */
bool idf_cache_read(idf_cached *cached, const char *name);
void idf_cache_write(const char *name, const idf_cached *cached);
void idf_cached_release(idf_cached *cached);

#ifdef __cplusplus
}
#endif
#endif
