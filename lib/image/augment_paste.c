/* augment_paste.c - puts pictures and shadows into a simulated photograph.
 *
 * Light adds up in linear intensity, for which the square of the stored value stands (a gamma of 2,
 * close enough to sRGB's, and its inverse is a square root). */
#include <math.h>
#include <stdbool.h>

#include "image/augment_parts.h"
#include "image/image.h"
#include "image/warp.h"

enum { STRETCH = 256 };

/* Distances of n pixels of a row, from x on, to the nearest edge, positive inside. Along a row they
 * rise to a peak and fall: what is over any value is one piece. */
static void depths(float *out, const idf_quad *quad, int x, int y, int n) {
    float row = (float)y + 0.5f;
    for (int i = 0; i < n; i++) {
        float at = (float)(x + i) + 0.5f;
        float least = quad->edge[0][0] * at + quad->edge[0][1] * row + quad->edge[0][2];
        for (int k = 1; k < 4; k++) {
            float d = quad->edge[k][0] * at + quad->edge[k][1] * row + quad->edge[k][2];
            least = d < least ? d : least;
        }
        out[i] = least;
    }
}

/* The piece [*begin, *end) in which values are over `least`. */
static bool piece_over(const float *values, int n, float least, int *begin, int *end) {
    *begin = 0;
    *end = n;
    while (*begin < n && values[*begin] <= least)
        (*begin)++;
    while (*end > *begin && values[*end - 1] <= least)
        (*end)--;
    return *begin < *end;
}

/* 1 in the middle, 0 from distance 1 on, smooth. */
static inline float bump(float squared_distance) {
    float rest = 1 - squared_distance;
    return rest > 0 ? rest * rest : 0;
}

static float reflected(const idf_sheen *sheen, float x, float y) {
    float light = sheen->veil;
    for (int i = 0; i < sheen->n_bands; i++) {
        const float *band = sheen->band[i];
        float d = band[0] * x + band[1] * y + band[2];
        light += band[3] * bump(d * d);
    }
    const float *spot = sheen->spot;
    if (spot[4] > 0) {
        float dx = x - spot[0], dy = y - spot[1];
        float along = (dx * sheen->spot_axis[0] + dy * sheen->spot_axis[1]) * spot[2];
        float across = (dy * sheen->spot_axis[0] - dx * sheen->spot_axis[1]) * spot[3];
        light += spot[4] * bump(along * along + across * across);
    }
    return light;
}

/* Adds reflected light to n pixels. */
static void shine(uint8_t *pixels, int n, const idf_sheen *sheen, float x, float y) {
    for (int i = 0; i < n; i++, pixels += 3) {
        float light = reflected(sheen, x + (float)i, y) * (255.0f * 255.0f);
        for (int c = 0; c < 3; c++) {
            float v = sqrtf((float)pixels[c] * pixels[c] + light) + 0.5f;
            pixels[c] = v < 255 ? (uint8_t)v : 255;
        }
    }
}

/* Puts n pixels over others, those at the edge in proportion to how far they are inside. */
static void blend(uint8_t *to, const uint8_t *from, const float *depth, int n) {
    for (int i = 0; i < n; i++, to += 3, from += 3) {
        float d = depth[i] + 0.5f;
        unsigned a = d >= 1 ? 255 : (unsigned)(d * 255);
        for (int c = 0; c < 3; c++)
            to[c] = a == 255 ? from[c]
                             : (uint8_t)(idf_mul_255(from[c], a) + idf_mul_255(to[c], 255 - a));
    }
}

void idf_paste(idf_canvas *canvas, const idf_image *picture, const double to_frame[9],
               const idf_quad *quad, const idf_sheen *sheen, uint8_t owner) {
    idf_warp warp = {.border = IDF_BORDER_REPLICATE};
    if (!idf_matrix_invert(warp.matrix, to_frame))
        return;
    bool shiny = sheen->veil > 0 || sheen->n_bands > 0 || sheen->spot[4] > 0;
    for (int y = quad->rows[0]; y < quad->rows[1]; y++) {
        for (int x = quad->columns[0]; x < quad->columns[1]; x += STRETCH) {
            int n = quad->columns[1] - x < STRETCH ? quad->columns[1] - x : STRETCH, begin, end;
            float depth[STRETCH];
            uint8_t pixels[3 * STRETCH];
            depths(depth, quad, x, y, n);
            if (!piece_over(depth, n, -0.5f, &begin, &end))
                continue;
            idf_warp_row(pixels, picture, &warp, (const int[2]){x + begin, y}, end - begin);
            if (shiny)
                shine(pixels, end - begin, sheen, (float)(x + begin) + 0.5f, (float)y + 0.5f);
            uint8_t *to = idf_image_row(&canvas->frame, y) + 3 * (x + begin);
            uint8_t *mine = idf_image_row(&canvas->owner, y) + x;
            blend(to, pixels, depth + begin, end - begin);
            for (int i = begin; i < end; i++) /* where it has more than half of the pixel */
                mine[i] = (depth[i] + 0.5f) * 255 >= 128 ? owner : mine[i];
        }
    }
}

void idf_cast_shadow(idf_canvas *canvas, const idf_quad *quad, float softness, float strength) {
    idf_image *frame = &canvas->frame;
    int margin = (int)softness + 1;
    int y0 = quad->rows[0] - margin, y1 = quad->rows[1] + margin;
    int x0 = quad->columns[0] - margin, x1 = quad->columns[1] + margin;
    y0 = y0 < 0 ? 0 : y0;
    x0 = x0 < 0 ? 0 : x0;
    y1 = y1 > frame->height ? frame->height : y1;
    x1 = x1 > frame->width ? frame->width : x1;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x += STRETCH) {
            int n = x1 - x < STRETCH ? x1 - x : STRETCH, begin, end;
            float t[STRETCH];
            uint8_t keep[3 * STRETCH];
            depths(t, quad, x, y, n);
            for (int i = 0; i < n; i++)
                t[i] = t[i] / softness + 0.5f;
            if (!piece_over(t, n, 0, &begin, &end))
                continue;
            for (int i = begin; i < end; i++) {
                float dark = t[i] > 1 ? 1 : t[i] * t[i] * (3 - 2 * t[i]);
                uint8_t *k = keep + 3 * i;
                k[0] = k[1] = k[2] = (uint8_t)(255 * (1 - strength * dark));
            }
            uint8_t *to = idf_image_row(frame, y) + 3 * x;
            for (int i = 3 * begin; i < 3 * end; i++)
                to[i] = idf_mul_255(to[i], keep[i]);
        }
}
