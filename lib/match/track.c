/* track.c - greedy by overlap; a label is the reference with the most evidence so far, and holds
 * until another has a quarter more. */
#include "match/track.h"

#include <stdbool.h>
#include <string.h>

static const double SAME_THING = 0.3; /* overlap of outlines from one frame to the next */
static const double MEMORY = 0.8;     /* what a frame's evidence is worth in the next */
static const double TURN = 1.25;      /* a new label needs that much more than the old one */

int idf_tracker_rows(const idf_tracker *t, size_t *rows, int max) {
    int n = 0;
    for (int i = 0; i < t->n; i++)
        for (int k = 0; k < t->tracks[i].n_rows; k++) {
            bool known = false;
            for (int j = 0; j < n; j++)
                known = known || rows[j] == t->tracks[i].rows[k];
            if (!known && n < max)
                rows[n++] = t->tracks[i].rows[k];
        }
    return n;
}

static void weigh(idf_track *t, size_t row, double score) {
    int at = -1, weakest = 0;
    for (int k = 0; k < t->n_rows; k++) {
        if (t->rows[k] == row)
            at = k;
        if (t->weights[k] < t->weights[weakest])
            weakest = k;
    }
    if (at < 0) {
        at = t->n_rows < IDF_TRACK_ROWS ? t->n_rows++ : weakest;
        t->rows[at] = row;
        t->weights[at] = 0;
    }
    t->weights[at] += score;
}

/* The label: the heaviest row, unless the present one is nearly as heavy. */
static void settle(idf_track *t) {
    int best = 0, present = -1;
    for (int k = 0; k < t->n_rows; k++) {
        if (t->weights[k] > t->weights[best])
            best = k;
        if (t->rows[k] == t->row)
            present = k;
    }
    if (present >= 0 && t->weights[best] < TURN * t->weights[present])
        best = present;
    t->row = t->rows[best];
    t->evidence = t->weights[best];
}

static void see(idf_track *t, const idf_thing *thing) {
    memcpy(t->corners, thing->seen.corners, sizeof t->corners);
    t->n_seen++;
    t->n_unseen = 0;
    weigh(t, thing->row, thing->seen.score);
    if (thing->rival_row != SIZE_MAX && thing->rival_score > 0)
        weigh(t, thing->rival_row, thing->rival_score);
    settle(t);
}

/* Counts a frame, lets evidence fade and drops what has not been seen for long. */
static void age(idf_tracker *t) {
    int n = 0;
    for (int i = 0; i < t->n; i++) {
        idf_track *track = &t->tracks[i];
        if (++track->n_unseen > IDF_TRACK_PATIENCE)
            continue;
        for (int k = 0; k < track->n_rows; k++)
            track->weights[k] *= MEMORY;
        t->tracks[n++] = *track;
    }
    t->n = n;
}

void idf_tracker_update(idf_tracker *t, const idf_thing *things, int n, int *of_thing) {
    bool taken[IDF_TRACKS_MAX] = {false};
    age(t);
    int n_old = t->n;
    for (int i = 0; i < n; i++) { /* things come strongest first */
        int best = -1;
        double most = SAME_THING;
        for (int k = 0; k < n_old; k++) {
            double overlap = idf_outline_overlap(t->tracks[k].corners, things[i].seen.corners);
            if (!taken[k] && overlap >= most) {
                most = overlap;
                best = k;
            }
        }
        if (best < 0 && t->n < IDF_TRACKS_MAX) {
            best = t->n++;
            t->tracks[best] = (idf_track){.id = ++t->last_id, .row = things[i].row};
        }
        if (best >= 0) {
            taken[best] = true;
            see(&t->tracks[best], &things[i]);
        }
        if (of_thing)
            of_thing[i] = best;
    }
}
