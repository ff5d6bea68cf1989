/* fuzz_image_heif.c - HEIC and AVIF decoding of arbitrary bytes. */
#include "image_input.h"

/* libheif 1.15 loses the 40 bytes of a dav1d_data when an AVIF item has no data; that is its own.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libdav1d\nleak:libheif\nleak:libde265\nleak:libaom\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    decode_input(data, size);
    return 0;
}
