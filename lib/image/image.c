/* image.c - making, releasing, viewing, copying and turning pictures. */
#include "image/image.h"

#include <string.h>

#include "base/alloc.h"

bool idf_image_is_valid(const idf_image *image) {
    return image != NULL && image->pixels != NULL && image->width >= 1 && image->height >= 1 &&
           (image->channels == 1 || image->channels == 3) &&
           image->stride_bytes >= (size_t)image->width * (size_t)image->channels;
}

idf_status idf_image_new(idf_image *out, int width, int height, int channels, idf_error *err) {
    memset(out, 0, sizeof *out);
    if (width < 1 || height < 1 || width > IDF_IMAGE_MAX_SIDE || height > IDF_IMAGE_MAX_SIDE ||
        (channels != 1 && channels != 3))
        return idf_error_set(err, IDF_ERR_ARGUMENT,
                             "a picture of %d x %d pixels and %d channels cannot be made: sides "
                             "are 1 to %d, channels 1 or 3",
                             width, height, channels, IDF_IMAGE_MAX_SIDE);
    size_t stride = (size_t)width * (size_t)channels;
    uint8_t *pixels = idf_alloc_aligned((size_t)height, stride);
    if (pixels == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY,
                             "out of memory for a picture of %d x %d pixels", width, height);
    *out = (idf_image){pixels, width, height, channels, stride};
    return IDF_OK;
}

void idf_image_release(idf_image *image) {
    if (image == NULL)
        return;
    idf_free(image->pixels);
    memset(image, 0, sizeof *image);
}

idf_image idf_image_view(const idf_image *image, int x, int y, int width, int height) {
    idf_image view = *image;
    view.pixels = idf_image_row(image, y) + (size_t)x * (size_t)image->channels;
    view.width = width;
    view.height = height;
    return view;
}

idf_status idf_image_crop(idf_image *out, const idf_image *image, const int rect_xywh[4],
                          idf_error *err) {
    memset(out, 0, sizeof *out);
    int64_t x0 = rect_xywh[0], y0 = rect_xywh[1];
    int64_t x1 = x0 + rect_xywh[2], y1 = y0 + rect_xywh[3];
    x0 = x0 < 0 ? 0 : x0;
    y0 = y0 < 0 ? 0 : y0;
    x1 = x1 > image->width ? image->width : x1;
    y1 = y1 > image->height ? image->height : y1;
    if (x1 <= x0 || y1 <= y0)
        return idf_error_set(err, IDF_ERR_ARGUMENT,
                             "the rectangle %d,%d %d x %d does not meet the picture (%d x %d)",
                             rect_xywh[0], rect_xywh[1], rect_xywh[2], rect_xywh[3], image->width,
                             image->height);
    idf_image view = idf_image_view(image, (int)x0, (int)y0, (int)(x1 - x0), (int)(y1 - y0));
    return idf_image_convert(out, &view, view.channels, err);
}

idf_status idf_image_convert(idf_image *out, const idf_image *image, int channels, idf_error *err) {
    idf_status status = idf_image_new(out, image->width, image->height, channels, err);
    for (int y = 0; status == IDF_OK && y < image->height; y++)
        idf_row_convert(idf_image_row(out, y), channels, idf_image_row(image, y), image->channels,
                        (size_t)image->width);
    return status;
}

idf_status idf_image_to_grey(idf_image *out, const idf_image *image, idf_error *err) {
    return idf_image_convert(out, image, 1, err);
}

/* Copies a tile: out pixel (x, y) comes from in + x * step_x + y * step_y bytes. */
static void copy_tile(uint8_t *out, const uint8_t *in, const ptrdiff_t steps[3],
                      const int size[3]) {
    const ptrdiff_t step_x = steps[0], step_y = steps[1], out_stride = steps[2];
    for (int y = 0; y < size[1]; y++) {
        uint8_t *to = out + y * out_stride;
        const uint8_t *from = in + y * step_y;
        if (size[2] == 1) {
            for (int x = 0; x < size[0]; x++, from += step_x)
                to[x] = *from;
        } else {
            for (int x = 0; x < size[0]; x++, from += step_x, to += 3) {
                to[0] = from[0];
                to[1] = from[1];
                to[2] = from[2];
            }
        }
    }
}

idf_status idf_image_orient(idf_image *image, int orientation, idf_error *err) {
    /* Per orientation: the output's axes are swapped; the walk along input x, y is backwards. */
    static const struct {
        bool swap, flip_x, flip_y;
    } moves[9] = {{0},       {0, 0, 0}, {0, 1, 0}, {0, 1, 1}, {0, 0, 1},
                  {1, 0, 0}, {1, 0, 1}, {1, 1, 1}, {1, 1, 0}};
    enum { TILE = 32 }; /* both sides of a tile stay in the first-level cache */
    if (orientation <= 1 || orientation > 8)
        return IDF_OK;
    bool swap = moves[orientation].swap;
    idf_image out;
    idf_status status = idf_image_new(&out, swap ? image->height : image->width,
                                      swap ? image->width : image->height, image->channels, err);
    if (status != IDF_OK)
        return status;
    const uint8_t *start = image->pixels;
    ptrdiff_t along_x = image->channels, along_y = (ptrdiff_t)image->stride_bytes;
    if (moves[orientation].flip_x) {
        start += (image->width - 1) * along_x;
        along_x = -along_x;
    }
    if (moves[orientation].flip_y) {
        start += (image->height - 1) * along_y;
        along_y = -along_y;
    }
    ptrdiff_t steps[3] = {swap ? along_y : along_x, swap ? along_x : along_y,
                          (ptrdiff_t)out.stride_bytes};
    for (int y = 0; y < out.height; y += TILE) {
        for (int x = 0; x < out.width; x += TILE) {
            int size[3] = {out.width - x < TILE ? out.width - x : TILE,
                           out.height - y < TILE ? out.height - y : TILE, out.channels};
            copy_tile(idf_image_row(&out, y) + (size_t)x * (size_t)out.channels,
                      start + x * steps[0] + y * steps[1], steps, size);
        }
    }
    idf_image_release(image);
    *image = out;
    return IDF_OK;
}
