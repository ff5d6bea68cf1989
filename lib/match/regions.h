/* regions.h - the parts of a frame worth looking at on their own. */
#ifndef IDF_MATCH_REGIONS_H
#define IDF_MATCH_REGIONS_H

#include <stdbool.h>

#include <identify/image.h>
#include <identify/status.h>

#include "local/homography.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum idf_region_kind {
    IDF_REGION_QUAD,   /* a planar quadrilateral: a card, a cover, a frame on a wall */
    IDF_REGION_CENTRE, /* x 10-90 %, y 5-95 % of the frame, for things without an outline */
    IDF_REGION_WHOLE,
} idf_region_kind;

enum {
    IDF_REGIONS_MAX = 66,     /* what idf_regions_find may write */
    IDF_REGION_SIDE = 640,    /* longer side of the picture that regions are looked for in */
    IDF_REGION_MIN_SIDE = 20, /* pixels of the frame; smaller things are dropped */
};

/* Points are pixels of the frame; the centre of the first pixel is (0.5, 0.5). */
typedef struct idf_region {
    idf_region_kind kind;
    idf_point corners[4]; /* clockwise on the screen, the first nearest to the top left */
    double aspect;        /* width / height of the thing itself, perspective undone */
    double support;       /* 0..1: share of the outline that is an edge; 0 for the other kinds */
    int n_turns; /* orientations that matter: 1 for centre and whole, 2 (0, 180 degrees) for a quad
                    that is wider or higher, 4 for one that is nearly square */
    double most_enlarged; /* how many times, when it is made upright; 0: twice */
} idf_region;

/* Scratch; belongs to one thread. */
typedef struct idf_regions_workspace idf_regions_workspace;
idf_status idf_regions_workspace_new(idf_regions_workspace **workspace, idf_error *err);
void idf_regions_workspace_free(idf_regions_workspace *workspace);

/* Whether the finer of the pictures that large frames are looked at in is left out, which holds the
 * small things. False to begin with. */
void idf_regions_set_coarse(idf_regions_workspace *workspace, bool coarse);

/* Finds at most max - 2 quadrilaterals, the likeliest first, then the centre and the whole (those
 * two alone for max = 2; sides under IDF_REGION_MIN_SIDE are dropped). `grey` has one channel and
 * any size. */
idf_status idf_regions_find(const idf_image *grey, idf_regions_workspace *workspace,
                            idf_region *out, int max, int *n, idf_error *err);

/* Makes the region upright and rectangular, `turn` times a quarter clockwise, its longer side
 * `side` pixels or less when the region itself is smaller (a region may be enlarged up to twice).
 * *out owns its pixels. `back`, when not NULL, becomes the map from the picture made to the frame,
 * in pixel centres as keypoints count them (the first pixel is (0, 0)). */
idf_status idf_region_rectify(idf_image *out, const idf_image *frame, const idf_region *region,
                              const int side_turn[2], idf_homography *back, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
