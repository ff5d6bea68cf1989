/* builder.h - what the index builder shares with those who read pictures as it does. */
#ifndef IDF_BUILD_BUILDER_H
#define IDF_BUILD_BUILDER_H

#include <stdbool.h>

#include <identify/build.h>

#include "index/index.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_PICTURE_MAX_BYTES = 256 << 20, /* of a picture file */
};

/* Copies the strongest features into one block, which the caller frees, makes the small picture
 * there (all black for no image: there is no surface to compare), and lets the row point to them.
 */
idf_status idf_build_keep(void **block, idf_index_row *row, const idf_features *found,
                          const idf_image *image, idf_error *err);

/* Whether a file of this name counts as a picture of a collection. */
bool idf_is_picture_name(const char *name);

#ifdef __cplusplus
}
#endif
#endif
