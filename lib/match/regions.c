/* regions.c - where in a frame to look.
 *
 * Quadrilaterals are looked for in a picture of 640 pixels, in one of half that size, where only
 * the large outlines are left, and for small things in one of up to 960. Their sides are then
 * placed in the frame itself: across each side the steepest place is found at some thirty points
 * and a line is fitted that outliers do not move. The true aspect follows from the perspective of
 * the outline (Zhang and He, "Whiteboard scanning and image enhancement", 2007). */
#include "match/regions.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "image/image.h"
#include "image/resize.h"
#include "image/warp.h"
#include "match/quads.h"

enum { FRAME_MIN = 16, ACROSS_MAX = 12, ALONG = 32, N_PASSES = 3 };
/* Edge strengths, and the side of the larger picture: it has more noise and the finer edges. */
enum { CONTRAST = 20, LARGE_SIDE = 960, LARGE_CONTRAST = 32 };

struct idf_regions_workspace {
    bool coarse;
    idf_edges edges;
    idf_quad quads[N_PASSES * IDF_QUADS_MAX];
};

idf_status idf_regions_workspace_new(idf_regions_workspace **workspace, idf_error *err) {
    *workspace = idf_alloc_zero(1, sizeof **workspace);
    if (!*workspace)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for finding regions");
    return IDF_OK;
}

void idf_regions_workspace_free(idf_regions_workspace *workspace) {
    if (!workspace)
        return;
    idf_edges_release(&workspace->edges);
    idf_free(workspace);
}

/* Brightness at a place, bilinear, edges repeated. */
static double sample(const idf_image *g, double x, double y) {
    x = fmin(fmax(x - 0.5, 0), g->width - 1.0);
    y = fmin(fmax(y - 0.5, 0), g->height - 1.0);
    int x0 = (int)x, y0 = (int)y;
    int x1 = x0 + 1 < g->width ? x0 + 1 : x0, y1 = y0 + 1 < g->height ? y0 + 1 : y0;
    double fx = x - x0, fy = y - y0;
    const uint8_t *a = idf_image_row(g, y0), *b = idf_image_row(g, y1);
    return (a[x0] * (1 - fx) + a[x1] * fx) * (1 - fy) + (b[x0] * (1 - fx) + b[x1] * fx) * fy;
}

/* A line as a point and a direction. */
typedef struct ray {
    double x, y, c, s;
} ray;

/* Where across the side, `reach` pixels to either side of (x, y), brightness changes fastest; its
 * strength goes to *steep. */
static double steepest(const idf_image *g, const ray *at, double reach, double *steep) {
    double v[2 * ACROSS_MAX + 3], best = 0;
    int n = (int)fmin(ACROSS_MAX, ceil(reach)), where = 0;
    for (int k = -n - 1; k <= n + 1; k++)
        v[k + n + 1] = sample(g, at->x - k * at->s, at->y + k * at->c);
    double slope[2 * ACROSS_MAX + 1];
    for (int k = 0; k <= 2 * n; k++) {
        slope[k] = fabs(v[k + 2] - v[k]);
        if (slope[k] > best) {
            best = slope[k];
            where = k;
        }
    }
    *steep = best;
    double shift = 0;
    if (where > 0 && where < 2 * n) { /* the top of a parabola through three */
        double curve = slope[where - 1] - 2 * slope[where] + slope[where + 1];
        if (curve < 0)
            shift = 0.5 * (slope[where - 1] - slope[where + 1]) / curve;
    }
    return where - n + shift;
}

/* Fits a line to where the side from p to q really is. */
static ray place_side(const idf_image *g, idf_point p, idf_point q, double reach) {
    double length = hypot(q.x - p.x, q.y - p.y);
    ray side = {(p.x + q.x) / 2, (p.y + q.y) / 2, (q.x - p.x) / length, (q.y - p.y) / length};
    double t[ALONG], off[ALONG], weight[ALONG], shift = 0, tilt = 0;
    for (int k = 0; k < ALONG; k++) {
        t[k] = ((k + 0.5) / ALONG - 0.5) * 0.9 * length;
        ray at = {side.x + t[k] * side.c, side.y + t[k] * side.s, side.c, side.s};
        off[k] = steepest(g, &at, reach, &weight[k]);
    }
    for (int pass = 0; pass < 5; pass++) { /* reweighted least squares, Cauchy's weights */
        double n = 1e-9, st = 0, so = 0, stt = 0, sto = 0;
        for (int k = 0; k < ALONG; k++) {
            double r = off[k] - shift - tilt * t[k];
            double w = fmin(weight[k], 40) / (1 + r * r);
            n += w;
            st += w * t[k];
            so += w * off[k];
            stt += w * t[k] * t[k];
            sto += w * t[k] * off[k];
        }
        double det = n * stt - st * st;
        if (!(det > 1e-6 * n * n))
            break;
        tilt = (n * sto - st * so) / det;
        shift = (so - tilt * st) / n;
    }
    if (fabs(shift) > reach || fabs(tilt) > 0.1)
        return side;
    double norm = sqrt(1 + tilt * tilt);
    return (ray){side.x - shift * side.s, side.y + shift * side.c, (side.c - tilt * side.s) / norm,
                 (side.s + tilt * side.c) / norm};
}

static bool cross_at(const ray *a, const ray *b, idf_point *out) {
    double cross = a->c * b->s - a->s * b->c;
    if (fabs(cross) < 0.2)
        return false;
    double t = ((b->x - a->x) * b->s - (b->y - a->y) * b->c) / cross;
    *out = (idf_point){a->x + t * a->c, a->y + t * a->s};
    return true;
}

/* Moves the corners to where the sides cross in the frame itself. */
static void place_corners(const idf_image *g, idf_point p[4], double reach) {
    ray sides[4];
    idf_point moved[4];
    for (int i = 0; i < 4; i++)
        sides[i] = place_side(g, p[i], p[(i + 1) & 3], reach);
    for (int i = 0; i < 4; i++)
        if (!cross_at(&sides[(i + 3) & 3], &sides[i], &moved[i]) ||
            hypot(moved[i].x - p[i].x, moved[i].y - p[i].y) > 3 * reach + 2)
            return;
    for (int i = 0; i < 4; i++) { /* still convex? */
        idf_point a = moved[i], b = moved[(i + 1) & 3], c = moved[(i + 2) & 3];
        if (!((b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x) > 0))
            return;
    }
    for (int i = 0; i < 4; i++)
        p[i] = moved[i];
}

/* An outline that is a little off makes nonsense of the perspective: the aspect is taken to be
 * within this factor of what the sides show, a lean of some 55 degrees. */
static const double LEAN = 1.75;

typedef struct vector {
    double x, y, z;
} vector;

static vector cross3(vector a, vector b) {
    return (vector){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

static double dot3(vector a, vector b) {
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static double distance(idf_point a, idf_point b) {
    return hypot(b.x - a.x, b.y - a.y);
}

/* Width over height of the rectangle whose image the corners are. */
static double true_aspect(const idf_point p[4], int width, int height) {
    double unit = fmax(width, height); /* so that f is about 1 */
    vector m[4];                       /* top left, top right, bottom right, bottom left */
    for (int i = 0; i < 4; i++)
        m[i] = (vector){(p[i].x - width / 2.0) / unit, (p[i].y - height / 2.0) / unit, 1};
    vector d = cross3(m[0], m[2]);
    double k2 = dot3(d, m[3]) / dot3(cross3(m[1], m[2]), m[3]);
    double k3 = dot3(d, m[1]) / dot3(cross3(m[3], m[2]), m[1]);
    vector a = {k2 * m[1].x - m[0].x, k2 * m[1].y - m[0].y, k2 - 1};
    vector b = {k3 * m[3].x - m[0].x, k3 * m[3].y - m[0].y, k3 - 1};
    double f2 = -(a.x * b.x + a.y * b.y) / (a.z * b.z);
    /* With a pair of sides parallel in the picture it does not tell: then what most cameras have, a
     * field of view of 64 degrees. */
    if (fabs(a.z) < 0.03 || fabs(b.z) < 0.03 || !(f2 > 0.2 && f2 < 9))
        f2 = 0.64;
    double aspect =
        sqrt((a.x * a.x + a.y * a.y + f2 * a.z * a.z) / (b.x * b.x + b.y * b.y + f2 * b.z * b.z));
    double across = distance(p[0], p[1]) + distance(p[3], p[2]);
    double down = distance(p[0], p[3]) + distance(p[1], p[2]), seen = across / fmax(1e-9, down);
    aspect = isfinite(aspect) ? fmin(seen * LEAN, fmax(seen / LEAN, aspect)) : seen;
    return fmin(8, fmax(0.125, aspect));
}

static void set_box(idf_region *r, idf_region_kind kind, const double box[4]) {
    *r = (idf_region){
        .kind = kind,
        .corners = {{box[0], box[1]}, {box[2], box[1]}, {box[2], box[3]}, {box[0], box[3]}},
        .aspect = (box[2] - box[0]) / (box[3] - box[1]),
        .n_turns = 1};
}

static void set_quad(idf_region *r, const idf_quad *quad, const idf_image *frame, double scale) {
    r->kind = IDF_REGION_QUAD;
    for (int i = 0; i < 4; i++)
        r->corners[i] = (idf_point){quad->corners[i].x * scale, quad->corners[i].y * scale};
    place_corners(frame, r->corners, 2.5 * scale + 1);
    for (int i = 0; i < 4; i++) {
        r->corners[i].x = fmin(fmax(r->corners[i].x, 0), frame->width);
        r->corners[i].y = fmin(fmax(r->corners[i].y, 0), frame->height);
    }
    r->aspect = true_aspect(r->corners, frame->width, frame->height);
    r->support = quad->support;
    r->n_turns = r->aspect > 0.8 && r->aspect < 1.25 ? 4 : 2;
}

static double shortest_side(const idf_region *r) {
    double least = 1e9;
    for (int i = 0; i < 4; i++)
        least = fmin(least, hypot(r->corners[(i + 1) & 3].x - r->corners[i].x,
                                  r->corners[(i + 1) & 3].y - r->corners[i].y));
    return least;
}

/* Quadrilaterals of one picture, appended in its own coordinates times `scale`. */
static idf_status look(idf_regions_workspace *ws, const idf_image *grey, int contrast,
                       const double scales[2], int *n_quads, idf_error *err) {
    double min_side = IDF_REGION_MIN_SIDE / scales[1];
    idf_status status =
        idf_edges_find(&ws->edges, grey, contrast, (float)fmax(8, fmin(16, 0.5 * min_side)), err);
    if (status)
        return status;
    idf_quad *out = ws->quads + *n_quads;
    int n = idf_quads_find(&ws->edges, min_side, out, IDF_QUADS_MAX);
    for (int i = 0; i < n; i++) {
        out[i].rank *= pow(scales[0], -0.3); /* the finer picture knows the outline better */
        for (int k = 0; k < 4; k++) {
            out[i].corners[k].x *= scales[0];
            out[i].corners[k].y *= scales[0];
        }
    }
    *n_quads += n;
    return IDF_OK;
}

/* Writes the quadrilaterals by rank, those that coincide once. */
static int choose(const idf_regions_workspace *ws, int n_quads, const idf_image *frame,
                  double scale, idf_region *out, int max) {
    enum { MOST = N_PASSES * IDF_QUADS_MAX };
    bool gone[MOST] = {false};
    int n = 0;
    while (n < max) {
        int best = -1;
        for (int i = 0; i < n_quads; i++)
            if (!gone[i] && (best < 0 || ws->quads[i].rank > ws->quads[best].rank))
                best = i;
        if (best < 0)
            break;
        gone[best] = true;
        bool known = false;
        for (int k = 0; k < n && !known; k++) {
            idf_point p[4];
            for (int i = 0; i < 4; i++)
                p[i] = (idf_point){ws->quads[best].corners[i].x * scale,
                                   ws->quads[best].corners[i].y * scale};
            known = idf_outline_overlap(p, out[k].corners) > 0.8;
        }
        if (known)
            continue;
        set_quad(&out[n], &ws->quads[best], frame, scale);
        n += shortest_side(&out[n]) >= IDF_REGION_MIN_SIDE;
    }
    return n;
}

void idf_regions_set_coarse(idf_regions_workspace *ws, bool coarse) {
    ws->coarse = coarse;
}

idf_status idf_regions_find(const idf_image *grey, idf_regions_workspace *ws, idf_region *out,
                            int max, int *n, idf_error *err) {
    idf_image large = {0}, small = {0}, half = {0};
    idf_status status = IDF_OK;
    int n_quads = 0;
    *n = 0;
    if (!idf_image_is_valid(grey) || grey->channels != 1 || max < 2)
        return idf_error_set(err, IDF_ERR_ARGUMENT,
                             "regions are looked for in a grey picture, with room for 2 or more");
    if (max > IDF_REGIONS_MAX)
        max = IDF_REGIONS_MAX;
    if (max > 2 && grey->width >= FRAME_MIN && grey->height >= FRAME_MIN) {
        status = idf_image_shrink(&small, grey, IDF_REGION_SIDE, err);
        if (status)
            goto done;
        double scale = (double)grey->width / small.width;
        if (small.width >= FRAME_MIN && small.height >= FRAME_MIN) {
            status = look(ws, &small, CONTRAST, (const double[2]){1, scale}, &n_quads, err);
            if (!status && small.width >= 4 * FRAME_MIN && small.height >= 4 * FRAME_MIN)
                status = idf_image_resize(&half, &small, small.width / 2, small.height / 2,
                                          IDF_FILTER_BOX, NULL, err);
            if (!status && half.pixels)
                status = look(ws, &half, CONTRAST / 2,
                              (const double[2]){(double)small.width / half.width,
                                                (double)grey->width / half.width},
                              &n_quads, err);
            if (status)
                goto done;
        }
        if (grey->width > 1.4 * small.width && !ws->coarse) {
            status = idf_image_shrink(&large, grey, LARGE_SIDE, err);
            if (!status && large.width >= FRAME_MIN && large.height >= FRAME_MIN)
                status = look(ws, &large, LARGE_CONTRAST,
                              (const double[2]){(double)small.width / large.width,
                                                (double)grey->width / large.width},
                              &n_quads, err);
            if (status)
                goto done;
        }
        *n = choose(ws, n_quads, grey, scale, out, max - 2);
    }
    double w = grey->width, h = grey->height;
    if (fmin(w * 0.8, h * 0.9) >= IDF_REGION_MIN_SIDE)
        set_box(&out[(*n)++], IDF_REGION_CENTRE,
                (const double[4]){0.1 * w, 0.05 * h, 0.9 * w, 0.95 * h});
    if (fmin(w, h) >= IDF_REGION_MIN_SIDE)
        set_box(&out[(*n)++], IDF_REGION_WHOLE, (const double[4]){0, 0, w, h});
done:
    idf_image_release(&small);
    idf_image_release(&half);
    idf_image_release(&large);
    return status;
}

/* Size of the upright picture: the longer side as asked, but at most twice (or as many times as the
 * region says) what there is. */
static void upright_size(const idf_region *r, int side, bool quarter, int size[2]) {
    double longest = 0;
    for (int i = 0; i < 4; i++)
        longest = fmax(longest, hypot(r->corners[(i + 1) & 3].x - r->corners[i].x,
                                      r->corners[(i + 1) & 3].y - r->corners[i].y));
    double most = r->most_enlarged > 0 ? r->most_enlarged : 2;
    double longer = fmax(1, fmin(side, ceil(most * longest)));
    double aspect = fmin(8, fmax(0.125, quarter ? 1 / r->aspect : r->aspect));
    size[0] = (int)lrint(fmax(1, aspect >= 1 ? longer : longer * aspect));
    size[1] = (int)lrint(fmax(1, aspect >= 1 ? longer / aspect : longer));
}

/* The part of the frame around the region, shrunk so that the warp does not alias. `part` owns its
 * pixels; `to_part` becomes frame to part, in continuous coordinates. */
static idf_status cut_out(idf_image *part, const idf_image *frame, const idf_region *r,
                          const int size[2], idf_homography *to_part, idf_error *err) {
    double x0 = 1e9, y0 = 1e9, x1 = -1e9, y1 = -1e9, longest = 0;
    for (int i = 0; i < 4; i++) {
        x0 = fmin(x0, r->corners[i].x);
        y0 = fmin(y0, r->corners[i].y);
        x1 = fmax(x1, r->corners[i].x);
        y1 = fmax(y1, r->corners[i].y);
        longest = fmax(longest, hypot(r->corners[(i + 1) & 3].x - r->corners[i].x,
                                      r->corners[(i + 1) & 3].y - r->corners[i].y));
    }
    int left = (int)fmax(0, floor(x0) - 2), top = (int)fmax(0, floor(y0) - 2);
    int right = (int)fmin(frame->width, ceil(x1) + 2),
        bottom = (int)fmin(frame->height, ceil(y1) + 2);
    if (!(right > left) || !(bottom > top))
        return idf_error_set(err, IDF_ERR_ARGUMENT, "the region lies outside the frame");
    double shrink = fmin(1, 1.25 * fmax(size[0], size[1]) / longest);
    int width = (int)fmax(1, lrint((right - left) * shrink));
    int height = (int)fmax(1, lrint((bottom - top) * shrink));
    double sx = (double)width / (right - left), sy = (double)height / (bottom - top);
    *to_part = (idf_homography){{sx, 0, -sx * left, 0, sy, -sy * top, 0, 0, 1}};
    const float box[4] = {(float)left, (float)top, (float)right, (float)bottom};
    return idf_image_resize(part, frame, width, height, IDF_FILTER_BILINEAR, box, err);
}

idf_status idf_region_rectify(idf_image *out, const idf_image *frame, const idf_region *region,
                              const int side_turn[2], idf_homography *back, idf_error *err) {
    int turn = side_turn[1] & 3, size[2];
    idf_image part = {0};
    idf_homography to_part, to_frame;
    *out = (idf_image){0};
    if (!idf_image_is_valid(frame) || side_turn[0] < 1)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "a region of no picture");
    upright_size(region, side_turn[0], turn & 1, size);
    double w = size[0], h = size[1];
    /* turned clockwise by a quarter, the region's bottom left corner comes to the top left */
    const idf_point upright[4] = {{0, 0}, {w, 0}, {w, h}, {0, h}};
    idf_point corners[4];
    for (int i = 0; i < 4; i++)
        corners[i] = region->corners[(i - turn + 4) & 3];
    if (!idf_homography_from_4(&to_frame, upright, corners))
        return idf_error_set(err, IDF_ERR_ARGUMENT, "the region's corners are in line");
    idf_status status = cut_out(&part, frame, region, size, &to_part, err);
    if (status)
        return status;
    idf_warp warp = {.border = IDF_BORDER_REPLICATE};
    idf_homography all;
    idf_homography_compose(&all, &to_part, &to_frame);
    double sign = all.m[6] * w / 2 + all.m[7] * h / 2 + all.m[8] < 0 ? -1 : 1;
    for (int i = 0; i < 9; i++)
        warp.matrix[i] = sign * all.m[i];
    status = idf_image_warp(out, &part, size[0], size[1], &warp, err);
    idf_image_release(&part);
    if (!status && back) {
        const idf_homography in = {{1, 0, 0.5, 0, 1, 0.5, 0, 0, 1}};
        const idf_homography from = {{1, 0, -0.5, 0, 1, -0.5, 0, 0, 1}};
        idf_homography_compose(back, &to_frame, &in);
        idf_homography_compose(back, &from, back);
    }
    return status;
}
