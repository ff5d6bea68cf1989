/* base64.c - base 64. */
#include "base/base64.h"

#include <nettle/base64.h>

idf_status idf_base64_append(idf_bytes *out, const void *data, size_t n) {
    if (n > (size_t)-1 / 2)
        return IDF_ERR_LIMIT;
    uint8_t *at = idf_bytes_grow(out, BASE64_ENCODE_RAW_LENGTH(n));
    if (at == NULL)
        return IDF_ERR_NO_MEMORY;
    base64_encode_raw((char *)at, n, data);
    return IDF_OK;
}
