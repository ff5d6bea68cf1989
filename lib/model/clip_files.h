/* clip_files.h - the places of CLIP's files; for lib/model and the commands about models. */
#ifndef IDF_MODEL_CLIP_FILES_H
#define IDF_MODEL_CLIP_FILES_H

#include <stdbool.h>

#include <identify/models.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_CLIP_PLACES = 4 }; /* where a known model is looked for, in order */

/* Whether the model's weights are at place 0 .. IDF_CLIP_PLACES - 1. */
bool idf_clip_look(char out[IDF_MODEL_PATH_BYTES], const idf_model *model, int place);

/* The own folder's sub-folder `name`, which may not exist; false without a home. */
bool idf_clip_own_folder(char out[IDF_MODEL_PATH_BYTES], const char *name);

#ifdef __cplusplus
}
#endif
#endif
