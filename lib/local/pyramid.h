/* pyramid.h - the working picture at eight scales, plain and smoothed. */
#ifndef IDF_LOCAL_PYRAMID_H
#define IDF_LOCAL_PYRAMID_H

#include <stddef.h>
#include <stdint.h>

#include <identify/status.h>

#include "local/features.h"
#include "local/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_PYRAMID_PAD = 32, /* pixels around each picture that repeat its border */
    /* Bytes from row to row, one for all so that offsets of sampling points are constants. */
    IDF_PYRAMID_STRIDE = IDF_LOCAL_SIDE + 2 * IDF_PYRAMID_PAD,
};

/* Row y begins at origin + y * IDF_PYRAMID_STRIDE; IDF_PYRAMID_PAD pixels on every side may be
 * read. */
typedef struct idf_level {
    uint8_t *plain, *smooth;
    int width, height;
} idf_level;

/* Zero it before first use; release with idf_pyramid_release. */
typedef struct idf_pyramid {
    int n_levels;
    idf_level levels[IDF_LOCAL_LEVELS];
    uint8_t *memory;
    size_t capacity;
} idf_pyramid;

/* Makes room for a working picture of the given size (1..IDF_LOCAL_SIDE a side). Level 0's plain
 * pixels are the caller's to fill. Levels stop before a side falls under `least_side`; there is
 * always level 0. */
idf_status idf_pyramid_reserve(idf_pyramid *pyramid, int width, int height, int least_side,
                               idf_error *err);

/* Fills all but level 0's plain pixels. */
void idf_pyramid_build(idf_pyramid *pyramid, const idf_local_kernels *kernels);

void idf_pyramid_release(idf_pyramid *pyramid);

#ifdef __cplusplus
}
#endif
#endif
