/* estimate.c - from a set of matches, most of them false, to a map.
 *
 * A keypoint has a place, an angle and a level, so one match alone says how the whole reference
 * would lie in the frame (Lowe 2004, section 7.3). Matches that say nearly the same form a cluster,
 * and within a cluster right matches are common enough that a few dozen random triples contain a
 * clean one: RANSAC (Fischler and Bolles 1981) with affine samples, scored by MSAC (Torr and
 * Zisserman 2000), each new best refitted on its inliers with a shrinking tolerance (Chum, Matas
 * and Kittler, "Locally optimized RANSAC", 2003) until it is a homography.
 *
 * The score is a contrario (Moisan and Stival, "A probabilistic criterion to detect rigid point
 * matches", 2004): how often would k of n false matches agree on one of the maps that four of them
 * define? */
#include "local/estimate.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"

enum {
    N_CLUSTERS = 3,        /* poses tried */
    SEEDS_MAX = 200,       /* matches, the most alike ones, that a cluster may grow from */
    MIN_SUPPORT = 4,       /* matches in a cluster worth looking at */
    CLUSTER_TURN = 20,     /* 256ths of a turn (28 degrees) between matches of one cluster */
    CLUSTER_STEPS = 2,     /* pyramid levels */
    CANDIDATE_TURN = 36,   /* 51 degrees: what tilt and angle noise add up to across one thing */
    CANDIDATE_STEPS = 3,   /* as much for the scale */
    MIN_SAMPLES = 12,      /* triples drawn */
    MAX_SAMPLES = 160,     /* enough to meet a clean triple when a third of the cluster is right */
    MIN_HOMOGRAPHY = 7,    /* inliers below which the fit stays affine */
    GRID = 5,              /* spread is counted in GRID x GRID cells of the reference */
    FULL_SPREAD_CELLS = 5, /* with that many cells hit the score loses nothing */
    SPOT_CELLS = 160,      /* a spot is 1/160 of the longer side */
};
/* How far apart (in units of the thing's size) the centres may be that one cluster predicts. */
static const double CLUSTER_CENTRE = 0.3;
/* Poses told apart by the vote, in powers of ten: 8 turns times 5 scales. It multiplies the number
 * of maps that chance may try. */
static const double LOG_POSES = 1.6;

/* The matches of one pose, an array a quantity so that the compiler can use vectors. */
typedef struct candidates {
    int n;
    int n_cluster; /* the first n_cluster are the cluster's own */
    uint16_t index[IDF_MATCHES_MAX];
    float x[IDF_MATCHES_MAX], y[IDF_MATCHES_MAX], u[IDF_MATCHES_MAX], v[IDF_MATCHES_MAX];
    float inverse[IDF_MATCHES_MAX]; /* 1 / tolerance^2 */
    float
        error[IDF_MATCHES_MAX]; /* of the last map looked at, in units of the tolerance, squared */
    idf_point_pair pairs[IDF_MATCHES_MAX];
} candidates;

typedef struct votes {
    float centre_x[IDF_MATCHES_MAX], centre_y[IDF_MATCHES_MAX], reach2[IDF_MATCHES_MAX];
    uint16_t support[IDF_MATCHES_MAX];
    uint8_t taken[IDF_MATCHES_MAX];
} votes;

static bool same_pose(const idf_match_set *set, int i, int j, int turn, int steps) {
    int t = (int8_t)(uint8_t)(set->turn[i] - set->turn[j]), s = set->steps[i] - set->steps[j];
    return (t < 0 ? -t : t) <= turn && (s < 0 ? -s : s) <= steps;
}

static bool supports(const idf_match_set *set, const votes *v, int seed, int j) {
    float dx = v->centre_x[seed] - v->centre_x[j], dy = v->centre_y[seed] - v->centre_y[j];
    return same_pose(set, seed, j, CLUSTER_TURN, CLUSTER_STEPS) &&
           dx * dx + dy * dy <= v->reach2[seed];
}

/* Where each match puts the reference's centre, and how many others agree with it. */
static void cast_votes(const idf_match_set *set, votes *v) {
    double size = fmax(set->width, set->height);
    for (int i = 0; i < set->n; i++) {
        double angle = set->turn[i] * (2 * 3.14159265358979 / 256);
        double scale = pow(IDF_LOCAL_SCALE, set->steps[i]);
        double c = scale * cos(angle), s = scale * sin(angle);
        double dx = set->width / 2 - set->x[i], dy = set->height / 2 - set->y[i];
        double reach = CLUSTER_CENTRE * scale * size;
        v->centre_x[i] = (float)(set->u[i] + c * dx - s * dy);
        v->centre_y[i] = (float)(set->v[i] + s * dx + c * dy);
        v->reach2[i] = (float)(reach * reach);
        v->support[i] = 0;
        v->taken[i] = 0;
    }
    int n_seeds = set->n < SEEDS_MAX ? set->n : SEEDS_MAX;
    for (int i = 0; i < n_seeds; i++) {
        float x = v->centre_x[i], y = v->centre_y[i], reach2 = v->reach2[i];
        unsigned turn = set->turn[i] + CLUSTER_TURN, count = 0;
        int steps = set->steps[i];
        for (int j = 0; j < set->n;
             j++) { /* `supports` without branches: this loop is the vote's cost */
            float dx = x - v->centre_x[j], dy = y - v->centre_y[j];
            unsigned near_turn = (uint8_t)(turn - set->turn[j]) <= 2 * CLUSTER_TURN;
            unsigned near_steps =
                (unsigned)(steps - set->steps[j] + CLUSTER_STEPS) <= 2 * CLUSTER_STEPS;
            count += near_turn & near_steps & (dx * dx + dy * dy <= reach2);
        }
        v->support[i] = (uint16_t)count;
    }
}

static void add_candidate(const idf_match_set *set, candidates *c, int i) {
    int n = c->n++;
    c->index[n] = (uint16_t)i;
    c->x[n] = set->x[i];
    c->y[n] = set->y[i];
    c->u[n] = set->u[i];
    c->v[n] = set->v[i];
    c->inverse[n] = 1 / (set->tolerance[i] * set->tolerance[i]);
    c->pairs[n] = (idf_point_pair){set->x[i], set->y[i], set->u[i], set->v[i], 0};
}

/* The cluster around `seed`, then all else that could belong to the same thing. */
static void gather(const idf_match_set *set, votes *v, int seed, candidates *c) {
    c->n = 0;
    for (int i = 0; i < set->n; i++)
        if (supports(set, v, seed, i)) {
            add_candidate(set, c, i);
            v->taken[i] = 1;
        }
    c->n_cluster = c->n;
    for (int i = 0; i < set->n; i++)
        if (!supports(set, v, seed, i) && same_pose(set, seed, i, CANDIDATE_TURN, CANDIDATE_STEPS))
            add_candidate(set, c, i);
}

/* Sum over the candidates of 1 - error, errors counted to `reach` tolerances; the number within it
 * goes to *n_inside. */
static float measure(candidates *c, const idf_homography *h, float reach, int *n_inside) {
    float m[9];
    for (int i = 0; i < 9; i++)
        m[i] = (float)h->m[i];
    float sum = 0, shrink = 1 / (reach * reach);
    int inside = 0;
    for (int i = 0; i < c->n; i++) {
        float w = 1 / (m[6] * c->x[i] + m[7] * c->y[i] + m[8]);
        float du = (m[0] * c->x[i] + m[1] * c->y[i] + m[2]) * w - c->u[i];
        float dv = (m[3] * c->x[i] + m[4] * c->y[i] + m[5]) * w - c->v[i];
        float error = (du * du + dv * dv) * c->inverse[i] * shrink;
        c->error[i] = error;
        bool in = error < 1;
        inside += in;
        sum += in ? 1 - error : 0;
    }
    *n_inside = inside;
    return sum;
}

/* Fits the map to what the last `measure` found inside, the farther the lighter. */
static bool refit(candidates *c, idf_homography *h, int n_inside) {
    for (int i = 0; i < c->n; i++)
        c->pairs[i].weight = c->error[i] < 1 ? c->inverse[i] * (1 - 0.7f * c->error[i]) : 0;
    return n_inside >= MIN_HOMOGRAPHY ? idf_homography_fit(h, c->pairs, c->n)
                                      : idf_homography_fit_affine(h, c->pairs, c->n);
}

/* Refits with a shrinking tolerance. Returns the last score, negative when a fit failed. */
static float optimise(candidates *c, idf_homography *h) {
    static const float reach[] = {3, 2, 1.4f, 1, 1};
    for (int pass = 0; pass < (int)(sizeof reach / sizeof *reach); pass++) {
        int inside;
        measure(c, h, reach[pass], &inside);
        if (inside < MIN_SUPPORT || !refit(c, h, inside))
            return -1;
    }
    int inside;
    return measure(c, h, 1, &inside);
}

/* An affine map through three members of the cluster that is neither flat nor mirrored and whose
 * scale is near what the keypoints say. The earlier draws come from the most alike matches. */
static bool draw(const candidates *c, idf_rng *rng, int drawn, double min_area, double scale2,
                 idf_homography *h) {
    int n = 6 + drawn;
    if (n > c->n_cluster)
        n = c->n_cluster;
    uint32_t a = idf_rng_below(rng, (uint32_t)n), b = idf_rng_below(rng, (uint32_t)n);
    uint32_t d = idf_rng_below(rng, (uint32_t)n);
    if (a == b || b == d || a == d)
        return false;
    idf_point_pair p[3] = {c->pairs[a], c->pairs[b], c->pairs[d]};
    double area = (p[1].x - p[0].x) * (p[2].y - p[0].y) - (p[1].y - p[0].y) * (p[2].x - p[0].x);
    if (fabs(area) < min_area || !idf_homography_from_3(h, p))
        return false;
    double det = h->m[0] * h->m[4] - h->m[1] * h->m[3];
    return det > scale2 / 4 && det < scale2 * 4;
}

/* The best map of one pose; false when there is none. */
static bool search(const idf_match_set *set, const idf_homography_limits *limits, int seed,
                   candidates *c, idf_homography *best) {
    idf_rng rng;
    idf_rng_init(&rng, 0x6d617073, (uint64_t)seed);
    double scale2 = pow(IDF_LOCAL_SCALE, 2 * set->steps[seed]);
    double min_area = 0.002 * set->width * set->height;
    float best_score = -1, best_sample = 0;
    int needed = MAX_SAMPLES;
    for (int drawn = 0; drawn < needed; drawn++) {
        idf_homography h;
        int inside;
        if (!draw(c, &rng, drawn, min_area, scale2, &h))
            continue;
        float score = measure(c, &h, 2.5f, &inside);
        if (inside < MIN_SUPPORT || score <= best_sample)
            continue;
        best_sample = score;
        score = optimise(c, &h);
        if (score <= best_score ||
            !idf_homography_sane(&h, set->width, set->height, set->frame_width, set->frame_height,
                                 limits))
            continue;
        best_score = score;
        *best = h;
        double clean = fmin(0.9, fmax(0.05, (double)score / c->n_cluster));
        double enough = log(0.01) / log(1 - clean * clean * clean);
        needed = (int)fmin(MAX_SAMPLES, fmax(MIN_SAMPLES, enough));
    }
    return best_score > 0;
}

/* log10 of n!, by Stirling's series; right to 1e-4. */
static double log_factorial(double n) {
    if (n < 1)
        return 0;
    double ln =
        n * log(n) - n + 0.5 * log(2 * 3.14159265358979 * n) + 1 / (12 * n) - 1 / (360 * n * n * n);
    return ln / 2.302585092994046;
}

static double log_choose(double n, double k) {
    return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

/* -log10 of the expected number of maps defined by 4 of n false matches that k of them agree on,
 * `chance` being the probability that one does. */
static double evidence(int n, double k, double chance) {
    k = fmax(k, 4);
    if (n < 5)
        return -LOG_POSES;
    double log_count = LOG_POSES + log10(n - 4.0) + log_choose(n, k) + log_choose(k, 4);
    return -(log_count + (k - 4) * log10(fmin(1, fmax(chance, 1e-9))));
}

/* Sets a bit and tells whether it was clear. */
static bool mark(uint64_t *bits, int x, int y) {
    x = x < 0 ? 0 : x >= SPOT_CELLS ? SPOT_CELLS - 1 : x;
    y = y < 0 ? 0 : y >= SPOT_CELLS ? SPOT_CELLS - 1 : y;
    int at = y * SPOT_CELLS + x;
    uint64_t bit = (uint64_t)1 << (at & 63);
    bool fresh = !(bits[at >> 6] & bit);
    bits[at >> 6] |= bit;
    return fresh;
}

/* Counts what the map explains and what that is worth. */
static void judge(const idf_match_set *set, candidates *c, idf_estimate *e) {
    uint64_t from[SPOT_CELLS * SPOT_CELLS / 64] = {0}, to[SPOT_CELLS * SPOT_CELLS / 64] = {0};
    uint32_t cells = 0;
    double spot = SPOT_CELLS / fmax(set->width, set->height) / 2;
    double spot_to = SPOT_CELLS / fmax(set->frame_width, set->frame_height);
    double chance = 0;
    int inside;
    measure(c, &e->h, 1, &inside);
    memset(e->inlier, 0, sizeof e->inlier);
    e->n_inliers = e->n_distinct = 0;
    for (int i = 0; i < c->n; i++) {
        chance += set->chance[c->index[i]] / c->n;
        if (!(c->error[i] < 1))
            continue;
        e->inlier[c->index[i]] = 1;
        e->n_inliers++;
        bool a = mark(from, (int)(c->x[i] * spot), (int)(c->y[i] * spot));
        bool b = mark(to, (int)(c->u[i] * spot_to), (int)(c->v[i] * spot_to));
        e->n_distinct += a && b;
        int gx = (int)(c->x[i] * GRID / set->width), gy = (int)(c->y[i] * GRID / set->height);
        if (gx >= 0 && gx < GRID && gy >= 0 && gy < GRID)
            cells |= 1u << (gy * GRID + gx);
    }
    int n_cells = __builtin_popcount(cells);
    e->spread = (double)n_cells / (GRID * GRID);
    double credit = e->n_distinct * fmin(1, (n_cells + 1.0) / FULL_SPREAD_CELLS);
    e->score = evidence(c->n, credit, chance);
}

void idf_estimate_map(const idf_match_set *set, const idf_homography_limits *limits,
                      idf_estimate *out) {
    votes v;
    candidates c;
    idf_estimate e;
    out->n_inliers = out->n_distinct = 0;
    out->score = out->spread = 0;
    cast_votes(set, &v);
    for (int k = 0; k < N_CLUSTERS; k++) {
        int seed = -1;
        for (int i = 0; i < set->n; i++)
            if (!v.taken[i] && (seed < 0 || v.support[i] > v.support[seed]))
                seed = i;
        if (seed < 0 || v.support[seed] < MIN_SUPPORT)
            break;
        gather(set, &v, seed, &c);
        if (!search(set, limits, seed, &c, &e.h))
            continue;
        judge(set, &c, &e);
        if (e.n_inliers > 0 && (out->n_inliers == 0 || e.score > out->score))
            *out = e;
    }
}
