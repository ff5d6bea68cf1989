/* shortlist.c - the nearest rows of a large index: found by the vectors in bytes, twice as many as
 * are wanted, which are compared again exactly. */
#include "index/index.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "index/codes.h"
#include "index/part.h"
#include "index/search.h"
#include "kernel/dot.h"
#include "kernel/dot_i8.h"

enum {
    FEW_ROWS = 4096, /* an index of so many is looked through exactly */
    AGAIN = 2,       /* compared again: of each that is wanted */
    AGAIN_MIN = 100,
    K_MAX = 512,
};

typedef struct shortlist {
    const idf_index *index;
    const float *queries;
    size_t n_queries, dim, k, again;
    idf_search_part *parts;
    struct idf_search_part_codes *part_codes;
    int16_t *codes; /* of the queries */
    idf_hit *rough; /* (n_queries, again) */
} shortlist;

/* Whether the index is large, and every part of it has codes. */
static bool is_worth_it(const idf_index *index, size_t k) {
    bool worth = idf_index_n_rows(index) > FEW_ROWS && k <= K_MAX &&
                 idf_dot_i8_most((size_t)idf_index_dim(index)) > 0;
    for (size_t i = 0; worth && i < idf_index_n_parts(index); i++) {
        const float *scales;
        worth = idf_index_part_codes(idf_index_get_part(index, i), &scales) != NULL;
    }
    return worth;
}

static idf_status find_roughly(shortlist *s, idf_pool *pool, idf_error *err) {
    size_t n_parts = idf_index_n_parts(s->index);
    int most = idf_dot_i8_most(s->dim);
    for (size_t i = 0; i < n_parts; i++) {
        const idf_index_part *part = idf_index_get_part(s->index, i);
        s->parts[i] = (idf_search_part){.n_rows = idf_index_part_n_rows(part),
                                        .numbers = idf_index_rows_of_part(s->index, i)};
        s->part_codes[i].codes = idf_index_part_codes(part, &s->part_codes[i].scales);
    }
    for (size_t q = 0; q < s->n_queries; q++)
        idf_codes_query(s->codes + q * s->dim, s->queries + q * s->dim, s->dim, most);
    const idf_search search = {.parts = s->parts,
                               .n_parts = n_parts,
                               .n_queries = s->n_queries,
                               .dim = (int)s->dim,
                               .k = s->again,
                               .out = s->rough};
    const idf_search_codes codes = {s->part_codes, s->codes};
    return idf_search_by_codes(&search, &codes, pool, err);
}

static int by_score(const void *a, const void *b) {
    const idf_hit *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Compares a query's rows exactly and writes the best k. */
static void compare_again(const shortlist *s, size_t q, idf_hit *out) {
    idf_hit *hits = s->rough + q * s->again;
    size_t n = 0;
    for (; n < s->again && hits[n].row != SIZE_MAX; n++) {
        float score;
        idf_dot_f32(idf_index_embedding(s->index, hits[n].row), 1, s->queries + q * s->dim, 1,
                    s->dim, &score);
        hits[n].score = isnan(score) ? -2 : score;
    }
    qsort(hits, n, sizeof *hits, by_score);
    for (size_t i = 0; i < s->k; i++)
        out[i] = i < n ? hits[i] : (idf_hit){SIZE_MAX, -2};
}

idf_status idf_index_shortlist(const idf_index *index, const float *queries, size_t n_queries,
                               size_t k, idf_hit *out, idf_pool *pool, idf_error *err) {
    if (!is_worth_it(index, k) || n_queries == 0)
        return idf_index_search(index, queries, n_queries, k, out, pool, err);
    shortlist s = {.index = index,
                   .queries = queries,
                   .n_queries = n_queries,
                   .dim = (size_t)idf_index_dim(index),
                   .k = k,
                   .again = AGAIN * k > AGAIN_MIN ? AGAIN * k : AGAIN_MIN};
    s.parts = idf_alloc(idf_index_n_parts(index), sizeof *s.parts);
    s.part_codes = idf_alloc(idf_index_n_parts(index), sizeof *s.part_codes);
    s.codes = idf_alloc(n_queries, s.dim * sizeof *s.codes);
    s.rough = idf_alloc(n_queries, s.again * sizeof *s.rough);
    idf_status status =
        s.parts == NULL || s.part_codes == NULL || s.codes == NULL || s.rough == NULL
            ? idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a search")
            : find_roughly(&s, pool, err);
    for (size_t q = 0; q < n_queries && status == IDF_OK; q++)
        compare_again(&s, q, out + q * k);
    idf_free(s.parts);
    idf_free(s.part_codes);
    idf_free(s.codes);
    idf_free(s.rough);
    return status;
}
