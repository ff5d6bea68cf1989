/* working.c - the working picture: grey (ITU-R BT.601 luma), then shrunk by averaging areas. */
#include "local/working.h"

#include <string.h>

#include "base/alloc.h"
#include "local/features.h"

idf_status idf_working_size(const idf_image *image, int *width, int *height, idf_error *err) {
    if (!image->pixels || image->width < 1 || image->height < 1 ||
        (image->channels != 1 && image->channels != 3))
        return idf_error_set(err, IDF_ERR_ARGUMENT,
                             "a picture of %d x %d pixels and %d channels has no features",
                             image->width, image->height, image->channels);
    int longer = image->width > image->height ? image->width : image->height;
    *width = image->width;
    *height = image->height;
    if (longer > IDF_LOCAL_SIDE) {
        *width = (int)(((int64_t)image->width * IDF_LOCAL_SIDE * 2 + longer) / (2 * longer));
        *height = (int)(((int64_t)image->height * IDF_LOCAL_SIDE * 2 + longer) / (2 * longer));
        *width = *width < 1 ? 1 : *width;
        *height = *height < 1 ? 1 : *height;
    }
    return IDF_OK;
}

static void grey_row(uint8_t *out, const uint8_t *rgb, int n) {
    for (int x = 0; x < n; x++, rgb += 3)
        out[x] = (uint8_t)((77 * rgb[0] + 150 * rgb[1] + 29 * rgb[2] + 128) >> 8);
}

/* The mean of the source pixels that an output pixel covers, partly covered ones in part (in
 * 1/256). */
static uint8_t area(const uint8_t *grey, size_t stride, const int64_t span_x[2],
                    const int64_t span_y[2]) {
    int64_t sum = 0, weight = 0;
    for (int64_t y = span_y[0] >> 8; y << 8 < span_y[1]; y++) {
        int64_t top = y << 8 > span_y[0] ? y << 8 : span_y[0];
        int64_t bottom = (y + 1) << 8 < span_y[1] ? (y + 1) << 8 : span_y[1];
        for (int64_t x = span_x[0] >> 8; x << 8 < span_x[1]; x++) {
            int64_t left = x << 8 > span_x[0] ? x << 8 : span_x[0];
            int64_t right = (x + 1) << 8 < span_x[1] ? (x + 1) << 8 : span_x[1];
            int64_t w = (bottom - top) * (right - left);
            sum += w * grey[(size_t)y * stride + (size_t)x];
            weight += w;
        }
    }
    return (uint8_t)((sum + weight / 2) / weight);
}

idf_status idf_working_fill(idf_working *working, const idf_image *image, uint8_t *out,
                            size_t stride_bytes, idf_error *err) {
    int width, height;
    idf_status status = idf_working_size(image, &width, &height, err);
    if (status)
        return status;
    const uint8_t *grey = image->pixels;
    size_t grey_stride = image->stride_bytes;
    if (image->channels == 3) {
        size_t need = (size_t)image->width * (size_t)image->height;
        if (need > working->capacity) {
            idf_free(working->grey);
            working->capacity = 0;
            working->grey = idf_alloc((size_t)image->width, (size_t)image->height);
            if (!working->grey)
                return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for %zu grey pixels", need);
            working->capacity = need;
        }
        grey_stride = (size_t)image->width;
        for (int y = 0; y < image->height; y++)
            grey_row(working->grey + (size_t)y * grey_stride,
                     image->pixels + (size_t)y * image->stride_bytes, image->width);
        grey = working->grey;
    }
    for (int y = 0; y < height; y++) {
        if (width == image->width && height == image->height) {
            memcpy(out + (size_t)y * stride_bytes, grey + (size_t)y * grey_stride, (size_t)width);
            continue;
        }
        int64_t span_y[2] = {((int64_t)y << 8) * image->height / height,
                             ((int64_t)(y + 1) << 8) * image->height / height};
        for (int x = 0; x < width; x++) {
            int64_t span_x[2] = {((int64_t)x << 8) * image->width / width,
                                 ((int64_t)(x + 1) << 8) * image->width / width};
            out[(size_t)y * stride_bytes + (size_t)x] = area(grey, grey_stride, span_x, span_y);
        }
    }
    return IDF_OK;
}

void idf_working_release(idf_working *working) {
    idf_free(working->grey);
    memset(working, 0, sizeof *working);
}
