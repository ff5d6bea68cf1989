/* ground.h - the table that references were photographed on.
 *
 * Things laid on one table, mat or shelf share it, and nothing that a frame shows of it says which
 * of them is there. Where a reference is laid over the others that show the same ground, its own
 * part is where it looks unlike all of them. */
#ifndef IDF_BUILD_GROUND_H
#define IDF_BUILD_GROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/image.h>
#include <identify/pool.h>
#include <identify/status.h>

#include "index/index.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_GROUND_SIDE = IDF_SMALL_SIDE };

/* What is ground in one reference. */
typedef struct idf_ground {
    bool found;       /* else nothing of what follows is set */
    bool all;         /* there is nothing beside it; crop is the whole picture */
    bool in_place;    /* as most others that show the ground: the camera did not move */
    uint16_t crop[4]; /* left, top, right, bottom of the own part, of 65535 */
    /* A bit a cell of the small picture, row by row, from the least significant: it shows ground */
    uint8_t cells[IDF_GROUND_SIDE * IDF_GROUND_SIDE / 8];
} idf_ground;

/* Finds the grounds of n rows with the features and small pictures of their whole pictures. `out`
 * has n places. *n_found: rows with one; 0 is found out by looking at some rows only. */
idf_status idf_grounds_find(const idf_index_row *rows, size_t n, idf_pool *pool, idf_ground *out,
                            size_t *n_found, idf_error *err);

/* Makes of a picture the part that `crop` says, which is not all zero; a failure leaves it as it
 * is. */
idf_status idf_ground_cut(idf_image *image, const uint16_t crop[4], idf_error *err);

/* Takes the features of a cut picture that lie on ground out of *features: what is left is moved
 * into arrays with room for all. */
void idf_ground_drop_features(const idf_ground *ground, idf_features *features,
                              idf_keypoint *keypoints, idf_descriptor *descriptors);

/* Makes what is ground in the small picture of a cut one even: nothing is to be seen there. */
void idf_ground_even_out(const idf_ground *ground, uint8_t picture[IDF_SMALL_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
