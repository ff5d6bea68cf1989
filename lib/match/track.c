/* track.c - greedy by overlap; a label is the reference with the most evidence so far, and holds
 * until another has a quarter more. */
#include "match/track.h"

#include <math.h>
#include <string.h>

static const double SAME_THING = 0.3; /* overlap of outlines from one frame to the next */
static const double MEMORY = 0.8;     /* what a frame's evidence is worth in the next */
static const double TURN = 1.25;      /* a new label needs that much more than the old one */
static const double CLEAR = 3;        /* the largest lead, or none to lead over, for the mean */

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

/* The lead of the track's row in one frame. */
static double lead_of(const idf_track *t, const idf_sighting *seen) {
    double lead = fmax(-CLEAR, fmin(CLEAR, seen->lead));
    return seen->row == t->row ? lead : -lead;
}

static double evidence_of(const idf_track *t, const idf_sighting *seen) {
    return seen->row == t->row         ? seen->evidence
           : seen->rival_row == t->row ? seen->rival_evidence
                                       : 0;
}

static void see(idf_track *t, const idf_sighting *seen) {
    size_t before = t->row;
    memcpy(t->corners, seen->corners, sizeof t->corners);
    t->n_seen++;
    t->n_unseen = 0;
    weigh(t, seen->row, seen->evidence);
    if (seen->rival_row != SIZE_MAX && seen->rival_evidence > 0)
        weigh(t, seen->rival_row, seen->rival_evidence);
    settle(t);
    if (t->row != before) /* what was known is about another */
        t->mean_weight = t->mean_evidence = t->mean_lead = t->mean_coverage = 0;
    /* of n frames the mean, the older ones fading */
    t->mean_weight = MEMORY * t->mean_weight + 1;
    double part = 1 / t->mean_weight;
    t->mean_evidence += part * (evidence_of(t, seen) - t->mean_evidence);
    t->mean_lead += part * (lead_of(t, seen) - t->mean_lead);
    t->mean_coverage += part * (seen->coverage - t->mean_coverage);
}

void idf_track_steady(const idf_track *t, idf_sighting *seen) {
    if (seen->row != t->row) {
        double own = evidence_of(t, seen);
        seen->rival_row = seen->row;
        seen->rival_evidence = seen->evidence;
        seen->row = t->row;
        seen->evidence = own;
        seen->own_evidence = INFINITY; /* that of the other */
    }
    seen->track_id = t->id;
    seen->evidence = fmax(seen->evidence, t->mean_evidence);
    seen->coverage = fmax(seen->coverage, t->mean_coverage);
    seen->lead = t->mean_lead;
}

bool idf_tracker_expects(const idf_tracker *t, const idf_sighting *seen) {
    for (int i = 0; i < t->n; i++)
        for (int k = 0; k < t->tracks[i].n_rows; k++)
            if (t->tracks[i].rows[k] == seen->row &&
                idf_outline_overlap(t->tracks[i].corners, seen->corners) >= SAME_THING)
                return true;
    return false;
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

void idf_tracker_update(idf_tracker *t, const idf_sighting *seen, int n, int *of_seen) {
    bool taken[IDF_TRACKS_MAX] = {false};
    age(t);
    int n_old = t->n;
    for (int i = 0; i < n; i++) { /* they come strongest first */
        int best = -1;
        double most = SAME_THING;
        for (int k = 0; k < n_old; k++) {
            double overlap = idf_outline_overlap(t->tracks[k].corners, seen[i].corners);
            if (!taken[k] && overlap >= most) {
                most = overlap;
                best = k;
            }
        }
        if (best < 0 && t->n < IDF_TRACKS_MAX) {
            best = t->n++;
            t->tracks[best] = (idf_track){.id = ++t->last_id, .row = seen[i].row};
        }
        if (best >= 0) {
            taken[best] = true;
            see(&t->tracks[best], &seen[i]);
        }
        if (of_seen)
            of_seen[i] = best;
    }
}
