/* session.c - a frame in, what it shows out.
 *
 * The frame as a whole and its centre crop (x 10-90 %, y 5-95 %: the part a person holds a thing
 * into) are embedded and looked up: the shortlist. Geometry looks for it, and for what the word
 * index names, in the frame and in the quadrilaterals of the frame (match/looker.h). What has no
 * texture is left to the embedding, of the quadrilaterals too. match/decide.h makes scores of it.
 */
#include "match/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "image/image.h"
#include "index/index.h"
#include "local/extract.h"
#include "match/looker.h"
#include "match/track.h"
#include "model/encoder.h"

enum { FIXED = 2, QUADS = 20, REGIONS = FIXED + QUADS, DETECTIONS_MAX = IDF_SIGHTINGS_MAX };

/* A picture full of texture that geometry did not confirm is likely a stranger: then the odds
 * against the embedding are this much longer (a natural logarithm). */
static const double TEXTURED_DOUBT = 10;
enum { TEXTURED_FEATURES = 150 };

/* Longer side, in pixels, of a quadrilateral whose colours are read. */
enum { COLOUR_SIDE = 64 };

/* Frames of a stream, one after another, in which only what is expected is looked for. */
enum { QUICK_FRAMES = 3, TRACKED_ROWS = IDF_TRACKS_MAX * IDF_TRACK_ROWS };

/* Outlines that overlap more are one place. */
static const double SAME_PLACE = 0.5;

/* A part of the frame that was embedded. */
typedef struct embedded {
    idf_point corners[4]; /* pixels of the frame, from what was taken for its top left */
    int turn;             /* quarters that it was turned by, clockwise */
    int n_features;       /* in it */
    idf_image picture;    /* owned until it has been encoded; for an encoder that takes pictures */
} embedded;

struct idf_session {
    const idf_matcher *matcher;
    idf_extractor *extractor;
    idf_encoder_workspace *workspace;
    idf_looker *looker;
    float *vectors;  /* REGIONS rows */
    idf_hit *hits;   /* REGIONS rows of n_hits */
    idf_hit *ranked; /* room for all hits and sightings */
    size_t *rows;    /* TRACKED_ROWS + FIXED * n_hits: the shortlist */
    embedded regions[REGIONS];
    size_t n_regions;
    idf_keypoint part_keypoints[IDF_ENCODER_FEATURES]; /* of the centre */
    idf_descriptor part_descriptors[IDF_ENCODER_FEATURES];
    const idf_image *frame;
    idf_features whole; /* of the frame; the extractor's */
    const uint8_t *masked;
    idf_sightings sightings;
    long n_looks, looks_before; /* in the last frame; the looker's, before it */
    /* of a stream */
    idf_tracker tracker;
    int n_quick;       /* frames since the last one that was looked at as a whole */
    bool by_embedding; /* something was reported in that one which only the embedding sees */
    int width, height; /* of the last frame */
};

void idf_session_mask(idf_session *session, const uint8_t *masked) {
    session->masked = masked;
}

idf_findings idf_session_findings(const idf_session *s) {
    return (idf_findings){&s->sightings, s->hits, s->n_regions, s->matcher->n_hits, s->vectors};
}

long idf_session_n_looks(const idf_session *s) {
    return s->n_looks;
}

static void release_pictures(idf_session *s) {
    for (int r = 0; r < REGIONS; r++)
        idf_image_release(&s->regions[r].picture);
}

void idf_session_free(idf_session *s) {
    if (s == NULL)
        return;
    if (s->workspace != NULL)
        s->matcher->encoder->class_->workspace_free(s->workspace);
    idf_looker_free(s->looker);
    idf_extractor_free(s->extractor);
    release_pictures(s);
    idf_free(s->vectors);
    idf_free(s->hits);
    idf_free(s->ranked);
    idf_free(s->rows);
    idf_free(s);
}

idf_status idf_session_new(idf_session **out, const idf_matcher *m, idf_error *err) {
    *out = NULL;
    idf_session *s = idf_alloc_zero(1, sizeof *s);
    if (s == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a session");
    s->matcher = m;
    s->vectors = idf_alloc(REGIONS * (size_t)m->encoder->dim, sizeof *s->vectors);
    s->hits = idf_alloc(REGIONS * m->n_hits, sizeof *s->hits);
    s->ranked = idf_alloc(REGIONS * m->n_hits + 2 * IDF_SIGHTINGS_MAX, sizeof *s->ranked);
    s->rows = idf_alloc(TRACKED_ROWS + FIXED * m->n_hits, sizeof *s->rows);
    idf_status status =
        s->vectors == NULL || s->hits == NULL || s->ranked == NULL || s->rows == NULL
            ? idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a session")
            : idf_extractor_new(&s->extractor, err);
    if (status == IDF_OK)
        idf_extractor_enlarge(s->extractor, IDF_LOCAL_SMALL);
    if (status == IDF_OK)
        status =
            idf_looker_new(&s->looker, m->words, m->references, idf_index_n_rows(m->index), err);
    if (status == IDF_OK)
        status = m->encoder->class_->workspace_new(m->encoder, &s->workspace, err);
    if (status != IDF_OK) {
        idf_session_free(s);
        return status;
    }
    *out = s;
    return IDF_OK;
}

/* --- the embedding --- */

static idf_status embed(idf_session *s, const idf_image *image, const idf_features *features,
                        idf_error *err) {
    const idf_encoder *encoder = s->matcher->encoder;
    idf_encoder_input input = {image, features};
    return encoder->class_->encode(encoder, s->workspace, &input, 1,
                                   s->vectors + s->n_regions * (size_t)encoder->dim, NULL, err);
}

/* The quadrilaterals of an encoder that takes pictures, as many at once as it is best given. */
static idf_status embed_pictures(idf_session *s, idf_error *err) {
    const idf_encoder *encoder = s->matcher->encoder;
    idf_encoder_input inputs[QUADS];
    size_t batch = (size_t)encoder->class_->max_batch;
    idf_status status = IDF_OK;
    for (size_t r = FIXED, n; status == IDF_OK && r < s->n_regions; r += n) {
        n = s->n_regions - r < batch ? s->n_regions - r : batch;
        for (size_t i = 0; i < n; i++)
            inputs[i] = (idf_encoder_input){&s->regions[r + i].picture, NULL};
        status = encoder->class_->encode(encoder, s->workspace, inputs, n,
                                         s->vectors + r * (size_t)encoder->dim, NULL, err);
    }
    return status;
}

/* The frame's features that lie in a part of it, as fractions left, top, right, bottom. */
static idf_features features_in(idf_session *s, const idf_features *whole, const float box[4]) {
    float w = (float)(whole->width * IDF_LOCAL_COORD_UNIT);
    float h = (float)(whole->height * IDF_LOCAL_COORD_UNIT);
    idf_features part = {whole->width, whole->height, 0, s->part_keypoints, s->part_descriptors};
    for (int i = 0; i < whole->n && part.n < IDF_ENCODER_FEATURES; i++) {
        const idf_keypoint *k = &whole->keypoints[i];
        float x = (float)k->x, y = (float)k->y;
        if (x < box[0] * w || y < box[1] * h || x >= box[2] * w || y >= box[3] * h)
            continue;
        s->part_keypoints[part.n] = *k;
        s->part_descriptors[part.n++] = whole->descriptors[i];
    }
    return part;
}

/* The part of the frame at left, top, right, bottom, as fractions, becomes the next region. */
static idf_status embed_box(idf_session *s, const float box[4], const idf_features *features,
                            idf_error *err) {
    const idf_image *frame = s->frame;
    int left = (int)(box[0] * (float)frame->width), top = (int)(box[1] * (float)frame->height);
    int right = (int)lrintf(box[2] * (float)frame->width);
    int bottom = (int)lrintf(box[3] * (float)frame->height);
    right = right > left ? right : left + 1;
    bottom = bottom > top ? bottom : top + 1;
    idf_image view = idf_image_view(frame, left, top, right - left, bottom - top);
    idf_status status = embed(s, &view, features, err);
    if (status == IDF_OK)
        s->regions[s->n_regions++] =
            (embedded){.corners = {{left, top}, {right, top}, {right, bottom}, {left, bottom}},
                       .n_features = features->n};
    return status;
}

/* A quadrilateral in which geometry saw nothing becomes the next region: one for each way up that
 * matters when the encoder takes pictures; the built-in one sees no difference, and needs of the
 * picture its colours only. */
static idf_status embed_quad(void *context, const idf_region *region, const idf_features *features,
                             idf_error *err) {
    idf_session *s = context;
    bool by_features = s->matcher->encoder->class_->wants_features;
    int n_turns = by_features ? 1 : region->n_turns;
    idf_status status = IDF_OK;
    for (int i = 0; i < n_turns && s->n_regions < REGIONS && status == IDF_OK; i++) {
        embedded *e = &s->regions[s->n_regions];
        *e = (embedded){.turn = n_turns == 2 ? 2 * i : i, .n_features = features->n};
        for (int k = 0; k < 4; k++)
            e->corners[k] = region->corners[(k - e->turn + 4) & 3];
        int side = by_features ? COLOUR_SIDE : IDF_LOCAL_SIDE;
        status = idf_region_rectify(&e->picture, s->frame, region, (const int[2]){side, e->turn},
                                    NULL, err);
        if (by_features && status == IDF_OK) {
            status = embed(s, &e->picture, features, err);
            idf_image_release(&e->picture);
        }
        s->n_regions += status == IDF_OK;
    }
    return status;
}

/* The neighbours of regions [from, n_regions), masked rows left out. */
static idf_status search(idf_session *s, size_t from, idf_error *err) {
    const idf_matcher *m = s->matcher;
    size_t k = m->n_hits, dim = (size_t)m->encoder->dim;
    idf_status status = idf_index_search(m->index, s->vectors + from * dim, s->n_regions - from, k,
                                         s->hits + from * k, NULL, err);
    for (size_t r = from; status == IDF_OK && s->masked != NULL && r < s->n_regions; r++) {
        idf_hit *hits = s->hits + r * k;
        size_t kept = 0;
        for (size_t i = 0; i < k; i++)
            if (hits[i].row != SIZE_MAX && !s->masked[hits[i].row])
                hits[kept++] = hits[i];
        for (; kept < k; kept++)
            hits[kept] = (idf_hit){SIZE_MAX, -2};
    }
    return status;
}

/* What is followed, then the embedding's neighbours of the whole frame and the centre, each once.
 */
static size_t shortlist(idf_session *s, bool follows) {
    size_t n = follows ? (size_t)idf_tracker_rows(&s->tracker, s->rows, TRACKED_ROWS) : 0;
    for (size_t i = 0; i < FIXED * s->matcher->n_hits; i++) {
        size_t row = s->hits[i].row, k = 0;
        while (k < n && s->rows[k] != row)
            k++;
        if (row != SIZE_MAX && k == n)
            s->rows[n++] = row;
    }
    return n;
}

/* --- the answer --- */

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

static idf_detection detection_of(const idf_session *s, const idf_sighting *seen) {
    const idf_matcher *m = s->matcher;
    double score = idf_geometry_score(&m->scale, idf_effective_evidence(seen));
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
    outline(&d, seen->corners, s->frame);
    d.confident = score >= m->sim_threshold && d.margin >= m->margin_threshold;
    d.variant_unsure = score >= m->sim_threshold && !d.confident && idf_is_variant(seen);
    if (!d.variant_unsure)
        d.variant_row = SIZE_MAX;
    return d;
}

/* What the embedding alone says of region r; false when that has nothing to say. */
static bool seen_by_embedding(const idf_session *s, size_t r, idf_detection *d) {
    const idf_matcher *m = s->matcher;
    const idf_hit *hits = s->hits + r * m->n_hits;
    const embedded *e = &s->regions[r];
    if (hits[0].row == SIZE_MAX || idf_sightings_cover(&s->sightings, e->corners))
        return false;
    idf_index_row row;
    idf_index_get_row(m->index, hits[0].row, &row);
    double score = idf_embedding_score(&m->scale, hits[0].score);
    double second = hits[1].row == SIZE_MAX ? 0 : idf_embedding_score(&m->scale, hits[1].score);
    bool textured = row.features.n >= TEXTURED_FEATURES && e->n_features >= TEXTURED_FEATURES;
    if (textured && m->words != NULL) {
        score = idf_doubt(score, TEXTURED_DOUBT);
        second = idf_doubt(second, TEXTURED_DOUBT);
    }
    *d = (idf_detection){.method = IDF_METHOD_EMBEDDING,
                         .row = hits[0].row,
                         .score = (float)score,
                         .margin = (float)(score - second),
                         .rotation_degrees = (float)(e->turn == 3 ? 90 : -90 * e->turn),
                         .variant_row = SIZE_MAX};
    outline(d, e->corners, s->frame);
    d->confident = score >= m->sim_threshold && d->margin >= m->margin_threshold;
    return true;
}

static bool detection_by_embedding(const idf_session *s, size_t r, idf_detection *d) {
    return seen_by_embedding(s, r, d) && d->confident;
}

double idf_session_reach(const idf_session *s, size_t row) {
    const idf_matcher *m = s->matcher;
    double most = 0;
    idf_detection d;
    for (int i = 0; i < s->sightings.n; i++) {
        d = detection_of(s, &s->sightings.items[i]);
        if ((row == SIZE_MAX || d.row == row) && d.margin >= m->margin_threshold)
            most = fmax(most, (double)d.score);
    }
    for (size_t r = 0; r < s->n_regions; r++)
        if (seen_by_embedding(s, r, &d) && (row == SIZE_MAX || d.row == row) &&
            d.margin >= m->margin_threshold)
            most = fmax(most, (double)d.score);
    return most;
}

int idf_session_family(idf_session *s, size_t row, double least, uint8_t *masked, size_t *out,
                       int max) {
    return idf_looker_family(s->looker, row, least, masked, out, max);
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
    if (answer->n_detections < DETECTIONS_MAX)
        answer->detections[answer->n_detections++] = *d;
}

static void detect(const idf_session *s, idf_answer *answer) {
    idf_detection d, best = {0};
    for (int i = 0; i < s->sightings.n; i++) {
        d = detection_of(s, &s->sightings.items[i]);
        if (d.score >= s->matcher->sim_threshold)
            answer->detections[answer->n_detections++] = d;
    }
    for (size_t r = FIXED; r < s->n_regions; r++)
        if (detection_by_embedding(s, r, &d))
            add_embedded(answer, &d);
    /* of centre and whole frame the better, and only when there is nothing else */
    for (size_t r = 0; r < FIXED && r < s->n_regions && answer->n_detections == 0; r++)
        if (detection_by_embedding(s, r, &d) && d.score > best.score)
            best = d;
    if (best.confident)
        add_embedded(answer, &best);
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
static void add_hints(const idf_session *s, idf_hit *ranked, size_t n) {
    int n_hints;
    const idf_hint *hints = idf_looker_hints(s->looker, &n_hints);
    for (int k = 0; k < n_hints; k++)
        for (size_t i = 0; i < n; i++)
            if (ranked[i].row == hints[k].row)
                ranked[i].score = (float)idf_doubt(
                    (double)ranked[i].score, -s->matcher->scale.evidence_slope * hints[k].score);
}

/* What the embedding says of all regions, into s->ranked. */
static size_t collect_hits(idf_session *s) {
    const idf_matcher *m = s->matcher;
    size_t n = 0;
    for (size_t i = 0; i < s->n_regions * m->n_hits; i++)
        if (s->hits[i].row != SIZE_MAX)
            s->ranked[n++] =
                (idf_hit){s->hits[i].row, (float)idf_embedding_score(&m->scale, s->hits[i].score)};
    return n;
}

/* Each row once, with its best score, the best first. */
static size_t sort_ranked(idf_session *s, size_t n) {
    size_t kept = 0;
    if (n > 0)
        qsort(s->ranked, n, sizeof *s->ranked, compare_rows);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || s->ranked[kept - 1].row != s->ranked[i].row)
            s->ranked[kept++] = s->ranked[i];
    if (kept > 0)
        qsort(s->ranked, kept, sizeof *s->ranked, compare_scores);
    return kept;
}

/* All rows that were met. */
static void rank(idf_session *s, idf_answer *answer) {
    const idf_matcher *m = s->matcher;
    size_t n = collect_hits(s);
    add_hints(s, s->ranked, n);
    for (int i = 0; i < s->sightings.n; i++) {
        const idf_sighting *seen = &s->sightings.items[i];
        double score = idf_geometry_score(&m->scale, idf_effective_evidence(seen));
        double behind = score * (1 - idf_lead_over_rival(seen));
        s->ranked[n++] = (idf_hit){seen->row, (float)score};
        if (seen->rival_row != SIZE_MAX)
            s->ranked[n++] = (idf_hit){seen->rival_row, (float)behind};
    }
    n = sort_ranked(s, n);
    answer->n_ranking = n < m->top_k ? n : m->top_k;
    if (answer->n_ranking > 0)
        memcpy(answer->ranking, s->ranked, answer->n_ranking * sizeof *answer->ranking);
}

/* A detection's own ranking: itself, its variant, then as the frame's. */
static void rank_detection(const idf_matcher *m, const idf_answer *answer, idf_detection *d,
                           idf_hit *out) {
    size_t n = 0;
    d->top = out;
    out[n++] = (idf_hit){d->row, d->score};
    if (d->variant_row != SIZE_MAX && n < m->top_k)
        out[n++] = (idf_hit){d->variant_row, d->score - d->margin};
    for (size_t i = 0; i < answer->n_ranking && n < m->top_k; i++) {
        const idf_hit *hit = &answer->ranking[i];
        if (hit->row != d->row && hit->row != d->variant_row)
            out[n++] = (idf_hit){hit->row, fminf(hit->score, d->score - d->margin)};
    }
    d->n_top = n;
}

/* Makes room for the detections and the rankings. */
static idf_status answer_reserve(idf_answer *answer, size_t top_k, idf_error *err) {
    if (answer->detections == NULL)
        answer->detections = idf_alloc_zero(DETECTIONS_MAX, sizeof *answer->detections);
    if (answer->detections != NULL) {
        /* the frame's own ranking, then one for each detection */
        idf_hit *ranking =
            idf_realloc(answer->ranking, top_k * (DETECTIONS_MAX + 1), sizeof *ranking);
        if (ranking != NULL) {
            answer->ranking = ranking;
            return IDF_OK;
        }
    }
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for an answer");
}

/* How a frame is looked at: by itself; in a stream, where what was seen where it was expected is
 * added to; or once more, which keeps what does not depend on the mask. */
typedef enum manner { ALONE, FOLLOWED, AGAIN } manner;

static idf_status look(idf_session *s, const idf_image *grey, manner how, idf_error *err) {
    idf_look what = {.frame = grey,
                     .whole = &s->whole,
                     .rows = s->rows,
                     .n_rows = shortlist(s, how == FOLLOWED),
                     .masked = s->masked,
                     .unseen = embed_quad,
                     .context = s,
                     .more = how == FOLLOWED,
                     .again = how == AGAIN};
    idf_status status = idf_looker_look(s->looker, &what, &s->sightings, err);
    if (status == IDF_OK && !s->matcher->encoder->class_->wants_features)
        status = embed_pictures(s, err);
    release_pictures(s);
    return status == IDF_OK && s->n_regions > FIXED ? search(s, FIXED, err) : status;
}

static idf_status begin(idf_session *s, const idf_image *frame, idf_answer *answer,
                        idf_error *err) {
    answer->n_detections = answer->n_ranking = 0;
    answer->image_width = frame->width;
    answer->image_height = frame->height;
    s->frame = frame;
    s->sightings.n = 0;
    s->n_looks = 0;
    s->looks_before = idf_looker_n_looks(s->looker);
    return answer_reserve(answer, s->matcher->top_k, err);
}

/* Features and vectors of the frame as a whole. */
static idf_status embed_frame(idf_session *s, const idf_image *grey, idf_error *err) {
    static const float centre[4] = {0.1f, 0.05f, 0.9f, 0.95f}, all[4] = {0, 0, 1, 1};
    s->n_regions = 0;
    s->n_looks++;
    idf_status status = idf_extract(s->extractor, grey, IDF_ENCODER_FEATURES, &s->whole, err);
    if (status == IDF_OK)
        status = embed_box(s, all, &s->whole, err);
    if (status == IDF_OK) {
        const idf_features part = features_in(s, &s->whole, centre);
        status = embed_box(s, centre, &part, err);
    }
    return status;
}

/* Embeds the frame and looks at all of it; grey is what both make of it. */
static idf_status look_into_grey(idf_session *s, const idf_image *grey, manner how,
                                 idf_error *err) {
    idf_status status = how == AGAIN ? IDF_OK : embed_frame(s, grey, err);
    s->n_regions = s->n_regions < FIXED ? s->n_regions : FIXED;
    if (status == IDF_OK)
        status = search(s, 0, err);
    return status == IDF_OK ? look(s, grey, how, err) : status;
}

static idf_status look_at_all(idf_session *s, manner how, idf_error *err) {
    idf_image grey;
    if (s->frame->channels == 1)
        return look_into_grey(s, s->frame, how, err);
    idf_status status = idf_image_to_grey(&grey, s->frame, err);
    if (status == IDF_OK) {
        status = look_into_grey(s, &grey, how, err);
        idf_image_release(&grey);
    }
    return status;
}

/* Without a look at the whole frame the embedding's neighbours are those of an earlier one: good
 * for the ranking, not for finding things. */
static void finish(idf_session *s, bool looked_at_all, double started, idf_answer *answer) {
    const idf_matcher *m = s->matcher;
    if (!looked_at_all)
        s->n_regions = FIXED;
    rank(s, answer);
    if (!looked_at_all)
        s->n_regions = 0;
    detect(s, answer);
    for (size_t i = 0; i < answer->n_detections; i++)
        rank_detection(m, answer, &answer->detections[i], answer->ranking + (i + 1) * m->top_k);
    s->n_looks += idf_looker_n_looks(s->looker) - s->looks_before;
    answer->elapsed_seconds = idf_clock_seconds() - started;
}

static idf_status match(idf_session *s, const idf_image *frame, manner how, idf_answer *answer,
                        idf_error *err) {
    double started = idf_clock_seconds();
    idf_status status = begin(s, frame, answer, err);
    if (status == IDF_OK)
        status = look_at_all(s, how, err);
    if (status == IDF_OK)
        finish(s, true, started, answer);
    return status;
}

idf_status idf_session_match(idf_session *s, const idf_image *frame, idf_answer *answer,
                             idf_error *err) {
    return match(s, frame, ALONE, answer, err);
}

idf_status idf_session_match_again(idf_session *s, idf_answer *answer, idf_error *err) {
    return match(s, s->frame, AGAIN, answer, err);
}

idf_status idf_session_rank_by_embedding(idf_session *s, size_t row, size_t *place,
                                         idf_error *err) {
    const uint8_t *masked = s->masked;
    *place = SIZE_MAX;
    s->masked = NULL;
    idf_status status = search(s, 0, err);
    s->masked = masked;
    size_t n = status == IDF_OK ? sort_ranked(s, collect_hits(s)) : 0;
    for (size_t i = 0; i < n && i < s->matcher->top_k && *place == SIZE_MAX; i++)
        if (s->ranked[i].row == row)
            *place = i;
    return status;
}

/* --- a stream --- */

/* Looks for what was seen in the last frame. *enough: it is all there, and it is no turn of the
 * whole frame. */
static idf_status look_again(idf_session *s, bool *enough, idf_error *err) {
    const idf_look what = {.frame = s->frame, .masked = s->masked, .more = true};
    idf_place places[IDF_TRACKS_MAX];
    int n = 0;
    for (int i = 0; i < s->tracker.n; i++) {
        const idf_track *t = &s->tracker.tracks[i];
        if (t->n_unseen > 0)
            continue;
        places[n].row = t->row;
        memcpy(places[n++].corners, t->corners, sizeof t->corners);
    }
    *enough = false;
    if (n == 0)
        return IDF_OK;
    idf_status status =
        idf_looker_look_again(s->looker, &what, places, n, &s->sightings, enough, err);
    *enough = *enough && s->n_quick < QUICK_FRAMES && !s->by_embedding;
    return status;
}

/* Sightings that are sure enough to be followed, or that are followed already, are steadied by what
 * the stream knows; those that are neither stay what they are. */
static void steady(idf_session *s) {
    idf_sightings *all = &s->sightings, followed = {.n = 0};
    int at[IDF_SIGHTINGS_MAX], track[IDF_SIGHTINGS_MAX];
    for (int i = 0; i < all->n; i++) {
        const idf_sighting *seen = &all->items[i];
        double score = idf_geometry_score(&s->matcher->scale, idf_effective_evidence(seen));
        if (score < s->matcher->sim_threshold && !idf_tracker_expects(&s->tracker, seen))
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

void idf_session_forget(idf_session *s) {
    s->tracker = (idf_tracker){.n = 0, .last_id = s->tracker.last_id};
    s->n_quick = 0;
    s->by_embedding = false;
}

idf_status idf_session_follow(idf_session *s, const idf_image *frame, idf_answer *answer,
                              idf_error *err) {
    double started = idf_clock_seconds();
    bool enough;
    idf_status status = begin(s, frame, answer, err);
    if (frame->width != s->width || frame->height != s->height)
        idf_session_forget(s);
    s->width = frame->width;
    s->height = frame->height;
    if (status == IDF_OK)
        status = look_again(s, &enough, err);
    if (status == IDF_OK && !enough)
        status = look_at_all(s, FOLLOWED, err);
    if (status != IDF_OK)
        return status;
    steady(s);
    finish(s, !enough, started, answer);
    s->n_quick = enough ? s->n_quick + 1 : 0;
    if (!enough) {
        s->by_embedding = false;
        for (size_t i = 0; i < answer->n_detections; i++)
            s->by_embedding |= answer->detections[i].method == IDF_METHOD_EMBEDDING;
    }
    return IDF_OK;
}

void idf_answer_release(idf_answer *answer) {
    idf_free(answer->detections);
    idf_free(answer->ranking);
    memset(answer, 0, sizeof *answer);
}
