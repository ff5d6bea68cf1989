/* augment_original.c - the views that the Python original trains on: torchvision's transforms of
 * these names, after their documentation, with the original's parameters. Rotation and perspective
 * interpolate bilinearly and leave black outside. */
#include <math.h>
#include <string.h>

#include "image/augment_parts.h"
#include "image/image.h"
#include "image/resize.h"
#include "image/warp.h"

static const double PI = 3.14159265358979323846;

enum { SIDE = IDF_ORIGINAL_VIEW_SIDE };

/* Ten tries at a rectangle of random area and shape that fits; else the largest allowed in the
 * middle. */
static void choose_crop(int xywh[4], const idf_image *in, idf_rng *rng) {
    const double low = 0.7, high = 1.4;
    double area = (double)in->width * in->height;
    for (int i = 0; i < 10; i++) {
        double wanted = area * idf_rng_range(rng, 0.6, 1.0);
        double aspect = exp(idf_rng_range(rng, log(low), log(high)));
        long w = lround(sqrt(wanted * aspect)), h = lround(sqrt(wanted / aspect));
        if (w < 1 || h < 1 || w > in->width || h > in->height)
            continue;
        xywh[0] = (int)idf_rng_below(rng, (uint32_t)(in->width - w + 1));
        xywh[1] = (int)idf_rng_below(rng, (uint32_t)(in->height - h + 1));
        xywh[2] = (int)w;
        xywh[3] = (int)h;
        return;
    }
    double aspect = (double)in->width / in->height;
    double w = aspect > high ? in->height * high : in->width;
    double h = aspect < low ? in->width / low : in->height;
    xywh[2] = (int)fmin(fmax(round(w), 1), in->width);
    xywh[3] = (int)fmin(fmax(round(h), 1), in->height);
    xywh[0] = (in->width - xywh[2]) / 2;
    xywh[1] = (in->height - xywh[3]) / 2;
}

static idf_status crop_and_resize(idf_image *out, const idf_image *reference, idf_rng *rng,
                                  idf_error *err) {
    int xywh[4];
    idf_image grey;
    choose_crop(xywh, reference, rng);
    idf_image view = idf_image_view(reference, xywh[0], xywh[1], xywh[2], xywh[3]);
    if (view.channels == 3)
        return idf_image_resize(out, &view, SIDE, SIDE, IDF_FILTER_BILINEAR, NULL, err);
    idf_status status = idf_image_resize(&grey, &view, SIDE, SIDE, IDF_FILTER_BILINEAR, NULL, err);
    if (status == IDF_OK)
        status = idf_image_convert(out, &grey, 3, err);
    idf_image_release(&grey);
    return status;
}

static idf_status warp_in_place(idf_image *image, const idf_warp *warp, idf_error *err) {
    idf_image warped;
    idf_status status = idf_image_warp(&warped, image, image->width, image->height, warp, err);
    if (status != IDF_OK)
        return status;
    idf_image_release(image);
    *image = warped;
    return IDF_OK;
}

static idf_status rotate(idf_image *image, idf_rng *rng, idf_error *err) {
    double angle = idf_rng_range(rng, -20, 20) * PI / 180, c = cos(angle), s = sin(angle);
    double middle = SIDE / 2.0;
    idf_warp warp = {.matrix = {c, -s, middle - c * middle + s * middle, s, c,
                                middle - s * middle - c * middle, 0, 0, 1}};
    return warp_in_place(image, &warp, err);
}

/* Each corner moves inwards by up to a tenth of the side. */
static idf_status change_perspective(idf_image *image, idf_rng *rng, idf_error *err) {
    enum { FURTHEST = SIDE / 2 / 5 };
    double corners[8] = {0, 0, SIDE, 0, SIDE, SIDE, 0, SIDE}, to_output[9];
    int wanted = idf_rng_chance(rng, 0.5);
    for (int i = 0; i < 8; i++) {
        double inward = idf_rng_below(rng, FURTHEST + 1);
        corners[i] += corners[i] > 0 ? -inward : inward;
    }
    if (!wanted || !idf_matrix_from_quad(to_output, corners))
        return IDF_OK;
    for (int i = 0; i < 9; i++) /* from the input's pixels */
        to_output[i] /= i % 3 == 2 ? 1 : SIDE;
    idf_warp warp = {0};
    if (!idf_matrix_invert(warp.matrix, to_output))
        return IDF_OK;
    return warp_in_place(image, &warp, err);
}

static inline uint8_t mix_u8(float from, float to, float part) {
    float v = from + (to - from) * part;
    return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)v;
}

/* Moves every value away from `from` by `factor`: from black this is brightness, from the mean grey
 * contrast. */
static void stretch_from(idf_image *image, float from, float factor) {
    uint8_t table[256];
    for (int v = 0; v < 256; v++)
        table[v] = mix_u8(from, (float)v, factor);
    for (size_t i = 0; i < (size_t)SIDE * SIDE * 3; i++)
        image->pixels[i] = table[image->pixels[i]];
}

static float mean_grey(const idf_image *image) {
    uint64_t sum = 0;
    uint8_t row[SIDE];
    for (int y = 0; y < SIDE; y++) {
        idf_row_luma(row, idf_image_row(image, y), SIDE);
        for (int x = 0; x < SIDE; x++)
            sum += row[x];
    }
    return floorf((float)sum / (SIDE * SIDE) + 0.5f);
}

static void saturate(idf_image *image, float factor) {
    uint8_t row[SIDE];
    for (int y = 0; y < SIDE; y++) {
        uint8_t *pixel = idf_image_row(image, y);
        idf_row_luma(row, pixel, SIDE);
        for (int x = 0; x < SIDE; x++, pixel += 3)
            for (int c = 0; c < 3; c++)
                pixel[c] = mix_u8(row[x], pixel[c], factor);
    }
}

/* Turns the hue of one pixel by `turn` (1: all the way round), saturation and value (HSV) kept. */
static void turn_hue(uint8_t rgb[3], float turn) {
    int high = rgb[0] > rgb[1] ? rgb[0] : rgb[1], low = rgb[0] < rgb[1] ? rgb[0] : rgb[1];
    high = rgb[2] > high ? rgb[2] : high;
    low = rgb[2] < low ? rgb[2] : low;
    if (high == low)
        return;
    float range = (float)(high - low), sixth;
    if (high == rgb[0])
        sixth = (float)(rgb[1] - rgb[2]) / range + 6;
    else if (high == rgb[1])
        sixth = (float)(rgb[2] - rgb[0]) / range + 2;
    else
        sixth = (float)(rgb[0] - rgb[1]) / range + 4;
    sixth += 6 * turn + 6;
    for (int c = 0; c < 3; c++) { /* each channel is one trapezoid over the hue */
        float at = sixth + (c == 0 ? 0 : c == 1 ? 4 : 2);
        at -= 6 * floorf(at / 6);
        float rise = fabsf(at - 3) - 1;
        rise = rise < 0 ? 0 : rise > 1 ? 1 : rise;
        rgb[c] = (uint8_t)((float)low + rise * range + 0.5f);
    }
}

static void jitter_colours(idf_image *image, idf_rng *rng) {
    int order[4] = {0, 1, 2, 3};
    for (int i = 3; i > 0; i--) {
        int k = (int)idf_rng_below(rng, (uint32_t)i + 1), swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
    float factors[4];
    for (int i = 0; i < 3; i++)
        factors[i] = (float)idf_rng_range(rng, 0.7, 1.3);
    factors[3] = (float)idf_rng_range(rng, -0.05, 0.05);
    for (int i = 0; i < 4; i++) {
        switch (order[i]) {
        case 0:
            stretch_from(image, 0, factors[0]);
            break;
        case 1:
            stretch_from(image, mean_grey(image), factors[1]);
            break;
        case 2:
            saturate(image, factors[2]);
            break;
        default:
            for (size_t k = 0; k < (size_t)SIDE * SIDE; k++)
                turn_hue(image->pixels + 3 * k, factors[3]);
        }
    }
}

idf_status idf_augment_original(idf_image *out, const idf_image *reference, idf_view_key key,
                                idf_error *err) {
    memset(out, 0, sizeof *out);
    if (!idf_image_is_valid(reference))
        return idf_error_set(err, IDF_ERR_ARGUMENT, "there is no reference to make a view of");
    idf_rng rng;
    idf_view_rng(&rng, key);
    idf_status status = crop_and_resize(out, reference, &rng, err);
    if (status == IDF_OK)
        status = rotate(out, &rng, err);
    if (status == IDF_OK) {
        jitter_colours(out, &rng);
        status = change_perspective(out, &rng, err);
    }
    int blurred = idf_rng_chance(&rng, 0.3);
    double sigma = idf_rng_range(&rng, 0.1, 2.0);
    if (status == IDF_OK && blurred)
        status = idf_blur_gaussian(out, 5, sigma, err);
    if (status == IDF_OK && idf_rng_chance(&rng, 0.05))
        for (int y = 0; y < SIDE; y++) {
            uint8_t row[SIDE];
            idf_row_luma(row, idf_image_row(out, y), SIDE);
            idf_row_repeat(idf_image_row(out, y), row, SIDE);
        }
    if (status != IDF_OK)
        idf_image_release(out);
    return status;
}
