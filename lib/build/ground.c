/* ground.c - references that lie on one ground, laid over each other.
 *
 * A map between two references that agrees far better than chance would, along which the one shows
 * the other's surroundings, at another place or from the same one. Where colours are alike there,
 * light taken away, it is the ground; where a reference differs from all that show its place, it is
 * the thing. */
#include "build/ground.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "build/comparer.h"
#include "match/scene.h"

enum {
    SIDE = IDF_GROUND_SIDE,
    CELLS = SIDE * SIDE,
    PANEL = 64,       /* references that are asked whether they show a ground */
    MANY = 3,         /* of them, besides itself, make a ground */
    OTHERS = 16,      /* looked at for one reference */
    LEAST_WORDS = 12, /* features that the word index has to find in common */
    RING = 4,         /* cells that are the rim of a picture */
    SPECK = 5,        /* cells: less is no part of a thing */
    MARGIN = 1,       /* cells left around a thing */
};
/* Evidence from which two references lie on one ground. */
static const double SAME_GROUND = 8;
/* Difference of logarithms of colour from which a cell shows something else. */
static const float DIFFERS = 0.16f;
/* So much of the rim that others show is ground, and so much of it is shown by others. */
static const double RIM_GROUND = 0.85, RIM_SHOWN = 0.3;
/* Where it is known that what others show is a ground, so much of the rim will do. */
static const double RIM_SHOWN_KNOWN = 0.1;
/* Of the places that agree, so many lie outside the middle of the picture: a plain sheet, which
 * nothing agrees on, is no ground to be taken away. */
static const double OUTSIDE = 0.3, MIDDLE_BEGINS = 0.2;
/* A thing fills so much of its picture at most. */
static const double LARGEST = 0.7;
/* Where all lies at the same place it may be a print that many share, which is no ground: frames of
 * cards have other texts, and other pictures behind what is in the picture; printings have one
 * place that differs. Before a camera that did not move a thing fills at least and at most that
 * part of its picture; in that part of its cells others agree on what is behind it; that part of
 * the features around it are met in others; and more than MANY such things are there. */
static const double LEAST_IN_PLACE = 0.015, LEAST_IN_PLACE_KNOWN = 0.005, LARGEST_IN_PLACE = 0.3;
static const double BEHIND = 0.2, AROUND_MET = 0.5;
/* Corners that move by less than this part of the diagonal are at the same place. */
static const double IN_PLACE = 0.08;
/* Parts of a thing are at least that large, next to its largest. */
static const double LEAST_PART = 0.15;

/* What the others show where a reference's cells are: how unlike it is, the least and the second
 * least. */
typedef struct overlay {
    float least[CELLS], second[CELLS];
    uint8_t n_shown[CELLS]; /* others that show the place */
    int n_others, n_in_place;
    int n_places, n_outside;       /* that agree; outside the middle */
    uint8_t met[IDF_FEATURES_MAX]; /* features that another has */
    float shown[OTHERS][CELLS]
               [3]; /* what each of the others shows, in this one's light; NAN: not */
    bool is_known;  /* that it is a ground which the others show */
} overlay;

typedef struct search {
    const idf_index_row *rows;
    size_t n;
    size_t panel[PANEL];
    size_t n_panel;
    idf_features features[PANEL];
    idf_wordindex *words;
    idf_comparers comparers;
    overlay *overlays; /* of each comparer */
    idf_ground *out;
    idf_ground known[PANEL]; /* what is known of the panel, before this pass */
    bool any_known;
    const size_t *which; /* the rows of this pass; NULL: all */
    atomic_size_t n_found;
} search;

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while looking for a common ground");
}

/* --- one reference laid over another --- */

static float brightness(const uint8_t *rgb) {
    return logf(0.299f * (float)rgb[0] + 0.587f * (float)rgb[1] + 0.114f * (float)rgb[2] + 15);
}

static void colours_of(float out[3], const uint8_t *rgb) {
    out[0] = brightness(rgb);
    out[1] = logf(((float)rgb[0] + 20) / ((float)rgb[1] + 20));
    out[2] = logf(((float)rgb[2] + 20) / ((float)rgb[1] + 20));
}

/* For each cell, the cell of the other's picture that shows its place; -1: none. */
static int map_cells(int16_t to[CELLS], const idf_homography *back, const idf_features *a,
                     const idf_features *b) {
    int n = 0;
    for (int i = 0; i < CELLS; i++) {
        double x = (i % SIDE + 0.5) * a->width / SIDE - 0.5;
        double y = (double)(i / SIDE + 0.5) * a->height / SIDE - 0.5;
        idf_point at = idf_homography_apply(back, x, y);
        double u = (at.x + 0.5) * SIDE / b->width, v = (at.y + 0.5) * SIDE / b->height;
        bool inside = u >= 1 && v >= 1 && u < SIDE - 1 && v < SIDE - 1;
        to[i] = inside ? (int16_t)((int)v * SIDE + (int)u) : (int16_t)-1;
        n += inside;
    }
    return n;
}

static int compare_floats(const void *a, const void *b) {
    const float *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* What light makes of the difference of two pictures: the median over the cells that both show. */
static void light_between(float out[3], const float (*a)[3], const float (*b)[3],
                          const int16_t to[CELLS]) {
    float d[CELLS];
    for (int k = 0; k < 3; k++) {
        int n = 0;
        for (int i = 0; i < CELLS; i++)
            if (to[i] >= 0)
                d[n++] = a[i][k] - b[to[i]][k];
        qsort(d, (size_t)n, sizeof *d, compare_floats);
        out[k] = n > 0 ? d[n / 2] : 0;
    }
}

static float distance(const float a[3], const float b[3], const float light[3]) {
    float e = 0.5f * (a[0] - b[0] - light[0]), f = a[1] - b[1] - light[1],
          g = a[2] - b[2] - light[2];
    return sqrtf(e * e + f * f + g * g);
}

/* How unlike a cell is what the other shows there, or one cell beside. */
static float unlike(const float colour[3], const float (*b)[3], int at, const float light[3]) {
    float least = INFINITY;
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++)
            least = fminf(least, distance(colour, b[at + dy * SIDE + dx], light));
    return least;
}

static bool is_in_place(const idf_confirmation *seen, const idf_features *a) {
    const idf_point own[4] = {{0, 0}, {a->width, 0}, {a->width, a->height}, {0, a->height}};
    double most = 0;
    for (int k = 0; k < 4; k++)
        most = fmax(most, hypot(seen->corners[k].x - own[k].x, seen->corners[k].y - own[k].y));
    return most < IN_PLACE * hypot(a->width, a->height);
}

/* `known` is what is ground in b, NULL as long as that is not known: then its thing is no ground
 * either, and speaks for nothing. */
static void lay_over(overlay *o, const float (*own)[3], const idf_index_row *a,
                     const idf_index_row *b, const idf_ground *known,
                     const idf_confirmation *seen) {
    int16_t to[CELLS];
    float other[CELLS][3], light[3];
    idf_homography back;
    if (!idf_homography_invert(&back, &seen->h) ||
        map_cells(to, &back, &a->features, &b->features) == 0)
        return;
    for (int i = 0; i < CELLS; i++)
        colours_of(other[i], b->picture + 3 * i);
    for (int i = 0; i < CELLS; i++)
        o->shown[o->n_others][i][0] = NAN;
    light_between(light, own, (const float(*)[3])other, to);
    for (int i = 0; i < CELLS; i++) {
        if (to[i] < 0 || (known != NULL && !(known->cells[to[i] / 8] >> to[i] % 8 & 1)))
            continue;
        for (int k = 0; k < 3; k++)
            o->shown[o->n_others][i][k] = other[to[i]][k] + light[k];
        float d = unlike(own[i], (const float(*)[3])other, to[i], light);
        o->second[i] = fminf(o->second[i], fmaxf(d, o->least[i]));
        o->least[i] = fminf(o->least[i], d);
        o->n_shown[i]++;
    }
    o->n_others++;
    for (int i = 0; i < seen->n_pairs; i++) {
        o->met[seen->pairs[i].frame] = 1;
        double x = idf_feature_x(&a->features, seen->pairs[i].frame) / a->features.width;
        double y = idf_feature_y(&a->features, seen->pairs[i].frame) / a->features.height;
        o->n_outside += fmin(fmin(x, 1 - x), fmin(y, 1 - y)) < MIDDLE_BEGINS;
    }
    o->n_places += seen->n_pairs;
    o->is_known = known != NULL;
    o->n_in_place += is_in_place(seen, &a->features);
}

/* --- the thing on it --- */

enum { GROUND, THING, UNKNOWN };

/* What is shown by `least` others and unlike all of them is the thing. */
static void sort_cells(uint8_t kind[CELLS], const overlay *o, int least) {
    for (int i = 0; i < CELLS; i++) {
        float d = o->n_shown[i] >= MANY ? o->second[i] : o->least[i];
        kind[i] = o->n_shown[i] == 0       ? UNKNOWN
                  : d < DIFFERS            ? GROUND
                  : o->n_shown[i] >= least ? THING
                                           : UNKNOWN;
    }
}

static bool has_rim_of_ground(const uint8_t kind[CELLS], double least_shown) {
    int n = 0, n_shown = 0, n_ground = 0;
    for (int i = 0; i < CELLS; i++) {
        int x = i % SIDE, y = i / SIDE;
        if (x >= RING && y >= RING && x < SIDE - RING && y < SIDE - RING)
            continue;
        n++;
        n_shown += kind[i] != UNKNOWN;
        n_ground += kind[i] == GROUND;
    }
    return n_shown >= least_shown * n && n_ground >= RIM_GROUND * n_shown;
}

/* Gives the cells of the part that cell `from` belongs to the number `part`. Returns how many. */
static int fill_part(const uint8_t kind[CELLS], uint16_t part_of[CELLS], int from, int part) {
    int16_t stack[CELLS];
    int n = 0, size = 0;
    part_of[from] = (uint16_t)part;
    for (stack[n++] = (int16_t)from; n > 0; size++) {
        int at = stack[--n], x = at % SIDE, y = at / SIDE;
        for (int k = 0; k < 9; k++) {
            int u = x + k % 3 - 1, v = y + k / 3 - 1, next = v * SIDE + u;
            if (u < 0 || v < 0 || u >= SIDE || v >= SIDE || kind[next] != THING || part_of[next])
                continue;
            part_of[next] = (uint16_t)part;
            stack[n++] = (int16_t)next;
        }
    }
    return size;
}

/* Keeps the parts of the thing that are no specks. Returns the number of its cells. */
static int keep_parts(uint8_t kind[CELLS]) {
    uint16_t part_of[CELLS] = {0}, size[CELLS + 1];
    int n = 0, largest = 0, kept = 0;
    for (int i = 0; i < CELLS; i++)
        if (kind[i] == THING && part_of[i] == 0) {
            n++;
            size[n] = (uint16_t)fill_part(kind, part_of, i, n);
            largest = size[n] > largest ? size[n] : largest;
        }
    for (int i = 0; i < CELLS; i++) {
        if (kind[i] != THING)
            continue;
        int own = size[part_of[i]];
        if (own < SPECK || own < LEAST_PART * largest)
            kind[i] = GROUND;
        kept += kind[i] == THING;
    }
    return kept;
}

/* The box of the thing, with a margin, in cells: first and beyond the last. */
static void box_of(int box[4], const uint8_t kind[CELLS]) {
    box[0] = box[1] = SIDE;
    box[2] = box[3] = 0;
    for (int i = 0; i < CELLS; i++) {
        int x = i % SIDE, y = i / SIDE;
        if (kind[i] != THING)
            continue;
        box[0] = x - MARGIN < box[0] ? x - MARGIN : box[0];
        box[1] = y - MARGIN < box[1] ? y - MARGIN : box[1];
        box[2] = x + 1 + MARGIN > box[2] ? x + 1 + MARGIN : box[2];
        box[3] = y + 1 + MARGIN > box[3] ? y + 1 + MARGIN : box[3];
    }
    for (int k = 0; k < 4; k++)
        box[k] = box[k] < 0 ? 0 : box[k] > SIDE ? SIDE : box[k];
}

/* What no other shows is ground where it has a colour that ground has elsewhere in the picture. */
static void guess_unknown(uint8_t kind[CELLS], const float (*own)[3]) {
    static const float no_light[3] = {0, 0, 0};
    float ground[CELLS][3];
    int n = 0;
    for (int i = 0; i < CELLS; i++)
        if (kind[i] == GROUND)
            memcpy(ground[n++], own[i], sizeof ground[0]);
    for (int i = 0; i < CELLS; i++) {
        float least = INFINITY;
        for (int k = 0; k < n && kind[i] == UNKNOWN; k++)
            least = fminf(least, distance(own[i], ground[k], no_light));
        if (kind[i] == UNKNOWN)
            kind[i] = least < DIFFERS ? GROUND : THING;
    }
}

/* Whether three of the others, and half of those that show a cell, show the same there. */
static bool agree_behind(const overlay *o, int cell) {
    static const float no_light[3] = {0, 0, 0};
    int most = 0;
    for (int k = 0; k < o->n_others; k++) {
        int n = 0;
        for (int j = 0; j < o->n_others && !isnan(o->shown[k][cell][0]); j++)
            n += distance(o->shown[k][cell], o->shown[j][cell], no_light) < DIFFERS;
        most = n > most ? n : most;
    }
    return most >= MANY && 2 * most >= o->n_shown[cell];
}

/* Whether what lies at one place with most others is a thing before an unmoved camera. */
static bool is_before_camera(const uint8_t kind[CELLS], const overlay *o, const idf_features *f) {
    int n = 0, behind = 0, around = 0, met = 0;
    for (int i = 0; i < CELLS; i++)
        if (kind[i] == THING) {
            n++;
            behind += agree_behind(o, i);
        }
    for (int i = 0; i < f->n; i++) {
        int x = (int)(idf_feature_x(f, i) * SIDE / f->width);
        int y = (int)(idf_feature_y(f, i) * SIDE / f->height);
        int cell = (y < SIDE ? y : SIDE - 1) * SIDE + (x < SIDE ? x : SIDE - 1);
        around += kind[cell] == GROUND;
        met += kind[cell] == GROUND && o->met[i];
    }
    return n >= (o->is_known ? LEAST_IN_PLACE_KNOWN : LEAST_IN_PLACE) * CELLS &&
           (o->is_known || behind >= BEHIND * n) && met >= AROUND_MET * around;
}

static void decide(idf_ground *out, const overlay *o, const float (*own)[3],
                   const idf_features *f) {
    uint8_t kind[CELLS];
    int box[4];
    bool in_place = 2 * o->n_in_place > o->n_others;
    memset(out, 0, sizeof *out);
    if (o->n_others < (o->is_known ? 1 : MANY))
        return;
    sort_cells(kind, o, o->is_known ? 1 : 2);
    if (!has_rim_of_ground(kind, o->is_known ? RIM_SHOWN_KNOWN : RIM_SHOWN) ||
        o->n_outside < OUTSIDE * o->n_places)
        return;
    guess_unknown(kind, own);
    int n = keep_parts(kind);
    box_of(box, kind);
    double part = n > 0 ? (double)(box[2] - box[0]) * (box[3] - box[1]) / CELLS : 0;
    if (part > (in_place ? LARGEST_IN_PLACE : LARGEST) ||
        (in_place && !is_before_camera(kind, o, f)))
        return;
    out->found = true;
    out->in_place = in_place;
    out->all = n == 0;
    for (int k = 0; k < 4; k++)
        out->crop[k] = (uint16_t)(n > 0 ? box[k] * 65535 / SIDE : k < 2 ? 0 : 65535);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            bool beside = true; /* of any cell of the thing */
            for (int k = 0; k < 9; k++) {
                int u = x + k % 3 - 1, v = y + k / 3 - 1;
                beside = beside &&
                         (u < 0 || v < 0 || u >= SIDE || v >= SIDE || kind[v * SIDE + u] != THING);
            }
            if (beside)
                out->cells[(y * SIDE + x) / 8] |= (uint8_t)(1u << (y * SIDE + x) % 8);
        }
}

static void look_at(const search *s, int worker, size_t row) {
    const idf_index_row *a = &s->rows[row];
    idf_comparer *w = &s->comparers.items[worker];
    overlay *o = &s->overlays[worker];
    float own[CELLS][3];
    if (a->features.n == 0 || a->picture == NULL || s->out[row].found)
        return;
    o->n_others = o->n_in_place = o->n_places = o->n_outside = 0;
    o->is_known = false;
    memset(o->n_shown, 0, sizeof o->n_shown);
    memset(o->met, 0, sizeof o->met);
    for (int i = 0; i < CELLS; i++)
        o->least[i] = o->second[i] = INFINITY;
    for (int i = 0; i < CELLS; i++)
        colours_of(own[i], a->picture + 3 * i);
    int n = idf_word_query_run(w->query, &a->features, LEAST_WORDS);
    idf_confirmer_set_frame(w->confirmer, &a->features);
    for (int k = 0; k < n && k < OTHERS; k++) {
        idf_candidate c;
        idf_word_query_get(w->query, k, &c);
        const idf_index_row *b = &s->rows[s->panel[c.row]];
        const idf_ground *known = s->any_known ? &s->known[c.row] : NULL;
        if (b == a || b->picture == NULL || (known != NULL && !known->found))
            continue;
        idf_confirm_matches(w->confirmer, &b->features, c.matches, c.n_matches, &w->seen);
        if (w->seen.score < SAME_GROUND && s->any_known)
            idf_confirm(w->confirmer, &b->features, &w->seen);
        if (w->seen.score >= SAME_GROUND)
            lay_over(o, (const float(*)[3])own, a, b, known, &w->seen);
    }
    decide(&s->out[row], o, (const float(*)[3])own, &a->features);
}

static void task(void *context, size_t item, int worker) {
    search *s = context;
    size_t row = s->which != NULL ? s->which[item] : item;
    bool before = s->out[row].found;
    look_at(s, worker, row);
    if (s->out[row].found && !before)
        atomic_fetch_add(&s->n_found, 1);
}

/* Few things that lie in place with others are no ground: one printing of many, say. */
static void forget_few_in_place(search *s) {
    size_t n = 0;
    for (size_t i = 0; i < s->n_panel; i++)
        n += s->out[s->panel[i]].found && s->out[s->panel[i]].in_place;
    for (size_t i = 0; i < s->n_panel && n <= MANY; i++) {
        idf_ground *g = &s->out[s->panel[i]];
        if (g->found && g->in_place) {
            g->found = false;
            atomic_fetch_sub(&s->n_found, 1);
        }
    }
}

/* The panel first. Where some of it lies on a ground, what lies on that with any one of those does,
 * too; and then all the others are looked at. Returns how many do. */
static size_t run_passes(search *s, idf_pool *pool) {
    size_t before = 0;
    s->which = s->panel;
    do {
        before = atomic_load(&s->n_found);
        for (size_t i = 0; i < s->n_panel; i++)
            s->known[i] = s->out[s->panel[i]];
        s->any_known = before > 0;
        idf_pool_for(pool, s->n_panel, task, s);
        if (before == 0)
            forget_few_in_place(s);
    } while (atomic_load(&s->n_found) > before);
    s->which = NULL;
    if (s->any_known && s->n > s->n_panel)
        idf_pool_for(pool, s->n, task, s);
    return atomic_load(&s->n_found);
}

static idf_status open_workers(search *s, idf_pool *pool, idf_error *err) {
    idf_status status = idf_comparers_open(&s->comparers, s->words, pool, err);
    if (status != IDF_OK)
        return status;
    s->overlays = idf_alloc((size_t)s->comparers.n, sizeof *s->overlays);
    return s->overlays == NULL ? no_memory(err) : IDF_OK;
}

static void search_release(search *s) {
    idf_comparers_close(&s->comparers);
    idf_free(s->overlays);
    idf_wordindex_free(s->words);
}

idf_status idf_grounds_find(const idf_index_row *rows, size_t n, idf_pool *pool, idf_ground *out,
                            size_t *n_found, idf_error *err) {
    search s = {.rows = rows, .n = n, .out = out};
    *n_found = 0;
    for (size_t i = 0; i < n; i++)
        out[i].found = false;
    if (n <= MANY)
        return IDF_OK;
    s.n_panel = n < PANEL ? n : PANEL;
    for (size_t i = 0; i < s.n_panel; i++) {
        s.panel[i] = i * n / s.n_panel;
        s.features[i] = rows[s.panel[i]].features;
    }
    idf_status status = idf_wordindex_new(
        &s.words, &(idf_word_source){.references = s.features, .n_rows = s.n_panel}, pool, err);
    if (status == IDF_OK)
        status = open_workers(&s, pool, err);
    if (status == IDF_OK)
        *n_found = run_passes(&s, pool);
    search_release(&s);
    return status;
}
