/* identify/matcher.h - a frame in, what it shows out. */
#ifndef IDENTIFY_MATCHER_H
#define IDENTIFY_MATCHER_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/encoder.h>
#include <identify/image.h>
#include <identify/index.h>
#include <identify/pool.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_TOP_K_MAX = 1000 };

typedef struct idf_matcher_options {
    int top_k; /* length of the ranking, 1..IDF_TOP_K_MAX; 0: 3 */
    /* NAN (or a negative number): the index's own, else the encoder's default. */
    double sim_threshold;    /* a score below this is nobody */
    double margin_threshold; /* best minus second best below this is unsure */
    bool no_geometry;        /* the embedding alone decides: for measuring what geometry adds */
    idf_pool *pool;          /* NULL: one thread; used by idf_matcher_new only */
} idf_matcher_options;

/* How an answer was decided. */
typedef enum idf_method { IDF_METHOD_EMBEDDING, IDF_METHOD_GEOMETRY } idf_method;

/* One thing found in a frame. Coordinates are fractions of the frame, 0..1. */
typedef struct idf_detection {
    float x1, y1, x2, y2; /* axis-aligned box */
    float corners[4][2];  /* of the thing: its own top left, then clockwise on an upright thing; may
                             lie outside of the frame */
    float area_fraction;
    float rotation_degrees; /* of the thing's own top, clockwise on the screen, -180..180; 0 when
                               decided by embedding */
    idf_method method;
    size_t row; /* of the index */
    /* `score` is a probability (docs/matching.md): of the answer being right where right answers
     * and strangers are equally frequent. `margin`: how far the best is ahead of the next,
     * 0..score. */
    float score, margin;
    bool confident;
    /* Sure of the artwork, not of the printing: `variant_row` shows the same and cannot be told
     * apart from what is seen. SIZE_MAX when there is no such row. */
    bool variant_unsure;
    size_t variant_row;
    int inliers;                       /* places of the reference that agree on where it is */
    double evidence, variant_evidence; /* powers of ten against chance (docs/matching.md) */
    double coverage;                   /* 0..1: how evenly the reference is seen */
    unsigned track_id; /* the same for one thing through a stream (idf_session_follow), else 0 */
    size_t n_top;
    const idf_hit *top; /* the ranking, this row first; owned by the answer */
} idf_detection;

/* All that was found in one frame. Zero it before first use; reuse it freely; release it once. */
typedef struct idf_answer {
    int image_width, image_height;
    size_t n_detections;
    idf_detection *detections; /* best first */
    size_t n_ranking;
    idf_hit *ranking; /* the best rows for the frame as a whole, whether or not they are accepted;
                         scores as in idf_detection */
    double elapsed_seconds;
} idf_answer;

/* Immutable: shared between threads. Index and encoder are borrowed and must outlive it. */
typedef struct idf_matcher idf_matcher;
/* The scratch of one thread. The matcher must outlive it. */
typedef struct idf_session idf_session;

/* IDF_ERR_MISMATCH when the index was made by another encoder. `options` may be NULL. */
IDF_API idf_status idf_matcher_new(idf_matcher **matcher, const idf_index *index,
                                   const idf_encoder *encoder, const idf_matcher_options *options,
                                   idf_error *err);
IDF_API void idf_matcher_free(idf_matcher *matcher);

IDF_API double idf_matcher_sim_threshold(const idf_matcher *matcher);
IDF_API double idf_matcher_margin_threshold(const idf_matcher *matcher);

IDF_API idf_status idf_session_new(idf_session **session, const idf_matcher *matcher,
                                   idf_error *err);
IDF_API void idf_session_free(idf_session *session);

/* Answers one frame. *answer stays valid until it is reused or released. */
IDF_API idf_status idf_session_match(idf_session *session, const idf_image *frame,
                                     idf_answer *answer, idf_error *err);
/* The same for the next frame of a stream. What was confirmed in the last frame is looked for
 * first, near where it was; when all of it is there again, the rest of the frame is looked at in
 * every fourth frame only, and the ranking is as old. What a thing is taken for, how surely and
 * whether it is reported follow from all frames so far, older ones counting less. */
IDF_API idf_status idf_session_follow(idf_session *session, const idf_image *frame,
                                      idf_answer *answer, idf_error *err);
/* Forgets the stream: the next frame is the first of another. A frame of another size does too. */
IDF_API void idf_session_forget(idf_session *session);

IDF_API void idf_answer_release(idf_answer *answer);

#ifdef __cplusplus
}
#endif
#endif
