/* extract.h - finds and describes the corners of a picture (oriented FAST, rotated BRIEF). */
#ifndef IDF_LOCAL_EXTRACT_H
#define IDF_LOCAL_EXTRACT_H

#include <identify/image.h>
#include <identify/status.h>

#include "local/features.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Scratch for extraction, sized by the largest picture it has seen; also owns the features of the
 * last extraction. Belongs to one thread. */
typedef struct idf_extractor idf_extractor;

idf_status idf_extractor_new(idf_extractor **extractor, idf_error *err);
/* Pictures whose longer side is at most `small` pixels are enlarged from now on: twice, or to
 * IDF_LOCAL_SIDE where that is less. 0, as it is at first: none. */
void idf_extractor_enlarge(idf_extractor *extractor, int small);
void idf_extractor_free(idf_extractor *extractor);

/* Extracts at most max_features (1..IDF_FEATURES_MAX) of `image` (grey or RGB, any size; it is
 * shrunk to IDF_LOCAL_SIDE first). *out points into the extractor and is valid
 * until its next use. A picture without corners gives n = 0 and succeeds. */
idf_status idf_extract(idf_extractor *extractor, const idf_image *image, int max_features,
                       idf_features *out, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
