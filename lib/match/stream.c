/* stream.c - what was seen so far, by file name, so that it outlives a snapshot. */
#include "match/stream.h"

#include <string.h>

#include "base/alloc.h"

/* Frames of a stream, one after another, in which only what is expected is looked for. */
enum { QUICK_FRAMES = 3 };

idf_status idf_stream_new(idf_stream **out, idf_error *err) {
    *out = idf_alloc_zero(1, sizeof **out);
    return *out != NULL ? IDF_OK
                        : idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a stream");
}

void idf_stream_free(idf_stream *stream) {
    idf_free(stream);
}

void idf_stream_forget(idf_stream *s) {
    s->tracker = (idf_tracker){.n = 0, .last_id = s->tracker.last_id};
    s->n_quick = 0;
    s->by_embedding = false;
    s->n_ranked = s->n_unknown = 0;
}

/* The track's rows in another snapshot; those that are not there are dropped. False when what it is
 * taken for is gone. */
static bool move_track(idf_track *t, uint64_t row_key, const uint64_t *keys,
                       const idf_collection *c) {
    int n = 0;
    t->row = idf_collection_find_key(c, row_key);
    for (int k = 0; k < t->n_rows; k++) {
        size_t row = idf_collection_find_key(c, keys[k]);
        if (row == SIZE_MAX)
            continue;
        t->rows[n] = row;
        t->weights[n++] = t->weights[k];
    }
    t->n_rows = n;
    return t->row != SIZE_MAX;
}

static void move(idf_stream *s, const idf_collection *c) {
    int n = 0;
    for (int i = 0; i < s->tracker.n; i++) {
        idf_track t = s->tracker.tracks[i];
        if (move_track(&t, s->row_keys[i], s->keys[i], c))
            s->tracker.tracks[n++] = t;
    }
    s->tracker.n = n;
    s->n_quick = QUICK_FRAMES; /* what is new may be in view already: look at the whole frame */
}

void idf_stream_begin(idf_stream *s, const idf_collection *c, const idf_image *frame) {
    if (frame->width != s->width || frame->height != s->height)
        idf_stream_forget(s);
    if (s->snapshot != c->id && s->snapshot != 0)
        move(s, c);
    s->snapshot = c->id;
    s->width = frame->width;
    s->height = frame->height;
}

int idf_stream_places(const idf_stream *s, idf_place places[IDF_TRACKS_MAX]) {
    int n = 0;
    for (int i = 0; i < s->tracker.n; i++) {
        const idf_track *t = &s->tracker.tracks[i];
        if (t->n_unseen > 0)
            continue;
        places[n].row = t->row;
        memcpy(places[n++].corners, t->corners, sizeof t->corners);
    }
    return n;
}

bool idf_stream_may_be_quick(const idf_stream *s) {
    return s->n_quick < QUICK_FRAMES && !s->by_embedding;
}

void idf_stream_steady(idf_stream *s, const idf_call *call) {
    idf_sightings *all = &call->scratch->sightings, followed = {.n = 0};
    int at[IDF_SIGHTINGS_MAX], track[IDF_SIGHTINGS_MAX];
    for (int i = 0; i < all->n; i++) {
        const idf_sighting *seen = &all->items[i];
        double score = idf_geometry_score(&call->collection->scale, idf_effective_evidence(seen));
        if (score < call->sim_threshold && !idf_tracker_expects(&s->tracker, seen))
            continue;
        at[followed.n] = i;
        followed.items[followed.n++] = *seen;
    }
    idf_tracker_update(&s->tracker, followed.items, followed.n, track);
    for (int k = 0; k < followed.n; k++)
        if (track[k] >= 0)
            idf_track_steady(&s->tracker.tracks[track[k]], &all->items[at[k]]);
    idf_sightings_sort(all);
}

void idf_stream_keep_ranking(idf_stream *s, const idf_call *call) {
    size_t n = idf_rank_by_embedding(call);
    s->n_ranked = n < IDF_STREAM_RANKED ? n : IDF_STREAM_RANKED;
    memcpy(s->ranked, call->scratch->ranked, s->n_ranked * sizeof *s->ranked);
}

/* What has no name is looked for in whole frames only; in between it stays. */
static void hold_unknown(idf_stream *s, idf_answer *answer, bool enough) {
    size_t bytes = sizeof s->unknown;
    if (enough) {
        answer->n_unknown = s->n_unknown;
        memcpy(answer->unknown, s->unknown, bytes);
    } else {
        s->n_unknown = answer->n_unknown;
        memcpy(s->unknown, answer->unknown, bytes);
    }
}

void idf_stream_end(idf_stream *s, const idf_collection *c, idf_answer *answer, bool enough) {
    hold_unknown(s, answer, enough);
    for (int i = 0; i < s->tracker.n; i++) {
        const idf_track *t = &s->tracker.tracks[i];
        s->row_keys[i] = idf_filename_key(idf_index_filename(c->index, t->row));
        for (int k = 0; k < t->n_rows; k++)
            s->keys[i][k] = idf_filename_key(idf_index_filename(c->index, t->rows[k]));
    }
    s->n_quick = enough ? s->n_quick + 1 : 0;
    if (enough)
        return;
    s->by_embedding = false;
    for (size_t i = 0; i < answer->n_detections; i++)
        s->by_embedding |= answer->detections[i].method == IDF_METHOD_EMBEDDING;
}
