/* draw.h - drawing on pictures: what showing a result on a photograph needs.
 *
 * Coordinates are continuous: a picture covers 0..width by 0..height. What lies outside of it is
 * cut off. Everything is antialiased and works on RGB and grey pictures (colours become luma). */
#ifndef IDF_IMAGE_DRAW_H
#define IDF_IMAGE_DRAW_H

#include <stdint.h>

#include <identify/image.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_pen {
    uint8_t colour[3];
    uint8_t opacity; /* 255: opaque */
    float width;     /* of lines, pixels */
} idf_pen;

/* A line through n points (x, y pairs), round at its ends and corners; `closed` joins the last to
 * the first. The colour is laid on once where a line of up to 64 points crosses itself. Nothing is
 * drawn when a coordinate is not a number or over 2^20. */
void idf_draw_line(idf_image *image, const float *xy, int n, int closed, const idf_pen *pen);

/* A filled rectangle, x, y, width, height; the pen's width is not used. */
void idf_draw_rectangle(idf_image *image, const int xywh[4], const idf_pen *pen);

/* `picture` resampled to fill the rectangle. */
idf_status idf_draw_picture(idf_image *image, const idf_image *picture, const int xywh[4],
                            idf_error *err);

/* One line of UTF-8 text, `height` pixels high in all (capitals are 10/16 of that), its upper left
 * corner at (x, y). Characters other than printable ASCII show as "?". The pen's width is not used.
 * idf_text_width tells how wide it is. */
void idf_draw_text(idf_image *image, const float xy[2], float height, const char *text,
                   const idf_pen *pen);
float idf_text_width(float height, const char *text);

#ifdef __cplusplus
}
#endif
#endif
