/* looker.h - everything that a collection's geometry says of one frame.
 *
 * First the frame as a whole, then each quadrilateral in it that is not explained yet, made upright
 * from the frame's own pixels (a small card has too few features in the shrunken frame), then once
 * more and more closely what is in doubt. */
#ifndef IDF_MATCH_LOOKER_H
#define IDF_MATCH_LOOKER_H

#include <identify/collection.h>
#include <identify/image.h>
#include <identify/status.h>

#include "match/regions.h"
#include "match/sighting.h"
#include "match/stop.h"
#include "match/wordindex.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Scratch; belongs to one thread. Word index and references must outlive it. */
typedef struct idf_looker idf_looker;

/* `words` was built from `references`; NULL: nothing is looked for, every quadrilateral is unseen.
 */
idf_status idf_looker_new(idf_looker **looker, const idf_wordindex *words,
                          const idf_features *references, size_t n_references, idf_error *err);
/* Looks for other references from now on; what it has grown to stays. After a failure it looks for
 * those before. */
idf_status idf_looker_turn(idf_looker *looker, const idf_wordindex *words,
                           const idf_features *references, size_t n_references, idf_error *err);
void idf_looker_free(idf_looker *looker);

/* Compares surfaces from now on (match/surface.h): pictures[i] is reference i's small picture or
 * NULL. `index` (NULL: not known) says what the references are called. Borrowed. */
void idf_looker_see_surfaces(idf_looker *looker, const uint8_t *const *pictures,
                             const idf_index *index, idf_other_printings other_printings);

/* What to look at. */
typedef struct idf_look {
    const idf_image *frame;
    const idf_image *coloured; /* the frame in colour where `frame` is not; NULL: as frame */
    const idf_features *whole; /* of the frame */
    const size_t *rows;        /* n_rows to look at whatever the word index says */
    size_t n_rows;
    const uint8_t *masked; /* NULL, or a flag for each reference: those are not there */
    const idf_stop *stop;  /* NULL, or when to end before all is done */
    /* NULL, or called for each quadrilateral in which nothing was seen, with its features in its
     * own upright picture (valid during the call). Not IDF_OK ends the look with it. */
    idf_status (*unseen)(void *context, const idf_region *region, const idf_features *features,
                         idf_error *err);
    void *context;
    bool more;  /* what *out holds already was seen in this frame too, and is added to */
    bool keeps; /* the frame will be looked at again: its parts are kept for that */
    bool again; /* the frame is that of the last look */
} idf_look;

/* Where something is expected: what it was, and its outline, in the frame before. */
typedef struct idf_place {
    size_t row;
    idf_point corners[4];
} idf_place;

/* The references that show much of what `row` shows, a share of at least `least` of either: its
 * printings. Writes at most max rows, `row` first, and sets their flags in `masked` (one for each
 * reference, all clear before). Returns their number. */
int idf_looker_family(idf_looker *looker, size_t row, double least, uint8_t *masked, size_t *out,
                      int max);

/* Fills *out, the most evidence first. */
idf_status idf_looker_look(idf_looker *looker, const idf_look *look, idf_sightings *out,
                           idf_error *err);

/* A look at each place, to fill *out: far less than idf_looker_look does (look->whole, rows and
 * unseen are not read). *all: everything expected is there again, beyond doubt. */
idf_status idf_looker_look_again(idf_looker *looker, const idf_look *look, const idf_place *places,
                                 int n_places, idf_sightings *out, bool *all, idf_error *err);

/* What the last look at a whole frame hinted at, too little to be seen: evidence under what is
 * worth noting. Valid until the next look; NULL and 0 without any. */
const idf_hint *idf_looker_hints(const idf_looker *looker, int *n);

/* The quadrilaterals of the last look at a whole frame, the likeliest first, then its centre and
 * all of it; *n is 0 where none were looked for. Valid until the next look. */
const idf_region *idf_looker_quads(const idf_looker *looker, int *n);

/* Pictures made of parts of frames and looked into, since the looker is there. */
long idf_looker_n_looks(const idf_looker *looker);

#ifdef __cplusplus
}
#endif
#endif
