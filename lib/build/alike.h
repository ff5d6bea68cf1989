/* alike.h - references that share most of themselves with another: printings of one artwork, a
 * picture and its copy in another file, one box in two languages.
 *
 * What they have in common says nothing about which of the two is there, so where a frame does not
 * show the rest the answer is unsure. That is best known when the collection is made. */
#ifndef IDF_BUILD_ALIKE_H
#define IDF_BUILD_ALIKE_H

#include <stddef.h>

#include <identify/pool.h>
#include <identify/progress.h>
#include <identify/status.h>
#include <identify/verify.h>

#include "index/index.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_alike_options {
    const uint8_t *which;     /* flags, one a row: those that are compared; NULL: all */
    idf_pool *pool;           /* may be NULL */
    idf_progress_fn progress; /* may be NULL; stage "compare" */
    void *context;
    void (*relax)(const void *context); /* as that of idf_word_rows */
    const void *relax_context;
} idf_alike_options;

typedef struct idf_alikes {
    idf_alike *pairs; /* for each at most one, with the reference that it has most in common with,
                         in the order of the rows, and each pair once; to be idf_freed */
    size_t n;
    size_t n_marked; /* share a mark with many that are different pictures otherwise (match/mark.h),
                        and count for no pair */
} idf_alikes;

/* Compares the rows that are asked for with all of n rows. Files that are equal byte for byte and
 * pictures of one label are no pair. */
idf_status idf_alikes_find(idf_alikes *out, const idf_index_row *rows, size_t n,
                           const idf_alike_options *options, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
