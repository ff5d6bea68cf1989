/* identify/verify.h - how well an index can tell its references apart. */
#ifndef IDENTIFY_VERIFY_H
#define IDENTIFY_VERIFY_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/collection.h>
#include <identify/index.h>
#include <identify/pool.h>
#include <identify/progress.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Two references and how much alike they look (cosine). */
typedef struct idf_confusable {
    size_t a, b; /* rows, a < b */
    float score;
} idf_confusable;

/* Two references of which the one shows most of what the other does. */
typedef struct idf_alike {
    size_t row, other;
    float share; /* 0..1: of their features, those that lie where both show the same */
} idf_alike;

/* What the stored vectors say of themselves. */
typedef struct idf_self_test {
    size_t n_rows;
    size_t n_self;         /* rows whose nearest neighbour is themselves */
    double self_rate;      /* n_self / n_rows */
    double median_correct; /* cosine of a row with itself */
    double median_wrong;   /* best cosine with another row; 0 for an index of one row */
    double median_margin;  /* of correct minus best wrong */
    double lowest_margin;
    size_t lowest_margin_row;
    double
        recommended_threshold;   /* max(floor, median_wrong + 0.05), at most 0.99; the floor is the
                                    original's 0.5 for CLIP's vectors, 0.15 for the built-in ones */
    idf_confusable *confusables; /* most alike first */
    size_t n_confusables;
    /* For each reference that shares most of itself with another (copies and pictures of one label
     * left aside) the one it shares most with, each pair once. */
    idf_alike *alikes;
    size_t n_alikes;
    size_t n_marked; /* references that share a mark, as idf_build_report has them */
} idf_self_test;

/* Compares each row with all rows and keeps the n_confusables pairs that look most alike.
 * An empty index is IDF_ERR_EMPTY. Release *out with idf_self_test_release. */
IDF_API idf_status idf_self_test_run(idf_self_test *out, const idf_index *index,
                                     size_t n_confusables, idf_pool *pool, idf_error *err);
IDF_API void idf_self_test_release(idf_self_test *self_test);

/* What happened to one photograph. */
typedef struct idf_query_result {
    const char *folder;    /* that it lies in: queries_dir or strangers_dir */
    const char *query;     /* file name as in the pairs file */
    const char *reference; /* as in the pairs file; NULL for a stranger */
    bool readable;
    size_t rank;     /* of the right reference, 0 the best; SIZE_MAX: not in the ranking */
    size_t best_row; /* SIZE_MAX: none */
    float score, margin;
    bool accepted; /* a confident answer was given */
    bool right;    /* accepted, and the reference is the right one */
    double seconds;
} idf_query_result;

typedef struct idf_query_test {
    /* A photograph may stand in several lines, one for each thing in it; it is looked at once. */
    size_t n_photos, n_unreadable; /* photographs, readable and not */
    size_t n_queries;              /* lines that name a reference: things that are there */
    size_t n_strangers;            /* readable photographs in which nothing known is */
    size_t n_top1, n_top5, n_top20;
    size_t n_accepted_right;     /* things that were surely named */
    size_t n_accepted_wrong;     /* things surely named in photographs that they are not in */
    size_t n_strangers_accepted; /* strangers in which something was surely named */
    double median_seconds, p99_seconds; /* of one match, reading the picture not counted */
    idf_query_result *results;
    size_t n_results;
    void *storage; /* private */
} idf_query_test;

typedef struct idf_query_test_options {
    const idf_collection *collection;
    double sim_threshold, margin_threshold; /* 0 (or NAN): the collection's */
    const char *queries_dir;
    const char *pairs_path; /* lines "query TAB reference"; reference NONE: a stranger. NULL: there
                               are only strangers */
    const char *strangers_dir; /* a folder whose pictures are strangers all, or NULL */
    idf_pool *pool;            /* may be NULL: photographs are matched in parallel */
    idf_progress_fn progress;  /* may be NULL */
    void *context;
} idf_query_test_options;

/* Matches every photograph of a pairs file and of a folder of strangers. An unreadable photograph
 * is counted and is a failure of the query; a reference that the index lacks is IDF_ERR_FORMAT with
 * its line number. */
IDF_API idf_status idf_query_test_run(idf_query_test *out, const idf_query_test_options *options,
                                      idf_error *err);
IDF_API void idf_query_test_release(idf_query_test *test);

#ifdef __cplusplus
}
#endif
#endif
