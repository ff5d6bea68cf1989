/* quads.c - from straight edges to quadrilaterals.
 *
 * Two edges that nearly meet at an honest angle make a corner. Going round clockwise, three edges
 * with two corners make a U, and a fourth edge that meets both its arms closes it; where the fourth
 * is hidden the far ends of the arms do. What counts in the end is the share of the outline along
 * which the picture does have an edge of that direction. */
#include "match/quads.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum {
    LINES_MAX = 128,  /* the longest edges are looked at */
    FOUND_MAX = 512,  /* quadrilaterals kept for ranking */
    SAMPLE_STEP = 3,  /* pixels between the places where the outline is checked */
    ANGLE_SLACK = 12, /* 128ths of half a turn (17 degrees) an edge may be off its side */
};
static const double MIN_SINE = 0.6;     /* between the edges of a corner: 37 to 143 degrees */
static const double MIN_SUPPORT = 0.65; /* of the outline */
static const double MIN_SIDE_SUPPORT = 0.35;
static const double SAME = 0.8; /* overlap from which two are one */

typedef struct line {
    idf_point a, b; /* ends */
    double c, s, length;
} line;

typedef struct search {
    const idf_edges *edges;
    int n;
    line lines[LINES_MAX];
    /* corner[i][j]: going clockwise, side i is followed by side j; meet: where. */
    uint64_t corner[LINES_MAX][LINES_MAX / 64], before[LINES_MAX][LINES_MAX / 64];
    double min_side;
    int n_found;
    idf_quad found[FOUND_MAX];
} search;

static bool meet(const line *p, const line *q, idf_point *at) {
    double cross = p->c * q->s - p->s * q->c;
    if (fabs(cross) < MIN_SINE)
        return false;
    double t = ((q->a.x - p->a.x) * q->s - (q->a.y - p->a.y) * q->c) / cross;
    *at = (idf_point){p->a.x + t * p->c, p->a.y + t * p->s};
    return true;
}

/* How far `at` (on the line) lies from the nearer end, and whether that end is b. Negative: inside
 * the segment. */
static double beyond_end(const line *l, idf_point at, bool *is_b) {
    double t = (at.x - l->a.x) * l->c + (at.y - l->a.y) * l->s;
    *is_b = t > l->length / 2;
    return *is_b ? t - l->length : -t;
}

/* Whether an end of l reaches `at`: a little short of it, or a little past it. */
static bool reaches(const line *l, idf_point at, bool *is_b) {
    double beyond = beyond_end(l, at, is_b);
    return beyond < fmax(6, 0.35 * l->length) && beyond > -fmax(4, 0.2 * l->length);
}

/* The direction from `at` along l towards its other end. */
static idf_point away(const line *l, bool is_b) {
    double sign = is_b ? -1 : 1;
    return (idf_point){sign * l->c, sign * l->s};
}

/* Corners in the order of a clockwise walk with the inside on the right: side i arrives, side j
 * leaves, and it turns right. */
static void find_corners(search *s) {
    memset(s->corner, 0, sizeof s->corner);
    memset(s->before, 0, sizeof s->before);
    for (int i = 0; i < s->n; i++)
        for (int j = i + 1; j < s->n; j++) {
            idf_point at;
            bool i_is_b, j_is_b;
            if (!meet(&s->lines[i], &s->lines[j], &at) || !reaches(&s->lines[i], at, &i_is_b) ||
                !reaches(&s->lines[j], at, &j_is_b))
                continue;
            idf_point di = away(&s->lines[i], i_is_b), dj = away(&s->lines[j], j_is_b);
            /* arriving along -di and leaving along dj turns right when -di x dj > 0 */
            int first = -(di.x * dj.y - di.y * dj.x) > 0 ? i : j, second = first == i ? j : i;
            s->corner[first][second >> 6] |= (uint64_t)1 << (second & 63);
            s->before[second][first >> 6] |= (uint64_t)1 << (first & 63);
        }
}

/* Share of the side from p to q along which there is an edge of its direction within 2 pixels. */
static double side_support(const idf_edges *e, idf_point p, idf_point q) {
    double length = hypot(q.x - p.x, q.y - p.y), c = (q.x - p.x) / length, s = (q.y - p.y) / length;
    /* angles in the map are those of the gradient, across the edge */
    int want = (int)lrint(atan2(c, -s) * (128 / 3.14159265358979) + 256) & 127;
    int n = (int)(length / SAMPLE_STEP), hits = 0;
    if (n < 2)
        return 0;
    for (int k = 0; k < n; k++) {
        double t = (k + 0.5) * length / n, x = p.x + t * c, y = p.y + t * s;
        bool hit = false;
        for (int off = -2; off <= 2 && !hit; off++) {
            int px = (int)floor(x - off * s), py = (int)floor(y + off * c);
            if (px < 0 || py < 0 || px >= e->width || py >= e->height)
                continue;
            int angle = e->angle[(size_t)py * (size_t)e->width + (size_t)px];
            int turn = (angle - 1 - want) & 127;
            hit = angle > 0 && (turn <= ANGLE_SLACK || turn >= 128 - ANGLE_SLACK);
        }
        hits += hit;
    }
    return (double)hits / n;
}

/* Checks the shape. */
static bool is_fair(const search *s, const idf_point p[4], double side[4]) {
    double margin = 0.05 * fmax(s->edges->width, s->edges->height);
    for (int i = 0; i < 4; i++) {
        idf_point a = p[i], b = p[(i + 1) & 3], c = p[(i + 2) & 3];
        side[i] = hypot(b.x - a.x, b.y - a.y);
        double next = hypot(c.x - b.x, c.y - b.y);
        double cross = (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x);
        if (!(side[i] >= s->min_side) || !(cross > MIN_SINE * side[i] * next) || a.x < -margin ||
            a.y < -margin || a.x > s->edges->width + margin || a.y > s->edges->height + margin)
            return false;
    }
    double w = side[0] + side[2], h = side[1] + side[3];
    return fmax(side[0], side[2]) < 2.5 * fmin(side[0], side[2]) &&
           fmax(side[1], side[3]) < 2.5 * fmin(side[1], side[3]) && w < 6 * h && h < 6 * w;
}

static double area_of(const idf_point p[4]) {
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += p[i].x * p[(i + 1) & 3].y - p[(i + 1) & 3].x * p[i].y;
    return sum / 2;
}

static void propose(search *s, const idf_point p[4]) {
    double side[4], total = 0, held = 0;
    if (s->n_found >= FOUND_MAX || !is_fair(s, p, side))
        return;
    for (int i = 0; i < 4; i++)
        total += side[i];
    double lost = 0;
    for (int i = 0; i < 4; i++) {
        double support = side_support(s->edges, p[i], p[(i + 1) & 3]);
        held += support * side[i];
        lost += (1 - support) * side[i];
        if (support < MIN_SIDE_SUPPORT || lost > (1 - MIN_SUPPORT) * total)
            return;
    }
    idf_quad *q = &s->found[s->n_found++];
    int first = 0;
    for (int i = 1; i < 4; i++)
        if (p[i].x + p[i].y < p[first].x + p[first].y)
            first = i;
    for (int i = 0; i < 4; i++)
        q->corners[i] = p[(first + i) & 3];
    q->support = held / total;
    double share = area_of(p) / ((double)s->edges->width * s->edges->height);
    /* An outline of twice the support beats one of a hundred times the area. */
    q->rank = q->support * q->support * pow(fmin(1, share), 0.15);
}

/* The far ends of a U's arms: side a arrives at p1 and side c leaves p2. */
static void close_open(search *s, int a, int c, idf_point p1, idf_point p2) {
    const line *la = &s->lines[a], *lc = &s->lines[c];
    bool a_is_b, c_is_b;
    beyond_end(la, p1, &a_is_b);
    beyond_end(lc, p2, &c_is_b);
    idf_point far_a = a_is_b ? la->a : la->b, far_c = c_is_b ? lc->a : lc->b;
    const idf_point p[4] = {p1, p2, far_c, far_a};
    propose(s, p);
}

static void try_u(search *s, int a, int b, int c) {
    idf_point p1, p2;
    if (!meet(&s->lines[a], &s->lines[b], &p1) || !meet(&s->lines[b], &s->lines[c], &p2))
        return;
    /* b runs from p1 to p2 with its ends the right way round */
    const line *lb = &s->lines[b];
    double t1 = (p1.x - lb->a.x) * lb->c + (p1.y - lb->a.y) * lb->s;
    double t2 = (p2.x - lb->a.x) * lb->c + (p2.y - lb->a.y) * lb->s;
    if (fabs(t2 - t1) < 0.6 * lb->length || fabs(t2 - t1) < s->min_side)
        return;
    bool closed = false;
    for (int word = 0; word < LINES_MAX / 64; word++) {
        uint64_t bits = s->corner[c][word] & s->before[a][word];
        for (; bits; bits &= bits - 1) {
            int d = 64 * word + __builtin_ctzll(bits);
            idf_point p3, p4;
            if (!meet(&s->lines[c], &s->lines[d], &p3) || !meet(&s->lines[d], &s->lines[a], &p4))
                continue;
            closed = true;
            if (d <= b) /* each loop once, from the longer of two opposite sides */
                continue;
            const idf_point p[4] = {p1, p2, p3, p4};
            propose(s, p);
        }
    }
    if (!closed)
        close_open(s, a, c, p1, p2);
}

static void walk(search *s) {
    for (int b = 0; b < s->n; b++)
        for (int wa = 0; wa < LINES_MAX / 64; wa++)
            for (uint64_t before = s->before[b][wa]; before; before &= before - 1)
                for (int wc = 0; wc < LINES_MAX / 64; wc++)
                    for (uint64_t after = s->corner[b][wc]; after; after &= after - 1) {
                        int a = 64 * wa + __builtin_ctzll(before);
                        int c = 64 * wc + __builtin_ctzll(after);
                        if (a != c)
                            try_u(s, a, b, c);
                    }
}

/* Corners within an eighth of the size: cheaper than the overlap of areas, and enough. */
static bool coincide(const idf_quad *a, const idf_quad *b) {
    double size = sqrt(fmax(1, fmin(area_of(a->corners), area_of(b->corners))));
    double worst = 1e9;
    for (int turn = 0; turn < 4; turn++) {
        double d = 0;
        for (int i = 0; i < 4; i++)
            d = fmax(d, hypot(a->corners[i].x - b->corners[(i + turn) & 3].x,
                              a->corners[i].y - b->corners[(i + turn) & 3].y));
        worst = fmin(worst, d);
    }
    return worst < (1 - SAME) / 1.6 * size;
}

int idf_quads_find(const idf_edges *edges, double min_side, idf_quad *out, int max) {
    search s;
    int n = 0;
    s.edges = edges;
    s.n = edges->n < LINES_MAX ? edges->n : LINES_MAX;
    s.min_side = fmax(8, min_side);
    s.n_found = 0;
    for (int i = 0; i < s.n; i++) {
        const idf_segment *g = &edges->segments[i];
        s.lines[i] = (line){{g->x1, g->y1},
                            {g->x2, g->y2},
                            (g->x2 - g->x1) / g->length,
                            (g->y2 - g->y1) / g->length,
                            g->length};
    }
    find_corners(&s);
    walk(&s);
    bool gone[FOUND_MAX] = {false};
    while (n < max && n < IDF_QUADS_MAX) {
        int best = -1;
        for (int i = 0; i < s.n_found; i++)
            if (!gone[i] && (best < 0 || s.found[i].rank > s.found[best].rank))
                best = i;
        if (best < 0)
            break;
        out[n++] = s.found[best];
        for (int i = 0; i < s.n_found; i++)
            gone[i] = gone[i] || coincide(&s.found[i], &s.found[best]);
    }
    return n;
}
