/* surface.h - whether the surface between matched features looks like the reference.
 *
 * Features agree where two pictures share a design, and say nothing of what lies between them, nor
 * of its colour. Here the frame is bent onto the small colour picture that the index keeps of a
 * reference and compared with it: window by window, each by itself so that neither light nor its
 * colour matter, and in colour as a whole, for references that differ in nothing else. */
#ifndef IDF_MATCH_SURFACE_H
#define IDF_MATCH_SURFACE_H

#include <stdbool.h>
#include <stdint.h>

#include <identify/image.h>
#include <identify/status.h>

#include "index/index.h"
#include "match/confirm.h"
#include "match/parts.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes the small picture of a reference. */
idf_status idf_surface_picture(uint8_t out[IDF_SMALL_BYTES], const idf_image *image,
                               idf_error *err);

/* Whether two small pictures are of one picture, but for its size and compression, and show
 * something: one colour alone is no picture. */
bool idf_surface_is_same(const uint8_t a[IDF_SMALL_BYTES], const uint8_t b[IDF_SMALL_BYTES]);

enum { IDF_LAID_PAIRS = 96 };

/* Logarithms of colours: brightness, red to green, blue to green. */
void idf_surface_colours(float out[3], const uint8_t rgb[3]);

/* How a reference lies in a frame: the map from its working picture to the frame's pixels (both
 * counted by pixel centres) and some of the matched places. What lies near one of them follows it;
 * without any, h is all that is known, and all of the reference is looked at. */
typedef struct idf_laid {
    int width, height; /* of the working picture */
    idf_homography h;
    int n_pairs;
    idf_point_pair pairs[IDF_LAID_PAIRS];
} idf_laid;

/* What a confirmation says of a picture with the features `in`, which `back` maps to the frame. */
void idf_laid_set(idf_laid *out, const idf_confirmation *seen, const idf_features *reference,
                  const idf_features *in, const idf_homography *back);

/* A frame as bent onto a reference. Scratch; belongs to one thread. */
typedef struct idf_surface idf_surface;
idf_status idf_surface_new(idf_surface **surface, idf_error *err);
void idf_surface_free(idf_surface *surface);

/* Bends a frame (grey or RGB). False where the matched places span too little to say anything. */
bool idf_surface_bend(idf_surface *surface, const idf_laid *laid, const idf_image *frame,
                      const uint8_t picture[IDF_SMALL_BYTES]);

/* Windows that show something in both, and how many of them differ: between the matched places and
 * beyond them. */
typedef struct idf_windows {
    int n, n_different;
    int n_beyond, n_beyond_different;
    int n_apart; /* of all: those that agree far less than the best of them do */
} idf_windows;
/* Without those in parts of the reference that others show too. `mark` (NULL: none) is how
 * something that lies over the reference looks, in the colours below: what it explains of both is
 * left out. */
idf_windows idf_surface_compare(const idf_surface *surface, idf_cells shared,
                                const float (*mark)[3]);

/* log10 of how much likelier they are when the reference is there than when what is there only
 * shares what was matched. 0 for no windows. */
double idf_windows_evidence(const idf_windows *windows);

/* The same of how much likelier they are of this printing than of another of the same artwork. */
double idf_windows_same_printing(const idf_windows *windows);

/* Whether two references differ in colour, as a rule of the eye: a twelfth of their pictures by
 * more than light and printing change. */
bool idf_surface_coloured_apart(const uint8_t a[IDF_SMALL_BYTES], const uint8_t b[IDF_SMALL_BYTES]);

/* What the surface says of one of two references that may lie at one place. */
typedef struct idf_surface_rank {
    double evidence;                             /* of the windows in the part that it has alone */
    float cost[IDF_SMALL_SIDE * IDF_SMALL_SIDE]; /* how badly each cell's colour fits, a natural
                                                    logarithm; less than 0: unknown, or grey */
} idf_surface_rank;
void idf_surface_get_rank(const idf_surface *surface, idf_cells shared, idf_surface_rank *out);
/* log10 of how much likelier a is than b. `coloured_apart`: their colours may speak, where at least
 * one of them fits; else something covers both. */
double idf_surface_lead(const idf_surface_rank *a, const idf_surface_rank *b, bool coloured_apart);

#ifdef __cplusplus
}
#endif
#endif
