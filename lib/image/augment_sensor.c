/* augment_sensor.c - what lens and sensor make of a scene: defocus, motion, exposure, white
 * balance, fall-off, noise and JPEG.
 *
 * Values stand for the square root of light (a gamma of 2), in which the noise of counting photons
 * is the same everywhere, and in which exposure is a factor. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "image/augment_parts.h"
#include "image/augment_rows.h"
#include "image/encode.h"
#include "image/image.h"
#include "image/resize_kernel.h"

static const double PI = 3.14159265358979323846;

enum { MAX_RADIUS = 16, MAX_TAPS = 640 };

/* The picture with `margin` pixels around it, mirrored without repeating the edge, or repeated. */
static idf_status pad(idf_image *out, const idf_image *in, int margin, bool mirror,
                      idf_error *err) {
    idf_status status =
        idf_image_new(out, in->width + 2 * margin, in->height + 2 * margin, in->channels, err);
    size_t channels = (size_t)in->channels;
    for (int y = 0; status == IDF_OK && y < out->height; y++) {
        int from_y = y - margin;
        if (mirror)
            from_y = from_y < 0             ? -from_y
                     : from_y >= in->height ? 2 * (in->height - 1) - from_y
                                            : from_y;
        from_y = from_y < 0 ? 0 : from_y >= in->height ? in->height - 1 : from_y;
        const uint8_t *from = idf_image_row(in, from_y);
        uint8_t *to = idf_image_row(out, y);
        memcpy(to + (size_t)margin * channels, from, (size_t)in->width * channels);
        for (int k = 1; k <= margin; k++) {
            int left = mirror && k < in->width ? k : 0;
            memcpy(to + (size_t)(margin - k) * channels, from + (size_t)left * channels, channels);
            memcpy(to + (size_t)(margin + in->width - 1 + k) * channels,
                   from + (size_t)(in->width - 1 - left) * channels, channels);
        }
    }
    return status;
}

/* A filter of scattered taps: out = sum of weight * in(x + dx, y + dy); the weights sum to 256. */
typedef struct tap {
    int dx, dy;
    uint32_t weight;
} tap;

static idf_status filter_scattered(idf_image *image, const tap *taps, int n, int margin,
                                   idf_error *err) {
    idf_image padded;
    idf_status status = pad(&padded, image, margin, false, err);
    if (status != IDF_OK)
        return status;
    const uint8_t *from[MAX_TAPS];
    uint16_t weights[MAX_TAPS];
    for (int t = 0; t < n; t++)
        weights[t] = (uint16_t)taps[t].weight;
    for (int y = 0; y < image->height; y++) {
        for (int t = 0; t < n; t++)
            from[t] = idf_image_row(&padded, y + margin + taps[t].dy) +
                      (margin + taps[t].dx) * image->channels;
        idf_augment_rows_choose()->scatter(idf_image_row(image, y), from, weights, n,
                                           image->width * image->channels);
    }
    idf_image_release(&padded);
    return IDF_OK;
}

/* Scales weights to integers that add up to 256 exactly, and drops the zeros. */
static int fix_weights(tap *taps, const float *weights, int n) {
    double total = 0, before = 0;
    int kept = 0, sum_before = 0;
    for (int i = 0; i < n; i++)
        total += weights[i];
    for (int i = 0; i < n; i++) {
        before += weights[i];
        int sum = (int)(256 * before / total + 0.5);
        taps[kept] = taps[i];
        taps[kept].weight = (uint32_t)(sum - sum_before);
        kept += sum > sum_before;
        sum_before = sum;
    }
    return kept;
}

/* An evenly lit disc, its rim by how much of each pixel is inside. */
static idf_status blur_disc(idf_image *image, float radius, idf_error *err) {
    tap taps[MAX_TAPS];
    float weights[MAX_TAPS];
    int n = 0, reach = (int)ceilf(radius);
    /* 256 steps are too few for more than some hundred taps. */
    int step = radius > 5 ? 2 : 1;
    for (int dy = -reach; dy <= reach; dy += step) {
        for (int dx = -reach; dx <= reach && n < MAX_TAPS; dx += step) {
            float inside = radius + 0.5f - sqrtf((float)(dx * dx + dy * dy));
            if (inside <= 0)
                continue;
            taps[n] = (tap){dx, dy, 0};
            weights[n++] = inside > 1 ? 1 : inside;
        }
    }
    return filter_scattered(image, taps, fix_weights(taps, weights, n), reach, err);
}

/* A line of the given length, each of its points shared among the four pixels around it. */
static idf_status blur_line(idf_image *image, float length, float direction, idf_error *err) {
    enum { SIDE = 2 * MAX_RADIUS + 1 };
    float field[SIDE * SIDE] = {0}, weights[SIDE * SIDE];
    tap taps[SIDE * SIDE];
    int n_points = (int)(2 * length) + 2, n = 0;
    for (int i = 0; i < n_points; i++) {
        float at = length * ((float)i / (float)(n_points - 1) - 0.5f);
        float x = at * cosf(direction) + MAX_RADIUS, y = at * sinf(direction) + MAX_RADIUS;
        int left = (int)x, top = (int)y;
        float fx = x - (float)left, fy = y - (float)top;
        float *cell = field + top * SIDE + left;
        cell[0] += (1 - fx) * (1 - fy);
        cell[1] += fx * (1 - fy);
        cell[SIDE] += (1 - fx) * fy;
        cell[SIDE + 1] += fx * fy;
    }
    for (int i = 0; i < SIDE * SIDE; i++) {
        if (field[i] <= 0)
            continue;
        taps[n] = (tap){i % SIDE - MAX_RADIUS, i / SIDE - MAX_RADIUS, 0};
        weights[n++] = field[i];
    }
    return filter_scattered(image, taps, fix_weights(taps, weights, n), MAX_RADIUS, err);
}

idf_status idf_blur_lens(idf_image *frame, float defocus, float motion, float direction,
                         idf_error *err) {
    idf_status status = IDF_OK;
    if (defocus > 0.3f) /* less changes nothing that can be seen */
        status = blur_disc(frame, fminf(defocus, MAX_RADIUS - 1), err);
    if (status == IDF_OK && motion > 0.5f)
        status = blur_line(frame, fminf(motion, 2 * MAX_RADIUS - 4), direction, err);
    return status;
}

idf_status idf_blur_gaussian(idf_image *image, int size, double sigma, idf_error *err) {
    enum { MAX_SIZE = 31 };
    int32_t weights[MAX_SIZE + 1] = {0}, pairs[MAX_SIZE + 1] = {0};
    double exact[MAX_SIZE], total = 0;
    int radius = size / 2;
    for (int i = 0; i < size; i++) {
        double x = (i - radius) / sigma;
        exact[i] = exp(-0.5 * x * x);
        total += exact[i];
    }
    for (int i = 0; i < size; i++)
        exact[i] /= total;
    idf_resize_fix_weights(weights, pairs, exact, size);
    const idf_resize_taps taps = {0, size, weights, pairs};
    const idf_resize_kernel *kernel = idf_resize_kernel_choose();
    idf_image padded, across = {0};
    idf_status status = pad(&padded, image, radius, true, err);
    if (status != IDF_OK)
        return status;
    status = idf_image_new(&across, image->width, padded.height, image->channels, err);
    size_t n_bytes = (size_t)image->width * (size_t)image->channels;
    /* Neighbouring pixels of a row are rows `channels` bytes apart. */
    for (int y = 0; status == IDF_OK && y < padded.height; y++)
        kernel->sum(idf_image_row(&across, y), n_bytes, idf_image_row(&padded, y),
                    (size_t)image->channels, &taps);
    for (int y = 0; status == IDF_OK && y < image->height; y++)
        kernel->sum(idf_image_row(image, y), n_bytes, idf_image_row(&across, y),
                    across.stride_bytes, &taps);
    idf_image_release(&padded);
    idf_image_release(&across);
    return status;
}

/* Through JPEG and back. */
static idf_status recompress(idf_image *frame, int quality, idf_error *err) {
    idf_bytes bytes = {0};
    idf_image back;
    idf_status status = idf_image_encode_jpeg(&bytes, frame, quality > 89 ? 89 : quality, err);
    if (status == IDF_OK) {
        status = idf_image_read_memory(&back, bytes.data, bytes.len, NULL, NULL, err);
        if (status == IDF_OK) {
            idf_image_release(frame);
            *frame = back;
        }
    }
    idf_bytes_release(&bytes);
    return status;
}

idf_status idf_sense(idf_image *frame, const idf_camera *camera, idf_rng *rng, idf_error *err) {
    idf_sensor s;
    double stops = idf_rng_range(rng, -camera->exposure_stops, camera->exposure_stops);
    double exposure = pow(2, stops / 2); /* of the square root */
    double red = idf_rng_range(rng, -camera->white_balance, camera->white_balance);
    double blue = idf_rng_range(rng, -camera->white_balance, camera->white_balance);
    const double gain[3] = {exposure * (1 + red), exposure, exposure * (1 + blue)};
    for (int i = 0; i < 3 * IDF_STRETCH; i++) {
        s.gain[i] = (float)gain[i % 3];
        s.pixel[i] = (float)(i / 3);
    }
    double towards = idf_rng_range(rng, 0, 2 * PI), shade = idf_rng_unit(rng) * camera->shade;
    s.fall = (float)(shade * cos(towards) / frame->width);
    float down = (float)(shade * sin(towards) / frame->height);
    float corner = (float)(1 - shade * (cos(towards) + sin(towards)) / 2); /* the upper left */
    /* Half of the noise is common to the colours, as after a camera's own smoothing: each of the
     * two parts has a deviation of 147.8 units, 1.414 times that together. */
    double deviation = idf_rng_range(rng, camera->noise[0], camera->noise[1]);
    s.noise = (float)(deviation / 147.8 / 1.414);
    uint32_t state[IDF_NOISE_LANES];
    for (int i = 0; i < IDF_NOISE_LANES; i++)
        state[i] = idf_rng_u32(rng) | 1;
    for (int y = 0; y < frame->height; y++)
        for (int x = 0; x < frame->width; x += IDF_STRETCH)
            idf_augment_rows_choose()->sense(
                idf_image_row(frame, y) + 3 * x,
                frame->width - x < IDF_STRETCH ? frame->width - x : IDF_STRETCH,
                corner + down * (float)y + s.fall * (float)x, &s, state);
    int low = camera->jpeg_quality[0], high = camera->jpeg_quality[1];
    int quality = low + (int)idf_rng_below(rng, (uint32_t)(high > low ? high - low + 1 : 1));
    return recompress(frame, quality, err);
}
