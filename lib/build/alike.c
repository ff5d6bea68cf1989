/* alike.c - the reference that has most in common with each, by its strongest features: what shares
 * most of itself shares most of those. */
#include "build/alike.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "build/comparer.h"
#include "match/confirm_all.h"
#include "match/mark.h"
#include "match/parts.h"

enum {
    FILED = 250,                 /* features of a reference that are filed and looked up; */
    FILED_IN_ALL = 2 << 20,      /* of so many references that these are more, fewer, */
    FILED_LEAST = 50,            /* but so many, and twice as many looked up */
    LEAST_WORDS = 12,            /* that two have in common, for them to be compared */
    LOOKED_AT = IDF_BEARERS_MAX, /* references compared with one */
    AT_ONCE = 256,               /* between two reports; as often memory is let go of */
};

/* Share of a reference that looks common to it and others by the strongest features, from which all
 * of them are compared. */
static const double HINT = 0.25;
/* Share of a reference that makes it a pair with another beside a mark that both carry. */
static const double OF_THEIR_OWN = 0.5;

typedef struct search {
    const idf_index_row *rows;
    const idf_alike_options *options;
    int n_filed;
    size_t first; /* row of those that are looked at now */
    idf_features *filed;
    idf_wordindex *words;
    idf_comparers comparers;
    idf_alike *best; /* of each row; share 0: none */
    uint8_t *marked; /* of each row */
} search;

static int least(int a, int b) {
    return a < b ? a : b;
}

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while comparing references");
}

/* Two files that are the same, which is told elsewhere, or two pictures of one thing. */
static bool is_one_thing(const idf_index_row *a, const idf_index_row *b) {
    static const uint8_t unknown[32];
    bool same_file = memcmp(a->sha256, b->sha256, sizeof unknown) == 0 &&
                     memcmp(a->sha256, unknown, sizeof unknown) != 0;
    return same_file || (strcmp(a->name, b->name) == 0 && strcmp(a->rarity, b->rarity) == 0);
}

/* Others that a reference has something in common with. */
typedef struct company {
    int n;
    idf_bearer others[LOOKED_AT];
    idf_shown shown[LOOKED_AT];
} company;

static void join(company *c, size_t row, const idf_index_row *other, const idf_confirmation *seen,
                 idf_cells common) {
    if (common == 0)
        return;
    c->others[c->n] = (idf_bearer){row, seen->h, common};
    c->shown[c->n++] = (idf_shown){&other->features, other->picture};
}

/* Whether a reference carries a mark that the others do. Their strongest features hint at it; all
 * of them say so. */
static bool is_marked(idf_mark *mark, idf_comparer *w, const idf_shown *own, company *c) {
    idf_cells any = 0;
    for (int k = 0; k < c->n; k++)
        any |= c->others[k].cells;
    if (idf_mark_find(mark, own, c->others, c->shown, c->n))
        return true;
    if (c->n < IDF_MARK_MANY || idf_cells_share(own->features, any) < HINT)
        return false;
    for (int k = 0; k < c->n; k++) {
        idf_confirm(w->confirmer, c->shown[k].features, &w->seen);
        c->others[k].h = w->seen.h;
        c->others[k].cells = idf_common_cells(own->features, c->shown[k].features, &w->seen).a;
    }
    return idf_mark_find(mark, own, c->others, c->shown, c->n);
}

/* The share of a reference that is common to it and the one of the others, and that hardly any more
 * of them have: printings share their artwork beside the frame that all cards have. */
static double beside_the_mark(const idf_features *own, const company *c, int one) {
    idf_cells many = 0;
    for (int a = 0; a < c->n; a++)
        for (int b = 0; b < a; b++)
            for (int k = 0; k < b; k++)
                many |= c->others[a].cells & c->others[b].cells & c->others[k].cells;
    return idf_cells_share(own, c->others[one].cells & ~many);
}

static void look_at(void *context, size_t item, int worker) {
    const search *s = context;
    const size_t row = s->first + item;
    idf_comparer *w = &s->comparers.items[worker];
    const idf_features *own = &s->rows[row].features;
    idf_alike *best = &s->best[row];
    company together = {0};
    int best_at = -1;
    *best = (idf_alike){row, row, 0};
    if (s->options->which != NULL && !s->options->which[row])
        return;
    idf_features strongest = *own;
    strongest.n = least(own->n, least(FILED, 2 * s->n_filed));
    int n = idf_word_query_run(w->query, &strongest, LEAST_WORDS);
    if (n > 0)
        idf_confirmer_set_frame(w->confirmer, own);
    for (int k = 0, looked_at = 0; k < n && looked_at < LOOKED_AT; k++) {
        idf_candidate c;
        idf_word_query_get(w->query, k, &c);
        if (c.row == row || is_one_thing(&s->rows[row], &s->rows[c.row]))
            continue;
        const idf_features *other = &s->rows[c.row].features;
        looked_at++;
        idf_confirm_matches(w->confirmer, other, c.matches, c.n_matches, &w->seen);
        idf_common common = idf_common_cells(own, other, &w->seen);
        join(&together, c.row, &s->rows[c.row], &w->seen, common.a);
        float share =
            (float)(idf_cells_share(own, common.a) + idf_cells_share(other, common.b)) / 2;
        if (share < (float)IDF_SAME_ARTWORK || share <= best->share)
            continue;
        *best = (idf_alike){row, c.row, share};
        best_at = together.n - 1;
    }
    idf_mark mark;
    const idf_shown shown = {own, s->rows[row].picture};
    s->marked[row] = is_marked(&mark, w, &shown, &together);
    if (s->marked[row] && mark.is_most && best_at >= 0 &&
        beside_the_mark(own, &together, best_at) < OF_THEIR_OWN)
        best->share = 0;
}

/* Keeps what is a pair, once where the two name each other. */
static size_t keep_pairs(idf_alike *out, const idf_alike *best, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool told =
            best[i].other < i && best[best[i].other].share > 0 && best[best[i].other].other == i;
        if (best[i].share > 0 && !told)
            out[kept++] = best[i];
    }
    return kept;
}

static void search_release(search *s) {
    idf_comparers_close(&s->comparers);
    idf_wordindex_free(s->words);
    idf_free(s->filed);
    idf_free(s->best);
    idf_free(s->marked);
}

/* Files the strongest features of each row. */
static idf_status file_rows(search *s, size_t n, idf_error *err) {
    const idf_alike_options *o = s->options;
    const int fair = (int)(FILED_IN_ALL / (n > 0 ? n : 1));
    s->n_filed = fair < FILED_LEAST ? FILED_LEAST : least(fair, FILED);
    for (size_t i = 0; i < n; i++) {
        s->filed[i] = s->rows[i].features;
        s->filed[i].n = least(s->filed[i].n, s->n_filed);
    }
    const idf_word_source source = {.references = s->filed,
                                    .n_rows = n,
                                    .relax = o->relax,
                                    .relax_context = o->relax_context,
                                    .quota = (size_t)s->n_filed}; /* few: their looks beside them */
    return idf_wordindex_new(&s->words, &source, o->pool, err);
}

/* Looks at all rows, some at a time. */
static idf_status look(search *s, size_t n, idf_error *err) {
    const idf_alike_options *o = s->options;
    const double started = idf_clock_seconds();
    for (s->first = 0; s->first < n;) {
        const size_t now = n - s->first < AT_ONCE ? n - s->first : AT_ONCE;
        idf_pool_for(o->pool, now, look_at, s);
        s->first += now;
        if (o->relax != NULL)
            o->relax(o->relax_context);
        const idf_progress progress = {"compare", s->first, n, idf_clock_seconds() - started};
        if (o->progress != NULL && !o->progress(o->context, &progress))
            return idf_error_set(err, IDF_ERR_CANCELLED, "stopped while comparing references");
    }
    return IDF_OK;
}

idf_status idf_alikes_find(idf_alikes *out, const idf_index_row *rows, size_t n,
                           const idf_alike_options *options, idf_error *err) {
    search s = {.rows = rows, .options = options};
    *out = (idf_alikes){0};
    s.best = idf_alloc(n, sizeof *s.best);
    s.filed = idf_alloc(n, sizeof *s.filed);
    s.marked = idf_alloc_zero(n, sizeof *s.marked);
    out->pairs = idf_alloc(n, sizeof *out->pairs);
    bool whole = s.best != NULL && s.filed != NULL && s.marked != NULL && out->pairs != NULL;
    idf_status status = whole ? IDF_OK : no_memory(err);
    if (status == IDF_OK)
        status = file_rows(&s, n, err);
    if (status == IDF_OK)
        status = idf_comparers_open(&s.comparers, s.words, options->pool, err);
    if (status == IDF_OK)
        status = look(&s, n, err);
    if (status == IDF_OK) {
        out->n = keep_pairs(out->pairs, s.best, n);
        for (size_t i = 0; i < n; i++)
            out->n_marked += s.marked[i];
    } else {
        idf_free(out->pairs);
        out->pairs = NULL;
    }
    search_release(&s);
    return status;
}
