/* weigh.h - what surfaces say of a thing that was found: whether it is there, and which of the
 * references that may lie at its place it is. */
#ifndef IDF_MATCH_WEIGH_H
#define IDF_MATCH_WEIGH_H

#include <identify/collection.h>
#include <identify/image.h>
#include <identify/status.h>

#include "match/confirm_all.h"
#include "match/sighting.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Scratch; belongs to one thread. */
typedef struct idf_weigher idf_weigher;
idf_status idf_weigher_new(idf_weigher **weigher, idf_error *err);
void idf_weigher_free(idf_weigher *weigher);
/* Forgets what is remembered of references: others come. */
void idf_weigher_forget(idf_weigher *weigher);

/* What is weighed with: references and their small pictures, NULL for one that has none. Borrowed.
 */
typedef struct idf_weighed {
    const idf_features *references;
    const uint8_t *const *pictures;
    const idf_image *frame; /* in colour where it has any */
    const idf_index *index; /* what the references are called; NULL: not known */
    idf_other_printings other_printings;
    const uint8_t *masked; /* NULL, or a flag for each reference: those are not there */
} idf_weighed;

/* Adds to `seen`, made of `thing`, what the frame's surface says. The thing was found in a picture
 * with the features `in`, which `back` maps to the frame. */
void idf_weigh(idf_weigher *weigher, const idf_weighed *with, const idf_thing *thing,
               const idf_features *in, const idf_homography *back, idf_sighting *seen);

#ifdef __cplusplus
}
#endif
#endif
