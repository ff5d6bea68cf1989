/* edgerows_loops.h - what the loops of finding edges do at one pixel; for the plain ones, and for
 * the pixels that fill no vector. */
#ifndef IDF_MATCH_EDGEROWS_LOOPS_H
#define IDF_MATCH_EDGEROWS_LOOPS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static inline void idf_edge_differentiate(const uint8_t *const rows[3], int x, int16_t *gx,
                                          int16_t *gy, int16_t *strength) {
    const uint8_t *a = rows[0] + x, *b = rows[1] + x, *c = rows[2] + x;
    gx[x] = (int16_t)(a[1] - a[-1] + 2 * (b[1] - b[-1]) + c[1] - c[-1]);
    gy[x] = (int16_t)(c[-1] + 2 * c[0] + c[1] - a[-1] - 2 * a[0] - a[1]);
    strength[x] = (int16_t)(abs(gx[x]) + abs(gy[x]));
}

/* Whether the edge is steepest here: the neighbours to either side of it are those nearest to the
 * gradient's direction. */
static inline bool idf_edge_is_crest(const int16_t *const strength[3],
                                     const int16_t *const gradient[2], int x, int least) {
    int here = strength[1][x], gx = gradient[0][x], gy = gradient[1][x];
    int ax = abs(gx), ay = abs(gy), step = 0;
    if (here < least)
        return false;
    if (2 * ay < ax)
        return here >= strength[1][x - 1] && here > strength[1][x + 1];
    if (2 * ax >= ay)
        step = (gx > 0) == (gy > 0) ? 1 : -1;
    return here >= strength[0][x - step] && here > strength[2][x + step];
}

#endif
