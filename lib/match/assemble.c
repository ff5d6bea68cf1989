/* assemble.c - what geometry and the embedding found becomes detections and rankings. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "index/index.h"
#include "match/scratch.h"

/* A picture full of texture that geometry did not confirm is likely a stranger: then the odds
 * against the embedding are this much longer (a natural logarithm). */
static const double TEXTURED_DOUBT = 10;
enum { TEXTURED_FEATURES = 150 };

/* Outlines that overlap more are one place. */
static const double SAME_PLACE = 0.5;

static float clamp01(double x) {
    return x < 0 ? 0 : x > 1 ? 1 : (float)x;
}

/* Outline, box and area, in fractions of the frame. */
static void outline(idf_detection *d, const idf_point corners[4], const idf_image *frame) {
    double area = 0;
    d->x1 = d->y1 = 1;
    d->x2 = d->y2 = 0;
    for (int i = 0; i < 4; i++) {
        double x = corners[i].x / frame->width, y = corners[i].y / frame->height;
        double u = corners[(i + 1) % 4].x / frame->width,
               v = corners[(i + 1) % 4].y / frame->height;
        d->corners[i][0] = (float)x;
        d->corners[i][1] = (float)y;
        d->x1 = fminf(d->x1, clamp01(x));
        d->y1 = fminf(d->y1, clamp01(y));
        d->x2 = fmaxf(d->x2, clamp01(x));
        d->y2 = fmaxf(d->y2, clamp01(y));
        area += x * v - u * y;
    }
    d->area_fraction = clamp01(fabs(area) / 2);
}

idf_detection idf_detection_of(const idf_call *call, const idf_image *frame,
                               const idf_sighting *seen) {
    double score = idf_geometry_score(&call->collection->scale, idf_effective_evidence(seen));
    idf_detection d = {
        .method = IDF_METHOD_GEOMETRY,
        .row = seen->row,
        .rotation_degrees = (float)seen->rotation_degrees,
        .score = (float)score,
        .margin = (float)(score * idf_lead_over_rival(seen)),
        .variant_row = seen->rival_row,
        .inliers = seen->n_inliers,
        .evidence = seen->evidence,
        .variant_evidence = seen->rival_evidence,
        .coverage = seen->coverage,
        .track_id = seen->track_id,
    };
    outline(&d, seen->corners, frame);
    d.confident = score >= call->sim_threshold && (double)d.margin >= call->margin_threshold;
    d.variant_unsure = score >= call->sim_threshold && !d.confident && idf_is_variant(seen);
    if (!d.variant_unsure)
        d.variant_row = SIZE_MAX;
    return d;
}

bool idf_detection_by_embedding(const idf_call *call, const idf_image *frame, size_t r,
                                idf_detection *d) {
    const idf_collection *c = call->collection;
    const idf_scratch *s = call->scratch;
    const idf_hit *hits = s->hits + r * call->n_hits;
    const idf_embedded *e = &s->regions[r];
    if (hits[0].row == SIZE_MAX || idf_sightings_cover(&s->sightings, e->corners))
        return false;
    idf_index_row row;
    idf_index_get_row(c->index, hits[0].row, &row);
    double score = idf_embedding_score(&c->scale, (double)hits[0].score);
    double second =
        hits[1].row == SIZE_MAX ? 0 : idf_embedding_score(&c->scale, (double)hits[1].score);
    bool textured = row.features.n >= TEXTURED_FEATURES && e->n_features >= TEXTURED_FEATURES;
    if (textured && c->words != NULL) {
        score = idf_doubt(score, TEXTURED_DOUBT);
        second = idf_doubt(second, TEXTURED_DOUBT);
    }
    *d = (idf_detection){.method = IDF_METHOD_EMBEDDING,
                         .row = hits[0].row,
                         .score = (float)score,
                         .margin = (float)(score - second),
                         .rotation_degrees = (float)(e->turn == 3 ? 90 : -90 * e->turn),
                         .variant_row = SIZE_MAX};
    outline(d, e->corners, frame);
    d->confident = score >= call->sim_threshold && (double)d->margin >= call->margin_threshold;
    return true;
}

static bool sure_by_embedding(const idf_call *call, const idf_image *frame, size_t r,
                              idf_detection *d) {
    return idf_detection_by_embedding(call, frame, r, d) && d->confident;
}

static double overlap(const idf_detection *a, const idf_detection *b) {
    idf_point p[4], q[4];
    for (int i = 0; i < 4; i++) {
        p[i] = (idf_point){(double)a->corners[i][0], (double)a->corners[i][1]};
        q[i] = (idf_point){(double)b->corners[i][0], (double)b->corners[i][1]};
    }
    return idf_outline_overlap(p, q);
}

/* Adds what the embedding says of a place, once. */
static void add_embedded(idf_answer *answer, const idf_detection *d) {
    for (size_t i = 0; i < answer->n_detections; i++) {
        idf_detection *known = &answer->detections[i];
        if (overlap(known, d) <= SAME_PLACE)
            continue;
        if (known->method == IDF_METHOD_EMBEDDING && d->score > known->score)
            *known = *d;
        return;
    }
    if (answer->n_detections < IDF_DETECTIONS_MAX)
        answer->detections[answer->n_detections++] = *d;
}

static void detect(const idf_call *call, const idf_image *frame, size_t n_regions,
                   idf_answer *answer) {
    const idf_sightings *sightings = &call->scratch->sightings;
    idf_detection d, best = {0};
    for (int i = 0; i < sightings->n; i++) {
        d = idf_detection_of(call, frame, &sightings->items[i]);
        if ((double)d.score >= call->sim_threshold)
            answer->detections[answer->n_detections++] = d;
    }
    for (size_t r = IDF_FIXED_REGIONS; r < n_regions; r++)
        if (sure_by_embedding(call, frame, r, &d))
            add_embedded(answer, &d);
    /* of centre and whole frame the better, and only when there is nothing else */
    for (size_t r = 0; r < IDF_FIXED_REGIONS && r < n_regions && answer->n_detections == 0; r++)
        if (sure_by_embedding(call, frame, r, &d) && d.score > best.score)
            best = d;
    if (best.confident)
        add_embedded(answer, &best);
    if (answer->n_detections > call->max_detections)
        answer->n_detections = call->max_detections;
}

static int compare_rows(const void *a, const void *b) {
    const idf_hit *x = a, *y = b;
    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    return (x->score < y->score) - (x->score > y->score);
}

static int compare_scores(const void *a, const void *b) {
    const idf_hit *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

/* What geometry hints at, too little to be seen, speaks for a row that the embedding names: its
 * evidence lengthens the odds as it would a sighting's. */
static void add_hints(const idf_call *call, idf_hit *ranked, size_t n) {
    int n_hints;
    const idf_hint *hints = idf_looker_hints(call->scratch->looker, &n_hints);
    for (int k = 0; k < n_hints; k++)
        for (size_t i = 0; i < n; i++)
            if (ranked[i].row == hints[k].row)
                ranked[i].score =
                    (float)idf_doubt((double)ranked[i].score,
                                     -call->collection->scale.evidence_slope * hints[k].score);
}

/* What the embedding says of the regions, into scratch->ranked. */
static size_t collect_hits(const idf_call *call) {
    idf_scratch *s = call->scratch;
    size_t n = 0;
    for (size_t i = 0; i < s->n_regions * call->n_hits; i++)
        if (s->hits[i].row != SIZE_MAX)
            s->ranked[n++] =
                (idf_hit){s->hits[i].row, (float)idf_embedding_score(&call->collection->scale,
                                                                     (double)s->hits[i].score)};
    return n;
}

/* Each row once, with its best score, the best first. */
static size_t sort_ranked(idf_hit *ranked, size_t n) {
    size_t kept = 0;
    if (n > 0)
        qsort(ranked, n, sizeof *ranked, compare_rows);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || ranked[kept - 1].row != ranked[i].row)
            ranked[kept++] = ranked[i];
    if (kept > 0)
        qsort(ranked, kept, sizeof *ranked, compare_scores);
    return kept;
}

size_t idf_rank_by_embedding(const idf_call *call) {
    return sort_ranked(call->scratch->ranked, collect_hits(call));
}

/* All rows that were met; without a look at the whole frame the embedding's are those of an earlier
 * one, `old`: good for the ranking, not for finding things. */
static void rank(const idf_call *call, const idf_hit *old, size_t n_old, idf_answer *answer) {
    const idf_scale *scale = &call->collection->scale;
    idf_scratch *s = call->scratch;
    size_t n = old != NULL ? n_old : collect_hits(call);
    if (old == NULL)
        add_hints(call, s->ranked, n);
    else if (n > 0)
        memcpy(s->ranked, old, n * sizeof *old);
    for (int i = 0; i < s->sightings.n; i++) {
        const idf_sighting *seen = &s->sightings.items[i];
        double score = idf_geometry_score(scale, idf_effective_evidence(seen));
        double behind = score * (1 - idf_lead_over_rival(seen));
        s->ranked[n++] = (idf_hit){seen->row, (float)score};
        if (seen->rival_row != SIZE_MAX)
            s->ranked[n++] = (idf_hit){seen->rival_row, (float)behind};
    }
    n = sort_ranked(s->ranked, n);
    answer->n_ranking = n < call->top_k ? n : call->top_k;
    if (answer->n_ranking > 0)
        memcpy(answer->ranking, s->ranked, answer->n_ranking * sizeof *answer->ranking);
}

/* A detection's own ranking: itself, its variant, then as the frame's. */
static void rank_detection(const idf_call *call, const idf_answer *answer, idf_detection *d,
                           idf_hit *out) {
    size_t n = 0;
    d->top = out;
    out[n++] = (idf_hit){d->row, d->score};
    if (d->variant_row != SIZE_MAX && n < call->top_k)
        out[n++] = (idf_hit){d->variant_row, d->score - d->margin};
    for (size_t i = 0; i < answer->n_ranking && n < call->top_k; i++) {
        const idf_hit *hit = &answer->ranking[i];
        if (hit->row != d->row && hit->row != d->variant_row)
            out[n++] = (idf_hit){hit->row, fminf(hit->score, d->score - d->margin)};
    }
    d->n_top = n;
}

idf_status idf_answer_begin(const idf_call *call, const idf_image *frame, idf_answer *answer,
                            idf_error *err) {
    answer->n_detections = answer->n_ranking = 0;
    answer->image_width = frame->width;
    answer->image_height = frame->height;
    if (answer->collection != call->collection) {
        idf_collection_release(answer->collection);
        answer->collection = idf_collection_retain(call->collection);
    }
    if (answer->detections == NULL)
        answer->detections = idf_alloc_zero(IDF_DETECTIONS_MAX, sizeof *answer->detections);
    if (answer->detections != NULL) {
        /* the frame's own ranking, then one for each detection */
        idf_hit *ranking =
            idf_realloc(answer->ranking, call->top_k * (IDF_DETECTIONS_MAX + 1), sizeof *ranking);
        if (ranking != NULL) {
            answer->ranking = ranking;
            return IDF_OK;
        }
    }
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for an answer");
}

void idf_answer_assemble(const idf_call *call, const idf_image *frame, const idf_hit *old,
                         size_t n_old, idf_answer *answer) {
    rank(call, old, n_old, answer);
    detect(call, frame, old == NULL ? call->scratch->n_regions : 0, answer);
    for (size_t i = 0; i < answer->n_detections; i++)
        rank_detection(call, answer, &answer->detections[i],
                       answer->ranking + (i + 1) * call->top_k);
}

void idf_answer_release(idf_answer *answer) {
    if (answer == NULL)
        return;
    idf_collection_release(answer->collection);
    idf_free(answer->detections);
    idf_free(answer->ranking);
    memset(answer, 0, sizeof *answer);
}
