/* sighting.c - places in a frame: mapping, merging, covering. */
#include "match/sighting.h"

#include <math.h>
#include <stdlib.h>

/* Outlines that overlap more are one place. */
static const double SAME_PLACE = 0.5;
/* Evidence of what need not be looked for again. */
static const double BEYOND_DOUBT = 15;

idf_homography idf_working_to_frame(const idf_features *working, int width, int height) {
    double x = (double)width / working->width, y = (double)height / working->height;
    return (idf_homography){{x, 0, (x - 1) / 2, 0, y, (y - 1) / 2, 0, 0, 1}};
}

bool idf_sighting_from_thing(idf_sighting *out, const idf_thing *thing,
                             const idf_homography *back) {
    const idf_confirmation *c = &thing->seen;
    *out = (idf_sighting){
        .row = thing->row,
        .evidence = c->score,
        .coverage = thing->coverage,
        .n_inliers = c->n_inliers,
        .n_found = c->n_found,
        .n_visible = c->n_visible,
        .rival_row = thing->rival_row,
        .rival_evidence = thing->rival_score,
        .rival_shared = thing->rival_shared,
        .own_evidence = thing->own_evidence,
        .lead = thing->lead,
    };
    for (int i = 0; i < 4; i++) {
        idf_point p = idf_homography_apply(back, c->corners[i].x, c->corners[i].y);
        if (!isfinite(p.x) || !isfinite(p.y))
            return false;
        out->corners[i] = (idf_point){p.x + 0.5, p.y + 0.5};
    }
    const idf_point *q = out->corners;
    /* along the thing's own horizontal, taken in its middle */
    out->rotation_degrees =
        atan2(q[1].y + q[2].y - q[0].y - q[3].y, q[1].x + q[2].x - q[0].x - q[3].x) *
        (180 / 3.14159265358979323846);
    return true;
}

void idf_sighting_weigh(idf_sighting *seen, const idf_thing_other *other, double surface) {
    double lead = other->lead + surface;
    seen->rival_row = other->row;
    seen->rival_evidence = other->score;
    seen->rival_shared = other->shared;
    seen->lead = lead;
    if (lead >= 0 || surface >= 0)
        return;
    seen->lead = fmin(-lead, -surface);
    seen->rival_row = seen->row;
    seen->rival_evidence = seen->evidence;
    seen->row = other->row;
    seen->evidence = other->score;
}

void idf_sightings_add(idf_sightings *list, const idf_sighting *seen) {
    for (int i = 0; i < list->n; i++) {
        idf_sighting *at = &list->items[i];
        if (idf_outline_overlap(at->corners, seen->corners) <= SAME_PLACE)
            continue;
        idf_sighting weaker = *seen;
        if (seen->evidence > at->evidence) {
            weaker = *at;
            *at = *seen;
        }
        if (weaker.row != at->row && at->rival_row == SIZE_MAX) {
            at->rival_row = weaker.row;
            at->rival_evidence = weaker.evidence;
        }
        return;
    }
    if (list->n < IDF_SIGHTINGS_MAX)
        list->items[list->n++] = *seen;
}

static int compare(const void *a, const void *b) {
    const idf_sighting *x = a, *y = b;
    if (x->evidence != y->evidence)
        return x->evidence < y->evidence ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

static double area_of(const idf_point p[4]) {
    double twice = 0;
    for (int i = 0; i < 4; i++)
        twice += p[i].x * p[(i + 1) % 4].y - p[(i + 1) % 4].x * p[i].y;
    return fabs(twice) / 2;
}

/* On the inner side of all four sides of a clockwise outline. */
static bool holds(const idf_point p[4], idf_point at) {
    for (int i = 0; i < 4; i++) {
        const idf_point *a = &p[i], *b = &p[(i + 1) % 4];
        if ((b->x - a->x) * (at.y - a->y) - (b->y - a->y) * (at.x - a->x) < 0)
            return false;
    }
    return true;
}

static idf_point middle_of(const idf_point p[4]) {
    return (idf_point){(p[0].x + p[1].x + p[2].x + p[3].x) / 4,
                       (p[0].y + p[1].y + p[2].y + p[3].y) / 4};
}

/* Whether `seen` is a shadow of what is there: its own row is seen there beyond doubt. */
static bool repeats(const idf_sightings *list, const idf_sighting *seen) {
    for (int i = 0; i < list->n && seen->evidence < BEYOND_DOUBT; i++) {
        const idf_sighting *s = &list->items[i];
        if (s->row == seen->row && s->evidence >= BEYOND_DOUBT &&
            holds(s->corners, middle_of(seen->corners)))
            return true;
    }
    return false;
}

void idf_sightings_sort(idf_sightings *list) {
    int kept = 0;
    qsort(list->items, (size_t)list->n, sizeof *list->items, compare);
    for (int i = 0; i < list->n; i++) {
        const idf_sighting seen = list->items[i];
        if (!repeats(list, &seen))
            list->items[kept++] = seen;
    }
    list->n = kept;
}

bool idf_sightings_cover(const idf_sightings *list, const idf_point corners[4]) {
    idf_point middle = middle_of(corners);
    for (int i = 0; i < list->n; i++) {
        const idf_sighting *s = &list->items[i];
        if (s->evidence < BEYOND_DOUBT)
            continue;
        if (idf_outline_overlap(s->corners, corners) > SAME_PLACE ||
            (holds(s->corners, middle) && area_of(corners) < area_of(s->corners)))
            return true;
    }
    return false;
}

bool idf_sightings_hold(const idf_sightings *list, idf_point at) {
    for (int i = 0; i < list->n; i++)
        if (list->items[i].evidence >= BEYOND_DOUBT && holds(list->items[i].corners, at))
            return true;
    return false;
}

double idf_sightings_cover_part(const idf_sightings *list, int width, int height) {
    double most = 0;
    for (int i = 0; i < list->n; i++)
        if (list->items[i].evidence >= BEYOND_DOUBT)
            most = fmax(most, area_of(list->items[i].corners) / ((double)width * height));
    return fmin(1, most);
}
