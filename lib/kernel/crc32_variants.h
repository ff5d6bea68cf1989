/* crc32_variants.h - SIMD variants of crc32.h. */
#ifndef IDF_KERNEL_CRC32_VARIANTS_H
#define IDF_KERNEL_CRC32_VARIANTS_H

#include <stddef.h>
#include <stdint.h>

enum { IDF_CRC32_BLOCK_BYTES = 64 };

/* Folds n bytes, a multiple of IDF_CRC32_BLOCK_BYTES and not 0, into 16 whose checksum, counted on
 * from the register's zero, is that of all. */
void idf_crc32_fold_avx2(uint8_t out[16], uint32_t crc, const uint8_t *data, size_t n);

#endif
