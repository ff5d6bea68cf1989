/* alike.c - the reference that has most in common with each, by its strongest features: what shares
 * most of itself shares most of those. */
#include "build/alike.h"

#include <string.h>

#include "base/alloc.h"
#include "build/comparer.h"
#include "match/confirm_all.h"
#include "match/parts.h"

enum {
    FILED = 250,      /* features of a reference that are filed and looked up */
    LEAST_WORDS = 12, /* that two have in common, for them to be compared */
    LOOKED_AT = 3,    /* references compared with one */
};

typedef struct search {
    const idf_index_row *rows;
    const uint8_t *which;
    idf_features *filed;
    idf_wordindex *words;
    idf_comparers comparers;
    idf_alike *best; /* of each row; share 0: none */
} search;

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

static void look_at(void *context, size_t row, int worker) {
    const search *s = context;
    idf_comparer *w = &s->comparers.items[worker];
    const idf_features *own = &s->rows[row].features;
    idf_alike *best = &s->best[row];
    *best = (idf_alike){row, row, 0};
    if (s->which != NULL && !s->which[row])
        return;
    int n = idf_word_query_run(w->query, &s->filed[row], LEAST_WORDS);
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
        float share =
            (float)(idf_cells_share(own, common.a) + idf_cells_share(other, common.b)) / 2;
        if (share >= (float)IDF_SAME_ARTWORK && share > best->share)
            *best = (idf_alike){row, c.row, share};
    }
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
}

idf_status idf_alikes_find(idf_alike **out, size_t *n_out, const idf_index_row *rows, size_t n,
                           const uint8_t *which, idf_pool *pool, idf_error *err) {
    search s = {.rows = rows, .which = which};
    *n_out = 0;
    s.best = idf_alloc(n, sizeof *s.best);
    s.filed = idf_alloc(n, sizeof *s.filed);
    *out = idf_alloc(n, sizeof **out);
    idf_status status = s.best == NULL || s.filed == NULL || *out == NULL ? no_memory(err) : IDF_OK;
    for (size_t i = 0; i < n && status == IDF_OK; i++) {
        s.filed[i] = rows[i].features;
        s.filed[i].n = s.filed[i].n < FILED ? s.filed[i].n : FILED;
    }
    if (status == IDF_OK)
        status = idf_wordindex_new(&s.words, &(idf_word_source){.references = s.filed, .n_rows = n},
                                   pool, err);
    if (status == IDF_OK)
        status = idf_comparers_open(&s.comparers, s.words, pool, err);
    if (status == IDF_OK) {
        idf_pool_for(pool, n, look_at, &s);
        *n_out = keep_pairs(*out, s.best, n);
    } else {
        idf_free(*out);
        *out = NULL;
    }
    search_release(&s);
    return status;
}
