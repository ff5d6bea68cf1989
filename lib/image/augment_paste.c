/* augment_paste.c - puts pictures and shadows into a simulated photograph. */
#include <stdbool.h>
#include <string.h>

#include "image/augment_parts.h"
#include "image/augment_rows.h"
#include "image/image.h"
#include "image/warp.h"

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

/* Puts n pixels over others in proportion to how far they are inside. */
static void blend_edge(uint8_t *to, const uint8_t *from, const float *depth, int n) {
    for (int i = 0; i < n; i++, to += 3, from += 3) {
        unsigned a = (unsigned)((depth[i] + 0.5f) * 255);
        for (int c = 0; c < 3; c++)
            to[c] = (uint8_t)(idf_mul_255(from[c], a) + idf_mul_255(to[c], 255 - a));
    }
}

/* Puts n pixels over others: those inside as they are. */
static void blend(uint8_t *to, const uint8_t *from, const float *depth, int n) {
    int begin, end;
    piece_over(depth, n, 0.5f, &begin, &end);
    blend_edge(to, from, depth, begin);
    memcpy(to + 3 * begin, from + 3 * begin, 3 * (size_t)(end - begin));
    blend_edge(to + 3 * end, from + 3 * end, depth + end, n - end);
}

void idf_paste(idf_canvas *canvas, const idf_image *picture, const double to_frame[9],
               const idf_quad *quad, const idf_sheen *sheen, uint8_t owner) {
    const idf_augment_rows *rows = idf_augment_rows_choose();
    idf_warp warp = {.border = IDF_BORDER_REPLICATE};
    if (!idf_matrix_invert(warp.matrix, to_frame))
        return;
    bool shiny = sheen->veil > 0 || sheen->n_bands > 0 || sheen->spot[4] > 0;
    for (int y = quad->rows[0]; y < quad->rows[1]; y++) {
        for (int x = quad->columns[0]; x < quad->columns[1]; x += IDF_STRETCH) {
            int n = quad->columns[1] - x < IDF_STRETCH ? quad->columns[1] - x : IDF_STRETCH;
            int begin, end;
            float depth[IDF_STRETCH];
            uint8_t pixels[3 * IDF_STRETCH];
            rows->depths(depth, quad, x, y, n);
            if (!piece_over(depth, n, -0.5f, &begin, &end))
                continue;
            idf_warp_row(pixels, picture, &warp, (const int[2]){x + begin, y}, end - begin);
            if (shiny)
                rows->shine(pixels, end - begin, sheen, (float)(x + begin) + 0.5f, (float)y + 0.5f);
            uint8_t *to = idf_image_row(&canvas->frame, y) + 3 * (x + begin);
            uint8_t *mine = idf_image_row(&canvas->owner, y) + x;
            blend(to, pixels, depth + begin, end - begin);
            for (int i = begin; i < end; i++) /* where it has more than half of the pixel */
                mine[i] = (depth[i] + 0.5f) * 255 >= 128 ? owner : mine[i];
        }
    }
}

void idf_cast_shadow(idf_canvas *canvas, const idf_quad *quad, float softness, float strength) {
    const idf_augment_rows *rows = idf_augment_rows_choose();
    idf_image *frame = &canvas->frame;
    int margin = (int)softness + 1;
    int y0 = quad->rows[0] - margin, y1 = quad->rows[1] + margin;
    int x0 = quad->columns[0] - margin, x1 = quad->columns[1] + margin;
    y0 = y0 < 0 ? 0 : y0;
    x0 = x0 < 0 ? 0 : x0;
    y1 = y1 > frame->height ? frame->height : y1;
    x1 = x1 > frame->width ? frame->width : x1;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x += IDF_STRETCH) {
            int n = x1 - x < IDF_STRETCH ? x1 - x : IDF_STRETCH, begin, end;
            float into[IDF_STRETCH];
            rows->depths(into, quad, x, y, n);
            for (int i = 0; i < n; i++)
                into[i] = into[i] / softness + 0.5f;
            if (piece_over(into, n, 0, &begin, &end))
                rows->shade(idf_image_row(frame, y) + 3 * (x + begin), into + begin, end - begin,
                            strength);
        }
}
