/* self_similarity.c - what the stored vectors say of themselves: self-identification, margins, and
 * the pairs that look most alike. All rows are searched against all rows in blocks; the pairs that
 * count are in the union of the rows' nearest neighbours. */
#include <identify/verify.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "build/alike.h"
#include "index/index.h"
#include "verify/order.h"

enum { BLOCK = 256 };

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for the self test");
}

static double median(double *values, size_t n) {
    idf_order_sort(values, n);
    return idf_order_median(values, n);
}

/* Most alike first; then by rows. */
static int compare_pairs(const void *a, const void *b) {
    const idf_confusable *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

typedef struct tables {
    double *correct, *wrong, *margin; /* one a row */
    float *queries;                   /* BLOCK rows' vectors */
    idf_hit *hits;                    /* BLOCK rows of k */
    idf_confusable *pairs;
    size_t n_pairs, k;
} tables;

static float dot(const float *a, const float *b, int dim) {
    double sum = 0;
    for (int i = 0; i < dim; i++)
        sum += (double)a[i] * (double)b[i];
    return (float)sum;
}

/* Reads one row's neighbours. */
static void take_row(idf_self_test *out, tables *t, const idf_index *index, size_t row,
                     const idf_hit *hits) {
    const float *vector = idf_index_embedding(index, row);
    t->correct[row] = (double)dot(vector, vector, idf_index_dim(index));
    t->wrong[row] = 0;
    out->n_self += hits[0].row == row;
    for (size_t i = 0, first = 1; i < t->k && hits[i].row != SIZE_MAX; i++) {
        if (hits[i].row == row)
            continue;
        if (first)
            t->wrong[row] = (double)hits[i].score;
        first = 0;
        size_t a = row < hits[i].row ? row : hits[i].row, b = row < hits[i].row ? hits[i].row : row;
        t->pairs[t->n_pairs++] = (idf_confusable){a, b, hits[i].score};
    }
    t->margin[row] = t->correct[row] - t->wrong[row];
    if (row == 0 || t->margin[row] < out->lowest_margin) {
        out->lowest_margin = t->margin[row];
        out->lowest_margin_row = row;
    }
}

/* Sorts the pairs and drops what was seen from both ends. */
static size_t unique_pairs(idf_confusable *pairs, size_t n) {
    size_t kept = 0;
    qsort(pairs, n, sizeof *pairs, compare_pairs);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || pairs[i].a != pairs[kept - 1].a || pairs[i].b != pairs[kept - 1].b)
            pairs[kept++] = pairs[i];
    return kept;
}

static idf_status tables_new(tables *t, size_t n, size_t dim, size_t k, idf_error *err) {
    t->k = k;
    t->correct = idf_alloc(n, sizeof *t->correct);
    t->wrong = idf_alloc(n, sizeof *t->wrong);
    t->margin = idf_alloc(n, sizeof *t->margin);
    t->queries = idf_alloc(BLOCK * dim, sizeof *t->queries);
    t->hits = idf_alloc(BLOCK * k, sizeof *t->hits);
    t->pairs = n > SIZE_MAX / k ? NULL : idf_alloc(n * k, sizeof *t->pairs);
    bool complete = t->correct && t->wrong && t->margin && t->queries && t->hits && t->pairs;
    return complete ? IDF_OK : no_memory(err);
}

static void tables_release(tables *t) {
    idf_free(t->correct);
    idf_free(t->wrong);
    idf_free(t->margin);
    idf_free(t->queries);
    idf_free(t->hits);
    idf_free(t->pairs);
}

/* The least threshold worth recommending. Whitened aggregates of unrelated pictures lie around 0
 * and CLIP's around 0.5, so one number cannot serve both. */
static double threshold_floor(const idf_index *index) {
    return strncmp(idf_index_encoder(index), "builtin/", 8) == 0 ? 0.15 : 0.5;
}

static void summarise(idf_self_test *out, tables *t, size_t n_confusables, double floor) {
    size_t n = out->n_rows;
    out->self_rate = (double)out->n_self / (double)n;
    out->median_correct = median(t->correct, n);
    out->median_wrong = median(t->wrong, n);
    out->median_margin = median(t->margin, n);
    double threshold = out->median_wrong + 0.05;
    threshold = threshold < floor ? floor : threshold;
    out->recommended_threshold = threshold > 0.99 ? 0.99 : threshold;
    size_t n_pairs = unique_pairs(t->pairs, t->n_pairs);
    out->n_confusables = n_pairs < n_confusables ? n_pairs : n_confusables;
    out->confusables = t->pairs;
    t->pairs = NULL;
}

static void relax(const void *index) {
    idf_index_forget(index);
}

/* What their features say of pairs. */
static idf_status find_alikes(idf_self_test *out, const idf_index *index, idf_pool *pool,
                              idf_error *err) {
    idf_index_row *rows = idf_alloc(out->n_rows, sizeof *rows);
    if (rows == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while comparing references");
    for (size_t i = 0; i < out->n_rows; i++)
        idf_index_get_row(index, i, &rows[i]);
    const idf_alike_options options = {.pool = pool, .relax = relax, .relax_context = index};
    idf_alikes found;
    idf_status status = idf_alikes_find(&found, rows, out->n_rows, &options, err);
    out->alikes = found.pairs;
    out->n_alikes = found.n;
    out->n_marked = found.n_marked;
    idf_free(rows);
    return status;
}

idf_status idf_self_test_run(idf_self_test *out, const idf_index *index, size_t n_confusables,
                             idf_pool *pool, idf_error *err) {
    memset(out, 0, sizeof *out);
    size_t n = idf_index_n_rows(index);
    if (n == 0)
        return idf_error_set(err, IDF_ERR_EMPTY, "the index holds no references");
    out->n_rows = n;
    /* The c most alike pairs lie within each row's c nearest, itself not counted. */
    size_t k = n_confusables + 1 < 2 ? 2 : n_confusables + 1;
    k = k < n ? k : n;
    tables t = {0};
    size_t dim = (size_t)idf_index_dim(index);
    idf_status status = tables_new(&t, n, dim, k, err);
    for (size_t start = 0; status == IDF_OK && start < n; start += BLOCK) {
        size_t block = n - start < BLOCK ? n - start : BLOCK;
        for (size_t i = 0; i < block; i++)
            memcpy(t.queries + i * dim, idf_index_embedding(index, start + i),
                   dim * sizeof *t.queries);
        status = idf_index_search(index, t.queries, block, k, t.hits, pool, err);
        for (size_t i = 0; status == IDF_OK && i < block; i++)
            take_row(out, &t, index, start + i, t.hits + i * k);
    }
    if (status == IDF_OK)
        summarise(out, &t, n_confusables, threshold_floor(index));
    tables_release(&t);
    if (status == IDF_OK)
        status = find_alikes(out, index, pool, err);
    if (status != IDF_OK)
        idf_self_test_release(out);
    return status;
}

void idf_self_test_release(idf_self_test *self_test) {
    if (self_test == NULL)
        return;
    idf_free(self_test->confusables);
    idf_free(self_test->alikes);
    memset(self_test, 0, sizeof *self_test);
}
