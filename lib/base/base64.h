/* base64.h - RFC 4648 base 64, by nettle. Any thread. */
#ifndef IDF_BASE_BASE64_H
#define IDF_BASE_BASE64_H

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Appends n bytes in base 64, padded. */
idf_status idf_base64_append(idf_bytes *out, const void *data, size_t n);

#ifdef __cplusplus
}
#endif
#endif
