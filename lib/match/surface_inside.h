/* surface_inside.h - a frame bent onto a reference, for what bends it and what compares the two. */
#ifndef IDF_MATCH_SURFACE_INSIDE_H
#define IDF_MATCH_SURFACE_INSIDE_H

#include "match/surface.h"

enum { SIDE = IDF_SMALL_SIDE, CELLS = SIDE * SIDE, CHANNELS = 3 };

typedef struct cell {
    float v[CHANNELS];
} cell;

struct idf_surface {
    bool grey;  /* one of the two has no colours */
    int box[4]; /* cells first and last, across and down, that the matched places span */
    cell reference[CELLS], frame[CELLS];
    uint8_t known[CELLS];
};

#endif
