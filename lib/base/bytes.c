/* bytes.c - a growable byte buffer with a ceiling. */
#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/format.h"

/* Room for n more bytes, which count against the ceiling, and `slack` (0 or 1), which does not. */
static idf_status reserve(idf_bytes *bytes, size_t n, size_t slack) {
    size_t need;
    if (__builtin_add_overflow(bytes->len, n, &need) || need == SIZE_MAX)
        return IDF_ERR_LIMIT;
    if (bytes->max != 0 && need > bytes->max)
        return IDF_ERR_LIMIT;
    need += slack;
    if (need <= bytes->cap && bytes->data != NULL)
        return IDF_OK;
    size_t cap = bytes->cap < 64 ? 64 : bytes->cap + bytes->cap / 2;
    if (cap < need)
        cap = need;
    uint8_t *data = idf_realloc(bytes->data, cap, 1);
    if (data == NULL)
        return IDF_ERR_NO_MEMORY;
    bytes->data = data;
    bytes->cap = cap;
    return IDF_OK;
}

idf_status idf_bytes_append(idf_bytes *bytes, const void *data, size_t n) {
    idf_status status = reserve(bytes, n, 0);
    if (status != IDF_OK)
        return status;
    if (n > 0)
        memcpy(bytes->data + bytes->len, data, n);
    bytes->len += n;
    return IDF_OK;
}

uint8_t *idf_bytes_grow(idf_bytes *bytes, size_t n) {
    if (reserve(bytes, n, 0) != IDF_OK)
        return NULL;
    uint8_t *at = bytes->data + bytes->len;
    bytes->len += n;
    return at;
}

idf_status idf_bytes_printf(idf_bytes *bytes, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = idf_format_list(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        return IDF_ERR_FORMAT;
    idf_status status = reserve(bytes, (size_t)n, 1);
    if (status != IDF_OK)
        return status;
    va_start(args, format);
    idf_format_list((char *)bytes->data + bytes->len, (size_t)n + 1, format, args);
    va_end(args);
    bytes->len += (size_t)n;
    return IDF_OK;
}

void idf_bytes_clear(idf_bytes *bytes) {
    bytes->len = 0;
}

void idf_bytes_release(idf_bytes *bytes) {
    idf_free(bytes->data);
    memset(bytes, 0, sizeof *bytes);
}
