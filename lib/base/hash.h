/* hash.h - SHA-256 (FIPS 180-4), by nettle. Any thread. */
#ifndef IDF_BASE_HASH_H
#define IDF_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include <identify/api.h>

#ifdef __cplusplus
extern "C" {
#endif

void idf_sha256(uint8_t digest[32], const void *data, size_t n);

/* Lower-case hexadecimal of a digest, terminated. */
void idf_sha256_hex(char hex[65], const uint8_t digest[32]);

#ifdef __cplusplus
}
#endif
#endif
