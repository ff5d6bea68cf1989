/* features.h - the local features of one picture: where its corners are and what they look like.
 *
 * Coordinates are those of the working picture: the picture shrunk until its longer side is at most
 * IDF_LOCAL_SIDE. The structs are stored as they are in index files and used from the mapping. */
#ifndef IDF_LOCAL_FEATURES_H
#define IDF_LOCAL_FEATURES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_LOCAL_SIDE = 640, /* longer side of the working picture, pixels */
    /* Longer sides up to which frames, and references, are enlarged: a small thing in a small frame
     * has hardly any features otherwise. A reference that is large enough is not: it would give its
     * coarse features, which are what a small thing in a frame is met by, for fine ones. */
    IDF_LOCAL_SMALL = IDF_LOCAL_SIDE - 1,
    IDF_LOCAL_SMALL_REFERENCE = 240,
    IDF_LOCAL_COORD_UNIT = 32, /* coordinates are in 1/32 pixel: at most 2047 pixels */
    IDF_LOCAL_LEVELS = 8,      /* pyramid levels, each smaller by IDF_LOCAL_SCALE */
    IDF_DESCRIPTOR_BYTES = 32, /* 256 bits */
    IDF_FEATURES_MAX = 4096,   /* keypoints of one picture */
};
#define IDF_LOCAL_SCALE 1.2

/* One oriented corner. 6 bytes, no padding. */
typedef struct idf_keypoint {
    uint16_t x, y; /* in 1/IDF_LOCAL_COORD_UNIT pixels of the working picture, level 0 */
    uint8_t angle; /* 256 steps to a turn; 0 is +x, clockwise on the screen (y grows downwards) */
    uint8_t level; /* pyramid level the corner was found on */
} idf_keypoint;

typedef struct idf_descriptor {
    uint8_t bits[IDF_DESCRIPTOR_BYTES];
} idf_descriptor;

/* Features, strongest first. A view: who owns the arrays is said where it is filled. */
typedef struct idf_features {
    int width, height; /* of the working picture, pixels */
    int n;
    const idf_keypoint *keypoints;     /* n */
    const idf_descriptor *descriptors; /* n */
} idf_features;

#ifdef __cplusplus
}
#endif
#endif
