/* augment_parts.h - the stages of a simulated photograph: what lies there, and what lens and sensor
 * make of it. */
#ifndef IDF_IMAGE_AUGMENT_PARTS_H
#define IDF_IMAGE_AUGMENT_PARTS_H

#include "base/rng.h"
#include "image/augment.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The generator of one view: well mixed, so that neighbouring keys have nothing in common. */
void idf_view_rng(idf_rng *rng, idf_view_key key);

/* True with the given chance. Always draws. */
int idf_rng_chance(idf_rng *rng, double chance);

/* 3 x 3 matrices, row-major. */
void idf_matrix_multiply(double out[9], const double a[9], const double b[9]);
/* 0 when it has no inverse; out is the inverse up to a factor, with its sign. */
int idf_matrix_invert(double out[9], const double m[9]);
void idf_matrix_apply(const double m[9], const double xy[2], double out[2]);
/* The matrix that takes the unit square's corners (0,0), (1,0), (1,1), (0,1) to four points. 0 when
 * three of them are in a line. */
int idf_matrix_from_quad(double out[9], const double corners[8]);

/* A convex quadrilateral: signed distances to its edges, positive inside. */
typedef struct idf_quad {
    float edge[4][3];        /* distance = edge[0] x + edge[1] y + edge[2] */
    int rows[2], columns[2]; /* the pixels it can touch, cut to the frame */
    double area;
} idf_quad;
void idf_quad_init(idf_quad *quad, const double corners[8], const idf_image *frame);

/* How light falls on a pasted picture. All zero: as it is. */
typedef struct idf_sheen {
    float veil; /* light added everywhere; 1 is white */
    int n_bands;
    float band[3][4];   /* strips: distance = [0] x + [1] y + [2] in half-widths; [3]: strength */
    float spot[5];      /* an ellipse: centre x, y, 1 / radius along and across; strength */
    float spot_axis[2]; /* its direction */
} idf_sheen;

/* A frame in the making. */
typedef struct idf_canvas {
    idf_image frame; /* RGB */
    idf_image owner; /* grey, of the same size: whose pixel it is, 1 + the reference; 0: nobody's */
} idf_canvas;

/* Puts `picture` into the frame, antialiased at its edges, as `owner`. `to_frame` takes its pixels
 * there. */
void idf_paste(idf_canvas *canvas, const idf_image *picture, const double to_frame[9],
               const idf_quad *quad, const idf_sheen *sheen, uint8_t owner);
/* Darkens what is under the quadrilateral, by `strength` at most, fading over `softness` pixels. */
void idf_cast_shadow(idf_canvas *canvas, const idf_quad *quad, float softness, float strength);

/* Fills the canvas with what lies behind. */
idf_status idf_draw_background(idf_canvas *canvas, const idf_scene *scene, int max_clutter,
                               idf_rng *rng, idf_error *err);

/* Draws a hand whose fingers reach over an edge of the quadrilateral. */
void idf_draw_hand(idf_canvas *canvas, const double corners[8], const idf_camera *camera,
                   idf_rng *rng);

/* Lens: a disc of `defocus` pixels radius and a smear of `motion` pixels in a direction. */
idf_status idf_blur_lens(idf_image *frame, float defocus, float motion, float direction,
                         idf_error *err);
/* Gaussian of `size` taps (odd), mirrored at the borders. */
idf_status idf_blur_gaussian(idf_image *image, int size, double sigma, idf_error *err);

/* Sensor: exposure, white balance, fall-off, tone curve, noise; then JPEG and back. */
idf_status idf_sense(idf_image *frame, const idf_camera *camera, idf_rng *rng, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
