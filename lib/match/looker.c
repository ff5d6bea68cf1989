/* looker.c - the whole frame, its quadrilaterals, and a closer look at what is in doubt. */
#include "match/looker.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "image/image.h"
#include "local/extract.h"
#include "match/scene.h"
#include "match/weigh.h"

enum {
    QUADS = 40,          /* looked at in one frame */
    QUAD_FEATURES = 500, /* of one of them */
    QUAD_QUICK = 3,      /* references looked at in one of them, quickly and in full */
    QUAD_FULL = 2,
    FAMILY_QUICK = 8, /* references looked at for what has most in common with another */
    FAMILY_FULL = 2,
    IN_A_QUAD = 4, /* found in one of them: a page of cards */
    THINGS = 16,   /* found in the whole frame */
    HINTS = 16,
    CLOSE_LOOKS = 12,
    CLOSE_FEATURES = 1000,
    TILES = 3, /* looked at besides */
    TILE_FEATURES = 500,
    TILE_SIDE = 400,       /* pixels that one is enlarged to, twice at most */
    TILE_FRAME = 900,      /* pixels a frame's longer side has at least for it */
    TILE_UNEXPLAINED = 35, /* features of the whole frame that make a tile worth a look */
    FINER_FEATURES = 1000, /* of a square of a small frame */
    FINER_WORTH = 12,      /* features of the whole frame that make it worth a look */
};
/* Side of a tile, as a part of the frame's shorter side, and the step from one to the next, as a
 * part of a tile. What covers this part of the frame is what is held up: no tiles then. */
static const double TILE = 0.42, TILE_STEP = 1.0 / 3, HELD_UP = 0.2;
/* What covers this part leaves room for no more than slivers. */
static const double FILLED = 0.85;
/* A finer look is at this many times the scale of the whole frame, though its pixels are enlarged
 * so many times at most, and not worth it under that. Its squares lie that part of a side apart. */
static const double FINER = 2, FINER_MOST = 3, FINER_LEAST = 1.2, FINER_STEP = 0.7;
/* Evidence of what needs no finer look. */
static const double CLEAR = 15;
/* Evidence from which something is worth noting; what counts is decided later. */
static const double NOTED = 2;
/* Evidence from which what was not noted gets a closer look. */
static const double HINT = 0.5;
/* A closer look is for less evidence than this, or a lesser lead over a rival. */
static const double ENOUGH = 25, CLEAR_LEAD = 2;
/* How far around its last outline a moving thing is looked for. */
static const double ENLARGED = 1.25;

struct idf_looker {
    const idf_features *references;
    size_t n_references;
    const idf_wordindex *words;
    idf_finder *finder;
    idf_extractor *extractor;
    idf_regions_workspace *regions;
    idf_weigher *weigher;
    const uint8_t *const *pictures;
    const idf_index *index;
    idf_other_printings other_printings;
    idf_region quads[QUADS + 2];
    int n_quads; /* of the frame; -1 when they have not been looked for */
    bool coarse; /* how they were looked for */
    idf_thing things[THINGS];
    idf_confirmation hint;
    idf_hint hints[HINTS];
    int n_hints;
    long n_looks;
};

/* One look in progress. */
typedef struct state {
    idf_looker *l;
    const idf_look *look;
    const idf_image *grey;
    idf_sightings *out;
} state;

void idf_looker_free(idf_looker *l) {
    if (!l)
        return;
    idf_finder_free(l->finder);
    idf_extractor_free(l->extractor);
    idf_regions_workspace_free(l->regions);
    idf_weigher_free(l->weigher);
    idf_free(l);
}

idf_status idf_looker_turn(idf_looker *l, const idf_wordindex *words,
                           const idf_features *references, size_t n_references, idf_error *err) {
    idf_finder *finder = NULL;
    idf_status status = words ? idf_finder_new(&finder, words, n_references, err) : IDF_OK;
    if (status)
        return status;
    idf_finder_free(l->finder);
    l->finder = finder;
    if (l->weigher != NULL)
        idf_weigher_forget(l->weigher);
    l->references = references;
    l->words = words;
    l->n_references = n_references;
    return IDF_OK;
}

idf_status idf_looker_new(idf_looker **out, const idf_wordindex *words,
                          const idf_features *references, size_t n_references, idf_error *err) {
    idf_looker *l = idf_alloc_zero(1, sizeof *l);
    *out = NULL;
    if (!l)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for looking at frames");
    idf_status status = idf_looker_turn(l, words, references, n_references, err);
    if (!status)
        status = idf_extractor_new(&l->extractor, err);
    if (!status)
        status = idf_regions_workspace_new(&l->regions, err);
    if (!status)
        status = idf_weigher_new(&l->weigher, err);
    if (status)
        idf_looker_free(l);
    else
        *out = l;
    return status;
}

void idf_looker_see_surfaces(idf_looker *l, const uint8_t *const *pictures, const idf_index *index,
                             idf_other_printings other_printings) {
    l->pictures = pictures;
    l->index = index;
    l->other_printings = other_printings;
}

/* What the surface says of a thing that was found. */
static void weigh_surface(const state *s, const idf_thing *thing, const idf_features *in,
                          const idf_homography *back, idf_sighting *seen) {
    const idf_looker *l = s->l;
    const idf_look *look = s->look;
    const idf_weighed with = {
        l->references, l->pictures,        look->coloured != NULL ? look->coloured : look->frame,
        l->index,      l->other_printings, look->masked};
    if (l->pictures != NULL)
        idf_weigh(l->weigher, &with, thing, in, back, seen);
}

/* Notes what the finder sees in a picture. Returns how much that was. */
static int find(state *s, const idf_features *in, const idf_homography *back,
                idf_find_options options, int max) {
    idf_looker *l = s->l;
    int n, noted = 0;
    if (!l->finder)
        return 0;
    options.min_score = NOTED;
    options.masked = s->look->masked;
    idf_finder_run(l->finder, in, &options, l->things, max, &n);
    for (int i = 0; i < n; i++) {
        idf_sighting seen;
        if (!idf_sighting_from_thing(&seen, &l->things[i], back))
            continue;
        weigh_surface(s, &l->things[i], in, back, &seen);
        idf_sightings_add(s->out, &seen);
        noted++;
    }
    return noted;
}

/* Makes the region upright and looks for at most `max` things in it; `sizes`: its longer side and
 * the number of features. *seen: there was one, or no region to look into. */
static idf_status look_upright(state *s, const idf_region *region, const int sizes[2],
                               const idf_find_options *options, int max, bool *seen,
                               idf_features *features, idf_error *err) {
    idf_image upright;
    idf_homography back;
    *seen = true;
    idf_status status = idf_stop_check(s->look->stop, err);
    if (status)
        return status;
    status = idf_region_rectify(&upright, s->grey, region, (const int[2]){sizes[0], 0}, &back, err);
    if (status)
        return status == IDF_ERR_ARGUMENT ? IDF_OK : status; /* corners in line: nothing there */
    s->l->n_looks++;
    status = idf_extract(s->l->extractor, &upright, sizes[1], features, err);
    if (!status)
        *seen = find(s, features, &back, *options, max) > 0;
    idf_image_release(&upright);
    return status;
}

/* Looks into the region for `rows`, and in tiles more closely. */
static idf_status look_into(state *s, const idf_region *region, const size_t rows[], size_t n_rows,
                            idf_error *err) {
    bool close = n_rows > 0, quad = region->kind == IDF_REGION_QUAD && !close, seen;
    const int sizes[2] = {close || quad ? IDF_LOCAL_SIDE : TILE_SIDE, close  ? CLOSE_FEATURES
                                                                      : quad ? QUAD_FEATURES
                                                                             : TILE_FEATURES};
    const idf_find_options options = {.max_quick = QUAD_QUICK,
                                      .max_full = QUAD_FULL,
                                      .n_always = close ? 2 : -1,
                                      .rows = rows,
                                      .n_rows = n_rows};
    idf_features features;
    idf_status status =
        look_upright(s, region, sizes, &options, close ? 1 : IN_A_QUAD, &seen, &features, err);
    if (!status && !seen && quad && s->look->unseen != NULL)
        status = s->look->unseen(s->look->context, region, &features, err);
    return status;
}

/* The quadrilaterals of the frame, unless they are known from the last look. */
static idf_status find_quads(state *s, bool coarse, idf_error *err) {
    idf_looker *l = s->l;
    int n;
    if (s->look->again && l->n_quads >= 0 && l->coarse == coarse)
        return IDF_OK;
    l->n_quads = -1;
    idf_regions_set_coarse(l->regions, coarse);
    idf_status status = idf_stop_check(s->look->stop, err);
    if (!status)
        status = idf_regions_find(s->grey, l->regions, l->quads, QUADS + 2, &n, err);
    if (!status)
        l->n_quads = n;
    l->coarse = coarse;
    return status;
}

static idf_status look_into_quads(state *s, idf_error *err) {
    const idf_image *frame = s->look->frame;
    double covered = idf_sightings_cover_part(s->out, frame->width, frame->height);
    if (covered > FILLED)
        return IDF_OK;
    idf_status status = find_quads(s, covered > HELD_UP, err);
    for (int i = 0; !status && i < s->l->n_quads; i++)
        if (s->l->quads[i].kind == IDF_REGION_QUAD &&
            !idf_sightings_cover(s->out, s->l->quads[i].corners))
            status = look_into(s, &s->l->quads[i], NULL, 0, err);
    return status;
}

/* Places of the whole frame's features that nothing explains. */
typedef struct spots {
    float x[IDF_FEATURES_MAX], y[IDF_FEATURES_MAX];
    int n;
} spots;

static void collect_unexplained(spots *p, const uint8_t *explained, const idf_features *f) {
    p->n = 0;
    for (int i = 0; i < f->n; i++)
        if (!explained[i]) {
            p->x[p->n] = (float)idf_feature_x(f, i);
            p->y[p->n++] = (float)idf_feature_y(f, i);
        }
}

/* Those that lie in a square, given by its left, top and side. */
static int count_inside(const spots *p, const double square[3]) {
    float left = (float)square[0], top = (float)square[1];
    float right = (float)(square[0] + square[2]), bottom = (float)(square[1] + square[2]);
    int n = 0;
    for (int i = 0; i < p->n; i++) /* without branches: a vector loop */
        n += (p->x[i] >= left) & (p->x[i] < right) & (p->y[i] >= top) & (p->y[i] < bottom);
    return n;
}

static void mark_explained(uint8_t *explained, const idf_features *f, const idf_sightings *seen,
                           double scale) {
    for (int i = 0; i < f->n; i++) {
        idf_point at = {idf_feature_x(f, i) * scale, idf_feature_y(f, i) * scale};
        explained[i] |= idf_sightings_hold(seen, at);
    }
}

/* A small thing without an outline that could be found: the squares of the frame with most that is
 * not explained are enlarged and looked into. */
static idf_status look_into_tiles(state *s, idf_error *err) {
    const idf_image *frame = s->look->frame;
    const idf_features *f = s->look->whole;
    uint8_t explained[IDF_FEATURES_MAX] = {0};
    spots left;
    int longer = frame->width > frame->height ? frame->width : frame->height;
    double scale = (double)frame->width / f->width;
    double side = TILE * (f->width < f->height ? f->width : f->height), step = side * TILE_STEP;
    idf_status status = IDF_OK;
    if (longer < TILE_FRAME ||
        idf_sightings_cover_part(s->out, frame->width, frame->height) > HELD_UP)
        return IDF_OK;
    for (int t = 0; t < TILES && !status; t++) {
        double best[3] = {0, 0, side};
        int most = 0;
        mark_explained(explained, f, s->out, scale);
        collect_unexplained(&left, explained, f);
        for (double y = 0; y + side < f->height + step; y += step)
            for (double x = 0; x + side < f->width + step; x += step) {
                const double at[3] = {fmin(x, f->width - side), fmin(y, f->height - side), side};
                int n = count_inside(&left, at);
                if (n > most) {
                    most = n;
                    best[0] = at[0];
                    best[1] = at[1];
                }
            }
        if (most < TILE_UNEXPLAINED)
            break;
        double x = best[0] * scale, y = best[1] * scale, w = side * scale;
        idf_region tile = {.kind = IDF_REGION_CENTRE,
                           .corners = {{x, y}, {x + w, y}, {x + w, y + w}, {x, y + w}},
                           .aspect = 1};
        status = look_into(s, &tile, NULL, 0, err);
        for (int i = 0; i < f->n; i++) { /* its middle is done with */
            double u = idf_feature_x(f, i) - best[0], v = idf_feature_y(f, i) - best[1];
            explained[i] |= u > side / 6 && v > side / 6 && u < side * 5 / 6 && v < side * 5 / 6;
        }
    }
    return status;
}

/* Squares of one side that cover a frame, in rows, overlapping. */
typedef struct squares {
    int across, down;
    double width, height; /* of one, within the frame */
    double frame_width, frame_height;
} squares;

static int squares_along(double length, double side) {
    return length <= side ? 1 : (int)ceil((length - side) / (FINER_STEP * side)) + 1;
}

static squares cover_frame(const idf_image *frame, double side) {
    return (squares){squares_along(frame->width, side),
                     squares_along(frame->height, side),
                     fmin(frame->width, side),
                     fmin(frame->height, side),
                     frame->width,
                     frame->height};
}

static idf_region square_at(const squares *q, int k) {
    int column = k % q->across, row = k / q->across;
    double x = column > 0 ? (q->frame_width - q->width) * column / (q->across - 1) : 0;
    double y = row > 0 ? (q->frame_height - q->height) * row / (q->down - 1) : 0, w = q->width;
    return (idf_region){.kind = IDF_REGION_CENTRE,
                        .corners = {{x, y}, {x + w, y}, {x + w, y + q->height}, {x, y + q->height}},
                        .aspect = w / q->height};
}

/* Features of the whole frame in an upright region. */
static int count_features_in(const idf_features *f, double scale, const idf_region *r) {
    int n = 0;
    for (int i = 0; i < f->n; i++) {
        double x = idf_feature_x(f, i) * scale, y = idf_feature_y(f, i) * scale;
        n += x >= r->corners[0].x && y >= r->corners[0].y && x < r->corners[2].x &&
             y < r->corners[2].y;
    }
    return n;
}

static bool is_clear(const idf_sightings *seen) {
    for (int i = 0; i < seen->n; i++)
        if (seen->items[i].evidence >= CLEAR)
            return true;
    return false;
}

/* A small frame in which nothing is clear, all of it again and enlarged: its things may be so small
 * that they have no features in the whole. (A large frame has its tiles.) */
static idf_status look_finer(state *s, idf_error *err) {
    const idf_image *frame = s->look->frame;
    const idf_features *whole = s->look->whole;
    const idf_find_options options = {
        .max_quick = QUAD_QUICK, .max_full = QUAD_FULL, .n_always = -1};
    int longer = frame->width > frame->height ? frame->width : frame->height;
    double scale = (double)frame->width / whole->width; /* the frame's pixels to one of `whole` */
    double times = fmin(FINER / scale, FINER_MOST);
    idf_status status = IDF_OK;
    if (s->look->more || longer >= TILE_FRAME || times * scale < FINER_LEAST || is_clear(s->out))
        return IDF_OK;
    const squares all = cover_frame(frame, IDF_LOCAL_SIDE / times);
    for (int k = 0; k < all.across * all.down && !status; k++) {
        idf_region square = square_at(&all, k);
        idf_features features;
        bool seen;
        square.most_enlarged = times;
        if (count_features_in(whole, scale, &square) >= FINER_WORTH)
            status = look_upright(s, &square, (const int[2]){IDF_LOCAL_SIDE, FINER_FEATURES},
                                  &options, IN_A_QUAD, &seen, &features, err);
    }
    return status;
}

/* The region that a reference would fill. */
static idf_region region_of(const idf_features *reference, const idf_point corners[4]) {
    idf_region r = {.kind = IDF_REGION_QUAD,
                    .aspect = (double)reference->width / reference->height,
                    .n_turns = 1};
    for (int i = 0; i < 4; i++)
        r.corners[i] = corners[i];
    return r;
}

static idf_status look_closer(state *s, idf_error *err) {
    idf_sightings before = *s->out;
    idf_status status = IDF_OK;
    int looks = 0;
    for (int i = 0; !status && i < before.n && looks < CLOSE_LOOKS; i++) {
        const idf_sighting *seen = &before.items[i];
        if (seen->evidence >= ENOUGH && seen->lead >= CLEAR_LEAD)
            continue;
        size_t rows[2] = {seen->row, seen->rival_row};
        idf_region region = region_of(&s->l->references[seen->row], seen->corners);
        looks++;
        status = look_into(s, &region, rows, seen->rival_row == SIZE_MAX ? 1 : 2, err);
    }
    return status;
}

/* What the whole frame hints at most, when it was too little to be noted. */
static idf_status follow_hint(state *s, const idf_homography *back, idf_error *err) {
    idf_looker *l = s->l;
    size_t row;
    double score = idf_finder_best(l->finder, &row);
    if (score < HINT || score >= NOTED)
        return IDF_OK;
    idf_finder_confirm(l->finder, row, &l->hint);
    idf_thing thing = {.row = row, .rival_row = SIZE_MAX};
    idf_sighting seen;
    thing.seen = l->hint;
    if (l->hint.score <= 0 || !idf_sighting_from_thing(&seen, &thing, back))
        return IDF_OK;
    idf_region region = region_of(&l->references[row], seen.corners);
    return look_into(s, &region, &row, 1, err);
}

/* Of the whole frame, for what was not seen. */
static void keep_hints(idf_looker *l) {
    int n = idf_finder_hints(l->finder, l->hints, HINTS);
    l->n_hints = 0;
    for (int i = 0; i < n; i++)
        if (l->hints[i].score > 0 && l->hints[i].score < NOTED)
            l->hints[l->n_hints++] = l->hints[i];
}

/* *made becomes a grey frame where the frame is not. */
static idf_status begin(state *s, idf_image *made, idf_error *err) {
    if (!s->look->more)
        s->out->n = 0;
    if (!s->look->again)
        s->l->n_quads = -1;
    s->l->n_hints = 0;
    if (s->look->frame->channels == 1)
        return IDF_OK;
    s->grey = made;
    return idf_image_to_grey(made, s->look->frame, err);
}

int idf_looker_family(idf_looker *l, size_t row, double least, uint8_t *masked, size_t *out,
                      int max) {
    /* printings share so much that a few quick looks settle which is nearest */
    const idf_find_options options = {.min_score = NOTED,
                                      .masked = masked,
                                      .max_quick = FAMILY_QUICK,
                                      .max_full = FAMILY_FULL,
                                      .n_always = FAMILY_FULL};
    int n = 0;
    for (size_t next = row; n < max; n++) {
        int found;
        masked[next] = 1;
        out[n] = next;
        if (l->finder == NULL)
            return n + 1;
        idf_finder_run(l->finder, idf_wordindex_reference(l->words, row), &options, l->things, 1,
                       &found);
        if (found > 0)
            next = l->things[0].row;
        if (found == 0 || idf_finder_shared(l->finder, row, next) < least)
            return n + 1;
    }
    return n;
}

idf_status idf_looker_look(idf_looker *l, const idf_look *look, idf_sightings *out,
                           idf_error *err) {
    idf_image made = {0};
    state s = {l, look, look->frame, out};
    idf_status status = begin(&s, &made, err);
    if (!status && l->finder) {
        idf_homography back =
            idf_working_to_frame(look->whole, look->frame->width, look->frame->height);
        const idf_find_options options = {.rows = look->rows, .n_rows = look->n_rows};
        find(&s, look->whole, &back, options, THINGS);
        keep_hints(l);
        status = follow_hint(&s, &back, err);
    }
    if (!status)
        status = look_into_quads(&s, err);
    if (!status && l->finder)
        status = look_into_tiles(&s, err);
    if (!status && l->finder)
        status = look_finer(&s, err);
    if (!status)
        status = look_closer(&s, err);
    idf_sightings_sort(out);
    idf_image_release(&made);
    return status;
}

idf_status idf_looker_look_again(idf_looker *l, const idf_look *look, const idf_place *places,
                                 int n_places, idf_sightings *out, bool *all, idf_error *err) {
    idf_image made = {0};
    state s = {l, look, look->frame, out};
    idf_status status = begin(&s, &made, err);
    for (int i = 0; i < n_places && !status; i++) {
        idf_region region = region_of(&l->references[places[i].row], places[i].corners);
        idf_point middle = {0, 0};
        for (int k = 0; k < 4; k++) {
            middle.x += region.corners[k].x / 4;
            middle.y += region.corners[k].y / 4;
        }
        for (int k = 0; k < 4; k++) {
            region.corners[k].x = middle.x + ENLARGED * (region.corners[k].x - middle.x);
            region.corners[k].y = middle.y + ENLARGED * (region.corners[k].y - middle.y);
        }
        status = look_into(&s, &region, &places[i].row, 1, err);
    }
    *all = true;
    for (int i = 0; i < n_places; i++)
        *all = *all && idf_sightings_cover(out, places[i].corners);
    idf_sightings_sort(out);
    idf_image_release(&made);
    return status;
}

const idf_hint *idf_looker_hints(const idf_looker *l, int *n) {
    *n = l->n_hints;
    return l->n_hints > 0 ? l->hints : NULL;
}

const idf_region *idf_looker_quads(const idf_looker *l, int *n) {
    *n = l->n_quads > 0 ? l->n_quads : 0;
    return l->quads;
}

long idf_looker_n_looks(const idf_looker *l) {
    return l->n_looks;
}
