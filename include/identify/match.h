/* identify/match.h - a frame in, what it shows out. */
#ifndef IDENTIFY_MATCH_H
#define IDENTIFY_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/collection.h>
#include <identify/image.h>
#include <identify/index.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_TOP_K_MAX = 1000, IDF_DETECTIONS_MAX = 48, IDF_UNKNOWN_MAX = 12 };

/* Of one call. Zero in a field means its default. */
typedef struct idf_match_options {
    int top_k;          /* length of rankings, 1..IDF_TOP_K_MAX; 0: 3 */
    int max_detections; /* things reported, the best; 0: IDF_DETECTIONS_MAX */
    /* 0 to 1; 0 (or NAN, or a negative number): the collection's. A score below the first is
     * nobody; best minus second best below the second is unsure. */
    double sim_threshold, margin_threshold;
    double time_limit_s; /* seconds that the call may take, about; 0: no limit */
    /* Asked between steps of a few milliseconds, on the calling thread; true ends the call. */
    bool (*cancelled)(void *context);
    void *context;
} idf_match_options;

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
    size_t row; /* of the answer's collection */
    /* `score` is a probability (docs/matching.md): of the answer being right where right answers
     * and strangers are equally frequent. `margin`: how far the best is ahead of the next,
     * 0..score. */
    float score, margin;
    bool confident;
    /* Sure of the artwork, not of the printing: it cannot be told from `variant_row`, or from one
     * that the collection lacks. SIZE_MAX where the collection has no other, and without doubt. */
    bool variant_unsure;
    size_t variant_row;
    int inliers;                       /* places of the reference that agree on where it is */
    double evidence, variant_evidence; /* powers of ten against chance (docs/matching.md) */
    double coverage;                   /* 0..1: how evenly the reference is seen */
    unsigned track_id;                 /* the same for one thing through a stream, else 0 */
    size_t n_top;
    const idf_hit *top; /* the ranking, this row first; owned by the answer */
} idf_detection;

/* Something that plainly is a thing and none of the collection: where it lies. Coordinates as in
 * idf_detection; the first corner is the one nearest to the frame's top left. */
typedef struct idf_unknown {
    float x1, y1, x2, y2;
    float corners[4][2];
    float area_fraction;
} idf_unknown;

/* All that was found in one frame. Zero it before first use; reuse it freely; release it once. It
 * holds the collection that it is about, so that rows, names and file names stay valid. */
typedef struct idf_answer {
    idf_collection *collection;
    int image_width, image_height;
    size_t n_detections;
    idf_detection *detections; /* best first */
    size_t n_ranking;
    idf_hit *ranking; /* the best rows for the frame as a whole, whether or not they are accepted;
                         scores as in idf_detection */
    size_t n_unknown;
    idf_unknown unknown[IDF_UNKNOWN_MAX]; /* beside the detections, the plainest first */
    double elapsed_seconds;
} idf_answer;

/* One worker's memory: belongs to one thread at a time. Grows to what it is used with, and keeps
 * the collection that it was last used with until it is used with another or cleared. */
typedef struct idf_scratch idf_scratch;
IDF_API idf_status idf_scratch_new(idf_scratch **scratch, idf_error *err);
IDF_API void idf_scratch_free(idf_scratch *scratch);
/* Lets go of the collection that it was last used with, and of what was made for it. */
IDF_API void idf_scratch_clear(idf_scratch *scratch);

/* What a scratch has done since it is there. */
typedef struct idf_scratch_counters {
    unsigned long long n_frames, n_quick_frames; /* answered; of those, by following alone */
    unsigned long long n_looks;   /* pictures, and parts made upright, that were looked into */
    unsigned long long n_encoded; /* parts of frames that went through the encoder */
    double seconds;               /* spent on answering */
} idf_scratch_counters;
IDF_API void idf_scratch_count(const idf_scratch *scratch, idf_scratch_counters *out);

/* What one client's stream of frames has shown so far (13 KB). Belongs to one thread at a time. It
 * knows things by their file names, so that it goes on when the collection is replaced. */
typedef struct idf_stream idf_stream;
IDF_API idf_status idf_stream_new(idf_stream **stream, idf_error *err);
IDF_API void idf_stream_free(idf_stream *stream);
/* Forgets what it knows: the next frame is the first of another stream. A frame of another size
 * does that too. */
IDF_API void idf_stream_forget(idf_stream *stream);

/* Answers one frame of 1 or 3 channels.
 *
 * With a stream it is the next frame of it: what was confirmed in the last frame is looked for
 * first, near where it was; when all of it is there again, the rest of the frame is looked at in
 * every fourth frame only, and the ranking is as old. What a thing is taken for, how surely and
 * whether it is reported follow from all frames so far, older ones counting less.
 *
 * `stream` and `options` may be NULL. IDF_ERR_ARGUMENT for arguments that cannot be,
 * IDF_ERR_CANCELLED and IDF_ERR_TIMEOUT for a call that was ended; then the answer is empty and a
 * stream is as it was. The same frame, collection and options give the same answer on any thread.
 */
IDF_API idf_status idf_match(const idf_collection *collection, idf_scratch *scratch,
                             idf_stream *stream, const idf_image *frame,
                             const idf_match_options *options, idf_answer *answer, idf_error *err);

/* Empties the answer and lets go of its collection. NULL is allowed. */
IDF_API void idf_answer_release(idf_answer *answer);

struct json_t; /* jansson's */

/* An answer as the object of the original's POST /api/falcon, with "ranking" and what else is known
 * of each thing added. `query` is the query text, NULL for none; what is no UTF-8 becomes U+FFFD.
 * The caller owns the value (json_decref); NULL when memory is out. Any thread. */
IDF_API struct json_t *idf_answer_json(const idf_answer *answer, const char *query);

/* "Name (Rarity)" of a row, with a trailing "?" when unsure, into out. Returns out. */
IDF_API char *idf_row_label(char *out, size_t out_bytes, const idf_index *index, size_t row,
                            bool sure);

#ifdef __cplusplus
}
#endif
#endif
