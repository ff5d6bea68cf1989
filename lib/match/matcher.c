/* matcher.c - a frame in, what it shows out.
 *
 * The frame as a whole and its centre crop (x 10-90 %, y 5-95 %: the part a person holds a thing
 * into) are embedded and looked up. The best rows of both are the shortlist; each of it is looked
 * for in the frame geometrically (match/confirm.h). What is confirmed is an answer with its exact
 * outline; its features are taken out and the next thing is looked for. When nothing is confirmed
 * the embedding alone decides, by the thresholds. */
#include <identify/matcher.h>

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "index/index.h"
#include "local/extract.h"
#include "match/confirm.h"
#include "model/encoder.h"

enum {
    N_REGIONS = 2,
    DEFAULT_TOP_K = 3,
    SHORTLIST = 25,
    SMALL_COLLECTION = 64,
    DETECTIONS_MAX = 16
};

/* Evidence (powers of ten against chance, docs/matching.md) at which a thing counts as found. */
#define EVIDENCE_ACCEPTED 3.0

/* A rival at the same place with this share of the evidence makes an answer unsure: what the two
 * have in common (another printing, the same card frame) explains too much of what was seen. */
#define RIVAL_SHARE (1.0 / 3)

/* Without geometric evidence a picture full of texture is likely a stranger: then the embedding has
 * to be surer by this much. */
#define TEXTURED_MARGIN 0.25

enum { TEXTURED_FEATURES = 150 };

/* One row of the shortlist. */
typedef struct candidate {
    size_t row;
    float cosine;         /* the better of the regions' */
    double evidence;      /* of its first look into the frame */
    double now;           /* with what has been found taken out */
    idf_confirmation *at; /* of the last look; one for each candidate */
} candidate;

struct idf_matcher {
    const idf_index *index;
    const idf_encoder *encoder;
    double sim_threshold, margin_threshold;
    size_t top_k, n_hits; /* n_hits: what is searched for in each region */
};

struct idf_session {
    const idf_matcher *matcher;
    idf_extractor *extractor;
    idf_encoder_workspace *workspace;
    float *vectors; /* N_REGIONS rows */
    idf_hit *hits;  /* N_REGIONS rows of n_hits */
    idf_confirmer *confirmer;
    idf_features frame;    /* of the whole frame; lives in the extractor */
    candidate *candidates; /* N_REGIONS * n_hits */
    size_t n_candidates;
    idf_confirmation *looks; /* as many */
};

/* Left, top, right, bottom as fractions of the frame. */
static const float region_boxes[N_REGIONS][4] = {{0, 0, 1, 1}, {0.1f, 0.05f, 0.9f, 0.95f}};

/* `given` unless it says "not given"; then what the index was calibrated to, else the encoder's. */
static double threshold(double given, const idf_index *index, const char *key, double fallback) {
    return given >= 0 ? given : idf_index_meta_number(index, key, fallback);
}

static idf_status check_match(const idf_index *index, const idf_encoder *encoder, idf_error *err) {
    const char *made_by = idf_index_encoder(index);
    if (idf_index_dim(index) != encoder->dim && idf_index_n_rows(index) > 0)
        return idf_error_set(
            err, IDF_ERR_MISMATCH,
            "the index holds vectors of %d numbers made by %s, encoder %s makes %d: "
            "build the index again with this encoder",
            idf_index_dim(index), made_by[0] ? made_by : "the Python original", encoder->identity,
            encoder->dim);
    if (strcmp(made_by, encoder->identity) != 0)
        return idf_error_set(
            err, IDF_ERR_MISMATCH,
            "the index was made by %s, not by encoder %s: build the index again with "
            "this encoder",
            made_by[0] ? made_by : "the Python original", encoder->identity);
    return IDF_OK;
}

idf_status idf_matcher_new(idf_matcher **out, const idf_index *index, const idf_encoder *encoder,
                           const idf_matcher_options *options, idf_error *err) {
    static const idf_matcher_options defaults = {0, NAN, NAN};
    const idf_matcher_options *o = options != NULL ? options : &defaults;
    *out = NULL;
    if (o->top_k < 0 || o->top_k > IDF_TOP_K_MAX)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "top_k is %d; 1 to %d are possible", o->top_k,
                             IDF_TOP_K_MAX);
    idf_status status = check_match(index, encoder, err);
    if (status != IDF_OK)
        return status;
    idf_matcher *m = idf_alloc_zero(1, sizeof *m);
    if (m == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a matcher");
    m->index = index;
    m->encoder = encoder;
    m->sim_threshold =
        threshold(o->sim_threshold, index, "sim_threshold", encoder->default_sim_threshold);
    m->margin_threshold = threshold(o->margin_threshold, index, "margin_threshold",
                                    encoder->default_margin_threshold);
    m->top_k = o->top_k == 0 ? DEFAULT_TOP_K : (size_t)o->top_k;
    /* All of a small collection is looked at: an embedding of a whole frame says little of a small
     * thing in it. */
    size_t n_short = idf_index_n_rows(index) <= SMALL_COLLECTION ? SMALL_COLLECTION : SHORTLIST;
    m->n_hits = m->top_k < n_short ? n_short : m->top_k;
    *out = m;
    return IDF_OK;
}

void idf_matcher_free(idf_matcher *matcher) {
    idf_free(matcher);
}

double idf_matcher_sim_threshold(const idf_matcher *matcher) {
    return matcher->sim_threshold;
}

double idf_matcher_margin_threshold(const idf_matcher *matcher) {
    return matcher->margin_threshold;
}

idf_status idf_session_new(idf_session **out, const idf_matcher *matcher, idf_error *err) {
    *out = NULL;
    idf_session *s = idf_alloc_zero(1, sizeof *s);
    if (s == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a session");
    size_t n_all = N_REGIONS * matcher->n_hits;
    s->matcher = matcher;
    s->vectors = idf_alloc(N_REGIONS * (size_t)matcher->encoder->dim, sizeof *s->vectors);
    s->hits = idf_alloc(n_all, sizeof *s->hits);
    s->candidates = idf_alloc(n_all, sizeof *s->candidates);
    s->looks = idf_alloc(n_all, sizeof *s->looks);
    idf_status status =
        s->vectors == NULL || s->hits == NULL || s->candidates == NULL || s->looks == NULL
            ? idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a session")
            : idf_extractor_new(&s->extractor, err);
    if (status == IDF_OK)
        status = idf_confirmer_new(&s->confirmer, NULL, err);
    if (status == IDF_OK)
        status = matcher->encoder->class_->workspace_new(matcher->encoder, &s->workspace, err);
    if (status != IDF_OK) {
        idf_session_free(s);
        return status;
    }
    *out = s;
    return IDF_OK;
}

void idf_session_free(idf_session *session) {
    if (session == NULL)
        return;
    if (session->workspace != NULL)
        session->matcher->encoder->class_->workspace_free(session->workspace);
    idf_confirmer_free(session->confirmer);
    idf_extractor_free(session->extractor);
    idf_free(session->vectors);
    idf_free(session->hits);
    idf_free(session->candidates);
    idf_free(session->looks);
    idf_free(session);
}

/* The part of a frame that a box names: a view into it, at least one pixel. */
static idf_image view_box(const idf_image *frame, const float box[4]) {
    int left = (int)(box[0] * (float)frame->width), top = (int)(box[1] * (float)frame->height);
    int right = (int)lrintf(box[2] * (float)frame->width);
    int bottom = (int)lrintf(box[3] * (float)frame->height);
    idf_image view = *frame;
    view.width = right > left ? right - left : 1;
    view.height = bottom > top ? bottom - top : 1;
    view.pixels += (size_t)top * frame->stride_bytes + (size_t)left * (size_t)frame->channels;
    return view;
}

/* Embeds the regions, the whole frame last: its features stay for the confirmation. */
static idf_status embed_regions(idf_session *s, const idf_image *frame, idf_error *err) {
    const idf_encoder *encoder = s->matcher->encoder;
    for (size_t i = N_REGIONS; i-- > 0;) {
        idf_image view = view_box(frame, region_boxes[i]);
        idf_features features = {0};
        idf_encoder_input input = {&view, &features};
        idf_status status = IDF_OK;
        if (encoder->class_->wants_features || i == 0)
            status = idf_extract(s->extractor, &view, IDF_ENCODER_FEATURES, &features, err);
        if (status == IDF_OK)
            status = encoder->class_->encode(encoder, s->workspace, &input, 1,
                                             s->vectors + i * (size_t)encoder->dim, NULL, err);
        if (status != IDF_OK)
            return status;
        s->frame = features;
    }
    return IDF_OK;
}

static int compare_rows(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    return (x->cosine < y->cosine) - (x->cosine > y->cosine);
}

/* The union of the regions' neighbours, each row once with its better cosine. */
static void make_shortlist(idf_session *s) {
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < N_REGIONS * s->matcher->n_hits; i++)
        if (s->hits[i].row != SIZE_MAX)
            s->candidates[n++] = (candidate){.row = s->hits[i].row, .cosine = s->hits[i].score};
    if (n > 0)
        qsort(s->candidates, n, sizeof *s->candidates, compare_rows);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || s->candidates[kept - 1].row != s->candidates[i].row)
            s->candidates[kept++] = s->candidates[i];
    for (size_t i = 0; i < kept; i++)
        s->candidates[i].at = &s->looks[i];
    s->n_candidates = kept;
}

/* Evidence as a score in 0..1: 0.5 where a thing begins to count as found. */
static float evidence_score(double evidence) {
    return evidence <= 0 ? 0 : (float)(evidence / (evidence + EVIDENCE_ACCEPTED));
}

static float combined(const candidate *c) {
    float geometric = evidence_score(c->evidence);
    return geometric > c->cosine ? geometric : c->cosine;
}

static int compare_combined(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    float p = combined(x), q = combined(y);
    if (p != q)
        return p < q ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Looks for every candidate that still counts. */
static void look(idf_session *s, bool first) {
    for (size_t i = 0; i < s->n_candidates; i++) {
        candidate *c = &s->candidates[i];
        idf_index_row row;
        if (!first && c->now < EVIDENCE_ACCEPTED)
            continue;
        idf_index_get_row(s->matcher->index, c->row, &row);
        c->at->score = 0;
        if (row.features.n > 0)
            idf_confirm(s->confirmer, &row.features, c->at);
        c->now = c->at->score;
        if (first)
            c->evidence = c->now;
    }
}

static candidate *strongest(idf_session *s) {
    candidate *best = NULL;
    for (size_t i = 0; i < s->n_candidates; i++)
        if (s->candidates[i].now >= EVIDENCE_ACCEPTED &&
            (best == NULL || s->candidates[i].now > best->now))
            best = &s->candidates[i];
    return best;
}

static float clamp01(double x) {
    return x < 0 ? 0 : x > 1 ? 1 : (float)x;
}

/* Outline, box and area of a confirmed thing, in fractions of the frame. */
static void outline(idf_detection *d, const idf_confirmation *at, const idf_features *frame) {
    double area = 0;
    d->x1 = d->y1 = 1;
    d->x2 = d->y2 = 0;
    for (int i = 0; i < 4; i++) {
        const idf_point *p = &at->corners[i], *q = &at->corners[(i + 1) % 4];
        float x = clamp01(p->x / frame->width), y = clamp01(p->y / frame->height);
        d->corners[i][0] = (float)(p->x / frame->width);
        d->corners[i][1] = (float)(p->y / frame->height);
        d->x1 = x < d->x1 ? x : d->x1;
        d->y1 = y < d->y1 ? y : d->y1;
        d->x2 = x > d->x2 ? x : d->x2;
        d->y2 = y > d->y2 ? y : d->y2;
        area += p->x * q->y - q->x * p->y;
    }
    d->area_fraction = clamp01(fabs(area) / 2 / ((double)frame->width * frame->height));
}

/* The most evidence for another row at the same place: two printings of one picture, a card frame.
 */
static double rival_evidence(const idf_session *s, const candidate *best, const idf_detection *d) {
    double most = 0;
    for (size_t i = 0; i < s->n_candidates; i++) {
        const candidate *c = &s->candidates[i];
        double x = 0, y = 0;
        if (c == best || c->now <= most)
            continue;
        for (int k = 0; k < 4; k++) {
            x += c->at->corners[k].x / 4 / s->frame.width;
            y += c->at->corners[k].y / 4 / s->frame.height;
        }
        if (x >= d->x1 && x <= d->x2 && y >= d->y1 && y <= d->y2)
            most = c->now;
    }
    return most;
}

static void add(idf_answer *answer, idf_detection d) {
    d.n_top = answer->n_ranking;
    d.top = answer->ranking;
    answer->detections[answer->n_detections++] = d;
}

/* Whether an earlier answer names the same row at the same place: what was left of its features. */
static bool seen_there(const idf_answer *answer, const idf_detection *d) {
    float x = (d->x1 + d->x2) / 2, y = (d->y1 + d->y2) / 2;
    for (size_t i = 0; i < answer->n_detections; i++) {
        const idf_detection *e = &answer->detections[i];
        if (e->row == d->row && x >= e->x1 && x <= e->x2 && y >= e->y1 && y <= e->y2)
            return true;
    }
    return false;
}

/* Finds one thing after another. */
static void confirm_all(idf_session *s, idf_answer *answer) {
    candidate *best;
    while (answer->n_detections < DETECTIONS_MAX && (best = strongest(s)) != NULL) {
        idf_index_row row;
        idf_detection d = {.method = IDF_METHOD_GEOMETRY, .row = best->row};
        outline(&d, best->at, &s->frame);
        d.score = evidence_score(best->now);
        double rival = rival_evidence(s, best, &d);
        d.margin = d.score - evidence_score(rival);
        d.confident = rival < RIVAL_SHARE * best->now && d.margin >= s->matcher->margin_threshold;
        if (d.score >= s->matcher->sim_threshold && !seen_there(answer, &d))
            add(answer, d);
        idf_index_get_row(s->matcher->index, best->row, &row);
        idf_confirmer_take_out(s->confirmer, best->at);
        double before = best->now;
        look(s, false);
        if (best->now >= before)
            break; /* taking it out changed nothing: do not find it for ever */
    }
}

/* The embedding's own answer, for what has too little texture to be confirmed. */
static void decide_by_embedding(const idf_session *s, idf_answer *answer) {
    const idf_matcher *m = s->matcher;
    size_t best = s->hits[m->n_hits].score > s->hits[0].score ? 1 : 0;
    const idf_hit *hits = s->hits + best * m->n_hits;
    const float *box = region_boxes[best];
    if (hits[0].row == SIZE_MAX)
        return;
    idf_detection d = {
        .x1 = box[0],
        .y1 = box[1],
        .x2 = box[2],
        .y2 = box[3],
        .corners = {{box[0], box[1]}, {box[2], box[1]}, {box[2], box[3]}, {box[0], box[3]}},
        .area_fraction = (box[2] - box[0]) * (box[3] - box[1]),
        .method = IDF_METHOD_EMBEDDING,
        .row = hits[0].row,
        .score = hits[0].score,
        .margin = hits[1].row == SIZE_MAX ? hits[0].score : hits[0].score - hits[1].score,
    };
    idf_index_row row;
    idf_index_get_row(m->index, d.row, &row);
    bool textured = row.features.n >= TEXTURED_FEATURES && s->frame.n >= TEXTURED_FEATURES;
    double needed = m->sim_threshold + (textured ? TEXTURED_MARGIN : 0);
    d.confident = d.score >= needed && d.margin >= m->margin_threshold;
    if (d.confident)
        add(answer, d);
}

/* Makes room for the detections and the ranking. */
static idf_status answer_reserve(idf_answer *answer, size_t n_ranking, idf_error *err) {
    if (answer->detections == NULL)
        answer->detections = idf_alloc_zero(DETECTIONS_MAX, sizeof *answer->detections);
    if (answer->detections != NULL) {
        idf_hit *ranking = idf_realloc(answer->ranking, n_ranking, sizeof *ranking);
        if (ranking != NULL) {
            answer->ranking = ranking;
            return IDF_OK;
        }
    }
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for an answer");
}

idf_status idf_session_match(idf_session *session, const idf_image *frame, idf_answer *answer,
                             idf_error *err) {
    idf_session *s = session;
    const idf_matcher *m = s->matcher;
    double started = idf_clock_seconds();
    answer->n_detections = answer->n_ranking = 0;
    answer->image_width = frame->width;
    answer->image_height = frame->height;
    idf_status status = answer_reserve(answer, m->top_k, err);
    if (status == IDF_OK)
        status = embed_regions(s, frame, err);
    if (status == IDF_OK)
        status = idf_index_search(m->index, s->vectors, N_REGIONS, m->n_hits, s->hits, NULL, err);
    if (status != IDF_OK)
        return status;
    make_shortlist(s);
    idf_confirmer_set_frame(s->confirmer, &s->frame);
    look(s, true);
    if (s->n_candidates > 0)
        qsort(s->candidates, s->n_candidates, sizeof *s->candidates, compare_combined);
    for (; answer->n_ranking < m->top_k && answer->n_ranking < s->n_candidates; answer->n_ranking++)
        answer->ranking[answer->n_ranking] = (idf_hit){s->candidates[answer->n_ranking].row,
                                                       combined(&s->candidates[answer->n_ranking])};
    confirm_all(s, answer);
    if (answer->n_detections == 0)
        decide_by_embedding(s, answer);
    answer->elapsed_seconds = idf_clock_seconds() - started;
    return IDF_OK;
}

void idf_answer_release(idf_answer *answer) {
    idf_free(answer->detections);
    idf_free(answer->ranking);
    memset(answer, 0, sizeof *answer);
}
