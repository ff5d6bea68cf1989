/* annotate_label.h - what is written beside a thing that was found. */
#ifndef IDF_DRAW_ANNOTATE_LABEL_H
#define IDF_DRAW_ANNOTATE_LABEL_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/index.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_ANNOTATE_LABEL_BYTES = 512 };

/* "2. Dark Magician (PScR)? 0.93": without the number when it is 0, without the score when it is
 * negative, with the question mark unless `sure`. */
void idf_annotate_label(char out[IDF_ANNOTATE_LABEL_BYTES], const idf_index *index, size_t row,
                        double score, bool sure, size_t number);

#ifdef __cplusplus
}
#endif
#endif
