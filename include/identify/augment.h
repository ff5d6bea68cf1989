/* identify/augment.h - camera views of references, to look at. */
#ifndef IDENTIFY_AUGMENT_H
#define IDENTIFY_AUGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/build.h>
#include <identify/pool.h>
#include <identify/progress.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes camera views to look at. */
typedef struct idf_augment_options {
    const char *refs_dir;
    const char *out_dir; /* views go there as NAME-1.jpg ...; NULL: nowhere */
    const char
        *contact_sheet; /* .jpg or .png: a row a reference, itself and its views; NULL: none */
    int n_views;        /* of each reference */
    bool harsh; /* a hand-held camera, anything a person could still recognise, instead of the
                   training recipe */
    uint64_t seed;
    idf_pool *pool;
    idf_progress_fn progress;
    void (*note)(void *context, const idf_note *note);
    void *context;
} idf_augment_options;

typedef struct idf_augment_report {
    size_t n_references, n_views, n_unreadable;
    size_t n_on_sheet; /* references */
    double seconds;
} idf_augment_report;

/* An out_dir that is missing is made; files of these names are overwritten. The sheet shows the
 * first 24 references with 8 views each at most. The same seed gives the same pictures, on any
 * number of threads. */
IDF_API idf_status idf_augment_references(const idf_augment_options *options,
                                          idf_augment_report *report, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
