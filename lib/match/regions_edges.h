/* regions_edges.h - straight edges of a grey picture: what quadrilaterals are made of. */
#ifndef IDF_MATCH_REGIONS_EDGES_H
#define IDF_MATCH_REGIONS_EDGES_H

#include <stdint.h>

#include <identify/image.h>
#include <identify/status.h>

#include "match/edgerows.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_SEGMENTS_MAX = 1024 };

/* A straight edge from (x1, y1) to (x2, y2), the brighter side on its right (y grows downwards).
 * Coordinates are continuous: the centre of the first pixel is (0.5, 0.5). */
typedef struct idf_segment {
    float x1, y1, x2, y2;
    float length;
} idf_segment;

/* An edge map and its scratch; owned by whoever zeroed it. */
typedef struct idf_edges {
    int width, height;
    uint8_t *angle;  /* of the edge through each pixel, 128ths of half a turn plus 1; 0: no edge */
    uint8_t *smooth; /* the picture, smoothed */
    int16_t *gx, *gy, *strength;
    uint16_t *chain; /* pixels of one edge: x, y in turn */
    uint8_t *left;   /* not 0: an edge pixel that is in no chain yet */
    size_t capacity; /* pixels */
    const idf_edge_rows *rows;
    int n;
    idf_segment segments[IDF_SEGMENTS_MAX]; /* longest first */
    float directions[IDF_SEGMENTS_MAX][2];  /* scratch */
} idf_edges;

/* Finds the edges of `grey` (1 channel, sides 8..4096) whose contrast is at least `contrast` grey
 * levels over about three pixels, and among them the straight ones of at least min_length pixels.
 */
idf_status idf_edges_find(idf_edges *edges, const idf_image *grey, int contrast, float min_length,
                          idf_error *err);
void idf_edges_release(idf_edges *edges);

#ifdef __cplusplus
}
#endif
#endif
