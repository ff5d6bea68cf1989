/* surface.c - a frame bent onto a reference's small picture, and the two compared.
 *
 * Colours are logarithms: of brightness, of red to green and of blue to green. Light then adds a
 * constant, which windows lose with their mean (normalised correlation). */
#include "match/surface.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "image/image.h"
#include "image/resize.h"
#include "match/scene.h"

enum {
    SIDE = IDF_SMALL_SIDE,
    CELLS = SIDE * SIDE,
    CHANNELS = 3,
    WINDOW = 8,      /* cells; windows overlap by half */
    SHIFT = 1,       /* cells that a window may be off */
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
/* Share of a window that has to be known. */
static const double KNOWN = 0.9;
/* Correlation from which a window agrees, and what colours count in it. */
static const double AGREES = 0.5, COLOUR_WEIGHT = 2.25;
/* Deviation that a window needs to show anything, as a part of the median window's and in all, of
 * the reference and of the frame: blur and haze flatten that. */
static const double SHOWS = 0.5, SHOWS_LEAST = 0.2, FRAME_SHOWS = 0.35, FRAME_LEAST = 0.1;
/* Where a mark was left out, what is left is softer: those in all times that. */
static const double BENEATH = 0.4;
/* Deviation of colours under which a picture is grey. */
static const double COLOURFUL = 0.05;
/* Of a thing's own windows that part differs: bent paper, glare, dye. Of another's with the same
 * print, that. */
static const double OWN_DIFFERS = 0.2, OTHER_DIFFERS = 0.7;
/* Beyond the matched places a map is a guess, and things bend away. */
static const double BEYOND_DIFFERS = 0.45, OTHER_BEYOND = 0.75;
/* Of windows of this printing, and of another of the same artwork, so many agree far less than the
 * tenth that agree best, which tell how clear the view is. */
static const double PRINTING_DIFFERS = 0.15, OTHER_PRINTING = 0.4;
static const double CLEAREST = 0.9, LESS_CLEAR = 0.3;
/* Each place is in four windows. */
static const double OVERLAP = 4;
/* Difference of colour that neither light nor printing makes. */
static const double APART = 0.4;
/* Between two references so much is noise, and so much the most that counts, of windows and of
 * colours each: powers of ten. */
static const double LEAD_NOISE = 1, LEAD_MOST = 4;
/* Colours: what the light may shift them by at no cost, the deviation of what is left, and the cost
 * from which a cell is something else's (a sticker, a finger), in natural logarithms. */
static const double CAST = 0.25, COLOUR_DEVIATION = 0.2, COLOUR_MOST = 4.5;
/* A colour that costs less is the reference's. */
static const double FITS = 0.5;

typedef struct cell {
    float v[CHANNELS];
} cell;

struct idf_surface {
    bool grey;  /* one of the two has no colours */
    int box[4]; /* cells first and last, across and down, that the matched places span */
    cell reference[CELLS], frame[CELLS];
    uint8_t known[CELLS];
};

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

/* --- bending --- */

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

/* --- windows --- */

/* Sums over a window of the first picture at `a` and of the second at `b`, channels weighed:
 * products less those of the means. */
typedef struct products {
    double aa, bb, ab;
} products;

static products multiply(const cell *a, const cell *b, int n_channels) {
    products p = {0, 0, 0};
    for (int k = 0; k < n_channels; k++) {
        float sa = 0, sb = 0, aa = 0, bb = 0, ab = 0;
        for (int y = 0; y < WINDOW; y++)
            for (int x = 0; x < WINDOW; x++) {
                float u = a[y * SIDE + x].v[k], v = b[y * SIDE + x].v[k];
                sa += u;
                sb += v;
                aa += u * u;
                bb += v * v;
                ab += u * v;
            }
        double weight = k == 0 ? 1 : COLOUR_WEIGHT, n = WINDOW * WINDOW;
        p.aa += weight * ((double)aa - (double)sa * (double)sa / n);
        p.bb += weight * ((double)bb - (double)sb * (double)sb / n);
        p.ab += weight * ((double)ab - (double)sa * (double)sb / n);
    }
    return p;
}

static bool is_known(const idf_surface *s, int x, int y) {
    int n = 0;
    if (x < 0 || y < 0 || x + WINDOW > SIDE || y + WINDOW > SIDE)
        return false;
    for (int i = 0; i < WINDOW; i++)
        for (int j = 0; j < WINDOW; j++)
            n += s->known[(y + i) * SIDE + x + j];
    return n >= KNOWN * WINDOW * WINDOW;
}

/* One window, where it fits best. */
typedef struct window {
    float own, seen; /* deviations */
    float alike;     /* correlation */
} window;

/* What a mark explains of the first picture and of the second is taken out of their products: the
 * partial correlation is left. */
static products leave_out(products p, const cell *a, const cell *b, const cell *mark,
                          int n_channels) {
    products ma = multiply(mark, a, n_channels), mb = multiply(mark, b, n_channels);
    if (ma.aa < 1e-6)
        return p;
    return (products){p.aa - ma.ab * ma.ab / ma.aa, p.bb - mb.ab * mb.ab / ma.aa,
                      p.ab - ma.ab * mb.ab / ma.aa};
}

static window best_fit(const idf_surface *s, int x, int y, const cell *mark) {
    const double n = WINDOW * WINDOW;
    window best = {0, 0, -1};
    for (int dy = -SHIFT; dy <= SHIFT; dy++)
        for (int dx = -SHIFT; dx <= SHIFT; dx++) {
            if (!is_known(s, x + dx, y + dy))
                continue;
            products p = multiply(s->reference + y * SIDE + x, s->frame + (y + dy) * SIDE + x + dx,
                                  s->grey ? 1 : CHANNELS);
            if (mark != NULL)
                p = leave_out(p, s->reference + y * SIDE + x, s->frame + (y + dy) * SIDE + x + dx,
                              mark + y * SIDE + x, s->grey ? 1 : CHANNELS);
            float alike = (float)(p.ab / sqrt(fmax(0, p.aa) * fmax(0, p.bb) + 1e-9));
            if (alike > best.alike)
                best =
                    (window){(float)sqrt(fmax(0, p.aa) / n), (float)sqrt(fmax(0, p.bb) / n), alike};
        }
    return best;
}

/* The one that is number `rank` in order, by partitioning (Hoare 1961); v is put into another
 * order. */
static float ranked(float *v, int n, int rank) {
    int low = 0, high = n - 1;
    while (low < high) {
        float pivot = v[(low + high) / 2];
        int i = low, j = high;
        while (i <= j) {
            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i <= j) {
                float x = v[i];
                v[i++] = v[j];
                v[j--] = x;
            }
        }
        if (rank <= j)
            high = j;
        else if (rank >= i)
            low = i;
        else
            break;
    }
    return n > 0 ? v[rank] : 0;
}

/* Whether a window's middle lies in one of the cells of a reference's grid. */
static bool lies_in(idf_cells cells, int x, int y) {
    enum { GRID = 8 };
    int column = (x + WINDOW / 2) * GRID / SIDE, row = (y + WINDOW / 2) * GRID / SIDE;
    return cells >> (GRID * row + column) & 1;
}

idf_windows idf_surface_compare(const idf_surface *s, idf_cells shared, const float (*mark)[3]) {
    enum { ALONG = 2 * SIDE / WINDOW };
    window all[ALONG * ALONG];
    bool inside[ALONG * ALONG];
    float own[ALONG * ALONG], seen[ALONG * ALONG], alike[ALONG * ALONG];
    idf_windows out = {0};
    int n = 0;
    for (int y = 0; y + WINDOW <= SIDE; y += WINDOW / 2)
        for (int x = 0; x + WINDOW <= SIDE; x += WINDOW / 2)
            if (!lies_in(shared, x, y) && is_known(s, x, y)) {
                all[n] = best_fit(s, x, y, (const cell *)mark);
                inside[n] = x >= s->box[0] && y >= s->box[1] && x + WINDOW - 1 <= s->box[2] &&
                            y + WINDOW - 1 <= s->box[3];
                own[n] = all[n].own;
                seen[n] = all[n].seen;
                n++;
            }
    double typical = (double)ranked(own, n, n / 2), typical_seen = (double)ranked(seen, n, n / 2);
    double part = mark != NULL ? BENEATH : 1;
    for (int i = 0; i < n; i++) {
        if ((double)all[i].own < fmax(SHOWS * typical, part * SHOWS_LEAST) ||
            (double)all[i].seen < fmax(FRAME_SHOWS * typical_seen, part * FRAME_LEAST))
            continue;
        bool differs = (double)all[i].alike < AGREES;
        alike[out.n + out.n_beyond] = all[i].alike;
        *(inside[i] ? &out.n : &out.n_beyond) += 1;
        *(inside[i] ? &out.n_different : &out.n_beyond_different) += differs;
    }
    n = out.n + out.n_beyond;
    double clear = (double)ranked(alike, n, (int)(CLEAREST * n));
    for (int i = 0; i < n; i++)
        out.n_apart += (double)alike[i] < fmax(AGREES, clear - LESS_CLEAR);
    return out;
}

/* So many windows of which some differ. */
static double weigh(int n, int n_different, double own_differs, double other_differs) {
    return ((n - n_different) * log10((1 - own_differs) / (1 - other_differs)) +
            n_different * log10(own_differs / other_differs)) /
           OVERLAP;
}

double idf_windows_evidence(const idf_windows *w) {
    return weigh(w->n, w->n_different, OWN_DIFFERS, OTHER_DIFFERS) +
           weigh(w->n_beyond, w->n_beyond_different, BEYOND_DIFFERS, OTHER_BEYOND);
}

double idf_windows_same_printing(const idf_windows *w) {
    return weigh(w->n + w->n_beyond, w->n_apart, PRINTING_DIFFERS, OTHER_PRINTING);
}

/* --- colours --- */

/* What is left of differences of colour when the light may have a colour: it takes their median
 * away, as far as light goes. */
static void take_light_away(float d[2][CELLS], int n) {
    float sorted[CELLS];
    double cast[2];
    for (int k = 0; k < 2; k++) {
        memcpy(sorted, d[k], (size_t)n * sizeof *sorted);
        cast[k] = (double)ranked(sorted, n, n / 2);
    }
    double part = fmin(1, CAST / fmax(1e-9, hypot(cast[0], cast[1])));
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < n; i++)
            d[k][i] -= (float)(part * cast[k]);
}

static void get_costs(const idf_surface *s, float cost[CELLS]) {
    float d[2][CELLS];
    int n = 0;
    for (int i = 0; i < CELLS; i++) {
        cost[i] = -1;
        if (s->grey || !s->known[i])
            continue;
        d[0][n] = s->frame[i].v[1] - s->reference[i].v[1];
        d[1][n++] = s->frame[i].v[2] - s->reference[i].v[2];
    }
    take_light_away(d, n);
    for (int i = 0, k = 0; i < CELLS; i++)
        if (!s->grey && s->known[i]) {
            double off = hypot((double)d[0][k], (double)d[1][k]) / COLOUR_DEVIATION;
            cost[i] = (float)fmin(COLOUR_MOST, off * off / 2);
            k++;
        }
}

bool idf_surface_coloured_apart(const uint8_t a[IDF_SMALL_BYTES],
                                const uint8_t b[IDF_SMALL_BYTES]) {
    float d[2][CELLS];
    int apart = 0;
    for (int i = 0; i < CELLS; i++) {
        const double x[3] = {a[3 * i], a[3 * i + 1], a[3 * i + 2]};
        const double y[3] = {b[3 * i], b[3 * i + 1], b[3 * i + 2]};
        cell u, v;
        to_cell(&u, x);
        to_cell(&v, y);
        d[0][i] = u.v[1] - v.v[1];
        d[1][i] = u.v[2] - v.v[2];
    }
    take_light_away(d, CELLS);
    for (int i = 0; i < CELLS; i++)
        apart += hypot((double)d[0][i], (double)d[1][i]) > APART;
    return apart * 12 >= CELLS;
}

/* --- one of two --- */

void idf_surface_get_rank(const idf_surface *s, idf_cells shared, idf_surface_rank *out) {
    idf_windows w = idf_surface_compare(s, shared, NULL);
    out->evidence = idf_windows_evidence(&w);
    get_costs(s, out->cost);
}

/* A number less `by`, towards 0, and within -most..most. */
static double beyond(double v, double by, double most) {
    return v > 0 ? fmin(most, fmax(0, v - by)) : fmax(-most, fmin(0, v + by));
}

double idf_surface_lead(const idf_surface_rank *a, const idf_surface_rank *b, bool coloured_apart) {
    double colour = 0;
    for (int i = 0; i < CELLS && coloured_apart; i++)
        if (a->cost[i] >= 0 && b->cost[i] >= 0 && fminf(a->cost[i], b->cost[i]) < (float)FITS)
            colour += (double)(b->cost[i] - a->cost[i]);
    return beyond(a->evidence - b->evidence, LEAD_NOISE, LEAD_MOST) +
           beyond(colour / (WINDOW * WINDOW) / 2.302585092994046, LEAD_NOISE, LEAD_MOST);
}
