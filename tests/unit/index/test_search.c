/* test_search.c - exact search against a full sort: every k, ties, batches, pools and processors
 * give the same hits to the last bit. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "index/index.h"
#include "index/search.h"
#include "kernel/cpu.h"
#include "kernel/dot.h"

static int by_score_then_row(const void *a, const void *b) {
    const idf_hit *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return x->row < y->row ? -1 : 1;
}

/* Scores everything and sorts it. */
static void full_sort(const idf_search *search, size_t query, idf_hit *out) {
    size_t n = search->parts[0].n_rows, dim = (size_t)search->dim;
    float *scores = idf_alloc(n, sizeof *scores);
    idf_hit *all = idf_alloc(n, sizeof *all);
    idf_dot_f32(search->parts[0].rows, n, search->queries + query * dim, 1, dim, scores);
    for (size_t r = 0; r < n; r++)
        all[r] = (idf_hit){r, isnan(scores[r]) ? -2 : scores[r]};
    qsort(all, n, sizeof *all, by_score_then_row);
    for (size_t i = 0; i < search->k; i++)
        out[i] = i < n ? all[i] : (idf_hit){SIZE_MAX, -2};
    idf_free(all);
    idf_free(scores);
}

static void assert_same_hits(const idf_hit *got, const idf_hit *want, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (got[i].row != want[i].row || got[i].score != want[i].score)
            fail_msg("hit %zu of %zu is %zu (%.9g), not %zu (%.9g)", i, n, got[i].row,
                     (double)got[i].score, want[i].row, (double)want[i].score);
}

/* Unit rows; with `coarse` their entries are few small numbers, so that scores tie often. */
static float *new_rows(size_t n, int dim, int coarse, uint64_t seed) {
    idf_rng rng;
    idf_rng_init(&rng, seed, 0);
    float *rows = idf_alloc(n * (size_t)dim, sizeof *rows);
    assert_non_null(rows);
    for (size_t i = 0; i < n * (size_t)dim; i++)
        rows[i] = coarse ? (float)idf_rng_below(&rng, 3) - 1 : (float)idf_rng_normal(&rng);
    return rows;
}

/* The rows dealt out to parts give what they give together, with rows among them that do not count.
 */
static void check_dealt(idf_search search, const idf_hit *want) {
    enum { PARTS = 4 };
    size_t n = search.parts[0].n_rows, dim = (size_t)search.dim, room = n + n / 3 + 1;
    idf_search_part parts[PARTS];
    for (size_t p = 0; p < PARTS; p++) {
        float *rows = idf_alloc(room * dim, sizeof *rows);
        uint32_t *numbers = idf_alloc(room, sizeof *numbers);
        size_t at = 0;
        for (size_t r = n; r-- > 0;) { /* against the order; part 2 gets nothing */
            size_t to = r % 7 == 3 ? 3 : r % 2;
            if (to != p)
                continue;
            memcpy(rows + at * dim, search.parts[0].rows + r * dim, dim * sizeof *rows);
            numbers[at++] = (uint32_t)r;
            if (r % 3 == 0) { /* as good, and deleted */
                memcpy(rows + at * dim, search.parts[0].rows + r * dim, dim * sizeof *rows);
                numbers[at++] = UINT32_MAX;
            }
        }
        parts[p] = (idf_search_part){rows, at, numbers};
    }
    search.parts = parts;
    search.n_parts = PARTS;
    assert_int_equal(idf_search_rows(&search, NULL, NULL), IDF_OK);
    assert_same_hits(search.out, want, search.n_queries * search.k);
    for (size_t p = 0; p < PARTS; p++) {
        idf_free((void *)parts[p].rows);
        idf_free((void *)parts[p].numbers);
    }
}

static void check(size_t n_rows, idf_search search, int coarse) {
    float *rows = new_rows(n_rows, search.dim, coarse, 1);
    float *queries = new_rows(search.n_queries, search.dim, coarse, 2);
    size_t n = search.n_queries * search.k;
    idf_hit *got = idf_alloc(n, sizeof *got), *want = idf_alloc(n, sizeof *want);
    const idf_search_part whole = {rows, n_rows, NULL};
    search.parts = &whole;
    search.n_parts = 1;
    search.queries = queries;
    search.out = got;
    for (size_t q = 0; q < search.n_queries; q++)
        full_sort(&search, q, want + q * search.k);
    for (int threads = 1; threads <= 4; threads += 3) {
        idf_pool *pool;
        assert_int_equal(idf_pool_new(&pool, threads, NULL), IDF_OK);
        memset(got, 0x77, n * sizeof *got);
        assert_int_equal(idf_search_rows(&search, threads == 1 ? NULL : pool, NULL), IDF_OK);
        assert_same_hits(got, want, n);
        idf_pool_free(pool);
    }
    static const unsigned levels[] = {0, IDF_CPU_AVX2, IDF_CPU_AVX2 | IDF_CPU_AVX512};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        idf_cpu_restrict(levels[i]);
        assert_int_equal(idf_search_rows(&search, NULL, NULL), IDF_OK);
        assert_same_hits(got, want, n);
    }
    idf_cpu_restrict(~0u);
    check_dealt(search, want);
    for (size_t q = 0; q < search.n_queries; q++) { /* one at a time is as all together */
        idf_search one = search;
        one.queries = queries + q * (size_t)search.dim;
        one.n_queries = 1;
        assert_int_equal(idf_search_rows(&one, NULL, NULL), IDF_OK);
        assert_same_hits(got, want + q * search.k, search.k);
    }
    idf_free(want);
    idf_free(got);
    idf_free(queries);
    idf_free(rows);
}

static void all_sizes(void **state) {
    (void)state;
    static const size_t n_rows[] = {0, 1, 2, 5, 255, 256, 257, 3000};
    static const size_t ks[] = {1, 2, 5, 50, 3100};
    for (size_t r = 0; r < sizeof n_rows / sizeof *n_rows; r++)
        for (size_t k = 0; k < sizeof ks / sizeof *ks; k++)
            for (int coarse = 0; coarse <= 1; coarse++) {
                check(n_rows[r], (idf_search){.n_queries = 6, .dim = 33, .k = ks[k]}, coarse);
            }
    check(700, (idf_search){.n_queries = 9, .dim = 1, .k = 7}, 1);
    check(40, (idf_search){.n_queries = 3, .dim = 70000, .k = 5}, 0); /* block of one */
}

/* More queries than one batch has, and heaps so large that batches are small. */
static void many_queries(void **state) {
    (void)state;
    check(90, (idf_search){.n_queries = 2100, .dim = 8, .k = 3}, 0);
    check(60000, (idf_search){.n_queries = 20, .dim = 2, .k = 60000}, 1);
}

static void nothing_asked(void **state) {
    (void)state;
    float row[4] = {1, 0, 0, 0};
    idf_hit hit = {7, 7};
    const idf_search_part part = {row, 1, NULL};
    idf_search search = {
        .parts = &part, .n_parts = 1, .queries = row, .dim = 4, .k = 1, .out = &hit};
    assert_int_equal(idf_search_rows(&search, NULL, NULL), IDF_OK);
    search.n_queries = 1;
    search.k = 0;
    assert_int_equal(idf_search_rows(&search, NULL, NULL), IDF_OK);
    assert_int_equal(hit.row, 7);
    search.k = 1;
    assert_int_equal(idf_search_rows(&search, NULL, NULL), IDF_OK);
    assert_int_equal(hit.row, 0);
    assert_true(hit.score == 1);
}

static void not_a_number_ranks_last(void **state) {
    (void)state;
    float rows[6] = {NAN, 0.5f, -1, NAN, 1, 0};
    float query = 1;
    idf_hit hits[6];
    const idf_search_part part = {rows, 6, NULL};
    idf_search search = {&part, 1, &query, 1, 1, 6, hits};
    assert_int_equal(idf_search_rows(&search, NULL, NULL), IDF_OK);
    static const size_t order[] = {4, 1, 5, 2, 0, 3};
    for (int i = 0; i < 6; i++)
        assert_int_equal(hits[i].row, order[i]);
    assert_true(hits[5].score == -2);
}

static void rows_of_no_length(void **state) {
    (void)state;
    float nothing = 0;
    idf_hit hits[3];
    const idf_search_part part = {&nothing, 2, NULL};
    idf_search search = {&part, 1, &nothing, 1, 0, 3, hits};
    assert_int_equal(idf_search_rows(&search, NULL, NULL), IDF_OK);
    assert_int_equal(hits[0].row, 0);
    assert_int_equal(hits[1].row, 1);
    assert_int_equal(hits[2].row, SIZE_MAX);
}

static void an_index_file(void **state) {
    (void)state;
    char path[] = "/tmp/identify-search-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    static const float vectors[3][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0.6f, 0.8f, 0}};
    static const char *const files[3] = {"a.jpg", "b.jpg", "c.jpg"};
    idf_index_row rows[3];
    for (int i = 0; i < 3; i++)
        rows[i] = (idf_index_row){.name = files[i],
                                  .filename = files[i],
                                  .rarity = "",
                                  .set_code = "",
                                  .embedding = vectors[i]};
    idf_index_meta meta = {.encoder = "test/1", .projection = ""};
    idf_error err = IDF_ERROR_INIT;
    assert_int_equal(idf_index_write(path, rows, 3, 4, &meta, &err), IDF_OK);
    idf_index *index;
    assert_int_equal(idf_index_open(&index, path, &err), IDF_OK);
    idf_hit hits[4];
    assert_int_equal(idf_index_search(index, vectors[2], 1, 4, hits, NULL, NULL), IDF_OK);
    assert_int_equal(hits[0].row, 2);
    assert_int_equal(hits[1].row, 1);
    assert_int_equal(hits[2].row, 0);
    assert_int_equal(hits[3].row, SIZE_MAX);
    assert_true(fabsf(hits[0].score - 1) < 1e-6f && fabsf(hits[1].score - 0.6f) < 1e-6f);
    idf_index_free(index);
    remove(path);
}

static void out_of_memory(void **state) {
    (void)state;
    float row[4] = {1, 0, 0, 0};
    idf_hit hit;
    const idf_search_part part = {row, 1, NULL};
    idf_search search = {&part, 1, row, 1, 4, 1, &hit};
    for (long n = 0;; n++) {
        idf_error err = IDF_ERROR_INIT;
        idf_alloc_fail_after(n);
        idf_status status = idf_search_rows(&search, NULL, &err);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        if (!failed) {
            assert_int_equal(status, IDF_OK);
            assert_true(n > 0);
            return;
        }
        assert_int_equal(status, IDF_ERR_NO_MEMORY);
        assert_true(err.message[0] != '\0');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_sizes),         cmocka_unit_test(many_queries),
        cmocka_unit_test(nothing_asked),     cmocka_unit_test(not_a_number_ranks_last),
        cmocka_unit_test(rows_of_no_length), cmocka_unit_test(an_index_file),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
