/* unknown.c - what is plainly a thing, and none of the collection.
 *
 * The quadrilaterals that were looked into (match/regions.h) are many: lines of print, joints of a
 * floor, a window make some too. Of those in which nothing was named, a thing is what has an
 * outline almost all round, carries a picture or print, and is of a size with what was named beside
 * it. Of several that share a place the plainest and largest counts. */
#include <math.h>
#include <string.h>

#include "image/image.h"
#include "match/scene.h"
#include "match/scratch.h"

/* Of the outline, an edge; of the frame, what is covered; of the least thing that was named, too.
 */
static const double SUPPORT = 0.88, LEAST_AREA = 0.03, OF_NAMED = 0.4;
/* Width over height, either way. */
static const double LONGEST = 2.6;
/* What is printed on a thing: features, and the standard deviation of its brightness. */
static const double CONTRAST = 24;
enum { FEATURES = 40, GRID = 24 };
/* Of the lesser of two outlines, what they share at most. */
static const double SHARED = 0.25;
/* Of the score that a name needs: what has this much is not called unknown. */
static const double MAY_BE = 0.4;

static double area_of(const idf_point p[4]) {
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += p[i].x * p[(i + 1) & 3].y - p[(i + 1) & 3].x * p[i].y;
    return fabs(sum) / 2;
}

/* Of the lesser of two outlines, the part that is shared. */
static double shared(const idf_point a[4], const idf_point b[4]) {
    double overlap = idf_outline_overlap(a, b), s = area_of(a), t = area_of(b);
    return overlap / (1 + overlap) * (s + t) / fmax(1e-9, fmin(s, t));
}

static bool holds(const idf_point p[4], double x, double y) {
    for (int i = 0; i < 4; i++) {
        const idf_point *a = &p[i], *b = &p[(i + 1) & 3];
        if ((b->x - a->x) * (y - a->y) - (b->y - a->y) * (x - a->x) < 0)
            return false;
    }
    return true;
}

static bool has_features(const idf_features *f, double scale, const idf_point p[4]) {
    int n = 0;
    for (int i = 0; i < f->n && n < FEATURES; i++)
        n += holds(p, idf_feature_x(f, i) * scale, idf_feature_y(f, i) * scale);
    return n >= FEATURES;
}

/* The standard deviation of the brightness on a grid over the inner part. */
static double contrast_in(const idf_image *frame, const idf_point p[4]) {
    double sum = 0, squares = 0, n = GRID * GRID;
    for (int i = 0; i < GRID; i++)
        for (int j = 0; j < GRID; j++) {
            double u = 0.1 + 0.8 * i / (GRID - 1), v = 0.1 + 0.8 * j / (GRID - 1);
            double x =
                (1 - v) * ((1 - u) * p[0].x + u * p[1].x) + v * ((1 - u) * p[3].x + u * p[2].x);
            double y =
                (1 - v) * ((1 - u) * p[0].y + u * p[1].y) + v * ((1 - u) * p[3].y + u * p[2].y);
            const uint8_t *at = idf_image_row(frame, (int)fmin(y, frame->height - 1)) +
                                (size_t)fmin(x, frame->width - 1) * (size_t)frame->channels;
            double grey = frame->channels == 1 ? at[0] : (at[0] + 2 * at[1] + at[2]) / 4.0;
            sum += grey;
            squares += grey * grey;
        }
    return sqrt(fmax(0, squares / n - sum * sum / (n * n)));
}

/* Whether a quadrilateral is plainly a thing; `least`: pixels that it covers. */
static bool is_plain(const idf_call *call, const idf_image *frame, const idf_region *q,
                     double least) {
    const idf_features *whole = &call->scratch->whole;
    return q->kind == IDF_REGION_QUAD && q->support >= SUPPORT && area_of(q->corners) >= least &&
           q->aspect <= LONGEST && q->aspect >= 1 / LONGEST &&
           has_features(whole, (double)frame->width / whole->width, q->corners) &&
           contrast_in(frame, q->corners) >= CONTRAST;
}

/* What was found by now, as outlines in pixels. */
typedef struct places {
    idf_point corners[IDF_DETECTIONS_MAX + IDF_SIGHTINGS_MAX + IDF_UNKNOWN_MAX][4];
    size_t n;
} places;

static void add_place(places *p, const idf_point corners[4]) {
    memcpy(p->corners[p->n++], corners, sizeof p->corners[0]);
}

/* What was named, and what is too likely one of the collection to be called unknown. Returns the
 * area of the least thing that was named, 0 without any. */
static double add_named(places *p, const idf_call *call, const idf_image *frame,
                        const idf_answer *answer) {
    const idf_sightings *seen = &call->scratch->sightings;
    double least = 0;
    for (size_t i = 0; i < answer->n_detections; i++) {
        idf_point to[4];
        for (int k = 0; k < 4; k++) {
            const float *at = answer->detections[i].corners[k];
            to[k] = (idf_point){(double)at[0] * frame->width, (double)at[1] * frame->height};
        }
        add_place(p, to);
        least = i == 0 ? area_of(to) : fmin(least, area_of(to));
    }
    for (int i = 0; i < seen->n; i++)
        if (idf_geometry_score(&call->collection->scale, idf_effective_evidence(&seen->items[i])) >=
            MAY_BE * call->sim_threshold)
            add_place(p, seen->items[i].corners);
    return least;
}

static bool is_taken(const places *p, const idf_point corners[4]) {
    for (size_t i = 0; i < p->n; i++)
        if (shared(p->corners[i], corners) > SHARED)
            return true;
    return false;
}

static void add(idf_answer *answer, const idf_image *frame, const idf_point p[4]) {
    idf_unknown *u = &answer->unknown[answer->n_unknown++];
    *u = (idf_unknown){.x1 = 1, .y1 = 1};
    for (int i = 0; i < 4; i++) {
        float x = (float)(p[i].x / frame->width), y = (float)(p[i].y / frame->height);
        u->corners[i][0] = x;
        u->corners[i][1] = y;
        u->x1 = fminf(u->x1, x);
        u->y1 = fminf(u->y1, y);
        u->x2 = fmaxf(u->x2, x);
        u->y2 = fmaxf(u->y2, y);
    }
    u->area_fraction = (float)(area_of(p) / ((double)frame->width * frame->height));
}

void idf_answer_find_unknown(const idf_call *call, const idf_image *frame, idf_answer *answer) {
    places found = {.n = 0};
    bool plain[IDF_REGIONS_MAX];
    double least = LEAST_AREA * frame->width * frame->height;
    int n;
    const idf_region *quads = idf_looker_quads(call->scratch->looker, &n);
    least = fmax(least, OF_NAMED * add_named(&found, call, frame, answer));
    for (int i = 0; i < n; i++)
        plain[i] = is_plain(call, frame, &quads[i], least);
    answer->n_unknown = 0;
    while (answer->n_unknown < IDF_UNKNOWN_MAX) {
        double most = 0;
        int best = -1;
        for (int i = 0; i < n; i++) {
            double worth = quads[i].support * quads[i].support * sqrt(area_of(quads[i].corners));
            if (plain[i] && worth > most) {
                most = worth;
                best = i;
            }
        }
        if (best < 0)
            return;
        plain[best] = false;
        if (is_taken(&found, quads[best].corners))
            continue;
        add_place(&found, quads[best].corners);
        add(answer, frame, quads[best].corners);
    }
}
