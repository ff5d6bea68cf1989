/* regions_edges.c - gradient, thin edges, chains, straight pieces.
 *
 * Thin edges are local maxima of the gradient across it (Canny, "A computational approach to edge
 * detection", 1986). They are followed from pixel to pixel as long as they go on in about the same
 * direction, and each chain is split where it leaves its chord (Ramer 1972; Douglas and Peucker
 * 1973). Pieces of one line are joined across gaps: a thumb, glare. */
#include "match/regions_edges.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "image/image.h"

enum { SIDE_MIN = 8, SIDE_MAX = 4096, CHAIN_MAX = 16384 };
enum { JOINED_MAX = 400 }; /* pieces that are joined, the longest; quads.c looks at 128 lines */
static const float MAX_DEVIATION = 1.3f; /* pixels a straight piece may leave its chord */

void idf_edges_release(idf_edges *e) {
    idf_free(e->angle);
    idf_free(e->smooth);
    idf_free(e->gx);
    idf_free(e->gy);
    idf_free(e->chain);
    idf_free(e->left);
    idf_free(e->strength);
    memset(e, 0, sizeof *e);
}

static idf_status reserve(idf_edges *e, int width, int height, idf_error *err) {
    size_t pixels = (size_t)width * (size_t)height;
    e->width = width;
    e->height = height;
    e->n = 0;
    if (pixels <= e->capacity)
        return IDF_OK;
    idf_edges_release(e);
    e->angle = idf_alloc(pixels, 1);
    e->smooth = idf_alloc(pixels, 1);
    e->left = idf_alloc(pixels, 1);
    e->gx = idf_alloc(pixels, sizeof *e->gx);
    e->gy = idf_alloc(pixels, sizeof *e->gy);
    e->strength = idf_alloc(pixels, sizeof *e->strength);
    e->chain = idf_alloc(2 * CHAIN_MAX, 2 * sizeof *e->chain);
    if (!e->angle || !e->smooth || !e->left || !e->gx || !e->gy || !e->strength || !e->chain) {
        idf_edges_release(e);
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for the edges of a %d x %d picture",
                             width, height);
    }
    e->capacity = pixels;
    e->width = width;
    e->height = height;
    return IDF_OK;
}

/* 1 2 1 across and down, edges repeated. */
static void smooth(idf_edges *e, const idf_image *grey) {
    int w = e->width, h = e->height;
    for (int y = 0; y < h; y++) {
        const uint8_t *const rows[3] = {idf_image_row(grey, y > 0 ? y - 1 : 0),
                                        idf_image_row(grey, y),
                                        idf_image_row(grey, y < h - 1 ? y + 1 : y)};
        /* gx holds a row of sums; it is overwritten by the gradient later */
        e->rows->smooth(rows, w, e->gx, e->smooth + (size_t)y * (size_t)w);
    }
}

/* Sobel's gradient, eight times the slope; zero on the border. */
static void differentiate(idf_edges *e) {
    size_t w = (size_t)e->width, last = (size_t)e->height - 1;
    int16_t *const planes[3] = {e->gx, e->gy, e->strength};
    for (int k = 0; k < 3; k++) {
        memset(planes[k], 0, w * sizeof **planes);
        memset(planes[k] + last * w, 0, w * sizeof **planes);
    }
    for (size_t y = 1; y < last; y++) {
        const uint8_t *b = e->smooth + y * w;
        const uint8_t *const rows[3] = {b - w, b, b + w};
        e->rows->differentiate(rows, e->width, e->gx + y * w, e->gy + y * w, e->strength + y * w);
    }
}

/* The gradient's direction in 128ths of half a turn, from 1 on. The arc tangent is a polynomial of
 * which the error, 0.005 of a radian (Rajan et al., "Efficient approximations for the arctangent
 * function", 2006), is a fifth of a step. */
static uint8_t direction_of(int gx, int gy) {
    int x = abs(gx), y = abs(gy), low = x < y ? x : y;
    float r = (float)low / (float)(x + y - low);
    float turn = r * (0.25f + 0.0869f * (1 - r)) * 128; /* of pi, 0..1/4 */
    /* without branches, which nobody could foretell */
    float steep = (float)(x < y), back = (float)((gx ^ gy) < 0);
    turn = 64 * steep + (1 - 2 * steep) * turn;
    turn = 128 * back + (1 - 2 * back) * turn;
    return (uint8_t)(1 + ((int)turn & 127));
}

/* Marks the pixels where the gradient is largest across the edge. */
static void thin(idf_edges *e, int least) {
    size_t w = (size_t)e->width, last = (size_t)e->height - 1;
    uint16_t *at = e->chain; /* room for a row: SIDE_MAX is below CHAIN_MAX */
    memset(e->angle, 0, w * (size_t)e->height);
    for (size_t row = w; row < last * w; row += w) {
        const int16_t *here = e->strength + row;
        const int16_t *const strength[3] = {here - w, here, here + w};
        const int16_t *const gradient[2] = {e->gx + row, e->gy + row};
        int n = e->rows->crests(strength, gradient, e->width, least, at);
        for (int k = 0; k < n; k++)
            e->angle[row + at[k]] = direction_of(gradient[0][at[k]], gradient[1][at[k]]);
    }
}

/* The eight neighbours, going round. */
static const int around[8][2] = {{1, 0},  {1, 1},   {0, 1},  {-1, 1},
                                 {-1, 0}, {-1, -1}, {0, -1}, {1, -1}};

/* Moves to the neighbour through which the edge goes on in direction `way`, or one of the two to
 * either side of it; false without one. */
static bool next_pixel(const idf_edges *e, int *x, int *y, int *way) {
    static const int order[5] = {0, 1, 7, 2, 6};
    const uint8_t *at = e->left + (size_t)*y * (size_t)e->width + (size_t)*x;
    for (int k = 0; k < 5; k++) {
        int next = (*way + order[k]) & 7;
        const int *d = around[next];
        if (at[(ptrdiff_t)d[1] * e->width +
               d[0]]) { /* the border has no edges: no bounds to check */
            *x += d[0];
            *y += d[1];
            *way = next;
            return true;
        }
    }
    return false;
}

/* Follows the edge from (x, y) into one direction; appends to `out` (x, y in turn). */
static int follow(idf_edges *e, int x, int y, int way, uint16_t *out) {
    int n = 0;
    while (n < CHAIN_MAX && next_pixel(e, &x, &y, &way)) {
        e->left[(size_t)y * (size_t)e->width + (size_t)x] = 0;
        out[2 * n] = (uint16_t)x;
        out[2 * n + 1] = (uint16_t)y;
        n++;
    }
    return n;
}

/* The line of least squares through chain points, from the first's side to the last's, turned so
 * that the brighter side is on its right. */
static void add_segment(idf_edges *e, const uint16_t *p, int n, float min_length) {
    float mx = 0, my = 0, xx = 0, xy = 0, yy = 0, bright_x = 0, bright_y = 0;
    for (int i = 0; i < n; i++) {
        mx += p[2 * i];
        my += p[2 * i + 1];
        size_t at = (size_t)p[2 * i + 1] * (size_t)e->width + p[2 * i];
        bright_x += e->gx[at];
        bright_y += e->gy[at];
    }
    mx /= (float)n;
    my /= (float)n;
    for (int i = 0; i < n; i++) {
        float dx = p[2 * i] - mx, dy = p[2 * i + 1] - my;
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
    }
    float turn = 0.5f * atan2f(2 * xy, xx - yy), c = cosf(turn), s = sinf(turn);
    float from = (p[0] - mx) * c + (p[1] - my) * s;
    float to = (p[2 * n - 2] - mx) * c + (p[2 * n - 1] - my) * s;
    if (c * bright_y - s * bright_x < 0) { /* the right of (c, s) is (-s, c) */
        c = -c;
        s = -s;
        from = -from;
        to = -to;
    }
    if (from > to) {
        float t = from;
        from = to;
        to = t;
    }
    if (to - from < min_length || e->n >= IDF_SEGMENTS_MAX)
        return;
    e->segments[e->n++] = (idf_segment){mx + 0.5f + from * c, my + 0.5f + from * s,
                                        mx + 0.5f + to * c, my + 0.5f + to * s, to - from};
}

/* Splits points [from, to] of a chain where they leave their chord the most. The depth is bounded
 * by halving: the longer part is handled by the loop. */
static void split(idf_edges *e, const uint16_t *p, int from, int to, float min_length) {
    while (to - from + 1 >= (int)min_length) {
        int ax = p[2 * from], ay = p[2 * from + 1], at = from, worst = 0;
        int dx = p[2 * to] - ax, dy = p[2 * to + 1] - ay, square = dx * dx + dy * dy;
        for (int i = from + 1; i < to; i++) { /* off the chord, times its length; or off its ends */
            int qx = p[2 * i] - ax, qy = p[2 * i + 1] - ay;
            int off = square > 1 ? abs(qx * dy - qy * dx) : qx * qx + qy * qy;
            if (off > worst) {
                worst = off;
                at = i;
            }
        }
        float deviation = square > 1 ? (float)worst / sqrtf((float)square) : sqrtf((float)worst);
        if (deviation <= MAX_DEVIATION) {
            add_segment(e, p + 2 * from, to - from + 1, min_length);
            return;
        }
        if (at - from < to - at) {
            split(e, p, from, at, min_length);
            from = at;
        } else {
            split(e, p, at, to, min_length);
            to = at;
        }
    }
}

static void trace(idf_edges *e, float min_length) {
    int w = e->width, h = e->height;
    memcpy(e->left, e->angle, (size_t)w * (size_t)h);
    for (int y = 1; y < h - 1; y++)
        for (int x = 1; x < w - 1; x++) {
            size_t i = (size_t)y * (size_t)w + (size_t)x;
            uint64_t eight;
            if (x + 8 < w && (memcpy(&eight, e->left + i, sizeof eight), eight == 0)) {
                x += 7; /* most pixels are on no edge */
                continue;
            }
            if (!e->left[i])
                continue;
            e->left[i] = 0;
            /* along the edge, both ways; the first half is turned round */
            int way = abs(e->gy[i]) >= abs(e->gx[i]) ? 0 : 2;
            uint16_t *p = e->chain, *back = e->chain + 2 * CHAIN_MAX;
            int n_back = follow(e, x, y, way ^ 4, back), n = 0;
            if (n_back > CHAIN_MAX / 2)
                n_back = CHAIN_MAX / 2;
            for (int k = n_back - 1; k >= 0; k--, n++)
                memcpy(p + 2 * n, back + 2 * k, 2 * sizeof *p);
            p[2 * n] = (uint16_t)x;
            p[2 * n + 1] = (uint16_t)y;
            n++;
            int n_on = follow(e, x, y, way, back);
            for (int k = 0; k < n_on && n < CHAIN_MAX; k++, n++)
                memcpy(p + 2 * n, back + 2 * k, 2 * sizeof *p);
            split(e, p, 0, n - 1, min_length);
        }
}

static int longer_first(const void *a, const void *b) {
    const idf_segment *s = a, *t = b;
    if (s->length != t->length)
        return s->length < t->length ? 1 : -1;
    if (s->y1 != t->y1)
        return s->y1 < t->y1 ? -1 : 1;
    return (s->x1 > t->x1) - (s->x1 < t->x1);
}

/* Whether b lies on the line of a, which has direction (c, s), not too far off its ends. */
static bool joins(const idf_segment *a, const float cs[2], const idf_segment *b, float *from,
                  float *to) {
    float c = cs[0], s = cs[1];
    float off1 = (b->y1 - a->y1) * c - (b->x1 - a->x1) * s;
    float off2 = (b->y2 - a->y1) * c - (b->x2 - a->x1) * s;
    if (fabsf(off1) > 2 || fabsf(off2) > 2)
        return false;
    *from = (b->x1 - a->x1) * c + (b->y1 - a->y1) * s;
    *to = (b->x2 - a->x1) * c + (b->y2 - a->y1) * s;
    float gap = fmaxf(*from - a->length, -*to);
    return gap < 0.5f * (a->length + b->length);
}

/* Joins pieces of one line, the longest first. */
static void join(idf_edges *e) {
    static const float same_way = 0.995f; /* cosine: 6 degrees */
    idf_segment *s = e->segments;
    float(*cs)[2] = e->directions;
    int kept = 0;
    qsort(s, (size_t)e->n, sizeof *s, longer_first);
    e->n = e->n < JOINED_MAX ? e->n : JOINED_MAX;
    for (int i = 0; i < e->n; i++) {
        cs[i][0] = (s[i].x2 - s[i].x1) / s[i].length;
        cs[i][1] = (s[i].y2 - s[i].y1) / s[i].length;
    }
    for (int i = 0; i < e->n; i++) { /* length 0: joined to another */
        for (int j = i + 1; j < e->n && s[i].length > 0; j++) {
            float from, to, c = cs[i][0], d = cs[i][1];
            if (c * cs[j][0] + d * cs[j][1] < same_way || !(s[j].length > 0) ||
                !joins(&s[i], cs[i], &s[j], &from, &to))
                continue;
            float start = fminf(0, from), end = fmaxf(s[i].length, to);
            s[i] = (idf_segment){s[i].x1 + start * c, s[i].y1 + start * d, s[i].x1 + end * c,
                                 s[i].y1 + end * d, end - start};
            s[j].length = 0;
        }
        if (s[i].length > 0)
            s[kept++] = s[i];
    }
    e->n = kept;
    qsort(s, (size_t)e->n, sizeof *s, longer_first);
}

idf_status idf_edges_find(idf_edges *e, const idf_image *grey, int contrast, float min_length,
                          idf_error *err) {
    if (!idf_image_is_valid(grey) || grey->channels != 1 || grey->width < SIDE_MIN ||
        grey->height < SIDE_MIN || grey->width > SIDE_MAX || grey->height > SIDE_MAX)
        return idf_error_set(err, IDF_ERR_ARGUMENT,
                             "edges are looked for in grey pictures with sides of %d to %d pixels",
                             SIDE_MIN, SIDE_MAX);
    idf_status status = reserve(e, grey->width, grey->height, err);
    if (status)
        return status;
    e->rows = idf_edge_rows_choose();
    smooth(e, grey);
    differentiate(e);
    thin(e, 2 * contrast);
    trace(e, min_length);
    join(e);
    return IDF_OK;
}
