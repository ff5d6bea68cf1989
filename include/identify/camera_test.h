/* identify/camera_test.h - how well an index will do before a camera: simulated camera views of its
 * references are matched, as they are and with the reference taken out of the collection, so that
 * it becomes a stranger. */
#ifndef IDENTIFY_CAMERA_TEST_H
#define IDENTIFY_CAMERA_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/collection.h>
#include <identify/image.h>
#include <identify/index.h>
#include <identify/pool.h>
#include <identify/progress.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One camera view of one reference. Ranks count from 0; SIZE_MAX: not among the first 20. */
typedef struct idf_camera_view {
    size_t row; /* of the reference that it shows */
    int view;
    bool looked;          /* false: no time, or the picture could not be read */
    size_t rank;          /* of the right row, geometry and embedding together */
    size_t rival;         /* the best wrong row; SIZE_MAX: none */
    float score, margin;  /* of the right row, and how far it is ahead of the best wrong one */
    float cosine_margin;  /* the same of the embedding alone: whole frame and centre */
    bool accepted, right; /* a confident answer; and it is the right row */
    bool unsure;          /* right about the artwork, unsure of the printing */
    double reach; /* the highest threshold at which it is taken for the right row; 0: none */
    /* Of the first stranger_views views of a reference: */
    bool tried;            /* also without geometry, and as a stranger */
    size_t plain_rank;     /* without geometry */
    bool stranger_taken;   /* without the reference and its printings it is taken for another */
    double stranger_reach; /* the highest threshold at which it is */
    bool mate_tried;       /* also without its own row alone, others sharing 0.3 of its picture */
    bool mate_taken;       /* then it is taken for another, */
    bool mate_unsure;      /* or for one unsure of the printing */
} idf_camera_view;

/* What the views of one reference come to. */
typedef struct idf_camera_reference {
    size_t row;
    size_t n_views, n_top1, n_right; /* n_right: accepted and right */
    size_t rival;   /* the wrong row that was ahead or nearest most often; SIZE_MAX: none */
    size_t n_rival; /* in so many views ahead of the right one */
    float lowest_margin, median_margin;
} idf_camera_reference;

/* A threshold chosen for a rate of false accepts, and what is found there. Intervals are of 95 %
 * (Wilson 1927). */
typedef struct idf_operating_point {
    double false_accepts; /* the rate asked for, by the tail of what strangers reach */
    double threshold;     /* a score: --sim-threshold */
    double recall, recall_low, recall_high;
} idf_operating_point;

enum { IDF_OPERATING_POINTS = 3 }; /* 1 %, 0.1 % and 0.01 % */

typedef struct idf_camera_test {
    size_t n_references, n_views_asked, n_views; /* n_views: looked at in time */
    size_t n_unreadable, n_changed; /* references without their picture, or with another by now */
    size_t n_top1, n_top5;          /* of n_views, with geometry */
    size_t n_accepted_right, n_accepted_wrong, n_unsure;
    size_t n_tried, n_plain_top1, n_plain_top5;    /* without geometry, of n_tried */
    size_t n_tried_top1, n_tried_top5;             /* the same views with it */
    size_t n_strangers_taken;                      /* of n_tried */
    size_t n_mates, n_mates_taken, n_mates_unsure; /* idf_camera_view.mate_tried and so on */
    double median_margin, median_cosine_margin;
    double equal_error_rate, equal_error_threshold;
    double sim_threshold, margin_threshold; /* that accepting went by */
    double recommended_threshold;           /* for used_false_accepts, by these views */
    double used_false_accepts;              /* the rate that sim_threshold was chosen for */
    idf_operating_point points[IDF_OPERATING_POINTS];
    idf_camera_view *views;           /* n_views_asked, by view and then by row */
    idf_camera_reference *references; /* n_references, the weakest first */
    double seconds;
    bool out_of_time;
} idf_camera_test;

typedef struct idf_camera_test_options {
    const idf_collection *collection;
    const char *refs_dir; /* the pictures; NULL: the folder that the index names */
    int views;            /* of each reference; 0: 8 */
    int stranger_views;   /* of those, tried as strangers too; 0: 2 */
    double time_limit_s;  /* no view is begun later; 0: none */
    uint64_t seed;
    double sim_threshold, margin_threshold; /* 0 (or NAN): the collection's */
    idf_pool *pool;                         /* may be NULL */
    idf_progress_fn progress;               /* may be NULL; stage "camera views" */
    void *context;
} idf_camera_test_options;

/* The same options give the same views and numbers on any number of threads, unless time runs out.
 * IDF_ERR_NOT_FOUND when not one picture is there any more, IDF_ERR_EMPTY for an empty index.
 * Release *out with idf_camera_test_release. */
IDF_API idf_status idf_camera_test_run(idf_camera_test *out, const idf_camera_test_options *options,
                                       idf_error *err);
IDF_API void idf_camera_test_release(idf_camera_test *test);

/* The same camera view again, RGB, to look at. */
IDF_API idf_status idf_camera_test_picture(idf_image *out, const idf_camera_test_options *options,
                                           size_t row, int view, idf_error *err);

/* Writes the thresholds of `test`, which was run on `index`, into the index that lies at `path`
 * now, the one at the index's rate of false accepts as that which query and serve go by. Atomic;
 * takes the lock of that index, and IDF_ERR_BUSY says who has it. */
IDF_API idf_status idf_camera_test_save(const idf_camera_test *test, const idf_index *index,
                                        const char *path, idf_error *err);

/* Shares of right views accepted (recall) and of strangers accepted at every threshold at which one
 * of them changes, strictest first; at most `max` points, evenly thinned. Returns their number. */
typedef struct idf_roc_point {
    double threshold, recall, false_accepts;
} idf_roc_point;
IDF_API size_t idf_camera_test_roc(const idf_camera_test *test, idf_roc_point *out, size_t max,
                                   idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
