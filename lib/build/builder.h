/* builder.h - what the index builder shares with those who read pictures as it does. */
#ifndef IDF_BUILD_BUILDER_H
#define IDF_BUILD_BUILDER_H

#include <stdbool.h>

#include <identify/build.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_PICTURE_MAX_BYTES = 256 << 20, /* of a picture file */
};

/* Whether a file of this name counts as a picture of a collection. */
bool idf_is_picture_name(const char *name);

#ifdef __cplusplus
}
#endif
#endif
