/* homography.h - maps from one plane to another, and how they are fitted to point pairs.
 *
 * Coordinates are pixels with y growing downwards; "from" is the reference, "to" the frame. */
#ifndef IDF_LOCAL_HOMOGRAPHY_H
#define IDF_LOCAL_HOMOGRAPHY_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_point {
    double x, y;
} idf_point;

/* Row-major: (x, y, 1) goes to (X, Y, W), that is the point (X / W, Y / W). */
typedef struct idf_homography {
    double m[9];
} idf_homography;

/* One point seen in both planes. `weight` 0 takes the pair out of a fit. */
typedef struct idf_point_pair {
    float x, y; /* from */
    float u, v; /* to */
    float weight;
} idf_point_pair;

extern const idf_homography idf_homography_identity;

/* The image of (x, y). A point on the map's horizon goes to (NAN, NAN). */
idf_point idf_homography_apply(const idf_homography *h, double x, double y);

/* out = a after b. out may be a or b. */
void idf_homography_compose(idf_homography *out, const idf_homography *a, const idf_homography *b);

/* False when h is singular; *out is then unchanged. out may be h. */
bool idf_homography_invert(idf_homography *out, const idf_homography *h);

/* The map that takes the four points `from` to the four points `to` exactly. False when three of
 * either are in line or any is not finite. */
bool idf_homography_from_4(idf_homography *out, const idf_point from[4], const idf_point to[4]);

/* The affine map through three pairs. False when either triple is in line. */
bool idf_homography_from_3(idf_homography *out, const idf_point_pair pairs[3]);

/* Least squares over n pairs, the distance measured in the plane "to". The affine fit needs 3 pairs
 * of positive weight, the homography 4; more is better. False when the pairs do not determine the
 * map. */
bool idf_homography_fit_affine(idf_homography *out, const idf_point_pair *pairs, int n);
bool idf_homography_fit(idf_homography *out, const idf_point_pair *pairs, int n);

/* What a picture of width x height becomes: its top left, top right, bottom right and bottom left
 * corner. False when a corner lies on or beyond the horizon. */
bool idf_homography_corners(const idf_homography *h, double width, double height,
                            idf_point corners[4]);

/* Turn at (x, y) in degrees, -180..180, positive clockwise on the screen, and how many times longer
 * lengths become there (the square root of the area's growth; 0 for a mirroring map). */
double idf_homography_rotation(const idf_homography *h, double x, double y);
double idf_homography_scale(const idf_homography *h, double x, double y);

/* What a believable view of a flat thing may look like. */
typedef struct idf_homography_limits {
    double min_area, max_area; /* of its outline, as a fraction of the frame's */
    double max_side_ratio;     /* between opposite sides */
    double max_aspect_change;  /* width / height, in the frame against the reference */
    double min_side;           /* pixels in the frame */
} idf_homography_limits;

/* 0.4 % to 600 % of the frame, opposite sides within 4, aspect within 3.3, sides over 12 px: a tilt
 * of 70 degrees passes, the collapsed maps that chance matches give do not. */
extern const idf_homography_limits idf_homography_limits_default;

/* Whether a thing of from_width x from_height under h is convex, unmirrored and within the limits
 * of a frame of to_width x to_height. */
bool idf_homography_sane(const idf_homography *h, double from_width, double from_height,
                         double to_width, double to_height, const idf_homography_limits *limits);

/* Share of their joint area that two convex outlines (clockwise on the screen) have in common. */
double idf_outline_overlap(const idf_point a[4], const idf_point b[4]);

#ifdef __cplusplus
}
#endif
#endif
