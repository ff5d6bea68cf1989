/* The shortlist of a large index is that of exact search; of a small one it is exact search. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka.h needs the four before stdlib */
#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "index/codes.h"
#include "index/part.h"
#include "kernel/dot_i8.h"
#include "support/scratch.h"

enum { MANY = 5000, FEW = 3000, DIM = 64, K = 50, QUERIES = 20, CENTRES = 90 };

static float vectors[MANY][DIM], queries[QUERIES][DIM];
static idf_index_row rows[MANY];

static void to_unit(float *v) {
    double sum = 0;
    for (int i = 0; i < DIM; i++)
        sum += (double)v[i] * v[i];
    for (int i = 0; i < DIM; i++)
        v[i] = (float)(v[i] / sqrt(sum));
}

/* Vectors around some centres, and queries near some of them. */
static void make_vectors(void) {
    static float centres[CENTRES][DIM];
    idf_rng rng;
    idf_rng_init(&rng, 9, 0);
    for (int c = 0; c < CENTRES; c++)
        for (int i = 0; i < DIM; i++)
            centres[c][i] = (float)idf_rng_normal(&rng);
    for (int r = 0; r < MANY; r++) {
        for (int i = 0; i < DIM; i++)
            vectors[r][i] = centres[r % CENTRES][i] + 0.7F * (float)idf_rng_normal(&rng);
        to_unit(vectors[r]);
        rows[r] = (idf_index_row){
            .name = "a", .filename = "a", .rarity = "", .set_code = "", .embedding = vectors[r]};
    }
    for (int q = 0; q < QUERIES; q++) {
        for (int i = 0; i < DIM; i++)
            queries[q][i] = vectors[q * 37][i] + 0.1F * (float)idf_rng_normal(&rng);
        to_unit(queries[q]);
    }
}

static idf_index *open_rows(size_t n) {
    const idf_index_meta meta = {.encoder = "test", .projection = ""};
    const char *path = scratch_path("index.npz");
    idf_index *index;
    assert_int_equal(idf_index_write(path, rows, n, DIM, &meta, NULL), IDF_OK);
    assert_int_equal(idf_index_open(&index, path, NULL), IDF_OK);
    return index;
}

/* Queries whose shortlist is not that of exact search. */
static int n_other(const idf_index *index, idf_pool *pool) {
    static idf_hit exact[QUERIES][K], found[QUERIES][K];
    int n = 0;
    assert_int_equal(idf_index_search(index, queries[0], QUERIES, K, exact[0], NULL, NULL), IDF_OK);
    assert_int_equal(idf_index_shortlist(index, queries[0], QUERIES, K, found[0], pool, NULL),
                     IDF_OK);
    for (int q = 0; q < QUERIES; q++) {
        bool same = true;
        for (int k = 0; k < K; k++)
            same = same && exact[q][k].row == found[q][k].row &&
                   exact[q][k].score == found[q][k].score;
        n += !same;
    }
    return n;
}

static void the_exact_top_50_comes_out(void **state) {
    (void)state;
    idf_pool *pool;
    make_vectors();
    memset(vectors[4999], 0, sizeof vectors[4999]);
    assert_int_equal(idf_pool_new(&pool, 3, NULL), IDF_OK);
    idf_index *index = open_rows(MANY);
    assert_int_equal(idf_index_check(index, NULL), IDF_OK);
    assert_int_equal(n_other(index, NULL), 0);
    assert_int_equal(n_other(index, pool), 0);
    idf_index_free(index);
    idf_pool_free(pool);
}

/* Rows that differ by less than the steps of the codes: those are where a large index rounds, which
 * shows that it does; a small one does not. */
static void what_rounding_hides_is_found_in_a_small_index(void **state) {
    (void)state;
    make_vectors();
    for (int r = 0; r < 300; r++) {
        memcpy(vectors[r], queries[0], sizeof vectors[r]);
        vectors[r][0] += (float)(300 - r) * 2e-6F;
        to_unit(vectors[r]);
    }
    idf_index *large = open_rows(MANY), *small = open_rows(FEW);
    assert_true(n_other(large, NULL) > 0);
    assert_int_equal(n_other(small, NULL), 0);
    idf_index_free(large);
    idf_index_free(small);
}

static void codes_are_within_half_a_step(void **state) {
    (void)state;
    int8_t codes[DIM];
    int16_t query[DIM];
    make_vectors();
    for (int r = 0; r < 200; r++) {
        float scale = idf_codes_make(codes, vectors[r], DIM);
        int most = 0;
        for (int i = 0; i < DIM; i++) {
            assert_true(fabsf(vectors[r][i] - scale * (float)codes[i]) <= 0.501F * scale);
            most = abs(codes[i]) > most ? abs(codes[i]) : most;
        }
        assert_int_equal(most, 127);
        assert_true(idf_codes_fit(codes, scale, vectors[r], DIM));
        assert_false(idf_codes_fit(codes, scale, vectors[r + 1], DIM));
        assert_false(idf_codes_fit(codes, NAN, vectors[r], DIM));
    }
    float odd[DIM] = {NAN, 1, -2};
    idf_codes_query(query, odd, DIM, 1000);
    assert_int_equal(query[0], 0);
    assert_int_equal(query[1], 500);
    assert_int_equal(query[2], -1000);
    memset(odd, 0, sizeof odd);
    assert_true(idf_codes_make(codes, odd, DIM) == 0 && codes[5] == 0);
    idf_codes_query(query, odd, DIM, 1000);
    assert_int_equal(query[1], 0);
}

static void memory_that_is_missing_is_told(void **state) {
    (void)state;
    idf_hit found[K];
    make_vectors();
    idf_index *index = open_rows(MANY);
    for (long n = 0;; n++) {
        idf_alloc_fail_after(n);
        idf_status status = idf_index_shortlist(index, queries[0], 1, K, found, NULL, NULL);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        assert_int_equal(status, failed ? IDF_ERR_NO_MEMORY : IDF_OK);
        if (!failed)
            break;
    }
    idf_index_free(index);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exact_top_50_comes_out),
        cmocka_unit_test(what_rounding_hides_is_found_in_a_small_index),
        cmocka_unit_test(codes_are_within_half_a_step),
        cmocka_unit_test(memory_that_is_missing_is_told),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
