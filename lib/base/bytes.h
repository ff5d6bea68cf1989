/* bytes.h - a growable byte buffer with a ceiling, and little-endian loads and stores. */
#ifndef IDF_BASE_BYTES_H
#define IDF_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Owned by whoever zeroed it; release with idf_bytes_release. */
typedef struct idf_bytes {
    uint8_t *data;
    size_t len, cap;
    size_t max; /* 0: no ceiling */
} idf_bytes;

/* Appends n bytes. IDF_ERR_NO_MEMORY or IDF_ERR_LIMIT leave the buffer as it was. */
idf_status idf_bytes_append(idf_bytes *bytes, const void *data, size_t n);
/* Appends n bytes whose content is unspecified and returns where they begin, NULL on failure. */
uint8_t *idf_bytes_grow(idf_bytes *bytes, size_t n);
/* Appends formatted text without its terminating NUL. */
idf_status idf_bytes_printf(idf_bytes *bytes, const char *format, ...) IDF_PRINTF(2, 3);
/* Empties for reuse. */
void idf_bytes_clear(idf_bytes *bytes);
/* Frees and zeroes. */
void idf_bytes_release(idf_bytes *bytes);

static inline uint16_t idf_load_u16le(const void *at) {
    const uint8_t *p = (const uint8_t *)at;
    return (uint16_t)(p[0] | p[1] << 8);
}
static inline uint32_t idf_load_u32le(const void *at) {
    const uint8_t *p = (const uint8_t *)at;
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t idf_load_u64le(const void *at) {
    const uint8_t *p = (const uint8_t *)at;
    return idf_load_u32le(p) | (uint64_t)idf_load_u32le(p + 4) << 32;
}
static inline void idf_store_u16le(void *at, uint16_t v) {
    uint8_t *p = (uint8_t *)at;
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}
static inline void idf_store_u32le(void *at, uint32_t v) {
    idf_store_u16le(at, (uint16_t)v);
    idf_store_u16le((uint8_t *)at + 2, (uint16_t)(v >> 16));
}
static inline void idf_store_u64le(void *at, uint64_t v) {
    idf_store_u32le(at, (uint32_t)v);
    idf_store_u32le((uint8_t *)at + 4, (uint32_t)(v >> 32));
}

#ifdef __cplusplus
}
#endif
#endif
