/* homography.c - plane-to-plane maps.
 *
 * Four points: each quadrilateral as the image of the unit square in closed form (Heckbert,
 * "Fundamentals of texture mapping and image warping", 1989, section 2.2.3); the map is one square
 * after the inverse of the other. Many points: least squares in normalised coordinates (Hartley,
 * "In defense of the eight-point algorithm", 1997), the rows reweighted by the last denominator so
 * that what is minimised is the distance in the frame and not an algebraic one. */
#include "local/homography.h"

#include <math.h>
#include <string.h>

const idf_homography idf_homography_identity = {{1, 0, 0, 0, 1, 0, 0, 0, 1}};
const idf_homography_limits idf_homography_limits_default = {0.004, 6, 4, 3.3, 12};

idf_point idf_homography_apply(const idf_homography *h, double x, double y) {
    const double *m = h->m;
    double w = m[6] * x + m[7] * y + m[8];
    if (!(fabs(w) > 1e-300))
        return (idf_point){NAN, NAN};
    return (idf_point){(m[0] * x + m[1] * y + m[2]) / w, (m[3] * x + m[4] * y + m[5]) / w};
}

void idf_homography_compose(idf_homography *out, const idf_homography *a, const idf_homography *b) {
    idf_homography r;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            r.m[3 * i + j] = a->m[3 * i] * b->m[j] + a->m[3 * i + 1] * b->m[3 + j] +
                             a->m[3 * i + 2] * b->m[6 + j];
    *out = r;
}

/* Scales so that the map's largest entry is 1; the sign is kept. False for all zero or not finite.
 */
static bool normalise(idf_homography *h) {
    double largest = 0;
    for (int i = 0; i < 9; i++) {
        if (!isfinite(h->m[i]))
            return false;
        largest = fmax(largest, fabs(h->m[i]));
    }
    if (!(largest > 0))
        return false;
    for (int i = 0; i < 9; i++)
        h->m[i] /= largest;
    return true;
}

bool idf_homography_invert(idf_homography *out, const idf_homography *h) {
    idf_homography a = *h, r;
    if (!normalise(&a))
        return false;
    const double *m = a.m;
    r.m[0] = m[4] * m[8] - m[5] * m[7];
    r.m[1] = m[2] * m[7] - m[1] * m[8];
    r.m[2] = m[1] * m[5] - m[2] * m[4];
    r.m[3] = m[5] * m[6] - m[3] * m[8];
    r.m[4] = m[0] * m[8] - m[2] * m[6];
    r.m[5] = m[2] * m[3] - m[0] * m[5];
    r.m[6] = m[3] * m[7] - m[4] * m[6];
    r.m[7] = m[1] * m[6] - m[0] * m[7];
    r.m[8] = m[0] * m[4] - m[1] * m[3];
    double det = m[0] * r.m[0] + m[1] * r.m[3] + m[2] * r.m[6];
    /* Dividing by the determinant keeps the sign of W, which says what lies before the horizon.
     * Entries are pixels at most, so that an honest map's determinant is far above 1e-18. */
    if (!(fabs(det) > 1e-18))
        return false;
    for (int i = 0; i < 9; i++)
        r.m[i] /= det;
    if (!normalise(&r))
        return false;
    *out = r;
    return true;
}

/* The map of the unit square (0,0) (1,0) (1,1) (0,1) to the quadrilateral p. */
static bool square_to_quad(idf_homography *out, const idf_point p[4]) {
    double dx1 = p[1].x - p[2].x, dx2 = p[3].x - p[2].x;
    double dy1 = p[1].y - p[2].y, dy2 = p[3].y - p[2].y;
    double sx = p[0].x - p[1].x + p[2].x - p[3].x;
    double sy = p[0].y - p[1].y + p[2].y - p[3].y;
    double den = dx1 * dy2 - dx2 * dy1;
    if (!(fabs(den) > 0))
        return false;
    double g = (sx * dy2 - dx2 * sy) / den, k = (dx1 * sy - sx * dy1) / den;
    *out = (idf_homography){{p[1].x - p[0].x + g * p[1].x, p[3].x - p[0].x + k * p[3].x, p[0].x,
                             p[1].y - p[0].y + g * p[1].y, p[3].y - p[0].y + k * p[3].y, p[0].y, g,
                             k, 1}};
    return true;
}

/* Twice the signed area of a triangle; positive is clockwise on the screen. */
static double turn_of(idf_point a, idf_point b, idf_point c) {
    return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

/* Whether three of the four points are in line, to one part in 1e9 of the extent. */
static bool has_line(const idf_point p[4]) {
    double extent = 0;
    for (int i = 1; i < 4; i++)
        extent = fmax(extent, fmax(fabs(p[i].x - p[0].x), fabs(p[i].y - p[0].y)));
    if (!isfinite(extent) || !isfinite(p[0].x) || !isfinite(p[0].y))
        return true;
    for (int skip = 0; skip < 4; skip++) {
        idf_point q[3];
        for (int i = 0, n = 0; i < 4; i++)
            if (i != skip)
                q[n++] = p[i];
        if (!(fabs(turn_of(q[0], q[1], q[2])) > 1e-9 * extent * extent))
            return true;
    }
    return false;
}

bool idf_homography_from_4(idf_homography *out, const idf_point from[4], const idf_point to[4]) {
    idf_homography a, b;
    if (has_line(from) || has_line(to) || !square_to_quad(&a, from) || !square_to_quad(&b, to) ||
        !idf_homography_invert(&a, &a))
        return false;
    idf_homography_compose(&b, &b, &a);
    if (!normalise(&b))
        return false;
    *out = b;
    return true;
}

bool idf_homography_from_3(idf_homography *out, const idf_point_pair p[3]) {
    double ax = (double)p[1].x - p[0].x, ay = (double)p[1].y - p[0].y;
    double bx = (double)p[2].x - p[0].x, by = (double)p[2].y - p[0].y;
    double au = (double)p[1].u - p[0].u, av = (double)p[1].v - p[0].v;
    double bu = (double)p[2].u - p[0].u, bv = (double)p[2].v - p[0].v;
    double det = ax * by - ay * bx, det_to = au * bv - av * bu;
    double extent = fabs(ax) + fabs(ay) + fabs(bx) + fabs(by);
    double extent_to = fabs(au) + fabs(av) + fabs(bu) + fabs(bv);
    if (!(fabs(det) > 1e-9 * extent * extent) || !(fabs(det_to) > 1e-9 * extent_to * extent_to))
        return false;
    double m0 = (au * by - bu * ay) / det, m1 = (bu * ax - au * bx) / det;
    double m3 = (av * by - bv * ay) / det, m4 = (bv * ax - av * bx) / det;
    *out = (idf_homography){{m0, m1, p[0].u - m0 * p[0].x - m1 * p[0].y, m3, m4,
                             p[0].v - m3 * p[0].x - m4 * p[0].y, 0, 0, 1}};
    return true;
}

/* Solves the symmetric positive definite system a x = b of order n <= 8 by Cholesky's
 * decomposition, x over b. False when a is not positive definite to working precision. */
static bool solve_spd(double a[8][8], double *b, int n) {
    for (int j = 0; j < n; j++) {
        double diagonal = a[j][j];
        for (int k = 0; k < j; k++)
            diagonal -= a[j][k] * a[j][k];
        if (!(diagonal > 1e-12 * a[j][j]) || !(diagonal > 0))
            return false;
        double root = sqrt(diagonal);
        a[j][j] = root;
        for (int i = j + 1; i < n; i++) {
            double s = a[i][j];
            for (int k = 0; k < j; k++)
                s -= a[i][k] * a[j][k];
            a[i][j] = s / root;
        }
    }
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++)
            b[i] -= a[i][k] * b[k];
        b[i] /= a[i][i];
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int k = i + 1; k < n; k++)
            b[i] -= a[k][i] * b[k];
        b[i] /= a[i][i];
    }
    return true;
}

/* Hartley's normalisation: p -> (p - centre) * scale has mean 0 and mean squared length 2. */
typedef struct frame_of {
    double x, y, scale, u, v, to_scale;
} frame_of;

static bool find_frame(frame_of *f, const idf_point_pair *pairs, int n, int least) {
    double total = 0, x = 0, y = 0, u = 0, v = 0;
    int used = 0;
    for (int i = 0; i < n; i++) {
        double w = pairs[i].weight;
        used += w > 0;
        total += w;
        x += w * pairs[i].x;
        y += w * pairs[i].y;
        u += w * pairs[i].u;
        v += w * pairs[i].v;
    }
    if (used < least || !(total > 0) || !isfinite(x + y + u + v))
        return false;
    f->x = x / total;
    f->y = y / total;
    f->u = u / total;
    f->v = v / total;
    double from2 = 0, to2 = 0;
    for (int i = 0; i < n; i++) {
        double dx = pairs[i].x - f->x, dy = pairs[i].y - f->y;
        double du = pairs[i].u - f->u, dv = pairs[i].v - f->v;
        from2 += pairs[i].weight * (dx * dx + dy * dy);
        to2 += pairs[i].weight * (du * du + dv * dv);
    }
    if (!(from2 > 1e-9 * total) || !(to2 > 1e-9 * total))
        return false;
    f->scale = sqrt(2 * total / from2);
    f->to_scale = sqrt(2 * total / to2);
    return true;
}

/* h in normalised coordinates back to pixels. */
static bool leave_frame(idf_homography *out, const double h[8], const frame_of *f) {
    idf_homography a = {{h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7], 1}};
    idf_homography in = {{f->scale, 0, -f->scale * f->x, 0, f->scale, -f->scale * f->y, 0, 0, 1}};
    idf_homography back = {{1 / f->to_scale, 0, f->u, 0, 1 / f->to_scale, f->v, 0, 0, 1}};
    idf_homography_compose(&a, &a, &in);
    idf_homography_compose(&a, &back, &a);
    if (!normalise(&a))
        return false;
    *out = a;
    return true;
}

/* A least-squares homography cannot be asked of normal equations whose perspective terms nothing
 * but rounding decides; this much (relative to the mean squared length of 2) is added to them. */
static const double PERSPECTIVE_DAMPING = 1e-9;

/* One pass: normal equations of  X - u W = 0, Y - v W = 0  with rows divided by the last W. n_terms
 * is 8, or 6 for an affine map. */
static bool normal_pass(double h[8], const idf_point_pair *pairs, int n, const frame_of *f,
                        int n_terms) {
    double a[8][8] = {{0}}, b[8] = {0};
    double total = 0;
    for (int i = 0; i < n; i++) {
        if (!(pairs[i].weight > 0))
            continue;
        double x = (pairs[i].x - f->x) * f->scale, y = (pairs[i].y - f->y) * f->scale;
        double u = (pairs[i].u - f->u) * f->to_scale, v = (pairs[i].v - f->v) * f->to_scale;
        double w = h[6] * x + h[7] * y + 1;
        double weight = pairs[i].weight / fmax(w * w, 0.01);
        double first[8] = {x, y, 1, 0, 0, 0, -u * x, -u * y};
        double second[8] = {0, 0, 0, x, y, 1, -v * x, -v * y};
        for (int r = 0; r < n_terms; r++) {
            for (int c = 0; c <= r; c++)
                a[r][c] += weight * (first[r] * first[c] + second[r] * second[c]);
            b[r] += weight * (first[r] * u + second[r] * v);
        }
        total += weight;
    }
    for (int r = 6; r < n_terms; r++)
        a[r][r] += PERSPECTIVE_DAMPING * total;
    if (!solve_spd(a, b, n_terms))
        return false;
    memcpy(h, b, (size_t)n_terms * sizeof *b);
    return true;
}

bool idf_homography_fit_affine(idf_homography *out, const idf_point_pair *pairs, int n) {
    frame_of f;
    double h[8] = {1, 0, 0, 0, 1, 0, 0, 0};
    return find_frame(&f, pairs, n, 3) && normal_pass(h, pairs, n, &f, 6) &&
           leave_frame(out, h, &f);
}

bool idf_homography_fit(idf_homography *out, const idf_point_pair *pairs, int n) {
    enum { PASSES = 3 }; /* the denominators have settled to 1e-4 by then */
    frame_of f;
    double h[8] = {1, 0, 0, 0, 1, 0, 0, 0};
    if (!find_frame(&f, pairs, n, 4))
        return false;
    for (int pass = 0; pass < PASSES; pass++)
        if (!normal_pass(h, pairs, n, &f, 8))
            return false;
    return leave_frame(out, h, &f);
}

bool idf_homography_corners(const idf_homography *h, double width, double height,
                            idf_point corners[4]) {
    const double x[4] = {0, width, width, 0}, y[4] = {0, 0, height, height};
    const double *m = h->m;
    double middle = m[6] * width / 2 + m[7] * height / 2 + m[8];
    for (int i = 0; i < 4; i++) {
        double w = m[6] * x[i] + m[7] * y[i] + m[8];
        if (!(w * middle > 0)) /* the horizon cuts the picture */
            return false;
        corners[i] = idf_homography_apply(h, x[i], y[i]);
        if (!isfinite(corners[i].x) || !isfinite(corners[i].y))
            return false;
    }
    return true;
}

/* Derivatives of the map at (x, y): du/dx, du/dy, dv/dx, dv/dy. */
static bool jacobian(const idf_homography *h, double x, double y, double j[4]) {
    const double *m = h->m;
    double w = m[6] * x + m[7] * y + m[8];
    idf_point p = idf_homography_apply(h, x, y);
    if (!isfinite(p.x) || !isfinite(p.y))
        return false;
    j[0] = (m[0] - p.x * m[6]) / w;
    j[1] = (m[1] - p.x * m[7]) / w;
    j[2] = (m[3] - p.y * m[6]) / w;
    j[3] = (m[4] - p.y * m[7]) / w;
    return true;
}

double idf_homography_rotation(const idf_homography *h, double x, double y) {
    double j[4];
    if (!jacobian(h, x, y, j))
        return 0;
    return atan2(j[2] - j[1], j[0] + j[3]) * (180 / 3.14159265358979323846);
}

double idf_homography_scale(const idf_homography *h, double x, double y) {
    double j[4];
    if (!jacobian(h, x, y, j))
        return 0;
    double det = j[0] * j[3] - j[1] * j[2];
    return det > 0 ? sqrt(det) : 0;
}

bool idf_homography_sane(const idf_homography *h, double from_width, double from_height,
                         double to_width, double to_height, const idf_homography_limits *limits) {
    idf_point c[4];
    if (!idf_homography_corners(h, from_width, from_height, c))
        return false;
    double area = 0, side[4];
    for (int i = 0; i < 4; i++) {
        const idf_point *a = &c[i], *b = &c[(i + 1) & 3];
        if (!(turn_of(*a, *b, c[(i + 2) & 3]) > 0))
            return false;
        area += (a->x * b->y - b->x * a->y) / 2;
        side[i] = hypot(b->x - a->x, b->y - a->y);
        if (!(side[i] >= limits->min_side))
            return false;
    }
    double fraction = area / (to_width * to_height);
    if (!(fraction >= limits->min_area && fraction <= limits->max_area))
        return false;
    if (fmax(side[0], side[2]) > limits->max_side_ratio * fmin(side[0], side[2]) ||
        fmax(side[1], side[3]) > limits->max_side_ratio * fmin(side[1], side[3]))
        return false;
    double aspect = (side[0] + side[2]) / (side[1] + side[3]) * from_height / from_width;
    return aspect <= limits->max_aspect_change && aspect * limits->max_aspect_change >= 1;
}

static double area_of(const idf_point *p, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += p[i].x * p[(i + 1) % n].y - p[(i + 1) % n].x * p[i].y;
    return sum / 2;
}

/* Sutherland and Hodgman, "Reentrant polygon clipping", 1974. */
double idf_outline_overlap(const idf_point a[4], const idf_point b[4]) {
    idf_point shape[16], next[16];
    int n = 4;
    memcpy(shape, a, 4 * sizeof *a);
    for (int e = 0; e < 4 && n > 0; e++) {
        idf_point from = b[e], to = b[(e + 1) & 3];
        int m = 0;
        for (int i = 0; i < n; i++) {
            idf_point p = shape[i], q = shape[(i + 1) % n];
            double sp = turn_of(from, to, p), sq = turn_of(from, to, q);
            if (sp >= 0 && m < 16)
                next[m++] = p;
            if (((sp >= 0) != (sq >= 0)) && m < 16) {
                double t = sp / (sp - sq);
                next[m++] = (idf_point){p.x + t * (q.x - p.x), p.y + t * (q.y - p.y)};
            }
        }
        memcpy(shape, next, (size_t)m * sizeof *next);
        n = m;
    }
    double common = n < 3 ? 0 : area_of(shape, n);
    double joint = area_of(a, 4) + area_of(b, 4) - common;
    return joint > 0 && common > 0 ? common / joint : 0;
}
