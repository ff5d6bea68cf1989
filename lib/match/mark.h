/* mark.h - what many references carry: a watermark, a logo, a frame.
 *
 * The features of a mark tell where the thing is and not which of its bearers. Where hardly any
 * others are left, soft art under a watermark, what tells is the surface beneath it. What a mark
 * looks like is what pictures that differ otherwise show at its place: it can then be taken out of
 * what is compared. */
#ifndef IDF_MATCH_MARK_H
#define IDF_MATCH_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/index.h"
#include "local/homography.h"
#include "match/parts.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_MARK_MANY = 3, /* others that carry a mark */
    IDF_BEARERS_MAX = 4,
};

/* A reference as it is shown: its features and its small picture, NULL when it has none. */
typedef struct idf_shown {
    const idf_features *features;
    const uint8_t *picture;
} idf_shown;

/* Another reference that shares something with one: `h` maps its working picture to that of the
 * one, `cells` of the one are common. */
typedef struct idf_bearer {
    size_t row;
    idf_homography h;
    idf_cells cells;
} idf_bearer;

/* A mark as one of its bearers has it. */
typedef struct idf_mark {
    bool is_most;    /* hardly any features are left beside it */
    idf_cells cells; /* parts of the bearer that hold some of it */
    float looks[IDF_SMALL_SIDE * IDF_SMALL_SIDE]
               [3]; /* logarithms of colours, as far as it is known */
} idf_mark;

/* Whether a good part of the features of `own` belong to a mark: IDF_MARK_MANY of the others carry
 * it, and all of them are different pictures otherwise. `shown` has what the n others are, at most
 * IDF_BEARERS_MAX. */
bool idf_mark_find(idf_mark *out, const idf_shown *own, const idf_bearer *others,
                   const idf_shown *shown, int n);

/* How the mark of one bearer looks on another: `h` maps the working picture of `other` to that of
 * `own`. */
void idf_mark_move(float out[IDF_SMALL_SIDE * IDF_SMALL_SIDE][3], const idf_mark *mark,
                   const idf_homography *h, const idf_features *own, const idf_features *other);

#ifdef __cplusplus
}
#endif
#endif
