/* surface_compare.c - a bent frame and a reference's small picture, compared window by window and
 * in colour. A window loses what light adds with its mean (normalised correlation). */
#include <math.h>
#include <string.h>

#include "match/surface_inside.h"

enum {
    WINDOW = 6, /* cells; windows overlap by half */
    SHIFT = 1,  /* cells that a window may be off */
};
/* Share of a window that has to be known. */
static const double KNOWN = 0.9;
/* Correlation from which a window agrees, and what colours count in it. */
static const double AGREES = 0.5, COLOUR_WEIGHT = 2.25;
/* Deviation that a window needs to show anything, as a part of the median window's and in all, of
 * the reference and of the frame: blur and haze flatten that. */
static const double SHOWS = 0.5, SHOWS_LEAST = 0.2, FRAME_SHOWS = 0.35, FRAME_LEAST = 0.1;
/* Where a mark was left out, what is left is softer: those in all times that. */
static const double BENEATH = 0.4;
/* Of a thing's own windows that part differs: bent paper, glare, dye. Of another's with the same
 * print, that. */
static const double OWN_DIFFERS = 0.2, OTHER_DIFFERS = 0.7;
/* Beyond the matched places a map is a guess, and things bend away. */
static const double BEYOND_DIFFERS = 0.45, OTHER_BEYOND = 0.75;
/* Of windows of this printing, and of another of the same artwork, so many agree far less than the
 * tenth that agree best, which tell how clear the view is. */
static const double PRINTING_DIFFERS = 0.15, OTHER_PRINTING = 0.4;
static const double CLEAREST = 0.9, LESS_CLEAR = 0.3;
/* Each place is in four windows, and neighbours agree or differ together: so many count as one. */
static const double ALIKE_WINDOWS = 7.5;
/* Difference of colour that neither light nor printing makes. */
static const double APART = 0.4;
/* Between two references so much is noise, and so much the most that counts, of windows and of
 * colours each: powers of ten. */
static const double LEAD_NOISE = 1, LEAD_MOST = 4;
/* Colours: what the light may shift them by at no cost, the deviation of what is left, and the cost
 * from which a cell is something else's (a sticker, a finger), in natural logarithms. */
static const double CAST = 0.25, COLOUR_DEVIATION = 0.2, COLOUR_MOST = 4.5;
/* Cells whose colours count as one: neighbours have the same. */
static const double ALIKE_CELLS = 64;
/* A colour that costs less is the reference's. */
static const double FITS = 0.5;

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
           ALIKE_WINDOWS;
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
        cell u, v;
        idf_surface_colours(u.v, a + (ptrdiff_t)3 * i);
        idf_surface_colours(v.v, b + (ptrdiff_t)3 * i);
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
           beyond(colour / ALIKE_CELLS / 2.302585092994046, LEAD_NOISE, LEAD_MOST);
}
