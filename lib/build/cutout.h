/* cutout.h - transparent pictures: a thing cut out is met on any ground, dark or light. */
#ifndef IDF_BUILD_CUTOUT_H
#define IDF_BUILD_CUTOUT_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/image.h>
#include <identify/status.h>

#include "local/extract.h"
#include "model/encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Scratch; belongs to one thread. */
typedef struct idf_cutout {
    idf_keypoint keypoints[2][IDF_PICTURE_FEATURES];
    idf_descriptor descriptors[2][IDF_PICTURE_FEATURES];
} idf_cutout;

/* A picture file as it was read: `image` over the ground that `info` names, by `decode`. */
typedef struct idf_cutout_file {
    const void *bytes;
    size_t len_bytes;
    const idf_decode_options *decode;
    const idf_image_info *info;
    const idf_image *image;
} idf_cutout_file;

/* Adds to *found, the picture's features, those that there are over the other ground alone, one
 * after each that is there: its outline looks like its own negative over that. They lie in the
 * scratch then. *any_surface becomes false where so much of the picture is ground that windows of
 * its surface say more of that than of the thing, and features are enough to know it by. Pictures
 * that are not transparent stay as they are. */
idf_status idf_cutout_see(idf_cutout *cutout, idf_extractor *extractor, const idf_cutout_file *file,
                          idf_features *found, bool *any_surface, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
