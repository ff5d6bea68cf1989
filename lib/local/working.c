/* working.c - the working picture: grey (ITU-R BT.601 luma), then shrunk without aliasing. */
#include "local/working.h"

#include <string.h>

#include "base/alloc.h"
#include "image/image.h"
#include "image/resize.h"
#include "local/features.h"

idf_status idf_working_size(const idf_image *image, int small, int *width, int *height,
                            idf_error *err) {
    if (!image->pixels || image->width < 1 || image->height < 1 ||
        (image->channels != 1 && image->channels != 3))
        return idf_error_set(err, IDF_ERR_ARGUMENT,
                             "a picture of %d x %d pixels and %d channels has no features",
                             image->width, image->height, image->channels);
    int longer = image->width > image->height ? image->width : image->height;
    int side = longer <= small ? 2 * longer : longer;
    side = side < IDF_LOCAL_SIDE ? side : IDF_LOCAL_SIDE;
    *width = image->width;
    *height = image->height;
    if (side != longer) {
        *width = (int)(((int64_t)image->width * side * 2 + longer) / (2 * longer));
        *height = (int)(((int64_t)image->height * side * 2 + longer) / (2 * longer));
        *width = *width < 1 ? 1 : *width;
        *height = *height < 1 ? 1 : *height;
    }
    return IDF_OK;
}

/* The picture in grey: itself, or in the scratch. */
static idf_status to_grey(idf_working *working, const idf_image *image, idf_image *grey,
                          idf_error *err) {
    *grey = *image;
    if (image->channels == 1)
        return IDF_OK;
    size_t width = (size_t)image->width, need = width * (size_t)image->height;
    if (need > working->capacity) {
        idf_free(working->grey);
        working->capacity = 0;
        working->grey = idf_alloc(width, (size_t)image->height);
        if (!working->grey)
            return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for %zu grey pixels", need);
        working->capacity = need;
    }
    for (int y = 0; y < image->height; y++)
        idf_row_luma(working->grey + (size_t)y * width, idf_image_row(image, y), width);
    grey->pixels = working->grey;
    grey->channels = 1;
    grey->stride_bytes = width;
    return IDF_OK;
}

idf_status idf_working_fill(idf_working *working, const idf_image *image, int width, int height,
                            uint8_t *out, size_t stride_bytes, idf_error *err) {
    idf_image grey, small = {0};
    idf_status status = to_grey(working, image, &grey, err);
    if (!status && (width != image->width || height != image->height)) {
        status = idf_image_resize(&small, &grey, width, height, IDF_FILTER_BILINEAR, NULL, err);
        grey = small;
    }
    if (status)
        return status;
    for (int y = 0; y < height; y++)
        memcpy(out + (size_t)y * stride_bytes, idf_image_row(&grey, y), (size_t)width);
    idf_image_release(&small);
    return IDF_OK;
}

void idf_working_release(idf_working *working) {
    idf_free(working->grey);
    memset(working, 0, sizeof *working);
}
