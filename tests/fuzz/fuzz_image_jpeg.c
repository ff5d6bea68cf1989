/* fuzz_image_jpeg.c - JPEG decoding of arbitrary bytes. */
#include "image_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    decode_input(data, size);
    return 0;
}
