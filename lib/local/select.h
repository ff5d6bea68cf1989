/* select.h - which corners of a level are kept, and in which order. */
#ifndef IDF_LOCAL_SELECT_H
#define IDF_LOCAL_SELECT_H

#include <stdint.h>

#include <identify/status.h>

#include "local/kernels.h"
#include "local/pyramid.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A corner of one level, in its pixels. */
typedef struct idf_corner {
    uint16_t x, y;
    uint8_t score; /* FAST */
} idf_corner;

/* Scratch for one picture after another. Zero it before first use. */
typedef struct idf_selector {
    idf_corner *corners; /* those of all levels, level after level */
    int n_corners, corner_capacity;
    uint8_t *scores; /* three rows of FAST scores, padded */
    uint16_t *peaks;
    float *xs, *ys;
    uint64_t *keys;     /* what corners are sorted by, and as many again */
    int level_capacity; /* corners of a level, of which there are xs, ys and keys */
} idf_selector;

/* Appends at most about 3 `quota` corners of `level` to the selector, in the order in which they
 * are worth keeping: every prefix is spread over the picture. *n_found says how many. */
idf_status idf_select_level(idf_selector *selector, const idf_level *level, int quota,
                            const idf_local_kernels *kernels, int *n_found, idf_error *err);

void idf_selector_release(idf_selector *selector);

#ifdef __cplusplus
}
#endif
#endif
