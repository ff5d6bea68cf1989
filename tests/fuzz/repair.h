/* repair.h - makes the checksums of a damaged zip archive right again, so that a fuzzer gets past
 * them to what is behind. */
#ifndef TESTS_FUZZ_REPAIR_H
#define TESTS_FUZZ_REPAIR_H

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/bytes.h"

/* A copy of data[0, size), of malloc's and exactly that size, in whose directory every stored
 * member has the checksum of its bytes; NULL when memory is out. */
static inline uint8_t *repair_checksums(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    if (copy == NULL || size < 22)
        return copy;
    memcpy(copy, data, size);
    size_t at = idf_load_u32le(copy + size - 22 + 16); /* the directory, without a comment */
    while (at < size && size - at >= 46 && memcmp(copy + at, "PK\1\2", 4) == 0) {
        uint8_t *entry = copy + at;
        uint64_t n = idf_load_u32le(entry + 20), header = idf_load_u32le(entry + 42);
        if (idf_load_u16le(entry + 10) == 0 && header + 30 <= size) {
            uint64_t begin = header + 30 + idf_load_u16le(copy + header + 26) +
                             idf_load_u16le(copy + header + 28);
            if (begin + n <= size)
                idf_store_u32le(entry + 16, (uint32_t)crc32_z(0, copy + begin, (size_t)n));
        }
        at += 46u + idf_load_u16le(entry + 28) + idf_load_u16le(entry + 30) +
              idf_load_u16le(entry + 32);
    }
    return copy;
}

#endif
