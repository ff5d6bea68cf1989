/* parts.c - the common part of two references, and the likelihood of what was seen of the rest. */
#include "match/parts.h"

#include <math.h>
#include <string.h>

#include "match/scene.h"

enum { SIDE = 8, COVER_SIDE = 5 };
/* A cell is seen when its features are found at this share of the rate of all. */
static const double COVER_LEAST = 0.3;
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
/* What is not seen may be covered, once in ten times: that bounds what its absence says. */
static const double COVERED = 1;

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

static double coverage_of(const int visible[], const int found[], double rate) {
    int covered = 0, all = 0;
    for (int k = 0; k < COVER_SIDE * COVER_SIDE; k++) {
        all += visible[k];
        if (found[k] > COVER_LEAST * rate * visible[k])
            covered += visible[k];
    }
    return all > 0 ? (double)covered / all : 0;
}

static double own_evidence(const idf_parts *p) {
    if (p->n_own == 0)
        return 0;
    double shared_rate = (p->found_shared + 1.0) / (p->n_shared + 2.0);
    double there = fmin(0.95, fmax(2 * FOUND_BY_CHANCE, OWN_WORSE * shared_rate));
    double ratio = p->found_own * log10(there / FOUND_BY_CHANCE) +
                   (p->n_own - p->found_own) * log10((1 - there) / (1 - FOUND_BY_CHANCE));
    return fmax(-COVERED, ratio / CLUMP);
}

void idf_parts_divide(idf_parts *out, const idf_features *r, idf_cells shared,
                      const idf_confirmation *seen, const int frame_size[2]) {
    uint8_t is_found[IDF_FEATURES_MAX] = {0};
    int visible[COVER_SIDE * COVER_SIDE] = {0}, found[COVER_SIDE * COVER_SIDE] = {0};
    double steps =
        log(fmax(1e-3, idf_homography_scale(&seen->h, r->width / 2.0, r->height / 2.0))) /
        log(IDF_LOCAL_SCALE);
    memset(out, 0, sizeof *out);
    for (int i = 0; i < seen->n_pairs; i++)
        if (seen->pairs[i].reference < IDF_FEATURES_MAX)
            is_found[seen->pairs[i].reference] = 1;
    for (int i = 0; i < count_of(r); i++) {
        idf_point at = idf_homography_apply(&seen->h, idf_feature_x(r, i), idf_feature_y(r, i));
        double level = r->keypoints[i].level + steps;
        bool in_view = at.x >= 0 && at.y >= 0 && at.x < frame_size[0] && at.y < frame_size[1] &&
                       level >= 0 && level <= IDF_LOCAL_LEVELS - 1;
        if (!in_view && !is_found[i])
            continue;
        bool is_shared = shared >> cell_of(r, i, SIDE) & 1;
        *(is_shared ? &out->n_shared : &out->n_own) += 1;
        *(is_shared ? &out->found_shared : &out->found_own) += is_found[i];
        visible[cell_of(r, i, COVER_SIDE)]++;
        found[cell_of(r, i, COVER_SIDE)] += is_found[i];
    }
    int n = out->n_shared + out->n_own, k = out->found_shared + out->found_own;
    out->coverage = n > 0 ? coverage_of(visible, found, (double)k / n) : 0;
    out->own_evidence = own_evidence(out);
}
