/* crc32.h - the checksum of zip archives (CRC-32, polynomial 0x04C11DB7 reflected, as zlib's). */
#ifndef IDF_KERNEL_CRC32_H
#define IDF_KERNEL_CRC32_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The checksum of what had the checksum `crc` (0: of nothing) followed by n bytes. No alignment is
 * asked for; with n 0 data may be NULL. Any thread. */
uint32_t idf_crc32(uint32_t crc, const void *data, size_t n);

#ifdef __cplusplus
}
#endif
#endif
