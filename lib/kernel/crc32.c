/* crc32.c - zlib's checksum, the plain version; long data is folded first where the processor can
 * multiply polynomials. */
#include "kernel/crc32.h"

#include <zlib.h>

#include "kernel/cpu.h"
#include "kernel/crc32_variants.h"

uint32_t idf_crc32(uint32_t crc, const void *data, size_t n) {
    const uint8_t *bytes = data;
    if (n == 0)
        return crc;
#if defined(__x86_64__)
    size_t blocks = n / IDF_CRC32_BLOCK_BYTES * IDF_CRC32_BLOCK_BYTES;
    if (blocks > 0 && (idf_cpu_features() & IDF_CPU_AVX2) != 0) {
        uint8_t folded[16];
        idf_crc32_fold_avx2(folded, crc, bytes, blocks);
        crc = (uint32_t)crc32_z(UINT32_MAX, folded, sizeof folded); /* the register is inverted */
        bytes += blocks;
        n -= blocks;
        if (n == 0)
            return crc;
    }
#endif
    return (uint32_t)crc32_z(crc, bytes, n);
}
