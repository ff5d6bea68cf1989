/* clip_preprocess.c - CLIP's transform of a picture, into the patches that the tower reads. */
#include <math.h>
#include <string.h>

#include "image/image.h"
#include "image/resize.h"
#include "model/clip.h"

/* Beyond this shape the whole picture is not resized for the sake of its middle. */
enum { LONGEST_SHAPE = 64 };

/* Mean and deviation of the pictures that CLIP was trained on (OpenAI's clip.py). */
static const float mean[3] = {0.48145466f, 0.4578275f, 0.40821073f};
static const float deviation[3] = {0.26862954f, 0.26130258f, 0.27577711f};

/* Cuts a very long picture down to its middle, a view. */
static idf_image middle(const idf_image *in) {
    int shorter = in->width < in->height ? in->width : in->height;
    int64_t most = (int64_t)shorter * LONGEST_SHAPE;
    int width = in->width > most ? (int)most : in->width;
    int height = in->height > most ? (int)most : in->height;
    return idf_image_view(in, (in->width - width) / 2, (in->height - height) / 2, width, height);
}

/* The picture with its shorter side `side` long: torchvision's Resize, which cuts the other side's
 * fraction off. */
static idf_status resize_shorter(idf_image *out, const idf_image *in, int side, idf_error *err) {
    int width = side, height = side;
    if (in->width <= in->height)
        height = (int)((int64_t)side * in->height / in->width);
    else
        width = (int)((int64_t)side * in->width / in->height);
    return idf_image_resize(out, in, width, height, IDF_FILTER_BICUBIC, NULL, err);
}

/* One row of pixels of the crop into the patches it crosses. `values` has a table a channel. */
static void fill_row(float *out, const idf_clip_config *config, const uint8_t *pixels, int channels,
                     int y, float values[3][256]) {
    int patch = config->patch, grid = config->side / patch;
    size_t items = (size_t)idf_clip_patch_items(config), plane = (size_t)patch * (size_t)patch;
    for (int gx = 0; gx < grid; gx++) {
        size_t row = 1 + (size_t)(y / patch) * (size_t)grid + (size_t)gx;
        float *to = out + row * items + (size_t)(y % patch) * (size_t)patch;
        for (int c = 0; c < 3; c++) {
            const uint8_t *from =
                pixels + (size_t)(gx * patch * channels) + (channels == 3 ? c : 0);
            for (int x = 0; x < patch; x++)
                to[(size_t)c * plane + (size_t)x] = values[c][from[x * channels]];
        }
    }
}

idf_status idf_clip_preprocess(float *out, const idf_clip_config *config, const idf_image *image,
                               idf_error *err) {
    idf_image resized = {0};
    if (!idf_image_is_valid(image))
        return idf_error_set(err, IDF_ERR_ARGUMENT, "there is no picture to encode");
    idf_image cut = middle(image);
    idf_status status = resize_shorter(&resized, &cut, config->side, err);
    if (status != IDF_OK)
        return status;
    float values[3][256];
    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++)
            values[c][v] = ((float)v / 255.0f - mean[c]) / deviation[c];
    /* torchvision's CenterCrop: halves go to the even side, as Python's round does. */
    int left = (int)lrint((resized.width - config->side) / 2.0);
    int top = (int)lrint((resized.height - config->side) / 2.0);
    memset(out, 0, (size_t)idf_clip_patch_items(config) * sizeof *out);
    for (int y = 0; y < config->side; y++)
        fill_row(out, config, idf_image_row(&resized, top + y) + (size_t)(left * resized.channels),
                 resized.channels, y, values);
    idf_image_release(&resized);
    return IDF_OK;
}
