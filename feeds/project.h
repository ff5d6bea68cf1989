/* project.h - project files of the Python original: what is to be gathered into which folders.
 *
 *     project_name: yugioh
 *     target_object: a card
 *     data_root: ~/data-label-factory/yugioh       (this is the default)
 *     buckets:
 *       positive/cards: [dark magician, kuriboh]   (or a map:)
 *       positive/more:
 *         source: ygoprodeck                       (one, or a list)
 *         set: LOB
 *         queries: [...]
 */
#ifndef IDF_FEEDS_PROJECT_H
#define IDF_FEEDS_PROJECT_H

#include <stddef.h>

#include <identify/status.h>

#include "base/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_PROJECT_MAX_SOURCES = 8 };

typedef struct idf_bucket {
    const char *path; /* below the data root: no "..", not absolute */
    const char *const *queries;
    size_t n_queries;
    const char *sources[IDF_PROJECT_MAX_SOURCES]; /* none: the default ones */
    size_t n_sources;
    const char *set; /* "" */
} idf_bucket;

/* Zero it before use. */
typedef struct idf_project {
    idf_arena arena;
    const char *name, *target;
    const char *data_root; /* as it is written, "~" and all; "" for the default */
    idf_bucket *buckets;
    size_t n_buckets;
    const char *passed_over[8]; /* keys of the original's that gather has no use for */
    size_t n_passed_over;
} idf_project;

/* `shown` names the file in errors, which say the field. */
idf_status idf_project_parse(idf_project *project, const void *bytes, size_t len_bytes,
                             const char *shown, idf_error *err);
void idf_project_release(idf_project *project);

#ifdef __cplusplus
}
#endif
#endif
