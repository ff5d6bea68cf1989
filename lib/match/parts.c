/* parts.c - the common part of two references, and the likelihood of what was seen of the rest. */
#include "match/parts.h"

#include <math.h>
#include <string.h>

#include "match/scene.h"

enum { SIDE = 8, COVER_SIDE = 5 };
/* A cell is seen when its features are found at this share of the rate of all. */
static const double COVER_LEAST = 0.3;
/* Where the frame has fewer features than this share of what it has in cells that are seen, glare,
 * a finger or the edge of the sharp part hides the thing: that speaks neither for nor against it.
 * So much of the reference can be excused. */
static const double HIDDEN_LEAST = 0.35, HIDDEN_MOST = 0.3;
/* Evidence at which two references count as having something in common. */
static const double COMMON_SCORE = 4;
/* Share of a cell's features that must be met in the other for the cell to be common. */
static const double COMMON_SHARE = 0.25;
/* Of features that are not there, this share is found all the same: chance, and cells counted as
 * the reference's own although part of them is not. */
static const double FOUND_BY_CHANCE = 0.04;
/* The own part may be seen that much worse than the common one: glare, fingers, another paper. */
static const double OWN_WORSE = 0.7;
/* Features come in clumps (one corner on several levels). */
static const double CLUMP = 2;

static int cell_of(const idf_features *r, int i, int side) {
    int x = (int)(side * idf_feature_x(r, i) / r->width);
    int y = (int)(side * idf_feature_y(r, i) / r->height);
    x = x < 0 ? 0 : x >= side ? side - 1 : x;
    y = y < 0 ? 0 : y >= side ? side - 1 : y;
    return side * y + x;
}

static int count_of(const idf_features *f) {
    return f->n < IDF_FEATURES_MAX ? f->n : IDF_FEATURES_MAX;
}

/* The cells of a reference in which enough of its features were met. */
static idf_cells cells_met(const idf_features *f, const int met[SIDE * SIDE]) {
    int all[SIDE * SIDE] = {0};
    idf_cells cells = 0;
    for (int i = 0; i < count_of(f); i++)
        all[cell_of(f, i, SIDE)]++;
    for (int k = 0; k < SIDE * SIDE; k++)
        if (met[k] > 0 && met[k] >= COMMON_SHARE * all[k])
            cells |= (idf_cells)1 << k;
    return cells;
}

idf_common idf_common_cells(const idf_features *a, const idf_features *b,
                            const idf_confirmation *seen) {
    int met_a[SIDE * SIDE] = {0}, met_b[SIDE * SIDE] = {0};
    if (seen->score < COMMON_SCORE)
        return (idf_common){0, 0};
    for (int i = 0; i < seen->n_pairs; i++) {
        met_a[cell_of(a, seen->pairs[i].frame, SIDE)]++;
        met_b[cell_of(b, seen->pairs[i].reference, SIDE)]++;
    }
    return (idf_common){cells_met(a, met_a), cells_met(b, met_b)};
}

double idf_cells_share(const idf_features *reference, idf_cells cells) {
    int n = count_of(reference), inside = 0;
    for (int i = 0; i < n; i++)
        inside += (int)(cells >> cell_of(reference, i, SIDE) & 1);
    return n > 0 ? (double)inside / n : 0;
}

double idf_parts_own_evidence(const idf_parts *p, double by_chance) {
    if (p->n_own == 0)
        return 0;
    double shared_rate = (p->found_shared + 1.0) / (p->n_shared + 2.0);
    double there = fmin(0.95, fmax(2 * by_chance, OWN_WORSE * shared_rate));
    double ratio = p->found_own * log10(there / by_chance) +
                   (p->n_own - p->found_own) * log10((1 - there) / (1 - by_chance));
    return ratio / CLUMP;
}

/* Which features of the reference should be in view. */
typedef struct view {
    const idf_features *r;
    const idf_confirmation *seen;
    int width, height; /* of the frame */
    double steps;      /* levels that the reference's features are shifted by */
    uint8_t is_found[IDF_FEATURES_MAX];
} view;

static void view_of(view *v, const idf_features *r, const idf_confirmation *seen, int width,
                    int height) {
    *v = (view){.r = r, .seen = seen, .width = width, .height = height};
    v->steps = log(fmax(1e-3, idf_homography_scale(&seen->h, r->width / 2.0, r->height / 2.0))) /
               log(IDF_LOCAL_SCALE);
    for (int i = 0; i < seen->n_pairs; i++)
        if (seen->pairs[i].reference < IDF_FEATURES_MAX)
            v->is_found[seen->pairs[i].reference] = 1;
}

static bool is_in_view(const view *v, int i) {
    idf_point at =
        idf_homography_apply(&v->seen->h, idf_feature_x(v->r, i), idf_feature_y(v->r, i));
    double level = v->r->keypoints[i].level + v->steps;
    return v->is_found[i] || (at.x >= 0 && at.y >= 0 && at.x < v->width && at.y < v->height &&
                              level >= 0 && level <= IDF_LOCAL_LEVELS - 1);
}

/* Counts the frame's features in each cell of the reference's picture. */
static void count_shown(int shown[], const view *v, const idf_features *frame) {
    idf_homography back;
    if (!idf_homography_invert(&back, &v->seen->h))
        return;
    for (int i = 0; i < frame->n; i++) {
        idf_point at =
            idf_homography_apply(&back, idf_feature_x(frame, i), idf_feature_y(frame, i));
        double x = at.x * COVER_SIDE / v->r->width, y = at.y * COVER_SIDE / v->r->height;
        if (x >= 0 && y >= 0 && x < COVER_SIDE && y < COVER_SIDE)
            shown[COVER_SIDE * (int)y + (int)x]++;
    }
}

double idf_coverage(const idf_features *r, const idf_confirmation *seen,
                    const idf_features *frame) {
    enum { CELLS = COVER_SIDE * COVER_SIDE };
    int visible[CELLS] = {0}, found[CELLS] = {0}, shown[CELLS] = {0};
    double all = 0, all_found = 0, covered = 0, shown_there = 0, hidden = 0;
    view v;
    view_of(&v, r, seen, frame->width, frame->height);
    for (int i = 0; i < count_of(r); i++) {
        if (!is_in_view(&v, i))
            continue;
        visible[cell_of(r, i, COVER_SIDE)]++;
        found[cell_of(r, i, COVER_SIDE)] += v.is_found[i];
        all++;
        all_found += v.is_found[i];
    }
    count_shown(shown, &v, frame);
    if (all_found == 0)
        return 0;
    uint8_t is_covered[CELLS];
    for (int k = 0; k < CELLS; k++) {
        is_covered[k] = found[k] > COVER_LEAST * visible[k] * all_found / all;
        covered += is_covered[k] ? visible[k] : 0;
        shown_there += is_covered[k] ? shown[k] : 0;
    }
    for (int k = 0; k < CELLS; k++)
        if (!is_covered[k] && shown[k] * covered < HIDDEN_LEAST * shown_there * visible[k])
            hidden += visible[k];
    return covered / (all - fmin(hidden, HIDDEN_MOST * all));
}

void idf_parts_divide(idf_parts *out, const idf_features *r, idf_cells shared,
                      const idf_confirmation *seen, const int frame_size[2]) {
    view v;
    view_of(&v, r, seen, frame_size[0], frame_size[1]);
    memset(out, 0, sizeof *out);
    for (int i = 0; i < count_of(r); i++) {
        if (!is_in_view(&v, i))
            continue;
        bool is_shared = shared >> cell_of(r, i, SIDE) & 1;
        *(is_shared ? &out->n_shared : &out->n_own) += 1;
        *(is_shared ? &out->found_shared : &out->found_own) += v.is_found[i];
    }
    out->own_evidence = idf_parts_own_evidence(out, FOUND_BY_CHANCE);
}
