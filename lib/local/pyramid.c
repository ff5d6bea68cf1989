/* pyramid.c - the working picture at eight scales, plain and smoothed.
 *
 * Each level is 5/6 of the one above, sampled bilinearly at 1.2 x + 0.1: the phases repeat every
 * five pixels, so that weights are constants. The smoothed copies (Gaussian, sigma 2) are what
 * descriptors compare, as single pixels of the plain ones are too noisy (Calonder 2010). */
#include "local/pyramid.h"

#include <string.h>

#include "base/alloc.h"

static size_t plane_bytes(int height) {
    return (size_t)IDF_PYRAMID_STRIDE * (size_t)(height + 2 * IDF_PYRAMID_PAD);
}

idf_status idf_pyramid_reserve(idf_pyramid *pyramid, int width, int height, int least_side,
                               idf_error *err) {
    if (width < 1 || height < 1 || width > IDF_LOCAL_SIDE || height > IDF_LOCAL_SIDE)
        return idf_error_set(err, IDF_ERR_ARGUMENT,
                             "a working picture of %d x %d pixels: sides are 1 to %d", width,
                             height, IDF_LOCAL_SIDE);
    int n = 0;
    size_t need = 0;
    for (int w = width, h = height; n < IDF_LOCAL_LEVELS; w = w * 5 / 6, h = h * 5 / 6, n++) {
        if (n > 0 && (w < least_side || h < least_side || w < 1 || h < 1))
            break;
        pyramid->levels[n].width = w;
        pyramid->levels[n].height = h;
        need += 2 * plane_bytes(h);
    }
    if (need > pyramid->capacity) {
        uint8_t *memory = idf_alloc_aligned(need, 1);
        if (!memory)
            return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for a pyramid of %zu bytes",
                                 need);
        idf_free(pyramid->memory);
        pyramid->memory = memory;
        pyramid->capacity = need;
    }
    uint8_t *at = pyramid->memory;
    pyramid->n_levels = n;
    for (int i = 0; i < n; i++) {
        idf_level *level = &pyramid->levels[i];
        ptrdiff_t inside = (ptrdiff_t)IDF_PYRAMID_PAD * IDF_PYRAMID_STRIDE + IDF_PYRAMID_PAD;
        level->plain = at + inside;
        at += plane_bytes(level->height);
        level->smooth = at + inside;
        at += plane_bytes(level->height);
    }
    return IDF_OK;
}

/* Repeats the border outwards. */
static void pad(uint8_t *plane, int width, int height) {
    for (int y = 0; y < height; y++) {
        uint8_t *row = plane + (ptrdiff_t)y * IDF_PYRAMID_STRIDE;
        memset(row - IDF_PYRAMID_PAD, row[0], IDF_PYRAMID_PAD);
        memset(row + width, row[width - 1], IDF_PYRAMID_PAD);
    }
    size_t n = (size_t)width + 2 * IDF_PYRAMID_PAD;
    uint8_t *first = plane - IDF_PYRAMID_PAD;
    uint8_t *last = first + (ptrdiff_t)(height - 1) * IDF_PYRAMID_STRIDE;
    for (int y = 1; y <= IDF_PYRAMID_PAD; y++) {
        memcpy(first - (ptrdiff_t)y * IDF_PYRAMID_STRIDE, first, n);
        memcpy(last + (ptrdiff_t)y * IDF_PYRAMID_STRIDE, last, n);
    }
}

static void shrink(idf_level *to, const idf_level *from, const idf_local_kernels *kernels) {
    for (int y = 0; y < to->height; y++) {
        const uint8_t *above = from->plain + (ptrdiff_t)(y / 5 * 6 + y % 5) * IDF_PYRAMID_STRIDE;
        kernels->shrink_row(to->plain + (ptrdiff_t)y * IDF_PYRAMID_STRIDE, above,
                            above + IDF_PYRAMID_STRIDE, y % 5, to->width);
    }
}

void idf_pyramid_build(idf_pyramid *pyramid, const idf_local_kernels *kernels) {
    for (int i = 0; i < pyramid->n_levels; i++) {
        idf_level *level = &pyramid->levels[i];
        if (i > 0)
            shrink(level, level - 1, kernels);
        pad(level->plain, level->width, level->height);
        for (int y = 0; y < level->height; y++) {
            ptrdiff_t row = (ptrdiff_t)y * IDF_PYRAMID_STRIDE;
            kernels->blur_row(level->smooth + row, level->plain + row, IDF_PYRAMID_STRIDE,
                              level->width);
        }
        pad(level->smooth, level->width, level->height);
    }
}

void idf_pyramid_release(idf_pyramid *pyramid) {
    idf_free(pyramid->memory);
    memset(pyramid, 0, sizeof *pyramid);
}
