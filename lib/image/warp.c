/* warp.c - affine and perspective warps by inverse mapping and bilinear interpolation in 1/256
 * pixel. */
#include "image/warp.h"

#include <math.h>
#include <string.h>

#include "image/image.h"
#include "image/warp_kernel.h"
#include "kernel/cpu.h"

enum { ONE = 1 << IDF_WARP_FRACTION_BITS };

/* Between low and high; not-a-number becomes low. */
static inline float clamp(float v, float low, float high) {
    v = v > low ? v : low;
    return v < high ? v : high;
}

/* One channel of pixel (x, y), or the border colour. */
static inline unsigned fetch(const idf_warp_span *span, int x, int y, int channel) {
    const idf_image *in = span->in;
    if (x < 0 || y < 0 || x >= in->width || y >= in->height)
        return span->colour[channel];
    return idf_image_row(in, y)[x * in->channels + channel];
}

static inline uint8_t blend(const unsigned p[4], unsigned a, unsigned b) {
    unsigned top = p[0] * (ONE - a) + p[1] * a, bottom = p[2] * (ONE - a) + p[3] * a;
    return (uint8_t)((top * (ONE - b) + bottom * b + ONE * ONE / 2) / (ONE * ONE));
}

/* The pixel at (u, v) in 1/256 pixel. */
static inline void sample(uint8_t *out, const idf_warp_span *span, int32_t u, int32_t v) {
    const idf_image *in = span->in;
    const int channels = in->channels;
    int x = u >> IDF_WARP_FRACTION_BITS, y = v >> IDF_WARP_FRACTION_BITS;
    unsigned a = u & (ONE - 1), b = v & (ONE - 1);
    if (x >= 0 && y >= 0 && x < in->width - 1 && y < in->height - 1) {
        const uint8_t *top = idf_image_row(in, y) + x * channels;
        const uint8_t *bottom = top + in->stride_bytes;
        for (int c = 0; c < channels; c++) {
            const unsigned p[4] = {top[c], top[c + channels], bottom[c], bottom[c + channels]};
            out[c] = blend(p, a, b);
        }
        return;
    }
    for (int c = 0; c < channels; c++) {
        const unsigned p[4] = {fetch(span, x, y, c), fetch(span, x + 1, y, c),
                               fetch(span, x, y + 1, c), fetch(span, x + 1, y + 1, c)};
        out[c] = blend(p, a, b);
    }
}

void idf_warp_span_c(uint8_t *out, const idf_warp_span *span, int x, int n) {
    for (int i = 0; i < n; i++, out += span->in->channels) {
        float at = (float)(x + i) + 0.5f;
        float u = span->step[0] * at + span->base[0], v = span->step[1] * at + span->base[1];
        if (!span->affine) {
            float w = span->step[2] * at + span->base[2];
            float inverse = 1.0f / w;
            u = w > 0 ? u * inverse : span->low[0];
            v = w > 0 ? v * inverse : span->low[1];
        }
        sample(out, span, (int32_t)lrintf(clamp(u, span->low[0], span->high[0])),
               (int32_t)lrintf(clamp(v, span->low[1], span->high[1])));
    }
}

static idf_warp_span_fn *choose(void) {
#if defined(__x86_64__)
    if (idf_cpu_features() & IDF_CPU_AVX2)
        return idf_warp_span_avx2;
#endif
    return idf_warp_span_c;
}

void idf_warp_row(uint8_t *out, const idf_image *in, const idf_warp *warp, const int xy[2], int n) {
    const double *m = warp->matrix;
    idf_warp_span span = {.in = in};
    span.affine = m[6] == 0 && m[7] == 0 && m[8] > 0;
    double y = xy[1] + 0.5, scale = span.affine ? 1 / m[8] : 1;
    for (int i = 0; i < 3; i++) {
        /* Rows 0 and 1 count from the first pixel's centre, in 1/256 pixel. */
        double unit = i < 2 ? ONE : 1, shift = i < 2 ? 0.5 : 0;
        double row[3];
        for (int k = 0; k < 3; k++)
            row[k] = (m[3 * i + k] - shift * m[6 + k]) * unit * scale;
        span.step[i] = (float)row[0];
        span.base[i] = (float)(row[1] * y + row[2]);
    }
    const int sides[2] = {in->width, in->height};
    for (int i = 0; i < 2; i++) {
        bool constant = warp->border == IDF_BORDER_CONSTANT;
        span.low[i] = constant ? -2.0f * ONE : 0;
        span.high[i] = (float)(constant ? sides[i] + 1 : sides[i] - 1) * ONE;
    }
    memcpy(span.colour, warp->colour, sizeof span.colour);
    choose()(out, &span, xy[0], n);
}

idf_status idf_image_warp(idf_image *out, const idf_image *in, int width, int height,
                          const idf_warp *warp, idf_error *err) {
    memset(out, 0, sizeof *out);
    if (!idf_image_is_valid(in) || in->width > IDF_IMAGE_MAX_SIDE ||
        in->height > IDF_IMAGE_MAX_SIDE)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "there is no picture to warp");
    for (int i = 0; i < 9; i++)
        if (!isfinite(warp->matrix[i]))
            return idf_error_set(err, IDF_ERR_ARGUMENT, "a warp's matrix must be finite");
    idf_status status = idf_image_new(out, width, height, in->channels, err);
    for (int y = 0; status == IDF_OK && y < height; y++)
        idf_warp_row(idf_image_row(out, y), in, warp, (const int[2]){0, y}, width);
    return status;
}
