/* confirm.c - one reference against one frame.
 *
 * Two looks. First the descriptor pairs vote for a map (local/estimate.h); what chance gives is
 * counted by how densely the frame's features lie where the pairs point. Then the map says where
 * every other feature of the reference should be, at which angle and size: those that are seen
 * there and look alike are evidence of their own, and refine the map. A thing that bends (a bottle,
 * an open book) is met by several maps: what one leaves unexplained is tried again nearby. */
#include "match/confirm.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "kernel/hamming.h"
#include "local/pose.h"
#include "match/scene.h"

enum {
    MAX_PIECES = 3,
    NEAR_MAX = 48,           /* features looked at around one place */
    SEEN_DISTANCE = 56,      /* bits; a feature in its place that differs less is seen */
    SEEN_TURN = 24,          /* 256ths of a turn (34 degrees) it may be off */
    MIN_FOR_SECOND_LOOK = 5, /* inliers */
    FIT_PASSES = 3,
};
/* A false map, too, meets features that pass: this share of those that stand in the right place at
 * the right angle and size (docs/matching.md says how it was measured). */
static const double SEEN_BY_CHANCE = 0.018;
/* They come in clumps, since one corner gives features on several levels and texture repeats. */
static const double CLUMP = 3;
/* Level differences beyond which a feature is not the expected one. */
static const double SEEN_STEPS = 2.5;
/* What agreement can be worth that does not fix how the thing lies: a hint. */
static const double UNFIXED_SCORE = 1.5;
/* How far from where the first map puts it (a share of the thing's size) a further piece may lie.
 */
static const double PIECE_REACH = 0.2;

struct idf_confirmer {
    idf_scene scene;
    idf_confirm_options options;
    idf_match_workspace *match;
    idf_pairing matches[IDF_MATCHES_MAX];
    idf_pairing set_match[IDF_MATCHES_MAX]; /* what each member of `set` is */
    idf_match_set set;
    idf_estimate estimate;
    idf_point_pair fit[IDF_MATCHES_MAX];
    float tolerance2[IDF_MATCHES_MAX];   /* of each pair of the fit */
    uint8_t explained[IDF_FEATURES_MAX]; /* reference features */
    uint8_t used[IDF_FEATURES_MAX];      /* frame features */
    float level_scale[32];               /* IDF_LOCAL_SCALE to the power of the level */
};

/* What a map says of all features. */
typedef struct pose {
    int turn;     /* 256ths */
    double steps; /* levels that features move up by */
    double scale;
} pose;

idf_status idf_confirmer_new(idf_confirmer **confirmer, const idf_confirm_options *options,
                             idf_error *err) {
    idf_confirmer *c = idf_alloc_zero(1, sizeof *c);
    *confirmer = NULL;
    if (!c || idf_match_workspace_new(&c->match, NULL)) {
        idf_free(c);
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for comparing features");
    }
    if (options)
        c->options = *options;
    if (!(c->options.limits.max_area > 0))
        c->options.limits = idf_homography_limits_default;
    c->options.match.skip = c->scene.skip;
    for (int level = 0; level < 32; level++)
        c->level_scale[level] = (float)pow(IDF_LOCAL_SCALE, level);
    *confirmer = c;
    return IDF_OK;
}

void idf_confirmer_free(idf_confirmer *confirmer) {
    if (!confirmer)
        return;
    idf_match_workspace_free(confirmer->match);
    idf_free(confirmer);
}

void idf_confirmer_set_frame(idf_confirmer *c, const idf_features *frame) {
    idf_scene_set(&c->scene, frame);
}

void idf_confirmer_take_out(idf_confirmer *c, const idf_confirmation *found) {
    for (int i = 0; i < found->n_pairs; i++)
        if (found->pairs[i].frame < c->scene.frame.n)
            c->scene.skip[found->pairs[i].frame] = 1;
}

/* Corners are found to about a pixel of the level they are found on, and maps of real things are
 * not quite flat: two pixels more. */
static float tolerance_of(const idf_confirmer *c, unsigned level) {
    return 2 + c->level_scale[level & 31];
}

static void add_to_set(idf_confirmer *c, const idf_features *r, idf_pairing match) {
    idf_match_set *set = &c->set;
    const idf_features *f = &c->scene.frame;
    const idf_keypoint *a = &r->keypoints[match.reference], *b = &f->keypoints[match.frame];
    int n = set->n++;
    float tolerance = tolerance_of(c, b->level);
    c->set_match[n] = match;
    set->x[n] = (float)idf_feature_x(r, match.reference);
    set->y[n] = (float)idf_feature_y(r, match.reference);
    set->u[n] = (float)idf_feature_x(f, match.frame);
    set->v[n] = (float)idf_feature_y(f, match.frame);
    set->tolerance[n] = tolerance;
    set->chance[n] = fminf(1, 3.14159f * tolerance * tolerance * c->scene.density[match.frame]);
    set->turn[n] = (uint8_t)(b->angle - a->angle);
    set->steps[n] = (int8_t)(b->level - a->level);
}

static void fill_set(idf_confirmer *c, const idf_features *r, const idf_pairing *matches, int n) {
    idf_match_set *set = &c->set;
    set->n = 0;
    set->width = r->width;
    set->height = r->height;
    set->frame_width = c->scene.frame.width;
    set->frame_height = c->scene.frame.height;
    for (int i = 0; i < n && set->n < IDF_MATCHES_MAX; i++)
        if (matches[i].reference < r->n && matches[i].reference < IDF_FEATURES_MAX &&
            matches[i].frame < c->scene.frame.n && !c->scene.skip[matches[i].frame])
            add_to_set(c, r, matches[i]);
}

static pose pose_of(const idf_homography *h, const idf_features *r) {
    double x = r->width / 2.0, y = r->height / 2.0;
    pose p;
    p.scale = fmax(1e-3, idf_homography_scale(h, x, y));
    p.turn = (int)lrint(idf_homography_rotation(h, x, y) * (256 / 360.0));
    p.steps = log(p.scale) / log(IDF_LOCAL_SCALE);
    return p;
}

static void add_pair(idf_confirmer *c, const idf_features *r, idf_pairing match,
                     idf_confirmation *out) {
    c->explained[match.reference] = 1;
    c->used[match.frame] = 1;
    if (out->n_pairs >= IDF_MATCHES_MAX)
        return;
    int n = out->n_pairs++;
    const idf_features *f = &c->scene.frame;
    out->pairs[n] = match;
    c->fit[n] = (idf_point_pair){
        (float)idf_feature_x(r, match.reference), (float)idf_feature_y(r, match.reference),
        (float)idf_feature_x(f, match.frame), (float)idf_feature_y(f, match.frame), 1};
    float tolerance = tolerance_of(c, f->keypoints[match.frame].level);
    c->tolerance2[n] = tolerance * tolerance;
}

/* The frame feature most like feature j among those that stand where the map puts it, -1 when none
 * is alike; *n_tried counts those that stood there. */
static int look_for(const idf_confirmer *c, const idf_features *r, int j, idf_point at,
                    const pose *p, int *n_tried, unsigned *distance) {
    uint16_t near[NEAR_MAX];
    const idf_keypoint *k = &r->keypoints[j];
    double level = k->level + p->steps;
    double radius = 1.5 * tolerance_of(c, level > 0 ? (unsigned)level : 0);
    int n = idf_scene_near(&c->scene, at.x, at.y, radius, near, NEAR_MAX), best = -1;
    *distance = SEEN_DISTANCE + 1;
    for (int q = 0; q < n; q++) {
        const idf_keypoint *f = &c->scene.frame.keypoints[near[q]];
        int turn = (int8_t)(uint8_t)(f->angle - k->angle - p->turn);
        if (c->used[near[q]] || (turn < 0 ? -turn : turn) > SEEN_TURN ||
            fabs(f->level - level) > SEEN_STEPS)
            continue;
        ++*n_tried;
        unsigned d =
            idf_hamming256(c->scene.frame.descriptors[near[q]].bits, r->descriptors[j].bits);
        if (d < *distance) {
            *distance = d;
            best = near[q];
        }
    }
    return best;
}

/* log10 of one over the probability (Chernoff's bound) that a Poisson count of mean `mean` reaches
 * `seen`; both in clumps. */
static double surprise(double seen, double mean) {
    seen /= CLUMP;
    mean = (mean + 1) / CLUMP;
    return seen > mean ? (seen * log(seen / mean) - seen + mean) / 2.302585092994046 : 0;
}

/* The second look: every feature of the reference that no map has explained yet. Returns its
 * evidence. */
static double look_again(idf_confirmer *c, const idf_features *r, const idf_homography *h,
                         idf_confirmation *out) {
    pose p = pose_of(h, r);
    int n_tried = 0, n_seen = 0, n_visible = 0;
    for (int j = 0; j < r->n && j < IDF_FEATURES_MAX; j++) {
        idf_point at = idf_homography_apply(h, idf_feature_x(r, j), idf_feature_y(r, j));
        double level = r->keypoints[j].level + p.steps;
        if (!(at.x >= 0 && at.y >= 0 && at.x < c->scene.frame.width &&
              at.y < c->scene.frame.height) ||
            level < -1.5 || level > IDF_LOCAL_LEVELS + 0.5)
            continue;
        n_visible++;
        if (c->explained[j])
            continue;
        unsigned distance;
        int best = look_for(c, r, j, at, &p, &n_tried, &distance);
        if (best < 0)
            continue;
        n_seen++;
        add_pair(c, r, (idf_pairing){(uint16_t)j, (uint16_t)best, (uint16_t)distance}, out);
    }
    out->n_tried += n_tried;
    out->n_seen += n_seen;
    if (out->n_pieces == 0)
        out->n_visible = n_visible;
    return surprise(n_seen, SEEN_BY_CHANCE * n_tried);
}

/* Fits the map to all pairs from `first` on, the farther the lighter (Tukey's biweight). */
static void refine(idf_confirmer *c, const idf_features *r, int first, idf_confirmation *out) {
    int n = out->n_pairs - first;
    idf_point_pair *pairs = c->fit + first;
    idf_homography h = out->h;
    if (n < 12)
        return;
    for (int pass = 0; pass < FIT_PASSES; pass++) {
        for (int i = 0; i < n; i++) {
            idf_point at = idf_homography_apply(&h, pairs[i].x, pairs[i].y);
            double dx = at.x - pairs[i].u, dy = at.y - pairs[i].v;
            double error = (dx * dx + dy * dy) / (2.25 * c->tolerance2[first + i]);
            pairs[i].weight =
                error < 1 ? (float)((1 - error) * (1 - error)) / c->tolerance2[first + i] : 0;
        }
        if (!idf_homography_fit(&h, pairs, n))
            return;
    }
    if (idf_homography_sane(&h, r->width, r->height, c->scene.frame.width, c->scene.frame.height,
                            &c->options.limits))
        out->h = h;
}

/* Drops from the set what is explained, and what lies far from where h puts it. */
static void keep_neighbours(idf_confirmer *c, const idf_features *r, const idf_homography *h) {
    pose p = pose_of(h, r);
    double reach = PIECE_REACH * p.scale * fmax(r->width, r->height);
    int n = c->set.n;
    c->set.n = 0;
    for (int i = 0; i < n; i++) {
        idf_pairing match = c->set_match[i];
        idf_point at = idf_homography_apply(h, c->set.x[i], c->set.y[i]);
        double dx = at.x - c->set.u[i], dy = at.y - c->set.v[i];
        if (!c->explained[match.reference] && !c->used[match.frame] &&
            dx * dx + dy * dy < reach * reach)
            add_to_set(c, r, match);
    }
}

/* Takes over the estimate's map as one more piece. Returns its evidence. */
static double add_piece(idf_confirmer *c, const idf_features *r, idf_confirmation *out) {
    const idf_estimate *e = &c->estimate;
    int first = out->n_pairs;
    for (int i = 0; i < c->set.n; i++)
        if (e->inlier[i] && !c->explained[c->set_match[i].reference])
            add_pair(c, r, c->set_match[i], out);
    double score = e->score;
    if (e->n_distinct >= MIN_FOR_SECOND_LOOK)
        score += look_again(c, r, &e->h, out);
    if (out->n_pieces == 0) {
        out->h = e->h;
        refine(c, r, first, out);
    }
    out->n_inliers += e->n_distinct;
    out->n_pieces++;
    return score;
}

static double spread_of(const idf_confirmer *c, const idf_features *r,
                        const idf_confirmation *out) {
    uint32_t cells = 0;
    for (int i = 0; i < out->n_pairs; i++) {
        int x = (int)(5 * c->fit[i].x / (float)r->width),
            y = (int)(5 * c->fit[i].y / (float)r->height);
        if (x >= 0 && x < 5 && y >= 0 && y < 5)
            cells |= 1u << (5 * y + x);
    }
    return __builtin_popcount(cells) / 25.0;
}

void idf_confirm_matches(idf_confirmer *c, const idf_features *r, const idf_pairing *matches,
                         int n_matches, idf_confirmation *out) {
    memset(out, 0, offsetof(idf_confirmation, pairs));
    if (r->n < 1 || c->scene.frame.n < 1 || n_matches < 1)
        return;
    fill_set(c, r, matches, n_matches);
    out->n_matches = c->set.n;
    idf_estimate_map(&c->set, &c->options.limits, &c->estimate);
    if (c->estimate.n_inliers == 0)
        return;
    memset(c->explained, 0, sizeof c->explained);
    memset(c->used, 0, sizeof c->used);
    out->score = add_piece(c, r, out);
    while (out->score > 0 && out->n_pieces < MAX_PIECES) {
        keep_neighbours(c, r, &out->h);
        idf_estimate_map(&c->set, &c->options.limits, &c->estimate);
        if (c->estimate.n_distinct < MIN_FOR_SECOND_LOOK)
            break;
        out->score += fmax(0, add_piece(c, r, out));
    }
    out->score = fmax(0, out->score);
    if (!idf_pose_is_fixed(c->fit, out->n_pairs, tolerance_of(c, 0)))
        out->score = fmin(out->score, UNFIXED_SCORE);
    out->n_found = out->n_pairs;
    out->spread = spread_of(c, r, out);
    out->rotation_degrees = idf_homography_rotation(&out->h, r->width / 2.0, r->height / 2.0);
    if (!idf_homography_corners(&out->h, r->width, r->height, out->corners))
        memset(out, 0, offsetof(idf_confirmation, pairs));
}

void idf_confirm(idf_confirmer *c, const idf_features *reference, idf_confirmation *out) {
    int n;
    idf_match_features(reference, &c->scene.frame, &c->options.match, c->match, c->matches, &n);
    idf_confirm_matches(c, reference, c->matches, n, out);
}
