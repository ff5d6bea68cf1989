/* exif.c - finds tag 0x0112 in the first directory of an EXIF block (EXIF 2.3, TIFF 6.0). */
#include "image/exif.h"

#include <string.h>

static unsigned load_16(const uint8_t *at, int big) {
    return big ? (unsigned)at[0] << 8 | at[1] : (unsigned)at[1] << 8 | at[0];
}

static uint32_t load_32(const uint8_t *at, int big) {
    uint32_t first = load_16(at, big), second = load_16(at + 2, big);
    return big ? first << 16 | second : second << 16 | first;
}

int idf_exif_orientation(const uint8_t *block, size_t len_bytes) {
    enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY_BYTES = 12 };
    if (len_bytes >= 6 && memcmp(block, "Exif\0\0", 6) == 0) {
        block += 6;
        len_bytes -= 6;
    }
    if (len_bytes < 10)
        return 1;
    int big = memcmp(block, "MM\0*", 4) == 0;
    if (!big && memcmp(block, "II*\0", 4) != 0)
        return 1;
    size_t at = load_32(block + 4, big);
    if (at > len_bytes - 2)
        return 1;
    unsigned n_entries = load_16(block + at, big);
    at += 2;
    for (unsigned i = 0; i < n_entries && len_bytes - at >= ENTRY_BYTES; i++, at += ENTRY_BYTES) {
        const uint8_t *entry = block + at;
        if (load_16(entry, big) != TAG_ORIENTATION || load_16(entry + 2, big) != TYPE_SHORT)
            continue;
        unsigned value = load_16(entry + 8, big);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}
