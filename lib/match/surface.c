/* surface.c - a frame bent onto a reference's small picture.
 *
 * Colours are logarithms: of brightness, of red to green and of blue to green. Light then adds a
 * constant. */
#include "match/surface_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "image/image.h"
#include "image/resize.h"
#include "match/scene.h"

enum {
    NEAREST = 5,     /* matched places that correct the map */
    LEAST_PAIRS = 8, /* else the surface is not looked at */
    LEAST_SPAN = 6,  /* cells that they span at least, either way */
    SAMPLES = 6,     /* of the frame, along a side of a cell at most */
    /* Levels of 255 that cells of one picture differ by, and that something in it is apart. */
    SAME_AT_MOST = 10,
    SAME_ON_AVERAGE = 2,
    SAME_SHOWS = 24,
    GLARE = 245, /* a cell as bright as that in all colours shows the light, not the thing */
};
/* What a cell averages, in cells: somewhat more than itself, as the small picture does. */
static const double BOX = 1.5;
/* Deviation of colours under which a picture is grey. */
static const double COLOURFUL = 0.05;

idf_status idf_surface_new(idf_surface **out, idf_error *err) {
    *out = idf_alloc_zero(1, sizeof **out);
    return *out != NULL ? IDF_OK
                        : idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for comparing surfaces");
}

void idf_surface_free(idf_surface *surface) {
    idf_free(surface);
}

idf_status idf_surface_picture(uint8_t out[IDF_SMALL_BYTES], const idf_image *image,
                               idf_error *err) {
    idf_image small = {0};
    idf_status status = idf_image_resize(&small, image, SIDE, SIDE, IDF_FILTER_BILINEAR, NULL, err);
    for (int y = 0; y < SIDE && status == IDF_OK; y++)
        idf_row_convert(out + (size_t)y * SIDE * 3, 3, idf_image_row(&small, y), small.channels,
                        SIDE);
    idf_image_release(&small);
    return status;
}

bool idf_surface_is_same(const uint8_t a[IDF_SMALL_BYTES], const uint8_t b[IDF_SMALL_BYTES]) {
    int differs = 0, shown = 0;
    for (int channel = 0; channel < 3; channel++) {
        int least = 255, most = 0;
        for (int i = channel; i < IDF_SMALL_BYTES; i += 3) {
            const int d = abs(a[i] - b[i]);
            differs += d;
            if (d > SAME_AT_MOST)
                return false;
            least = a[i] < least ? a[i] : least;
            most = a[i] > most ? a[i] : most;
        }
        shown = most - least > shown ? most - least : shown;
    }
    return differs <= SAME_ON_AVERAGE * IDF_SMALL_BYTES && shown >= SAME_SHOWS;
}

void idf_laid_set(idf_laid *out, const idf_confirmation *seen, const idf_features *reference,
                  const idf_features *in, const idf_homography *back) {
    int n = seen->n_pairs < IDF_LAID_PAIRS ? seen->n_pairs : IDF_LAID_PAIRS;
    *out = (idf_laid){.width = reference->width, .height = reference->height, .n_pairs = n};
    idf_homography_compose(&out->h, back, &seen->h);
    for (int k = 0; k < n; k++) { /* spread over the list */
        const idf_pairing *m = &seen->pairs[(int64_t)k * seen->n_pairs / n];
        idf_point at =
            idf_homography_apply(back, idf_feature_x(in, m->frame), idf_feature_y(in, m->frame));
        out->pairs[k] = (idf_point_pair){(float)idf_feature_x(reference, m->reference),
                                         (float)idf_feature_y(reference, m->reference), (float)at.x,
                                         (float)at.y, 1};
    }
}

static void to_cell(cell *out, const double rgb[3]) {
    out->v[0] = (float)log(0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] + 15);
    out->v[1] = (float)log((rgb[0] + 20) / (rgb[1] + 20));
    out->v[2] = (float)log((rgb[2] + 20) / (rgb[1] + 20));
}

void idf_surface_colours(float out[3], const uint8_t rgb[3]) {
    cell c;
    to_cell(&c, (const double[3]){rgb[0], rgb[1], rgb[2]});
    memcpy(out, c.v, sizeof c.v);
}

/* The nearest of `length` pixels to the i-th of n places along a side of the square. */
static int pixel_at(double middle, double side, int i, int n, int length) {
    int at = (int)lrint(middle + side * ((i + 0.5) / n - 0.5));
    return at < 0 ? 0 : at >= length ? length - 1 : at;
}

/* Mean over a square of the frame; nearest pixels, since there are many. */
static void mean_of(double rgb[3], const idf_image *p, idf_point at, double side) {
    int n = (int)fmin(SAMPLES, fmax(1, ceil(side)));
    int sum[3] = {0}, bytes = p->channels, green = bytes == 3 ? 1 : 0;
    size_t columns[SAMPLES];
    for (int i = 0; i < n; i++)
        columns[i] = (size_t)pixel_at(at.x, side, i, n, p->width) * (size_t)bytes;
    for (int i = 0; i < n; i++) {
        const uint8_t *row = idf_image_row(p, pixel_at(at.y, side, i, n, p->height));
        for (int k = 0; k < n; k++) {
            const uint8_t *pixel = row + columns[k];
            sum[0] += pixel[0];
            sum[1] += pixel[green];
            sum[2] += pixel[2 * green];
        }
    }
    for (int c = 0; c < 3; c++)
        rgb[c] = (double)sum[c] / (n * n);
}

/* By how much the matched places are off the map. */
typedef struct errors {
    int n;
    float x[IDF_LAID_PAIRS], y[IDF_LAID_PAIRS], dx[IDF_LAID_PAIRS], dy[IDF_LAID_PAIRS];
} errors;

static void errors_of(errors *e, const idf_laid *laid) {
    e->n = laid->n_pairs;
    for (int i = 0; i < laid->n_pairs; i++) {
        const idf_point_pair *p = &laid->pairs[i];
        idf_point at = idf_homography_apply(&laid->h, (double)p->x, (double)p->y);
        e->x[i] = p->x;
        e->y[i] = p->y;
        e->dx[i] = p->u - (float)at.x;
        e->dy[i] = p->v - (float)at.y;
    }
}

/* Where a place of the reference is in the frame: where the map says, off by what the nearest
 * matched places are off by. */
static idf_point place_of(const idf_laid *laid, const errors *e, double x, double y, double step) {
    int near[NEAREST], n = 0;
    float far[NEAREST];
    for (int i = 0; i < e->n; i++) {
        float dx = e->x[i] - (float)x, dy = e->y[i] - (float)y, d = dx * dx + dy * dy;
        if (n == NEAREST && d >= far[n - 1])
            continue;
        int at = n < NEAREST ? n++ : NEAREST - 1;
        for (; at > 0 && far[at - 1] > d; at--) {
            far[at] = far[at - 1];
            near[at] = near[at - 1];
        }
        far[at] = d;
        near[at] = i;
    }
    idf_point out = idf_homography_apply(&laid->h, x, y);
    double sum = 0, by_x = 0, by_y = 0;
    for (int k = 0; k < n; k++) {
        double w = 1 / ((double)far[k] + 4 * step * step);
        by_x += w * (double)e->dx[near[k]];
        by_y += w * (double)e->dy[near[k]];
        sum += w;
    }
    return sum > 0 ? (idf_point){out.x + by_x / sum, out.y + by_y / sum} : out;
}

/* Cells first and last, across and down, that the matched places span. */
static bool find_span(const idf_laid *laid, int box[4]) {
    double x0 = 1e9, y0 = 1e9, x1 = -1e9, y1 = -1e9;
    box[0] = box[1] = 0;
    box[2] = box[3] = SIDE - 1;
    for (int i = 0; i < laid->n_pairs; i++) {
        x0 = fmin(x0, (double)laid->pairs[i].x);
        y0 = fmin(y0, (double)laid->pairs[i].y);
        x1 = fmax(x1, (double)laid->pairs[i].x);
        y1 = fmax(y1, (double)laid->pairs[i].y);
    }
    if (laid->n_pairs == 0)
        return true;
    box[0] = (int)fmax(0, floor(x0 * SIDE / laid->width));
    box[1] = (int)fmax(0, floor(y0 * SIDE / laid->height));
    box[2] = (int)fmin(SIDE - 1, ceil(x1 * SIDE / laid->width));
    box[3] = (int)fmin(SIDE - 1, ceil(y1 * SIDE / laid->height));
    return laid->n_pairs >= LEAST_PAIRS && box[2] - box[0] >= LEAST_SPAN &&
           box[3] - box[1] >= LEAST_SPAN;
}

static double deviation(const cell *cells, const uint8_t *known, int channel) {
    double sum = 0, squares = 0, n = 0;
    for (int i = 0; i < CELLS; i++)
        if (known[i]) {
            double v = (double)cells[i].v[channel];
            sum += v;
            squares += v * v;
            n++;
        }
    return n > 0 ? sqrt(fmax(0, squares / n - sum / n * sum / n)) : 0;
}

static double colourful(const cell *cells, const uint8_t *known) {
    return hypot(deviation(cells, known, 1), deviation(cells, known, 2));
}

/* What lies outside of the frame is not known, and takes the colour of its edge: a window may hold
 * some of it. */
static void bend_cell(idf_surface *s, int i, const idf_image *frame, idf_point at, double side) {
    double rgb[3], right = frame->width - 1, bottom = frame->height - 1;
    bool inside = at.x > 0 && at.y > 0 && at.x < right && at.y < bottom;
    mean_of(rgb, frame, (idf_point){fmin(fmax(at.x, 0), right), fmin(fmax(at.y, 0), bottom)}, side);
    to_cell(&s->frame[i], rgb);
    s->known[i] = inside && fmin(rgb[0], fmin(rgb[1], rgb[2])) <= GLARE;
}

bool idf_surface_bend(idf_surface *s, const idf_laid *laid, const idf_image *frame,
                      const uint8_t picture[IDF_SMALL_BYTES]) {
    int *box = s->box;
    errors e;
    memset(s->known, 0, sizeof s->known);
    s->grey = true;
    if (!find_span(laid, box))
        return false;
    double wide = (double)laid->width / SIDE, high = (double)laid->height / SIDE;
    double scale = idf_homography_scale(&laid->h, laid->width * 0.5, laid->height * 0.5);
    double step = sqrt(wide * high), side = fmax(1, BOX * step * scale);
    errors_of(&e, laid);
    for (int row = 0; row < SIDE; row++)
        for (int column = 0; column < SIDE; column++) {
            int i = row * SIDE + column;
            const double rgb[3] = {picture[3 * i], picture[3 * i + 1], picture[3 * i + 2]};
            to_cell(&s->reference[i], rgb);
            double x = (column + 0.5) * wide - 0.5, y = (row + 0.5) * high - 0.5;
            bend_cell(s, i, frame, place_of(laid, &e, x, y, step), side);
        }
    s->grey = frame->channels != 3 || colourful(s->frame, s->known) < COLOURFUL ||
              colourful(s->reference, s->known) < COLOURFUL;
    return true;
}
