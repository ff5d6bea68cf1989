/* pose.c - lines by the lesser axis of the scatter, circles by least squares (Kasa 1976). */
#include "local/pose.h"

#include <math.h>

/* Share of the points that lie on the line or circle. */
static const double ON_IT = 0.9;
/* A circle that wide, in deviations of its points, is a line. */
static const double WIDEST = 20;

/* Moments of the points about their mean. */
typedef struct scatter {
    double x, y;       /* the mean */
    double xx, xy, yy; /* mean squares and product */
    double xz, yz, z;  /* z = x^2 + y^2: with it, and its mean */
} scatter;

static scatter scatter_of(const idf_point_pair *p, int n) {
    scatter s = {0, 0, 0, 0, 0, 0, 0, 0};
    for (int i = 0; i < n; i++) {
        s.x += (double)p[i].x / n;
        s.y += (double)p[i].y / n;
    }
    for (int i = 0; i < n; i++) {
        double x = (double)p[i].x - s.x, y = (double)p[i].y - s.y, z = x * x + y * y;
        s.xx += x * x / n;
        s.xy += x * y / n;
        s.yy += y * y / n;
        s.xz += x * z / n;
        s.yz += y * z / n;
        s.z += z / n;
    }
    return s;
}

static bool on_a_line(const scatter *s, const idf_point_pair *p, int n, double tolerance) {
    double angle = 0.5 * atan2(2 * s->xy, s->xx - s->yy), c = cos(angle), d = sin(angle);
    int on = 0;
    for (int i = 0; i < n; i++)
        on += fabs(c * ((double)p[i].y - s->y) - d * ((double)p[i].x - s->x)) <= tolerance;
    return on >= ON_IT * n;
}

static bool on_a_circle(const scatter *s, const idf_point_pair *p, int n, double tolerance) {
    double det = s->xx * s->yy - s->xy * s->xy;
    if (!(det > 1e-6 * s->z * s->z))
        return false; /* in line */
    double x = (s->xz * s->yy - s->yz * s->xy) / (2 * det);
    double y = (s->yz * s->xx - s->xz * s->xy) / (2 * det);
    double radius = sqrt(x * x + y * y + s->z);
    int on = 0;
    for (int i = 0; i < n; i++)
        on +=
            fabs(hypot((double)p[i].x - s->x - x, (double)p[i].y - s->y - y) - radius) <= tolerance;
    return radius < WIDEST * sqrt(s->z) && on >= ON_IT * n;
}

bool idf_pose_is_fixed(const idf_point_pair *pairs, int n, double tolerance) {
    if (n < 5)
        return false;
    const scatter s = scatter_of(pairs, n);
    return !on_a_line(&s, pairs, n, tolerance) && !on_a_circle(&s, pairs, n, tolerance);
}
