/* image_input.h - what the fuzz targets of the picture decoders share. */
#ifndef IDF_TESTS_IMAGE_INPUT_H
#define IDF_TESTS_IMAGE_INPUT_H

#include <stdint.h>
#include <stdlib.h>

#include "image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decodes under limits that keep one input quick, and reads every pixel. The last bits of the size
 * choose the options, so that an input is a picture file and nothing else. */
static inline void decode_input(const uint8_t *data, size_t size) {
    idf_decode_options options = {
        .max_side = 2048,
        .max_pixels = 1 << 18,
        .grey = size & 1,
        .target_side = size & 2 ? 40 : 0,
    };
    idf_image image;
    idf_image_info info;
    idf_error err = IDF_ERROR_INIT;
    idf_status status = idf_image_read_memory(&image, data, size, &options, &info, &err);
    if ((status == IDF_OK) != idf_image_is_valid(&image) ||
        (status == IDF_OK) != (err.message[0] == '\0'))
        abort();
    if (status != IDF_OK)
        return;
    unsigned sum = 0;
    for (int y = 0; y < image.height; y++)
        for (int i = 0; i < image.width * image.channels; i++)
            sum += idf_image_row(&image, y)[i];
    if (sum > 255u * 3 << 18 || info.width < image.width || info.orientation < 1 ||
        info.orientation > 8)
        abort();
    idf_image_release(&image);
}

#endif
