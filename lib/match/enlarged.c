/* enlarged.c - tiles of large frames, quarters of small ones. */
#include "match/enlarged.h"

#include <math.h>
#include <string.h>

#include "match/scene.h"

enum {
    TILE_UNEXPLAINED = 35, /* features of the whole frame that make a tile worth a look */
    QUARTER_WORTH = 12,    /* and a quarter */
};
/* Side of a tile, as a part of the frame's shorter side, and the step from one to the next, as a
 * part of a tile. */
static const double TILE = 0.42, TILE_STEP = 1.0 / 3;
/* Sides of a quarter, as a part of the frame's: of 640 pixels it shows almost twice as much as the
 * whole frame does. So many times its pixels are enlarged at most. */
static const double QUARTER = 0.54, QUARTER_MOST = 3;

static idf_region upright(double x, double y, double width, double height) {
    return (idf_region){
        .kind = IDF_REGION_CENTRE,
        .corners = {{x, y}, {x + width, y}, {x + width, y + height}, {x, y + height}},
        .aspect = width / height};
}

void idf_tiles_begin(idf_tiles *t, const idf_features *whole, const idf_image *frame) {
    t->whole = whole;
    t->scale = (double)frame->width / whole->width;
    t->side = TILE * (whole->width < whole->height ? whole->width : whole->height);
    memset(t->explained, 0, sizeof t->explained);
}

/* Collects the features that nothing explains. */
static void collect(idf_tiles *t, const idf_sightings *seen) {
    t->n = 0;
    for (int i = 0; i < t->whole->n; i++) {
        double x = idf_feature_x(t->whole, i), y = idf_feature_y(t->whole, i);
        t->explained[i] |= idf_sightings_hold(seen, (idf_point){x * t->scale, y * t->scale});
        if (t->explained[i])
            continue;
        t->x[t->n] = (float)x;
        t->y[t->n++] = (float)y;
    }
}

/* Those of them that lie in the tile at a place. */
static int count_inside(const idf_tiles *t, idf_point at) {
    float left = (float)at.x, top = (float)at.y;
    float right = (float)(at.x + t->side), bottom = (float)(at.y + t->side);
    int n = 0;
    for (int i = 0; i < t->n; i++) /* without branches: a vector loop */
        n += (t->x[i] >= left) & (t->x[i] < right) & (t->y[i] >= top) & (t->y[i] < bottom);
    return n;
}

bool idf_tiles_next(idf_tiles *t, const idf_sightings *seen, idf_region *tile) {
    const idf_features *f = t->whole;
    double side = t->side, step = side * TILE_STEP;
    idf_point best = {0, 0};
    int most = 0;
    collect(t, seen);
    for (double y = 0; y + side < f->height + step; y += step)
        for (double x = 0; x + side < f->width + step; x += step) {
            idf_point at = {fmin(x, f->width - side), fmin(y, f->height - side)};
            int n = count_inside(t, at);
            if (n > most) {
                most = n;
                best = at;
            }
        }
    if (most < TILE_UNEXPLAINED)
        return false;
    *tile = upright(best.x * t->scale, best.y * t->scale, side * t->scale, side * t->scale);
    for (int i = 0; i < f->n; i++) {
        double u = idf_feature_x(f, i) - best.x, v = idf_feature_y(f, i) - best.y;
        t->explained[i] |= u > side / 6 && v > side / 6 && u < side * 5 / 6 && v < side * 5 / 6;
    }
    return true;
}

/* Features of the whole frame in an upright region. */
static int count_features_in(const idf_features *f, double scale, const idf_region *r) {
    int n = 0;
    for (int i = 0; i < f->n; i++) {
        double x = idf_feature_x(f, i) * scale, y = idf_feature_y(f, i) * scale;
        n += x >= r->corners[0].x && y >= r->corners[0].y && x < r->corners[2].x &&
             y < r->corners[2].y;
    }
    return n;
}

int idf_quarters(const idf_features *whole, const idf_image *frame, idf_region out[IDF_QUARTERS]) {
    double width = QUARTER * frame->width, height = QUARTER * frame->height;
    int n = 0;
    for (int k = 0; k < IDF_QUARTERS; k++) {
        idf_region r = upright(k % 2 * (frame->width - width), k / 2 * (frame->height - height),
                               width, height);
        r.most_enlarged = QUARTER_MOST;
        if (count_features_in(whole, (double)frame->width / whole->width, &r) >= QUARTER_WORTH)
            out[n++] = r;
    }
    return n;
}
