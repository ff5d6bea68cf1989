/* assemble.c - what geometry and the embedding found becomes detections and rankings.
 *
 * One scale for all of it: the probability that a reference is there. What the vectors say of a
 * part of the frame is shared out among the references and "none of them", whose odds are 1, or
 * those of the picture of no collection (model/background.h) that looks most like it: so the
 * likeliest of many that look alike is as likely as it is ahead of the others. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "index/index.h"
#include "kernel/dot.h"
#include "match/scratch.h"
#include "match/surface.h"

/* A picture full of texture that geometry did not confirm is likely a stranger: then the odds
 * against the embedding are this much longer (a natural logarithm). */
static const double TEXTURED_DOUBT = 10;

/* What has no texture for geometry is known as itself by all of its picture: the odds for it are
 * this much longer. */
static const double SAME_PICTURE = 10;

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
    bool rival = seen->rival_row != SIZE_MAX &&
                 !idf_index_same_label(call->collection->index, seen->row, seen->rival_row);
    bool doubted = rival || (seen->other_printing && seen->rival_row == SIZE_MAX);
    idf_detection d = {
        .method = IDF_METHOD_GEOMETRY,
        .row = seen->row,
        .rotation_degrees = (float)seen->rotation_degrees,
        .score = (float)score,
        .margin = (float)(doubted ? score * idf_lead_over_rival(seen) : score),
        .variant_row = rival ? seen->rival_row : SIZE_MAX,
        .inliers = seen->n_inliers,
        .evidence = seen->evidence,
        .variant_evidence = seen->rival_evidence,
        .coverage = seen->coverage,
        .track_id = seen->track_id,
    };
    outline(&d, seen->corners, frame);
    d.confident = score >= call->sim_threshold && (double)d.margin >= call->margin_threshold;
    d.variant_unsure =
        doubted && score >= call->sim_threshold && !d.confident && idf_is_variant(seen);
    if (!d.variant_unsure)
        d.variant_row = SIZE_MAX;
    return d;
}

/* Whether the frame as a whole is the reference's picture, where geometry cannot say. */
static bool is_frame(const idf_call *call, size_t row) {
    const idf_collection *c = call->collection;
    const idf_scratch *s = call->scratch;
    return s->has_small && c->references[row].n < IDF_TEXTURED_FEATURES &&
           c->pictures[row] != NULL && idf_surface_is_same(s->small, c->pictures[row]);
}

/* Log odds of the first `n` neighbours of region r, each against a frame in which it is not. */
static void odds_of_hits(const idf_call *call, size_t r, size_t n, double *odds) {
    const idf_collection *c = call->collection;
    const idf_hit *hits = call->scratch->hits + r * call->n_hits;
    bool textured = c->words != NULL && !call->no_doubt &&
                    call->scratch->regions[r].n_features >= IDF_TEXTURED_FEATURES;
    for (size_t i = 0; i < n; i++) {
        odds[i] = -INFINITY;
        if (hits[i].row == SIZE_MAX)
            continue;
        odds[i] = idf_embedding_odds(&c->scale, (double)hits[i].score);
        if (textured && c->references[hits[i].row].n >= IDF_TEXTURED_FEATURES)
            odds[i] -= TEXTURED_DOUBT;
        if (r == 0 && is_frame(call, hits[i].row))
            odds[i] += SAME_PICTURE;
    }
}

/* The log odds of "none of them" for region r: 0, or those of the background. */
static double odds_of_none(const idf_call *call, size_t r) {
    const idf_collection *c = call->collection;
    size_t dim = (size_t)c->encoder->dim;
    const float *vector = call->scratch->vectors + r * dim;
    double most = 0;
    for (size_t i = 0; i < c->n_background; i++) {
        float cosine;
        idf_dot_f32(c->background + i * dim, 1, vector, 1, dim, &cosine);
        most = fmax(most, idf_embedding_odds(&c->scale, (double)cosine));
    }
    return most;
}

/* Logarithms of the probabilities of region r's neighbours: their odds shared out. */
static void share_out(const idf_call *call, size_t r, double *logs) {
    double none = odds_of_none(call, r), most = none, sum;
    odds_of_hits(call, r, call->n_hits, logs);
    for (size_t i = 0; i < call->n_hits; i++)
        most = fmax(most, logs[i]);
    sum = exp(none - most);
    for (size_t i = 0; i < call->n_hits; i++)
        sum += exp(logs[i] - most);
    for (size_t i = 0; i < call->n_hits; i++)
        logs[i] -= most + log(sum);
}

/* The score of the logarithm of a probability. */
static double score_of_log(double log_p) {
    return idf_score_of_odds(log_p - log(-expm1(fmin(log_p, -1e-300))));
}

bool idf_detection_by_embedding(const idf_call *call, const idf_image *frame, size_t r,
                                idf_detection *d) {
    const idf_scratch *s = call->scratch;
    const idf_embedded *e = &s->regions[r];
    const idf_hit *hits = s->hits + r * call->n_hits;
    double logs[IDF_TOP_K_MAX], second = -INFINITY;
    size_t best = 0;
    if (hits[0].row == SIZE_MAX || idf_sightings_cover(&s->sightings, e->corners))
        return false;
    share_out(call, r, logs);
    for (size_t i = 1; i < call->n_hits; i++)
        best = logs[i] > logs[best] ? i : best;
    double all = 0; /* of its label, over that of the best */
    for (size_t i = 0; i < call->n_hits && hits[i].row != SIZE_MAX; i++)
        if (idf_index_same_label(call->collection->index, hits[i].row, hits[best].row))
            all += exp(logs[i] - logs[best]);
        else
            second = fmax(second, logs[i]);
    double score = score_of_log(fmin(-1e-15, logs[best] + log(all)));
    *d = (idf_detection){.method = IDF_METHOD_EMBEDDING,
                         .row = hits[best].row,
                         .score = (float)score,
                         .margin = (float)(score - score_of_log(second)),
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

/* What the embedding says of the regions, into scratch->ranked, as logarithms of probabilities. */
static size_t collect_hits(const idf_call *call) {
    idf_scratch *s = call->scratch;
    double logs[IDF_TOP_K_MAX];
    size_t n = 0;
    for (size_t r = 0; r < s->n_regions; r++) {
        const idf_hit *hits = s->hits + r * call->n_hits;
        share_out(call, r, logs);
        for (size_t i = 0; i < call->n_hits; i++)
            if (hits[i].row != SIZE_MAX)
                s->ranked[n++] = (idf_hit){hits[i].row, (float)logs[i]};
    }
    return n;
}

/* What geometry hints at, too little to be seen, speaks for a row that the embedding names: its
 * evidence lengthens the odds as it would a sighting's. */
static void add_hints(const idf_call *call, idf_hit *ranked, size_t n) {
    int n_hints;
    const idf_hint *hints = idf_looker_hints(call->scratch->looker, &n_hints);
    for (int k = 0; k < n_hints; k++)
        for (size_t i = 0; i < n; i++)
            if (ranked[i].row == hints[k].row) {
                double more = call->collection->scale.evidence_slope * hints[k].score;
                ranked[i].score =
                    (float)fmin((double)ranked[i].score + more, (double)ranked[i].score / 2);
            }
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

/* The logarithm of a probability given as log odds. */
static float log_of_odds(double odds) {
    return (float)(odds > 0 ? -log1p(exp(-odds)) : odds - log1p(exp(odds)));
}

/* What geometry saw, into ranked[n...]. Returns the new number. */
static size_t collect_sightings(const idf_call *call, idf_hit *ranked, size_t n) {
    const idf_scale *scale = &call->collection->scale;
    const idf_sightings *seen = &call->scratch->sightings;
    for (int i = 0; i < seen->n; i++) {
        const idf_sighting *one = &seen->items[i];
        float own = log_of_odds(idf_geometry_odds(scale, idf_effective_evidence(one)));
        double behind = 1 - idf_lead_over_rival(one);
        ranked[n++] = (idf_hit){one->row, own};
        if (one->rival_row != SIZE_MAX)
            ranked[n++] = (idf_hit){one->rival_row, own + (float)log(fmax(behind, 1e-30))};
    }
    return n;
}

/* The rows of the answer first, then the others, none with a score that would be an answer. */
static void write_ranking(const idf_call *call, size_t n, idf_answer *answer) {
    const idf_hit *ranked = call->scratch->ranked;
    size_t kept = 0;
    for (size_t i = 0; i < answer->n_detections && kept < call->top_k; i++) {
        const idf_detection *d = &answer->detections[i];
        size_t k = 0;
        while (k < kept && answer->ranking[k].row != d->row)
            k++;
        if (k == kept)
            answer->ranking[kept++] = (idf_hit){d->row, d->score};
    }
    size_t n_found = kept;
    double most = fmin(call->sim_threshold, kept > 0 ? (double)answer->ranking[kept - 1].score : 1);
    double first = -1;
    for (size_t i = 0; i < n && kept < call->top_k; i++) {
        size_t k = 0;
        while (k < n_found && answer->ranking[k].row != ranked[i].row)
            k++;
        if (k < n_found)
            continue;
        double score = score_of_log((double)ranked[i].score);
        first = first < 0 ? score : first;
        /* what is as likely as an answer and yet is none, is said to be less likely */
        if (first >= most)
            score *= 0.99 * most / first;
        answer->ranking[kept++] = (idf_hit){ranked[i].row, (float)score};
    }
    answer->n_ranking = kept;
}

/* All rows that were met; without a look at the whole frame the embedding's are those of an earlier
 * one, `old`: good for the ranking, not for finding things. */
static void rank(const idf_call *call, const idf_hit *old, size_t n_old, idf_answer *answer) {
    idf_scratch *s = call->scratch;
    size_t n = old != NULL ? n_old : collect_hits(call);
    if (old == NULL)
        add_hints(call, s->ranked, n);
    else if (n > 0)
        memcpy(s->ranked, old, n * sizeof *old);
    n = collect_sightings(call, s->ranked, n);
    write_ranking(call, sort_ranked(s->ranked, n), answer);
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
    answer->n_detections = answer->n_ranking = answer->n_unknown = 0;
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
    detect(call, frame, old == NULL ? call->scratch->n_regions : 0, answer);
    rank(call, old, n_old, answer);
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
