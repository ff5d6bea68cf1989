/* resize.c - antialiased resampling, bit for bit what Pillow's Image.resize gives.
 *
 * Separable convolution. For each output position the filter, widened by the shrink factor, is
 * sampled at the pixel centres it covers; the weights are made to add up to 1 in double and rounded
 * to 22-bit fixed point. First all rows are resampled horizontally, rounded to 8 bits, then
 * vertically. A pass that changes nothing is left out. */
#include "image/resize.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "image/image.h"
#include "image/resize_kernel.h"

/* One axis: which input positions make each output position, with which weights. */
typedef struct axis {
    int n_out, n_in;
    int begin, end;        /* input positions used at all */
    bool needed;           /* false: output equals input */
    idf_resize_taps *taps; /* n_out */
    int32_t *weights, *pairs;
} axis;

static double filter_support(idf_filter filter) {
    return filter == IDF_FILTER_BOX ? 0.5 : filter == IDF_FILTER_BILINEAR ? 1.0 : 2.0;
}

static double filter_at(idf_filter filter, double x) {
    if (filter == IDF_FILTER_BOX)
        return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    x = fabs(x);
    if (filter == IDF_FILTER_BILINEAR)
        return x < 1.0 ? 1.0 - x : 0.0;
    const double a = -0.5;
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
}

static void axis_release(axis *a) {
    idf_free(a->taps);
    idf_free(a->weights);
    idf_free(a->pairs);
    memset(a, 0, sizeof *a);
}

/* Fills in one axis for the stretch from low to high of n_in positions. The arithmetic, its order
 * included, is the published algorithm's, so that no weight rounds differently. */
static idf_status axis_init(axis *a, int n_in, int n_out, idf_filter filter, const float range[2],
                            idf_error *err) {
    memset(a, 0, sizeof *a);
    double scale = (double)(range[1] - range[0]) / n_out;
    double widening = scale < 1.0 ? 1.0 : scale, narrowing = 1.0 / widening;
    double support = filter_support(filter) * widening;
    size_t room = (size_t)ceil(support) * 2 + 2; /* the most taps, even */
    *a = (axis){.n_out = n_out, .n_in = n_in, .begin = n_in};
    a->needed = n_in != n_out || range[0] != 0 || range[1] != (float)n_out;
    a->taps = idf_alloc((size_t)n_out, sizeof *a->taps);
    a->weights = idf_alloc((size_t)n_out, room * sizeof *a->weights);
    a->pairs = idf_alloc((size_t)n_out, room * sizeof *a->pairs);
    double *exact = idf_alloc(room, sizeof *exact);
    if (a->taps == NULL || a->weights == NULL || a->pairs == NULL || exact == NULL) {
        idf_free(exact);
        axis_release(a);
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while resizing a picture");
    }
    for (int i = 0; i < n_out; i++) {
        double centre = range[0] + (i + 0.5) * scale, total = 0;
        int first = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);
        first = first < 0 ? 0 : first;
        end = end > n_in ? n_in : end;
        int n = end - first;
        for (int k = 0; k < n; k++) {
            exact[k] = filter_at(filter, (k + first - centre + 0.5) * narrowing);
            total += exact[k];
        }
        for (int k = 0; k < n; k++)
            exact[k] = total != 0 ? exact[k] / total : exact[k];
        int32_t *weights = a->weights + (size_t)i * room, *pairs = a->pairs + (size_t)i * room;
        idf_resize_fix_weights(weights, pairs, exact, n);
        a->taps[i] = (idf_resize_taps){first, n, weights, pairs};
        a->begin = first < a->begin ? first : a->begin;
        a->end = end > a->end ? end : a->end;
    }
    idf_free(exact);
    return IDF_OK;
}

/* One row horizontally, pixel by pixel. */
static void resample_row(uint8_t *out, const uint8_t *in, int channels, const axis *a) {
    for (int x = 0; x < a->n_out; x++, out += channels) {
        const idf_resize_taps *taps = &a->taps[x];
        const uint8_t *from = in + (size_t)taps->first * (size_t)channels;
        for (int c = 0; c < channels; c++) {
            int32_t sum = 1 << (IDF_RESIZE_WEIGHT_BITS - 1);
            for (int t = 0; t < taps->n; t++)
                sum += from[t * channels + c] * taps->weights[t];
            out[c] = idf_clamp_u8(sum >> IDF_RESIZE_WEIGHT_BITS);
        }
    }
}

/* Turns `columns` columns x block_rows rows of `columns_of` (one column after the other) back into
 * n_rows rows of `out` from its row y. */
static void untranspose(idf_image *out, int y, int n_rows, const uint8_t *columns_of,
                        const idf_resize_kernel *kernel) {
    size_t n_columns = (size_t)out->width * (size_t)out->channels;
    size_t block = (size_t)kernel->block_rows, c = 0;
    for (; c + 16 <= n_columns; c += 16) {
        const uint8_t *rows[16];
        for (size_t k = 0; k < 16; k++)
            rows[k] = columns_of + (c + k) * block;
        kernel->transpose(idf_image_row(out, y) + c, out->stride_bytes, rows, (size_t)n_rows);
    }
    for (int r = 0; r < n_rows; r++)
        for (size_t k = c; k < n_columns; k++)
            idf_image_row(out, y + r)[k] = columns_of[k * block + (size_t)r];
}

/* Rows of `in` from y_in to rows of `out` from 0, in transposed blocks. `scratch` holds block_rows
 * bytes for each byte of the part of an input row in use and of an output row. */
static void resample_blocks(idf_image *out, const idf_image *in, int y_in, const axis *a,
                            const idf_resize_kernel *kernel, uint8_t *scratch) {
    size_t channels = (size_t)in->channels, block = (size_t)kernel->block_rows;
    size_t n_columns = (size_t)(a->end - a->begin) * channels;
    uint8_t *sums = scratch + n_columns * block;
    for (int y = 0; y < out->height; y += kernel->block_rows) {
        int left = out->height - y, n_rows = left < kernel->block_rows ? left : kernel->block_rows;
        for (size_t strip = 0; strip < block; strip += 16) {
            const uint8_t *rows[16];
            for (size_t k = 0; k < 16; k++) { /* past the end: the last row again, unused */
                int r = (int)(strip + k) < n_rows ? (int)(strip + k) : n_rows - 1;
                rows[k] = idf_image_row(in, y_in + y + r) + (size_t)a->begin * channels;
            }
            kernel->transpose(scratch + strip, block, rows, n_columns);
        }
        for (int x = 0; x < a->n_out; x++)
            kernel->sum(sums + (size_t)x * channels * block, channels * block,
                        scratch + (size_t)(a->taps[x].first - a->begin) * channels * block,
                        channels * block, &a->taps[x]);
        untranspose(out, y, n_rows, sums, kernel);
    }
}

/* Makes `out` of rows [y_begin, y_end) of `in`, resampled horizontally. */
static idf_status pass_horizontal(idf_image *out, const idf_image *in, const axis *a,
                                  const int y_range[2], idf_error *err) {
    const idf_resize_kernel *kernel = idf_resize_kernel_choose();
    int height = y_range[1] - y_range[0];
    idf_status status = idf_image_new(out, a->n_out, height, in->channels, err);
    if (status != IDF_OK)
        return status;
    if (kernel->transpose == NULL || height < kernel->block_rows / 4) {
        for (int y = 0; y < height; y++)
            resample_row(idf_image_row(out, y), idf_image_row(in, y_range[0] + y), in->channels, a);
        return IDF_OK;
    }
    size_t columns = ((size_t)(a->end - a->begin) + (size_t)a->n_out) * (size_t)in->channels;
    uint8_t *scratch = idf_alloc_aligned(columns, (size_t)kernel->block_rows);
    if (scratch == NULL) {
        idf_image_release(out);
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while resizing a picture");
    }
    resample_blocks(out, in, y_range[0], a, kernel, scratch);
    idf_free(scratch);
    return IDF_OK;
}

/* Makes `out` of `in`, whose row 0 is row y_begin of the axis, resampled vertically. */
static idf_status pass_vertical(idf_image *out, const idf_image *in, const axis *a, int y_begin,
                                idf_error *err) {
    const idf_resize_kernel *kernel = idf_resize_kernel_choose();
    idf_status status = idf_image_new(out, in->width, a->n_out, in->channels, err);
    for (int y = 0; status == IDF_OK && y < a->n_out; y++)
        kernel->sum(idf_image_row(out, y), (size_t)in->width * (size_t)in->channels,
                    idf_image_row(in, a->taps[y].first - y_begin), in->stride_bytes, &a->taps[y]);
    return status;
}

static idf_status check_arguments(const idf_image *in, int width, int height, const float box[4],
                                  idf_error *err) {
    if (!idf_image_is_valid(in))
        return idf_error_set(err, IDF_ERR_ARGUMENT, "there is no picture to resize");
    if (width < 1 || height < 1 || width > IDF_IMAGE_MAX_SIDE || height > IDF_IMAGE_MAX_SIDE)
        return idf_error_set(err, IDF_ERR_ARGUMENT,
                             "cannot resize to %d x %d pixels: sides are 1 to %d", width, height,
                             IDF_IMAGE_MAX_SIDE);
    if (!(box[0] >= 0 && box[1] >= 0 && box[2] > box[0] && box[3] > box[1] &&
          box[2] <= (float)in->width && box[3] <= (float)in->height))
        return idf_error_set(err, IDF_ERR_ARGUMENT,
                             "the box %g,%g to %g,%g is no part of a picture of %d x %d pixels",
                             (double)box[0], (double)box[1], (double)box[2], (double)box[3],
                             in->width, in->height);
    return IDF_OK;
}

idf_status idf_image_resize(idf_image *out, const idf_image *in, int width, int height,
                            idf_filter filter, const float box[4], idf_error *err) {
    memset(out, 0, sizeof *out);
    const float whole[4] = {0, 0, in == NULL ? 0 : (float)in->width,
                            in == NULL ? 0 : (float)in->height};
    if (box == NULL)
        box = whole;
    idf_status status = check_arguments(in, width, height, box, err);
    if (status != IDF_OK)
        return status;
    axis across = {0}, down = {0};
    idf_image narrowed = {0};
    const float x_range[2] = {box[0], box[2]}, y_range[2] = {box[1], box[3]};
    status = axis_init(&across, in->width, width, filter, x_range, err);
    if (status == IDF_OK)
        status = axis_init(&down, in->height, height, filter, y_range, err);
    if (status != IDF_OK)
        goto done;
    int y_begin = 0;
    const idf_image *source = in;
    if (across.needed) {
        const int rows[2] = {down.needed ? down.begin : 0, down.needed ? down.end : in->height};
        status = pass_horizontal(&narrowed, in, &across, rows, err);
        if (status != IDF_OK)
            goto done;
        source = &narrowed;
        y_begin = rows[0];
    }
    if (down.needed) {
        status = pass_vertical(out, source, &down, y_begin, err);
    } else if (across.needed) {
        *out = narrowed;
        memset(&narrowed, 0, sizeof narrowed);
    } else {
        status = idf_image_convert(out, in, in->channels, err);
    }
done:
    idf_image_release(&narrowed);
    axis_release(&across);
    axis_release(&down);
    return status;
}

idf_status idf_image_shrink(idf_image *out, const idf_image *in, int max_side, idf_error *err) {
    memset(out, 0, sizeof *out);
    if (!idf_image_is_valid(in) || max_side < 1)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "there is no picture to shrink, or no size");
    int longer = in->width > in->height ? in->width : in->height;
    if (longer <= max_side)
        return idf_image_convert(out, in, in->channels, err);
    double scale = (double)max_side / longer;
    int width = (int)lround(in->width * scale), height = (int)lround(in->height * scale);
    return idf_image_resize(out, in, width < 1 ? 1 : width, height < 1 ? 1 : height,
                            IDF_FILTER_BILINEAR, NULL, err);
}
