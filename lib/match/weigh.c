/* weigh.c - the surface of what was found, by itself and against others at its place. */
#include "match/weigh.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "index/index.h"
#include "match/surface.h"

/* Evidence from which the surface of what is seen is compared. */
static const double SURFACE_WORTH = 3;

/* A surface so unlike the reference without the mark says that the mark alone agrees. */
static const double DIFFERENT_BENEATH = -1;
/* Of the features of cells that count as a thing's own so many are the mark's all the same. */
static const double STRAY = 0.15;
enum { MARKS = 16 };

/* A printing that the collection lacks is nearer to this one than those are that it has: so much
 * less is a lead over them worth. However clearly it shows which of the known ones is meant, that
 * speaks little for it; the lack of it speaks against it. */
static const double NEARER = 5, LEAD_MOST = 1, LEAD_LEAST = -3;
/* What two references of one name have in common when they are printings of one artwork. */
static const double ALIKE_BY_NAME = 0.3;

/* Whether a row carries a mark, remembered. */
typedef struct marks_entry {
    size_t row;
    int n_bearers; /* of those it was found by; 0: empty */
    bool marked;
    idf_mark mark;
} marks_entry;

struct idf_weigher {
    idf_surface *surface, *other;
    idf_surface_rank ranks[2];
    idf_laid laid;
    marks_entry marks[MARKS];
    float looks[IDF_SMALL_SIDE * IDF_SMALL_SIDE][3];
};

void idf_weigher_free(idf_weigher *w) {
    if (!w)
        return;
    idf_surface_free(w->surface);
    idf_surface_free(w->other);
    idf_free(w);
}

void idf_weigher_forget(idf_weigher *w) {
    for (int i = 0; i < MARKS; i++)
        w->marks[i].n_bearers = 0;
}

idf_status idf_weigher_new(idf_weigher **out, idf_error *err) {
    idf_weigher *w = idf_alloc_zero(1, sizeof *w);
    *out = NULL;
    if (!w)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for comparing surfaces");
    idf_status status = idf_surface_new(&w->surface, err);
    if (!status)
        status = idf_surface_new(&w->other, err);
    if (status)
        idf_weigher_free(w);
    else
        *out = w;
    return status;
}

/* Bends the frame onto a reference that is known by its map alone. */
static bool bend_by_map(idf_weigher *w, const idf_weighed *with, size_t row,
                        const idf_homography *h, const idf_homography *back, idf_surface *surface) {
    const idf_features *r = &with->references[row];
    if (!with->pictures[row])
        return false;
    w->laid = (idf_laid){.width = r->width, .height = r->height};
    idf_homography_compose(&w->laid.h, back, h);
    return idf_surface_bend(surface, &w->laid, with->frame, with->pictures[row]);
}

/* Where another lies, as far as that can be mapped. */
static void place(const idf_weighed *with, idf_sighting *seen, const idf_thing_other *other,
                  const idf_homography *back) {
    const idf_features *r = &with->references[other->row];
    idf_thing thing = {.row = other->row, .rival_row = SIZE_MAX};
    idf_sighting at;
    if (!idf_homography_corners(&other->h, r->width, r->height, thing.seen.corners) ||
        !idf_sighting_from_thing(&at, &thing, back))
        return;
    memcpy(seen->corners, at.corners, sizeof seen->corners);
    seen->rotation_degrees = at.rotation_degrees;
}

/* The lead that surfaces give the thing over another, parts that the two share left out. */
static double lead_over(idf_weigher *w, const idf_weighed *with, const idf_thing *thing,
                        const idf_thing_other *o, const idf_homography *back) {
    if (!bend_by_map(w, with, o->row, &o->h, back, w->other))
        return 0;
    idf_surface_get_rank(w->surface, o->common.a, &w->ranks[0]);
    idf_surface_get_rank(w->other, o->common.b, &w->ranks[1]);
    return idf_surface_lead(
        &w->ranks[0], &w->ranks[1],
        idf_surface_coloured_apart(with->pictures[thing->row], with->pictures[o->row]));
}

/* What the surface says of another bearer of the mark that the thing turned out to be. */
static void weigh_instead(idf_weigher *w, const idf_weighed *with, const idf_thing *thing,
                          const idf_mark *mark, const idf_thing_other *other,
                          const idf_homography *back, idf_sighting *seen) {
    idf_windows windows = {0};
    idf_homography to_thing;
    if (idf_homography_invert(&to_thing, &thing->seen.h) &&
        bend_by_map(w, with, other->row, &other->h, back, w->other)) {
        idf_homography_compose(&to_thing, &to_thing, &other->h);
        idf_mark_move(w->looks, mark, &to_thing, &with->references[thing->row],
                      &with->references[other->row]);
        windows = idf_surface_compare(w->other, 0, (const float(*)[3])w->looks);
    }
    seen->n_windows = windows.n + windows.n_beyond;
    seen->surface = idf_windows_evidence(&windows);
    if (seen->marked)
        seen->own_evidence = 0;
}

/* The thing against others at its place, which may lead over it: then it was one of them. Returns
 * its lead over `mate`, INFINITY when that was not compared. */
static double weigh_others(idf_weigher *w, const idf_weighed *with, const idf_thing *thing,
                           size_t mate, const idf_mark *mark, const idf_homography *back,
                           idf_sighting *seen) {
    const idf_thing_other *hardest = NULL;
    double by_surface = 0, over_mate = INFINITY;
    if (thing->n_others == 0)
        return over_mate;
    bool bent = bend_by_map(w, with, thing->row, &thing->seen.h, back, w->surface);
    for (int i = 0; i < thing->n_others; i++) {
        const idf_thing_other *o = &thing->others[i];
        double lead = bent ? lead_over(w, with, thing, o, back) : 0;
        if (o->row == mate)
            over_mate = o->lead + lead;
        if (hardest == NULL || o->lead + lead < hardest->lead + by_surface) {
            hardest = o;
            by_surface = lead;
        }
    }
    idf_sighting_weigh(seen, hardest, by_surface);
    if (seen->row == thing->row)
        return over_mate;
    place(with, seen, hardest, back);
    if (mark != NULL)
        weigh_instead(w, with, thing, mark, hardest, back, seen);
    return over_mate;
}

/* The mark that the thing carries, NULL for none. */
static const idf_mark *mark_of(idf_weigher *w, const idf_weighed *with, const idf_thing *thing) {
    marks_entry *e = &w->marks[thing->row % MARKS];
    if (thing->n_bearers == 0)
        return NULL;
    if (e->n_bearers != thing->n_bearers || e->row != thing->row) {
        e->row = thing->row;
        e->n_bearers = thing->n_bearers;
        idf_shown own = {&with->references[thing->row], with->pictures[thing->row]};
        idf_shown others[IDF_BEARERS_MAX];
        for (int i = 0; i < thing->n_bearers; i++)
            others[i] = (idf_shown){&with->references[thing->bearers[i].row],
                                    with->pictures[thing->bearers[i].row]};
        e->marked = idf_mark_find(&e->mark, &own, thing->bearers, others, thing->n_bearers);
    }
    return e->marked ? &e->mark : NULL;
}

/* What the features say that are not of the mark. */
static void weigh_own(const idf_weighed *with, const idf_thing *thing, const idf_mark *mark,
                      const idf_features *in, idf_sighting *seen) {
    idf_parts parts;
    idf_parts_divide(&parts, &with->references[thing->row], mark->cells, &thing->seen,
                     (const int[2]){in->width, in->height});
    seen->marked = true;
    seen->own_evidence = idf_parts_own_evidence(&parts, STRAY);
}

/* Whether two references are printings of one artwork, `share` of the first being common to both:
 * by one name, which is how the collection says so; where others are likely by the share alone,
 * too. Two pictures of one label are not: it does not matter which of them it is. */
static bool are_printings(const idf_weighed *with, size_t a, size_t b, double share) {
    if (with->index != NULL &&
        strcmp(idf_index_name(with->index, a), idf_index_name(with->index, b)) == 0)
        return share >= ALIKE_BY_NAME && !idf_index_same_label(with->index, a, b);
    return share >= IDF_SAME_ARTWORK && with->other_printings == IDF_PRINTINGS_LIKELY;
}

/* The other printing that has most in common with a thing; SIZE_MAX: none. */
typedef struct nearest_mate {
    size_t row;
    double share;
} nearest_mate;

/* Another reference, to which the cells of the thing are common. */
static void consider(nearest_mate *m, const idf_weighed *with, size_t row, size_t other,
                     idf_cells cells) {
    double share = idf_cells_share(&with->references[row], cells);
    if (share > m->share && !(with->masked != NULL && with->masked[other]) &&
        are_printings(with, row, other, share))
        *m = (nearest_mate){other, share};
}

/* Whether or not the frame shows it. */
static size_t mate_of(const idf_weighed *with, const idf_thing *thing) {
    nearest_mate m = {SIZE_MAX, 0};
    for (int i = 0; i < thing->n_others; i++)
        consider(&m, with, thing->row, thing->others[i].row, thing->others[i].common.a);
    for (int i = 0; i < thing->n_bearers; i++)
        consider(&m, with, thing->row, thing->bearers[i].row, thing->bearers[i].cells);
    return m.row;
}

/* Whether the frame shows this printing, or one of the same artwork that the collection may lack:
 * by the lead over that which it has, and by windows that differ. */
static void doubt_printing(const idf_weighed *with, const idf_windows *windows, size_t mate,
                           double over_mate, idf_sighting *seen) {
    if (mate == SIZE_MAX && with->other_printings != IDF_PRINTINGS_LIKELY)
        return;
    double odds = idf_windows_same_printing(windows);
    if (isfinite(over_mate))
        odds += fmax(LEAD_LEAST, fmin(over_mate - NEARER, LEAD_MOST));
    if (odds >= seen->lead)
        return;
    seen->lead = odds;
    seen->other_printing = true;
    if (seen->rival_row != mate) {
        seen->rival_row = mate;
        seen->rival_evidence = seen->rival_shared = 0;
    }
}

void idf_weigh(idf_weigher *w, const idf_weighed *with, const idf_thing *thing,
               const idf_features *in, const idf_homography *back, idf_sighting *seen) {
    if (seen->evidence < SURFACE_WORTH)
        return;
    const uint8_t *picture = with->pictures[thing->row];
    const idf_mark *mark = mark_of(w, with, thing);
    idf_windows windows = {0};
    idf_laid_set(&w->laid, &thing->seen, &with->references[thing->row], in, back);
    if (picture && idf_surface_bend(w->surface, &w->laid, with->frame, picture)) {
        windows = idf_surface_compare(w->surface, mark != NULL ? 0 : thing->shared,
                                      mark != NULL ? mark->looks : NULL);
        seen->n_windows = windows.n + windows.n_beyond;
        seen->surface = idf_windows_evidence(&windows);
    }
    /* where own evidence is known it says as much, and dark, noisy frames have it */
    bool alone = !isfinite(seen->own_evidence) || seen->surface < DIFFERENT_BENEATH;
    if (mark != NULL && mark->is_most && alone)
        weigh_own(with, thing, mark, in, seen);
    bool doubts = with->other_printings != IDF_PRINTINGS_UNLIKELY;
    size_t mate = doubts ? mate_of(with, thing) : SIZE_MAX;
    double over_mate = weigh_others(w, with, thing, mate, mark, back, seen);
    if (doubts && seen->row == thing->row)
        doubt_printing(with, &windows, mate, over_mate, seen);
}
