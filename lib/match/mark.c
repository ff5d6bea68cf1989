/* mark.c - pictures laid over one that shares features with them. */
#include "match/mark.h"

#include <math.h>
#include <string.h>

#include "match/surface.h"

enum {
    SIDE = IDF_SMALL_SIDE,
    CELLS = SIDE * SIDE,
    LEAST_SHOWN = 6, /* one in so many cells that two pictures both show, for them to be compared */
};
/* Share of the features that are common with others from which there is a mark to speak of, and
 * from which little else is left. */
static const double PART = 0.4, MOST = 0.65;
/* Difference of the logarithms of colours from which a cell shows something else, and the share of
 * the cells from which two pictures are different ones. */
static const float DIFFERS = 0.16f;
static const double DIFFERENT = 0.25;

/* A picture as it lies on the bearer: its colours less their mean over the cells that it shows. */
typedef struct overlay {
    float v[CELLS][3];
    bool shows[CELLS];
} overlay;

static void take_mean_away(overlay *o) {
    float sum[3] = {0, 0, 0}, n = 0;
    for (int i = 0; i < CELLS; i++)
        for (int k = 0; k < 3 && o->shows[i]; k++) {
            sum[k] += o->v[i][k];
            n += k == 0;
        }
    for (int i = 0; i < CELLS; i++)
        for (int k = 0; k < 3; k++)
            o->v[i][k] = o->shows[i] ? o->v[i][k] - sum[k] / n : 0;
}

/* The cell of the picture b that shows what cell i of a does, h being the map; -1: none. */
static int cell_at(int i, const idf_homography *h, const idf_features *a, const idf_features *b) {
    double x = (i % SIDE + 0.5) * a->width / SIDE - 0.5;
    double y = (double)(i / SIDE + 0.5) * a->height / SIDE - 0.5;
    idf_point at = idf_homography_apply(h, x, y);
    double u = (at.x + 0.5) * SIDE / b->width, v = (at.y + 0.5) * SIDE / b->height;
    bool inside = u >= 0 && v >= 0 && u < SIDE && v < SIDE;
    return inside ? (int)v * SIDE + (int)u : -1;
}

/* False where it shows too little of the bearer. */
static bool lay_over(overlay *o, const idf_homography *h, const idf_features *own,
                     const idf_shown *shown) {
    idf_homography back;
    int n = 0;
    if (shown->picture == NULL || !idf_homography_invert(&back, h))
        return false;
    for (int i = 0; i < CELLS; i++) {
        int cell = cell_at(i, &back, own, shown->features);
        o->shows[i] = cell >= 0;
        if (cell < 0)
            continue;
        idf_surface_colours(o->v[i], shown->picture + 3 * cell);
        n++;
    }
    take_mean_away(o);
    return n * LEAST_SHOWN >= CELLS;
}

static bool are_different(const overlay *a, const overlay *b) {
    int n = 0, n_different = 0;
    for (int i = 0; i < CELLS; i++) {
        if (!a->shows[i] || !b->shows[i])
            continue;
        float e = 0.5f * (a->v[i][0] - b->v[i][0]), f = a->v[i][1] - b->v[i][1],
              g = a->v[i][2] - b->v[i][2];
        n++;
        n_different += e * e + f * f + g * g >= DIFFERS * DIFFERS;
    }
    return n_different >= DIFFERENT * n && n * LEAST_SHOWN >= CELLS;
}

static void average(float out[CELLS][3], const overlay *others, int n) {
    for (int i = 0; i < CELLS; i++)
        for (int k = 0; k < 3; k++) {
            float sum = 0, shown = 0;
            for (int j = 0; j < n; j++) {
                sum += others[j].v[i][k];
                shown += others[j].shows[i];
            }
            out[i][k] = shown > 0 ? sum / shown : 0;
        }
}

/* Keeps of the others those that are different pictures, from the bearer and from each other. */
static int keep_different(overlay *laid, idf_cells *cells, const idf_features *own,
                          const idf_bearer *others, const idf_shown *shown, int n) {
    int kept = 1; /* the bearer */
    *cells = 0;
    for (int k = 0; k < n; k++) {
        bool different = lay_over(&laid[kept], &others[k].h, own, &shown[k]);
        for (int j = 0; j < kept && different; j++)
            different = are_different(&laid[kept], &laid[j]);
        kept += different;
        *cells |= different ? others[k].cells : 0;
    }
    return kept - 1;
}

bool idf_mark_find(idf_mark *out, const idf_shown *own, const idf_bearer *others,
                   const idf_shown *shown, int n) {
    static const idf_homography itself = {{1, 0, 0, 0, 1, 0, 0, 0, 1}};
    overlay laid[IDF_BEARERS_MAX + 1]; /* the bearer first */
    idf_cells any = 0;
    for (int k = 0; k < n; k++)
        any |= others[k].cells;
    if (n < IDF_MARK_MANY || idf_cells_share(own->features, any) < PART ||
        !lay_over(&laid[0], &itself, own->features, own))
        return false;
    int kept = keep_different(laid, &out->cells, own->features, others, shown, n);
    average(out->looks, laid + 1, kept);
    double share = idf_cells_share(own->features, out->cells);
    out->is_most = share >= MOST;
    return kept >= IDF_MARK_MANY && share >= PART;
}

void idf_mark_move(float out[CELLS][3], const idf_mark *mark, const idf_homography *h,
                   const idf_features *own, const idf_features *other) {
    static const float nothing[3] = {0, 0, 0};
    for (int i = 0; i < CELLS; i++) {
        int cell = cell_at(i, h, other, own);
        memcpy(out[i], cell >= 0 ? mark->looks[cell] : nothing, sizeof nothing);
    }
}
