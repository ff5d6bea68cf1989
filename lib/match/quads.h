/* quads.h - quadrilaterals that straight edges form. */
#ifndef IDF_MATCH_QUADS_H
#define IDF_MATCH_QUADS_H

#include "local/homography.h"
#include "match/regions_edges.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In the coordinates of the edge map. */
typedef struct idf_quad {
    idf_point corners[4]; /* clockwise on the screen, the first nearest to the top left */
    double support;       /* 0..1: share of its outline along which there is an edge */
    double rank;          /* larger is likelier a thing: support, and size */
} idf_quad;

enum { IDF_QUADS_MAX = 64 };

/* Finds quadrilaterals with sides of at least min_side pixels, the likeliest first, at most max
 * (1..IDF_QUADS_MAX); of those that nearly coincide one. Returns their number. */
int idf_quads_find(const idf_edges *edges, double min_side, idf_quad *out, int max);

#ifdef __cplusplus
}
#endif
#endif
