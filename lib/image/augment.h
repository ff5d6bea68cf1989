/* augment.h - what a camera makes of a reference: simulated photographs for training and for
 * measuring.
 *
 * Everything is decided by (seed, item, view): the same three give the same pixels, on any number
 * of threads. Any thread. */
#ifndef IDF_IMAGE_AUGMENT_H
#define IDF_IMAGE_AUGMENT_H

#include <stddef.h>
#include <stdint.h>

#include <identify/image.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which view of what. */
typedef struct idf_view_key {
    uint64_t seed, item, view;
} idf_view_key;

/* The recipe that the Python original trains on: random resized crop to 256 x 256 (area 0.6-1,
 * aspect 0.7-1.4), rotation by up to 20 degrees, jitter of brightness, contrast and saturation by
 * 0.3 and hue by 0.05, perspective 0.2 in half of the views, Gaussian blur of sigma 0.1-2 in 0.3 of
 * them, grey in 0.05. *out is RGB and owns its pixels after success. */
idf_status idf_augment_original(idf_image *out, const idf_image *reference, idf_view_key key,
                                idf_error *err);

enum { IDF_ORIGINAL_VIEW_SIDE = 256 };

/* How hard a simulated camera makes it. Ranges are drawn from uniformly; chances are 0 to 1.
 * Lengths of blur are in pixels on a reference whose longer side shows as 300 pixels. */
typedef struct idf_camera {
    int width, height;  /* of the frame, pixels; at least 32 */
    float fill[2];      /* part of the frame (of its cell, when there are several references) that a
                           reference's bounding box takes, in the tighter direction; over 1: parts
                           are outside */
    float min_side;     /* the longer side of a reference is at least this many pixels, as far as
                           it fits */
    float tilt_degrees; /* most that the reference's plane leans away from the camera */
    float turn_degrees; /* most that it is turned in its plane; 180: any way up */
    float view_degrees[2]; /* field of view of the frame's height */
    float defocus[2];      /* radius of the blur disc */
    float motion[2];       /* length of the smear */
    float exposure_stops;  /* most that the picture is too bright or too dark */
    float white_balance;   /* most that red and blue are off, as a part */
    float shade;           /* most that light falls off across the frame, as a part */
    float glare_chance,
        glare;      /* of a reflection on a reference, and how strong at most: 1 is white */
    float noise[2]; /* standard deviation, in 1/255 */
    int jpeg_quality[2];
    float finger_chance; /* that fingers cover some of a reference */
    int max_fingers;     /* on one reference */
    float finger_reach;  /* how far they reach in, as a part of its longer side */
    int max_clutter;     /* things that lie about in a made-up background */
} idf_camera;

typedef enum idf_difficulty {
    IDF_DIFFICULTY_EASY,   /* a careful user at a desk */
    IDF_DIFFICULTY_MIDDLE, /* a hand-held phone or webcam */
    IDF_DIFFICULTY_HARD,   /* anything that a person could still recognise */
} idf_difficulty;

idf_camera idf_camera_preset(idf_difficulty difficulty, int width, int height);

/* What is in front of the camera. */
typedef struct idf_scene {
    const idf_image *const *references; /* n_references >= 0 pictures, RGB or grey */
    size_t n_references;
    const idf_image *const *backgrounds; /* one of these is behind them; none: made up */
    size_t n_backgrounds;
    idf_view_key key;
} idf_scene;

/* Where a reference ended up. Coordinates are continuous: a picture covers 0..width by 0..height.
 */
typedef struct idf_placement {
    double homography[9]; /* row-major: from the reference's pixels to the frame's */
    float corners[8];     /* x, y of its upper left, upper right, lower right, lower left corner */
    float hidden;         /* part of its area that is under something or outside of the frame */
} idf_placement;

enum { IDF_SCENE_MAX_REFERENCES = 64 };

/* Photographs the scene: *out is an RGB frame of camera's size and owns its pixels after success.
 * `placements` has n_references entries, or is NULL. */
idf_status idf_augment_frame(idf_image *out, idf_placement *placements, const idf_scene *scene,
                             const idf_camera *camera, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
