/* identify/annotate.h - an answer, drawn on the picture that it is about. */
#ifndef IDENTIFY_ANNOTATE_H
#define IDENTIFY_ANNOTATE_H

#include <identify/image.h>
#include <identify/index.h>
#include <identify/match.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Colours that idf_annotate draws with. */
#define IDF_COLOUR_CONFIDENT                                                                       \
    { 24, 176, 80 }
#define IDF_COLOUR_UNSURE                                                                          \
    { 255, 168, 0 }

/* Draws the outline, label and score of everything in `answer`: green when confident, amber when
 * not. The label is the name and rarity, with "?" when unsure, numbered when there are several;
 * characters other than ASCII show as
 * "?". An answer without anything puts "none of them" into a corner. `frame` has the size that was
 * asked about, else IDF_ERR_ARGUMENT; a grey one becomes RGB (its pixels are replaced and must be
 * its own). After a failure it is as before. `index` is the one the answer came from. Any thread.
 */
IDF_API idf_status idf_annotate(idf_image *frame, const idf_answer *answer, const idf_index *index,
                                idf_error *err);

/* The same, with the references beside it: *frame becomes RGB and wider by columns of their
 * pictures, the first twelve, each with its label; both printings where it is unsure which one it
 * is. They are read from the folder `refs_dir`, NULL for the one that the index names; where one
 * cannot be read its place says "no picture". Nothing is put beside a picture that is too small for
 * it (about 100 pixels), nor when nothing was found. */
IDF_API idf_status idf_annotate_beside(idf_image *frame, const idf_answer *answer,
                                       const idf_index *index, const char *refs_dir,
                                       idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
