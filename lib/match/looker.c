/* looker.c - the whole frame, its quadrilaterals, and a closer look at what is in doubt. */
#include "match/looker.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "image/image.h"
#include "local/extract.h"
#include "match/enlarged.h"
#include "match/kept.h"
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
    TILE_SIDE = 400,         /* pixels that one is enlarged to, twice at most */
    TILE_FRAME = 900,        /* pixels of a large frame's longer side; a smaller one has quarters */
    QUARTER_FEATURES = 1000, /* of a quarter of a small frame */
};
/* What covers this part of the frame is what is held up: no tiles then. */
static const double HELD_UP = 0.2;
/* What covers this part leaves room for no more than slivers. */
static const double FILLED = 0.85;
/* Evidence of what is clear: no quarters then. */
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
    int n_quads;   /* of the frame; -1 when they have not been looked for */
    bool coarse;   /* how they were looked for */
    idf_kept kept; /* of the frame */
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
    idf_kept_release(&l->kept);
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

/* Makes the region upright, unless that is kept from the last look at this frame. *made: there is
 * something to look into; `sizes`: its longer side and the number of features. */
static idf_status make_upright(state *s, const idf_region *region, const int sizes[2],
                               idf_features *features, idf_homography *back, bool *made,
                               idf_error *err) {
    idf_looker *l = s->l;
    idf_image upright;
    *made = s->look->again && idf_kept_find(&l->kept, region, sizes, back, features);
    if (*made)
        return IDF_OK;
    idf_status status =
        idf_region_rectify(&upright, s->grey, region, (const int[2]){sizes[0], 0}, back, err);
    if (status)
        return status == IDF_ERR_ARGUMENT ? IDF_OK : status; /* corners in line: nothing there */
    *made = true;
    l->n_looks++;
    status = idf_extract(l->extractor, &upright, sizes[1], features, err);
    idf_image_release(&upright);
    if (!status && s->look->keeps)
        idf_kept_add(&l->kept, region, sizes, back, features);
    return status;
}

/* Looks for at most `max` things in a region made upright. *seen: there was one, or no region to
 * look into. */
static idf_status look_upright(state *s, const idf_region *region, const int sizes[2],
                               const idf_find_options *options, int max, bool *seen,
                               idf_features *features, idf_error *err) {
    idf_homography back;
    bool made = false;
    *seen = true;
    idf_status status = idf_stop_check(s->look->stop, err);
    if (!status)
        status = make_upright(s, region, sizes, features, &back, &made, err);
    if (!status && made)
        *seen = find(s, features, &back, *options, max) > 0;
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

static bool is_large(const idf_image *frame) {
    return frame->width >= TILE_FRAME || frame->height >= TILE_FRAME;
}

/* A small thing without an outline that could be found: the squares of a large frame with most that
 * is not explained are enlarged and looked into. */
static idf_status look_into_tiles(state *s, idf_error *err) {
    const idf_image *frame = s->look->frame;
    idf_tiles tiles;
    idf_region tile;
    idf_status status = IDF_OK;
    if (!is_large(frame) || idf_sightings_cover_part(s->out, frame->width, frame->height) > HELD_UP)
        return IDF_OK;
    idf_tiles_begin(&tiles, s->look->whole, frame);
    for (int t = 0; t < TILES && !status && idf_tiles_next(&tiles, s->out, &tile); t++)
        status = look_into(s, &tile, NULL, 0, err);
    return status;
}

static bool is_clear(const idf_sightings *seen) {
    for (int i = 0; i < seen->n; i++)
        if (seen->items[i].evidence >= CLEAR)
            return true;
    return false;
}

/* A small frame in which nothing is clear, all of it again and enlarged: its things may be so small
 * that they have no features in the whole. (A large frame has its tiles.) */
static idf_status look_into_quarters(state *s, idf_error *err) {
    const idf_find_options options = {
        .max_quick = QUAD_QUICK, .max_full = QUAD_FULL, .n_always = -1};
    const int sizes[2] = {IDF_LOCAL_SIDE, QUARTER_FEATURES};
    idf_region quarters[IDF_QUARTERS];
    idf_status status = IDF_OK;
    if (s->look->more || is_large(s->look->frame) || is_clear(s->out))
        return IDF_OK;
    int n = idf_quarters(s->look->whole, s->look->frame, quarters);
    for (int k = 0; k < n && !status; k++) {
        idf_features features;
        bool seen;
        status = look_upright(s, &quarters[k], sizes, &options, IN_A_QUAD, &seen, &features, err);
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
    if (!s->look->again) {
        s->l->n_quads = -1;
        idf_kept_forget(&s->l->kept);
    }
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
        status = look_into_quarters(&s, err);
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
