/* track.h - follows things from frame to frame, so that labels do not flicker. */
#ifndef IDF_MATCH_TRACK_H
#define IDF_MATCH_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/status.h>

#include "match/sighting.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_TRACKS_MAX = 64,
    IDF_TRACK_ROWS = 4,     /* references a track weighs against each other */
    IDF_TRACK_PATIENCE = 5, /* frames a thing may be unseen */
};

/* One thing, followed. */
typedef struct idf_track {
    unsigned id;     /* never used again by this tracker */
    size_t row;      /* what it is taken for: changes only when the evidence clearly turns */
    double evidence; /* for that row: scores of the frames so far, each worth 0.8 of the next */
    /* Of that row, means over the frames in which it was seen, whose parts fade likewise. */
    double mean_evidence, mean_lead, mean_coverage, mean_weight;
    int n_seen, n_unseen;        /* frames in which it was seen; since when it was not */
    idf_point corners[4];        /* where it was last seen */
    size_t rows[IDF_TRACK_ROWS]; /* what it might be, n_rows of them */
    double weights[IDF_TRACK_ROWS];
    int n_rows;
} idf_track;

/* Belongs to one thread; zero it before first use. Owns nothing. */
typedef struct idf_tracker {
    idf_track tracks[IDF_TRACKS_MAX];
    int n;
    unsigned last_id;
} idf_tracker;

/* The rows of the things in view, without repeats, at most max: to be looked at first in the next
 * frame (idf_look.rows). Returns their number. */
int idf_tracker_rows(const idf_tracker *tracker, size_t *rows, int max);

/* Whether a thing that is followed was last seen here and might be this. */
bool idf_tracker_expects(const idf_tracker *tracker, const idf_sighting *seen);

/* Takes in what a frame showed. The track of seen[i] goes to of_seen[i] (index into tracks, -1
 * when there is no room); of_seen may be NULL. Tracks unseen for longer than IDF_TRACK_PATIENCE
 * are dropped first, so indices hold until the next call. */
void idf_tracker_update(idf_tracker *tracker, const idf_sighting *seen, int n, int *of_seen);

/* What the stream knows goes into what one frame showed of a thing: the track's row, with what was
 * seen instead as its rival, the lead that it has in the mean, and at least its mean evidence. Sets
 * track_id. */
void idf_track_steady(const idf_track *track, idf_sighting *seen);

#ifdef __cplusplus
}
#endif
#endif
