/* enlarged.h - the upright parts of a frame that are worth being enlarged and looked into: a small
 * thing there has too few features in the whole frame, and no outline that was found. */
#ifndef IDF_MATCH_ENLARGED_H
#define IDF_MATCH_ENLARGED_H

#include <stdbool.h>
#include <stdint.h>

#include <identify/image.h>

#include "local/features.h"
#include "match/regions.h"
#include "match/sighting.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_QUARTERS = 4 };

/* Squares of a large frame, that with most features that nothing explains first. */
typedef struct idf_tiles {
    const idf_features *whole;
    double scale, side; /* pixels of the frame to one of `whole`; of a tile, in those of `whole` */
    uint8_t explained[IDF_FEATURES_MAX];
    float x[IDF_FEATURES_MAX], y[IDF_FEATURES_MAX]; /* of those that are not */
    int n;
} idf_tiles;

/* `whole`: the features of the frame; it must outlive the tiles. */
void idf_tiles_begin(idf_tiles *tiles, const idf_features *whole, const idf_image *frame);

/* The next tile, given what has been seen; its middle counts as explained from now on. False: no
 * tile holds enough. */
bool idf_tiles_next(idf_tiles *tiles, const idf_sightings *seen, idf_region *tile);

/* All of a small frame in four parts that overlap. Returns the number of those, in `out`, that hold
 * features enough. */
int idf_quarters(const idf_features *whole, const idf_image *frame, idf_region out[IDF_QUARTERS]);

#ifdef __cplusplus
}
#endif
#endif
