/* kept.h - the parts of a frame that were looked into, kept while the same frame is looked at more
 * than once: their features do not depend on what is looked for. */
#ifndef IDF_MATCH_KEPT_H
#define IDF_MATCH_KEPT_H

#include <stdbool.h>

#include "local/features.h"
#include "local/homography.h"
#include "match/regions.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Scratch; belongs to one thread. All zeros is empty. */
typedef struct idf_kept {
    struct idf_kept_part *parts;
    int n;
} idf_kept;

void idf_kept_forget(idf_kept *kept);
void idf_kept_release(idf_kept *kept);

/* Keeps what idf_region_rectify and idf_extract made of a region: `sizes` are the longer side and
 * the number of features that were asked for. Without memory for it nothing is kept. */
void idf_kept_add(idf_kept *kept, const idf_region *region, const int sizes[2],
                  const idf_homography *back, const idf_features *features);

/* What was kept of a region; *features points into it, until it is forgotten. */
bool idf_kept_find(const idf_kept *kept, const idf_region *region, const int sizes[2],
                   idf_homography *back, idf_features *features);

#ifdef __cplusplus
}
#endif
#endif
