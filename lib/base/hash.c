/* hash.c - SHA-256, by nettle (which uses the processor's SHA instructions). */
#include "base/hash.h"

#include <nettle/sha2.h>

void idf_sha256(uint8_t digest[32], const void *data, size_t n) {
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, n, data);
    sha256_digest(&context, 32, digest);
}

void idf_sha256_hex(char hex[65], const uint8_t digest[32]) {
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 32; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[64] = '\0';
}
