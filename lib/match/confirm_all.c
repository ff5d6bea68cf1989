/* confirm_all.c - several things, several copies, in one frame.
 *
 * Taking features out of a frame can only lower a score, so an old score bounds the new one: the
 * candidates wait in the order of their last scores and only the first is compared again ("lazy
 * greedy", Minoux 1978). */
#include "match/confirm_all.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "match/parts.h"

enum { FULL_MAX = 64, QUICK_DEFAULT = 10, FULL_DEFAULT = 10, LEAST_SHARED = 4, LOOKS_MAX = 96 };
/* The first n_always are compared in full whatever the quick look says, the others when it saw four
 * places agree. */
enum { ALWAYS_DEFAULT = 1 };
static const double PROMISING = 4;
/* Outlines that overlap more cover the same place. */
static const double SAME_PLACE = 0.5;
/* Rivals of a thing: at least this evidence, and this share of the thing's; so many at most. */
static const double RIVAL_SCORE = 3, RIVAL_SHARE = 0.12;
enum { RIVALS_MAX = 3, CACHE = 512 };
/* References that have most in common with one, whether or not they show in the frame. */
enum { RELATED = 1 + IDF_BEARERS_MAX, RELATED_CACHE = 256, RELATED_SHARED = 12 };
/* Features that a reference has alone, or its rival, for the two to be told apart by them: about
 * those of one cell. Fewer lie in cells so empty that chance decides whether they count as common.
 */
enum { LEAST_OWN = 10 };
/* What is not seen may be covered, once in ten times: that bounds what its absence says of which of
 * two it is. */
static const double COVERED = 1;
/* Share in common from which that is worth weighing. */
static const double RELATED_SHARE = 0.1;

/* What row a has in common with row b, remembered: things stay in view. */
typedef struct common_entry {
    size_t a, b; /* a == b: empty */
    idf_common cells;
} common_entry;

typedef struct contender {
    size_t row;
    double bound;           /* score of the last look */
    double quick;           /* score of the quick one */
    bool fresh;             /* nothing was taken out since */
    idf_confirmation first; /* in the untouched frame */
} contender;

typedef struct related_entry {
    size_t row;
    int n; /* 0: empty */
    size_t rows[RELATED];
    idf_common common[RELATED];
    idf_homography h[RELATED]; /* from its picture to that of `row` */
} related_entry;

struct idf_finder {
    const idf_wordindex *words;
    size_t n_references;
    idf_features frame;
    idf_confirmer *confirmer;
    idf_word_query *query;  /* of the frame */
    idf_word_query *others; /* of a reference among the others */
    int n, n_entered;       /* compared in full, and looked at quickly only behind those */
    contender contenders[FULL_MAX];
    idf_confirmation now, other, scratch;
    size_t best_row;
    double best_score;
    idf_confirmer *clean; /* compares references with each other */
    common_entry common[CACHE];
    related_entry related[RELATED_CACHE];
    const uint8_t *masked;
};

void idf_finder_free(idf_finder *f) {
    if (!f)
        return;
    idf_confirmer_free(f->confirmer);
    idf_confirmer_free(f->clean);
    idf_word_query_free(f->query);
    idf_word_query_free(f->others);
    idf_free(f);
}

idf_status idf_finder_new(idf_finder **out, const idf_wordindex *index, size_t n_references,
                          idf_error *err) {
    idf_finder *f = idf_alloc_zero(1, sizeof *f);
    idf_status status = f ? idf_confirmer_new(&f->confirmer, NULL, err) : IDF_ERR_NO_MEMORY;
    *out = NULL;
    if (!f)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for finding things");
    if (!status)
        status = idf_confirmer_new(&f->clean, NULL, err);
    if (!status)
        status = idf_word_query_new(&f->query, index, err);
    if (!status)
        status = idf_word_query_new(&f->others, index, err);
    if (status) {
        idf_finder_free(f);
        return status;
    }
    f->words = index;
    f->n_references = n_references;
    f->best_row = SIZE_MAX;
    *out = f;
    return IDF_OK;
}

static const idf_features *reference(const idf_finder *f, size_t row) {
    return idf_wordindex_reference(f->words, row);
}

/* Keeps the max_full most promising of what is looked at quickly. `promise` orders them. */
static void enter(idf_finder *f, size_t row, double promise, int max_full) {
    int at = f->n < max_full ? f->n++ : max_full;
    for (; at > 0 && f->contenders[at - 1].bound < promise; at--)
        if (at < max_full) {
            f->contenders[at].row = f->contenders[at - 1].row;
            f->contenders[at].bound = f->contenders[at - 1].bound;
            f->contenders[at].quick = f->contenders[at - 1].quick;
        }
    if (at < max_full) {
        f->contenders[at].row = row;
        f->contenders[at].bound = promise;
        f->contenders[at].quick = f->now.score;
    }
}

static bool is_entered(const idf_finder *f, size_t row) {
    for (int i = 0; i < f->n; i++)
        if (f->contenders[i].row == row)
            return true;
    return false;
}

/* A quick look: the pairs that the word index found. What agrees counts first, then the vote. */
static void look_quickly(idf_finder *f, const idf_candidate *c, int max_full) {
    if (c->n_matches < LEAST_SHARED || (f->masked && f->masked[c->row]) || is_entered(f, c->row))
        return;
    idf_confirm_matches(f->confirmer, reference(f, c->row), c->matches, c->n_matches, &f->now);
    enter(f, c->row, 10 * f->now.score + f->now.n_inliers + 0.01 * c->support, max_full);
}

static void shortlist(idf_finder *f, const idf_find_options *o, int max_quick, int max_full) {
    idf_candidate c;
    int n = idf_word_query_run(f->query, &f->frame, LEAST_SHARED);
    f->n = 0;
    for (int k = 0; k < n && k < max_quick; k++) {
        idf_word_query_get(f->query, k, &c);
        look_quickly(f, &c, max_full);
    }
    for (size_t k = 0; o && k < o->n_rows; k++)
        if (o->rows[k] < f->n_references) {
            idf_word_query_get_row(f->query, o->rows[k], &c);
            look_quickly(f, &c, max_full);
        }
}

/* The references that share most features with one, itself first, and what they have in common, by
 * the pairs that the word index finds: printings and series share so much that those are enough. */
static const related_entry *related_to(idf_finder *f, size_t row) {
    related_entry *e = &f->related[row % RELATED_CACHE];
    if (e->n > 0 && e->row == row)
        return e;
    const idf_features *own = reference(f, row);
    *e = (related_entry){.row = row, .n = 1, .rows = {row}};
    int n = idf_word_query_run_filed(f->others, own, RELATED_SHARED);
    idf_confirmer_set_frame(f->clean, own);
    for (int k = 0; k < n && e->n < RELATED; k++) {
        idf_candidate c;
        idf_word_query_get(f->others, k, &c);
        if (c.row == row)
            continue;
        const idf_features *other = reference(f, c.row);
        idf_confirm_matches(f->clean, other, c.matches, c.n_matches, &f->scratch);
        e->common[e->n] = idf_common_cells(own, other, &f->scratch);
        e->h[e->n] = f->scratch.h;
        e->rows[e->n++] = c.row;
    }
    return e;
}

static idf_common common_of(idf_finder *f, size_t a, size_t b) {
    const related_entry *like = related_to(f, a);
    for (int k = 1; k < like->n; k++)
        if (like->rows[k] == b)
            return like->common[k];
    common_entry *e = &f->common[(a * 31 + b) % CACHE];
    if (e->a != a || e->b != b) {
        idf_confirmer_set_frame(f->clean, reference(f, a));
        idf_confirm(f->clean, reference(f, b), &f->scratch);
        *e = (common_entry){a, b, idf_common_cells(reference(f, a), reference(f, b), &f->scratch)};
    }
    return e->cells;
}

double idf_finder_shared(idf_finder *f, size_t a, size_t b) {
    if (a == b)
        return 1;
    idf_common common = common_of(f, a, b);
    return fmax(idf_cells_share(reference(f, a), common.a),
                idf_cells_share(reference(f, b), common.b));
}

/* Weighs a thing against row `rival`, which was seen in the frame as `as` says (its score may be
 * 0). */
static void weigh_rival(idf_finder *f, idf_thing *thing, size_t rival, const idf_confirmation *as) {
    const int size[2] = {f->frame.width, f->frame.height};
    idf_parts mine, other;
    const idf_features *own = reference(f, thing->row), *others = reference(f, rival);
    idf_common common = common_of(f, thing->row, rival);
    idf_parts_divide(&mine, own, common.a, &thing->seen, size);
    double share = (idf_cells_share(own, common.a) + idf_cells_share(others, common.b)) / 2;
    if (share < IDF_SAME_ARTWORK && (share >= RELATED_SHARE || as->score >= RIVAL_SCORE)) {
        thing->own_evidence = fmin(thing->own_evidence, mine.own_evidence);
        thing->shared |= common.a;
    }
    if (as->score < RIVAL_SCORE || as->score < RIVAL_SHARE * thing->seen.score ||
        idf_outline_overlap(as->corners, thing->seen.corners) <= SAME_PLACE)
        return;
    idf_parts_divide(&other, others, common.b, as, size);
    double lead = fmax(-COVERED, mine.own_evidence) - fmax(-COVERED, other.own_evidence);
    if (mine.n_own < LEAST_OWN && other.n_own < LEAST_OWN)
        lead = 0;
    if (thing->n_others < IDF_THING_OTHERS)
        thing->others[thing->n_others++] =
            (idf_thing_other){rival, as->h, as->score, share, lead, common};
    if (lead >= thing->lead)
        return;
    thing->lead = lead;
    thing->rival_row = rival;
    thing->rival_score = as->score;
    thing->rival_shared = share;
}

/* The strongest contender at the thing's place that is not among `done`, -1 when there is none. */
static int next_rival(const idf_finder *f, const idf_thing *thing, uint64_t done) {
    int best = -1;
    for (int i = 0; i < f->n; i++) {
        const contender *c = &f->contenders[i];
        if (!(done >> i & 1) && c->row != thing->row && c->first.score >= RIVAL_SCORE &&
            c->first.score >= RIVAL_SHARE * thing->seen.score &&
            (best < 0 || c->first.score > f->contenders[best].first.score) &&
            idf_outline_overlap(c->first.corners, thing->seen.corners) > SAME_PLACE)
            best = i;
    }
    return best;
}

static bool is_weighed(const idf_finder *f, uint64_t done, size_t row) {
    for (int i = 0; i < f->n; i++)
        if ((done >> i & 1) && f->contenders[i].row == row)
            return true;
    return false;
}

/* Weighs a thing against the strongest others at its place, and against those that are like it
 * whether or not the frame shows them. */
static void find_rivals(idf_finder *f, idf_thing *thing) {
    uint64_t done = 0;
    thing->coverage = idf_coverage(reference(f, thing->row), &thing->seen, &f->frame);
    thing->n_others = 0;
    thing->shared = 0;
    thing->rival_row = SIZE_MAX;
    thing->rival_score = thing->rival_shared = 0;
    thing->own_evidence = thing->lead = INFINITY;
    for (int k = 0, best; k < RIVALS_MAX && (best = next_rival(f, thing, done)) >= 0; k++) {
        done |= (uint64_t)1 << best;
        weigh_rival(f, thing, f->contenders[best].row, &f->contenders[best].first);
    }
    const related_entry *like = related_to(f, thing->row);
    thing->n_bearers = 0;
    for (int k = 1; k < like->n; k++) {
        size_t row = like->rows[k];
        if (like->common[k].a != 0)
            thing->bearers[thing->n_bearers++] = (idf_bearer){row, like->h[k], like->common[k].a};
        if ((f->masked && f->masked[row]) || is_weighed(f, done, row))
            continue;
        idf_candidate c;
        idf_word_query_get_row(f->query, row, &c);
        idf_confirm_matches(f->confirmer, reference(f, row), c.matches, c.n_matches, &f->other);
        weigh_rival(f, thing, row, &f->other);
    }
}

static bool is_known_place(const idf_thing *things, int n, const idf_confirmation *c) {
    for (int i = 0; i < n; i++)
        if (idf_outline_overlap(things[i].seen.corners, c->corners) > SAME_PLACE)
            return true;
    return false;
}

static int strongest(const idf_finder *f) {
    int best = -1;
    for (int i = 0; i < f->n; i++)
        if (best < 0 || f->contenders[i].bound > f->contenders[best].bound)
            best = i;
    return best;
}

void idf_finder_run(idf_finder *f, const idf_features *frame, const idf_find_options *o,
                    idf_thing *out, int max, int *n) {
    int max_quick = o && o->max_quick > 0 ? o->max_quick : QUICK_DEFAULT;
    int max_full = o && o->max_full > 0 ? o->max_full : FULL_DEFAULT;
    double min_score = o && o->min_score > 0 ? o->min_score : IDF_FIND_MIN_SCORE;
    int n_always = o && o->n_always != 0 ? o->n_always : ALWAYS_DEFAULT;
    n_always = n_always > 0 ? n_always : 0;
    max_full = max_full < FULL_MAX ? max_full : FULL_MAX;
    *n = 0;
    f->frame = *frame;
    f->masked = o ? o->masked : NULL;
    f->best_row = SIZE_MAX;
    f->best_score = 0;
    idf_confirmer_set_frame(f->confirmer, frame);
    shortlist(f, o, max_quick, max_full);
    f->n_entered = f->n;
    while (f->n > n_always && f->contenders[f->n - 1].bound < PROMISING)
        f->n--;
    for (int i = 0; i < f->n; i++) {
        contender *c = &f->contenders[i];
        idf_confirm(f->confirmer, reference(f, c->row), &c->first);
        c->bound = c->first.score;
        c->fresh = true;
        if (c->bound > f->best_score) {
            f->best_score = c->bound;
            f->best_row = c->row;
        }
    }
    for (int looks = 0; *n < max && looks < LOOKS_MAX; looks++) {
        int i = strongest(f);
        if (i < 0 || f->contenders[i].bound < min_score)
            break;
        contender *c = &f->contenders[i];
        if (*n == 0) {
            f->now = c->first;
        } else {
            idf_confirm(f->confirmer, reference(f, c->row), &f->now);
            bool same = c->fresh;
            c->bound = f->now.score;
            c->fresh = true;
            if (c->bound < min_score || (!same && strongest(f) != i))
                continue;
        }
        if (is_known_place(out, *n, &f->now)) {
            idf_confirmer_take_out(f->confirmer, &f->now);
        } else {
            idf_thing *thing = &out[(*n)++];
            thing->row = c->row;
            thing->seen = f->now;
            find_rivals(f, thing);
            idf_confirmer_take_out(f->confirmer, &thing->seen);
        }
        for (int k = 0; k < f->n; k++)
            f->contenders[k].fresh = false;
    }
}

double idf_finder_best(const idf_finder *f, size_t *row) {
    *row = f->best_row;
    return f->best_score;
}

int idf_finder_hints(const idf_finder *f, idf_hint *out, int max) {
    int n = f->n_entered < max ? f->n_entered : max;
    for (int i = 0; i < n; i++) {
        const contender *c = &f->contenders[i];
        out[i] = (idf_hint){c->row, i < f->n ? c->first.score : c->quick};
    }
    return n;
}

void idf_finder_confirm(idf_finder *f, size_t row, idf_confirmation *out) {
    memset(out, 0, sizeof *out);
    if (row >= f->n_references)
        return;
    idf_confirmer_set_frame(f->confirmer, &f->frame);
    idf_confirm(f->confirmer, reference(f, row), out);
}
