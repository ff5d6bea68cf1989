/* draw.c - lines, rectangles, pictures and text drawn on pictures.
 *
 * A line covers a pixel by how far the pixel's centre is from the nearest of its segments: wholly
 * within half the width less half a pixel, not at all half a pixel beyond. Coverage is collected a
 * stretch of a row at a time and laid on once. */
#include "image/draw.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "image/font.h"
#include "image/image.h"
#include "image/resize.h"

enum {
    STRETCH = 512,
    MAX_GLYPH_SEGMENTS = 32,
    FURTHEST = 1 << 20, /* coordinates of which the squares stay exact enough */
};

/* From (x, y) along (dx, dy). */
typedef struct segment {
    float x, y, dx, dy;
} segment;

/* Puts the pen's colour on n pixels, each as far as its coverage says. */
static void lay_on(idf_image *image, const int xy[2], const uint8_t *coverage, int n,
                   const idf_pen *pen) {
    uint8_t colour[3];
    memcpy(colour, pen->colour, 3);
    if (image->channels == 1)
        idf_row_luma(colour, pen->colour, 1);
    uint8_t *pixel = idf_image_row(image, xy[1]) + xy[0] * image->channels;
    for (int i = 0; i < n; i++, pixel += image->channels) {
        unsigned a = idf_mul_255(coverage[i], pen->opacity);
        if (a == 255) /* what was there is not read: it may be nothing yet */
            memcpy(pixel, colour, (size_t)image->channels);
        for (int c = 0; c < image->channels && a != 0 && a != 255; c++)
            pixel[c] = (uint8_t)(idf_mul_255(colour[c], a) + idf_mul_255(pixel[c], 255 - a));
    }
}

static float squared_distance(const segment *s, float x, float y) {
    float length = s->dx * s->dx + s->dy * s->dy;
    float t = length > 0 ? ((x - s->x) * s->dx + (y - s->y) * s->dy) / length : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    float dx = x - s->x - t * s->dx, dy = y - s->y - t * s->dy;
    return dx * dx + dy * dy;
}

/* The columns of the row with centre y that the segment, `reach` wide to each side, can touch. */
static int columns_of(const segment *s, float y, float reach, float range[2]) {
    float t0 = 0, t1 = 1;
    if (s->dy != 0) {
        t0 = (y - reach - s->y) / s->dy;
        t1 = (y + reach - s->y) / s->dy;
        if (t0 > t1) {
            float swap = t0;
            t0 = t1;
            t1 = swap;
        }
    } else if (fabsf(y - s->y) > reach) {
        return 0;
    }
    t0 = t0 < 0 ? 0 : t0;
    t1 = t1 > 1 ? 1 : t1;
    if (t0 > t1)
        return 0;
    float x0 = s->x + t0 * s->dx, x1 = s->x + t1 * s->dx;
    range[0] = (x0 < x1 ? x0 : x1) - reach;
    range[1] = (x0 < x1 ? x1 : x0) + reach;
    return 1;
}

/* Raises the coverage of the n pixels from (x, y) to what the segment covers. */
static void cover(uint8_t *coverage, const int xy[2], int n, const segment *s, float radius) {
    float reach = radius + 0.5f, row = (float)xy[1] + 0.5f, range[2];
    if (!columns_of(s, row, reach, range) || range[1] < (float)xy[0] ||
        range[0] > (float)(xy[0] + n))
        return;
    int begin = range[0] <= (float)xy[0] ? 0 : (int)range[0] - xy[0];
    int end = range[1] >= (float)(xy[0] + n) ? n : (int)range[1] + 1 - xy[0];
    for (int i = begin; i < end; i++) {
        float d = squared_distance(s, (float)(xy[0] + i) + 0.5f, row);
        if (d >= reach * reach)
            continue;
        float a = reach - sqrtf(d);
        int v = a >= 1 ? 255 : (int)(a * 255 + 0.5f);
        coverage[i] = (uint8_t)(v > coverage[i] ? v : coverage[i]);
    }
}

/* Cuts [low, high] to whole numbers from 0 to size; not-a-number gives nothing. */
static void cut(float low, float high, int size, int range[2]) {
    range[0] = !(low > 0) ? 0 : low > (float)size ? size : (int)low;
    range[1] = !(high > 0) ? 0 : high >= (float)size ? size : (int)high + 1;
    range[1] = range[1] > size ? size : range[1];
}

static void draw_segments(idf_image *image, const segment *segments, int n, float width,
                          const idf_pen *pen) {
    float radius = width / 2, low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int i = 0; i < n; i++) {
        const segment *s = &segments[i];
        low[0] = fminf(low[0], fminf(s->x, s->x + s->dx));
        low[1] = fminf(low[1], fminf(s->y, s->y + s->dy));
        high[0] = fmaxf(high[0], fmaxf(s->x, s->x + s->dx));
        high[1] = fmaxf(high[1], fmaxf(s->y, s->y + s->dy));
    }
    int columns[2], rows[2];
    cut(low[0] - radius - 1, high[0] + radius + 1, image->width, columns);
    cut(low[1] - radius - 1, high[1] + radius + 1, image->height, rows);
    for (int y = rows[0]; y < rows[1]; y++) {
        for (int x = columns[0]; x < columns[1]; x += STRETCH) {
            uint8_t coverage[STRETCH] = {0};
            int count = columns[1] - x < STRETCH ? columns[1] - x : STRETCH;
            const int xy[2] = {x, y};
            for (int i = 0; i < n; i++)
                cover(coverage, xy, count, &segments[i], radius);
            lay_on(image, xy, coverage, count, pen);
        }
    }
}

void idf_draw_line(idf_image *image, const float *xy, int n, int closed, const idf_pen *pen) {
    enum { AT_ONCE = 64 }; /* more points are drawn in groups */
    int n_segments = closed && n > 2 ? n : n > 1 ? n - 1 : n;
    for (int i = 0; i < 2 * n; i++)
        if (!(fabsf(xy[i]) <= FURTHEST))
            return;
    for (int start = 0; start < n_segments; start += AT_ONCE) {
        segment segments[AT_ONCE];
        int k = 0;
        for (; k < AT_ONCE && start + k < n_segments; k++) {
            const float *from = xy + 2 * (start + k), *to = xy + 2 * ((start + k + 1) % n);
            segments[k] = (segment){from[0], from[1], to[0] - from[0], to[1] - from[1]};
        }
        draw_segments(image, segments, k, pen->width, pen);
    }
}

void idf_draw_rectangle(idf_image *image, const int xywh[4], const idf_pen *pen) {
    int columns[2], rows[2];
    uint8_t coverage[STRETCH];
    memset(coverage, 255, sizeof coverage);
    cut((float)xywh[0], (float)xywh[0] + (float)xywh[2] - 1, image->width, columns);
    cut((float)xywh[1], (float)xywh[1] + (float)xywh[3] - 1, image->height, rows);
    if (xywh[2] < 1 || xywh[3] < 1 || (float)xywh[0] + (float)xywh[2] <= 0 ||
        (float)xywh[1] + (float)xywh[3] <= 0)
        return;
    for (int y = rows[0]; y < rows[1]; y++)
        for (int x = columns[0]; x < columns[1]; x += STRETCH)
            lay_on(image, (const int[2]){x, y}, coverage,
                   columns[1] - x < STRETCH ? columns[1] - x : STRETCH, pen);
}

idf_status idf_draw_picture(idf_image *image, const idf_image *picture, const int xywh[4],
                            idf_error *err) {
    idf_image scaled;
    idf_status status =
        idf_image_resize(&scaled, picture, xywh[2], xywh[3], IDF_FILTER_BICUBIC, NULL, err);
    if (status != IDF_OK)
        return status;
    int64_t x0 = xywh[0] < 0 ? 0 : xywh[0], x1 = (int64_t)xywh[0] + xywh[2];
    x1 = x1 > image->width ? image->width : x1;
    for (int y = 0; y < scaled.height && x0 < x1; y++) {
        int64_t to = (int64_t)xywh[1] + y;
        if (to < 0 || to >= image->height)
            continue;
        idf_row_convert(idf_image_row(image, (int)to) + x0 * image->channels, image->channels,
                        idf_image_row(&scaled, y) + (x0 - xywh[0]) * scaled.channels,
                        scaled.channels, (size_t)(x1 - x0));
    }
    idf_image_release(&scaled);
    return IDF_OK;
}

static int hex_digit(char c) {
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* The segments of a glyph whose cell begins at (x, y), in pixels. */
static int glyph_segments(segment *out, const char *strokes, const float xy[2], float unit) {
    int n = 0;
    bool pen_down = false;
    float last[2] = {0, 0};
    for (const char *at = strokes; *at != '\0' && n < MAX_GLYPH_SEGMENTS;) {
        if (*at == ' ' || *at == ',') {
            pen_down = pen_down && *at == ' ';
            at++;
            continue;
        }
        float point[2] = {xy[0] + ((float)hex_digit(at[0]) + 1) * unit,
                          xy[1] + ((float)hex_digit(at[1]) + 0.5f) * unit};
        if (pen_down)
            out[n++] = (segment){last[0], last[1], point[0] - last[0], point[1] - last[1]};
        memcpy(last, point, sizeof last);
        pen_down = true;
        at += 2;
    }
    return n;
}

/* The next character of the text, which is not at its end. */
static uint32_t next_character(const char **text) {
    uint32_t code_point = '?';
    size_t n = idf_text_decode(*text, strnlen(*text, 4), &code_point);
    *text += n == 0 ? 1 : n;
    return n == 0 ? '?' : code_point;
}

void idf_draw_text(idf_image *image, const float xy[2], float height, const char *text,
                   const idf_pen *pen) {
    float unit = height / IDF_FONT_HEIGHT, at[2] = {xy[0], xy[1]};
    float width = 1.5f * unit < 1.1f ? 1.1f : 1.5f * unit; /* thinner than a pixel turns pale */
    while (*text != '\0') {
        segment segments[MAX_GLYPH_SEGMENTS];
        int n = glyph_segments(segments, idf_font_glyph(next_character(&text)), at, unit);
        draw_segments(image, segments, n, width, pen);
        at[0] += IDF_FONT_ADVANCE * unit;
    }
}

float idf_text_width(float height, const char *text) {
    int n = 0;
    for (; *text != '\0'; n++)
        next_character(&text);
    return (float)n * IDF_FONT_ADVANCE * height / IDF_FONT_HEIGHT;
}
