/* Words and postings: everything is filed once, where it belongs, the same on any number of
 * threads; long lists begin with an even sample. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka.h needs the four before stdlib */
#include <cmocka.h>

#include "base/alloc.h"
#include "index/words.h"
#include "unit/match/synthetic.h"

enum { N_ROWS = 40, PER_ROW = 300, ALL = N_ROWS * PER_ROW };

static idf_descriptor descriptors[N_ROWS][PER_ROW];
static idf_keypoint keypoints[N_ROWS][PER_ROW];
static idf_features rows[N_ROWS];

static void get(const void *context, size_t row, idf_features *out) {
    *out = ((const idf_features *)context)[row];
}
static const idf_word_rows all = {.get = get, .context = rows, .n = N_ROWS};

static int make_rows(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 5, 0);
    for (int row = 0; row < N_ROWS; row++) {
        for (int i = 0; i < PER_ROW; i++) {
            descriptors[row][i] = synthetic_descriptor(&rng);
            keypoints[row][i] = (idf_keypoint){.angle = (uint8_t)i, .level = (uint8_t)(i % 8)};
        }
        rows[row] = (idf_features){640, 480, PER_ROW, keypoints[row], descriptors[row]};
    }
    rows[7].n = 3;
    rows[8].n = 0;
    rows[9].n = -1;
    return 0;
}

static void each_feature_is_filed_under_its_word(void **state) {
    (void)state;
    static uint8_t met[N_ROWS][PER_ROW];
    const size_t quotas[] = {4096, 100};
    for (int q = 0; q < 2; q++) {
        idf_vocabulary v;
        idf_postings p;
        size_t n = 0;
        memset(met, 0, sizeof met);
        assert_int_equal(idf_vocabulary_learn(&v, &all, quotas[q], NULL, NULL), IDF_OK);
        assert_int_equal(idf_postings_build(&p, &v, &all, quotas[q], NULL, NULL), IDF_OK);
        assert_int_equal(p.vocabulary, v.identity);
        for (uint32_t w = 0; w < v.n_words; w++)
            for (uint32_t i = p.start[w]; i < p.start[w + 1]; i++) {
                uint32_t row = idf_word_entry_row(p.entries[i]), key;
                uint32_t feature = idf_word_entry_feature(p.entries[i]), node = 0;
                const idf_descriptor *d = &descriptors[row][feature];
                assert_false(met[row][feature]);
                met[row][feature] = 1;
                assert_int_equal(p.signatures[i], idf_word_signature(d));
                assert_true((p.looks != NULL) == (quotas[q] == 100));
                if (p.looks != NULL) {
                    const idf_word_look *look = &p.looks[i];
                    assert_memory_equal(look->bits, d->bits + 8, sizeof look->bits);
                    assert_int_equal(look->angle, keypoints[row][feature].angle);
                    assert_int_equal(look->level, keypoints[row][feature].level);
                }
                for (int level = 0; level < v.n_levels; level++) {
                    idf_word_scan_c.nearest(idf_vocabulary_below(&v, level, node), v.branch[level],
                                            d, 1, &key);
                    node = node * (uint32_t)v.branch[level] + (key & 0xffff);
                }
                assert_int_equal(node, w);
                n++;
            }
        assert_int_equal(n, p.n_entries);
        for (int row = 0; row < N_ROWS; row++) {
            uint16_t chosen[IDF_FEATURES_MAX];
            size_t n_met = 0, n_chosen = idf_word_choose(&rows[row], quotas[q], chosen);
            for (size_t i = 0; i < n_chosen; i++)
                assert_true(met[row][chosen[i]]);
            for (int i = 0; i < PER_ROW; i++)
                n_met += met[row][i];
            assert_int_equal(n_met, n_chosen);
        }
        idf_postings_release(&p);
        idf_vocabulary_release(&v);
    }
}

/* Of a row with more features than are filed, each level gives its strongest, a coarser one more,
 * one that has too few all that it has. */
static void coarse_levels_give_more(void **state) {
    (void)state;
    enum { N = 400, QUOTA = 100, SCARCE = 7, HAS = 3 };
    static idf_keypoint levels[N];
    for (int scarce = 0; scarce < 2; scarce++) {
        const idf_features f = {640, 480, N, levels, NULL};
        uint16_t chosen[IDF_FEATURES_MAX];
        int n_at[8] = {0}, last[8], ended[8] = {0};
        for (int i = 0; i < N; i++) {
            levels[i].level = (uint8_t)(i % 8);
            if (scarce && levels[i].level == SCARCE && i >= 8 * HAS)
                levels[i].level = 0;
        }
        assert_int_equal(idf_word_choose(&f, QUOTA, chosen), QUOTA);
        for (int i = 0; i < QUOTA; i++) {
            assert_true(i == 0 || chosen[i] > chosen[i - 1]);
            last[levels[chosen[i]].level] = chosen[i];
            n_at[levels[chosen[i]].level]++;
        }
        for (int i = 0, at[8] = {0}; i < N; i++) /* the first of each level */
            ended[levels[i].level] +=
                ++at[levels[i].level] == n_at[levels[i].level] && i == last[levels[i].level];
        for (int level = 0; level < 8; level++)
            assert_int_equal(ended[level], 1);
        for (int level = 1; level < (scarce ? SCARCE : 8); level++)
            assert_true(n_at[level] >= n_at[level - 1]);
        assert_true(n_at[6] * 10 >= n_at[0] * 16 && n_at[6] * 10 <= n_at[0] * 20);
        if (scarce)
            assert_int_equal(n_at[SCARCE], HAS);
        assert_int_equal(idf_word_choose(&f, N, chosen), N);
        assert_int_equal(chosen[N - 1], N - 1);
    }
}

/* Few entries of many words: only the words that have some are listed, and looking one up gives
 * what a list of all would. */
static void few_entries_list_their_words(void **state) {
    (void)state;
    const idf_word_rows few = {.get = get, .context = rows, .n = 1};
    idf_vocabulary v;
    idf_postings dense, sparse;
    uint32_t n = 0, from;
    uint16_t chosen[IDF_FEATURES_MAX];
    bool filed[PER_ROW] = {false};
    assert_int_equal(idf_vocabulary_learn(&v, &all, 4096, NULL, NULL), IDF_OK);
    for (size_t i = idf_word_choose(&rows[0], v.n_words / 8, chosen); i > 0; i--)
        filed[chosen[i - 1]] = true;
    assert_int_equal(idf_postings_build(&dense, &v, &all, 4096, NULL, NULL), IDF_OK);
    assert_int_equal(idf_postings_build(&sparse, &v, &few, v.n_words / 8, NULL, NULL), IDF_OK);
    assert_null(dense.used);
    assert_non_null(sparse.used);
    assert_true(idf_postings_fit(&dense, &v) && idf_postings_fit(&sparse, &v));
    for (uint32_t w = 0; w < v.n_words; w++) {
        uint32_t want = 0, there = idf_postings_list(&dense, w, &from);
        assert_int_equal(there, dense.start[w + 1] - dense.start[w]);
        for (uint32_t i = 0; i < there; i++) /* what is filed of the first row */
            want += idf_word_entry_row(dense.entries[from + i]) == 0 &&
                    filed[idf_word_entry_feature(dense.entries[from + i])];
        there = idf_postings_list(&sparse, w, &from);
        assert_int_equal(there, want);
        for (uint32_t i = 0; i < there; i++)
            assert_int_equal(idf_word_entry_row(sparse.entries[from + i]), 0);
        n += there;
    }
    assert_int_equal(n, sparse.n_entries);
    assert_int_equal(n, v.n_words / 8);
    idf_vocabulary other = v;
    other.n_words = sparse.used[sparse.n_used - 1]; /* one too few */
    assert_false(idf_postings_fit(&sparse, &other));
    other = v;
    other.identity++;
    assert_false(idf_postings_fit(&sparse, &other) || idf_postings_fit(&dense, &other));
    idf_postings_release(&dense);
    idf_postings_release(&sparse);
    idf_vocabulary_release(&v);
}

/* Some words at a time give what all at once do. */
static void filing_in_pieces_changes_nothing(void **state) {
    (void)state;
    static uint32_t entries[N_ROWS * PER_ROW];
    static uint64_t signatures[N_ROWS * PER_ROW];
    static idf_word_look looks[N_ROWS * PER_ROW];
    idf_vocabulary v;
    idf_postings p;
    idf_filing *filing;
    assert_int_equal(idf_vocabulary_learn(&v, &all, 100, NULL, NULL), IDF_OK);
    assert_int_equal(idf_postings_build(&p, &v, &all, 100, NULL, NULL), IDF_OK);
    assert_int_equal(idf_filing_new(&filing, &v, &all, 100, NULL, NULL), IDF_OK);
    const uint32_t *start = idf_filing_start(filing);
    assert_memory_equal(start, p.start, (v.n_words + 1) * sizeof *start);
    for (uint32_t from = 0, to; from < v.n_words; from = to) {
        to = from + 1 + from % 7 < v.n_words ? from + 1 + from % 7 : v.n_words;
        const idf_filed some = {entries + start[from], NULL, looks + start[from]};
        const idf_filed rest = {NULL, signatures + start[from], NULL};
        assert_int_equal(idf_filing_get(filing, from, to, &some, NULL), IDF_OK);
        assert_int_equal(idf_filing_get(filing, from, to, &rest, NULL), IDF_OK);
    }
    assert_memory_equal(entries, p.entries, p.n_entries * sizeof *entries);
    assert_memory_equal(signatures, p.signatures, p.n_entries * sizeof *signatures);
    assert_memory_equal(looks, p.looks, p.n_entries * sizeof *looks);
    idf_filing_free(filing);
    idf_postings_release(&p);
    idf_vocabulary_release(&v);
}

static void threads_change_nothing(void **state) {
    (void)state;
    idf_vocabulary v, w;
    idf_postings p, q;
    idf_pool *pool;
    assert_int_equal(idf_pool_new(&pool, 3, NULL), IDF_OK);
    assert_int_equal(idf_vocabulary_learn(&v, &all, 4096, NULL, NULL), IDF_OK);
    assert_int_equal(idf_vocabulary_learn(&w, &all, 4096, pool, NULL), IDF_OK);
    assert_int_equal(v.n_groups, w.n_groups);
    assert_memory_equal(v.groups, w.groups, v.n_groups * sizeof *v.groups);
    assert_int_equal(v.identity, w.identity);
    assert_int_equal(idf_postings_build(&p, &v, &all, 4096, NULL, NULL), IDF_OK);
    assert_int_equal(idf_postings_build(&q, &w, &all, 4096, pool, NULL), IDF_OK);
    assert_memory_equal(p.start, q.start, (v.n_words + 1) * sizeof *p.start);
    assert_memory_equal(p.entries, q.entries, p.n_entries * sizeof *p.entries);
    assert_memory_equal(p.signatures, q.signatures, p.n_entries * sizeof *p.signatures);
    w.owned[0].part[0][0] ^= 1;
    assert_int_not_equal(idf_vocabulary_hash(&w), v.identity);
    idf_postings_release(&p);
    idf_postings_release(&q);
    idf_vocabulary_release(&v);
    idf_vocabulary_release(&w);
    idf_pool_free(pool);
}

/* Words of one descriptor: all is filed under one. Its first 64 are of all thirds of the rows. */
static void lists_begin_with_an_even_sample(void **state) {
    (void)state;
    static idf_descriptor same[PER_ROW];
    idf_features alike[N_ROWS];
    const idf_word_rows few = {.get = get, .context = alike, .n = N_ROWS};
    for (int row = 0; row < N_ROWS; row++)
        alike[row] = (idf_features){640, 480, PER_ROW, NULL, same};
    idf_vocabulary v;
    idf_postings p;
    assert_int_equal(idf_vocabulary_learn(&v, &few, 4096, NULL, NULL), IDF_OK);
    assert_int_equal(idf_postings_build(&p, &v, &few, 4096, NULL, NULL), IDF_OK);
    assert_int_equal(p.start[1] - p.start[0], ALL);
    for (uint32_t first = 40; first <= 4096; first *= 2) {
        uint32_t n_of[4] = {0};
        for (uint32_t i = 0; i < first; i++)
            n_of[idf_word_entry_row(p.entries[i]) * 4 / N_ROWS]++;
        for (int part = 0; part < 4; part++)
            assert_in_range(n_of[part], first / 8, first / 2);
    }
    idf_postings_release(&p);
    idf_vocabulary_release(&v);
}

static void get_many(const void *context, size_t row, idf_features *out) {
    (void)row;
    *out = (idf_features){640, 480, *(const int *)context, NULL, NULL};
}

static void quota_falls_to_the_least_and_no_further(void **state) {
    (void)state;
    const int n = 720;
    size_t before = IDF_FEATURES_MAX;
    for (size_t n_rows = 1; n_rows < 300000; n_rows *= 3) {
        const idf_word_rows many = {.get = get_many, .context = &n, .n = n_rows};
        size_t quota = idf_word_quota(&many), filed = quota < 720 ? quota : 720;
        assert_true(quota <= before && quota >= IDF_WORD_QUOTA_MIN);
        assert_true(filed * n_rows <= IDF_WORD_ENTRIES_EASY || quota == IDF_WORD_QUOTA_MIN);
        assert_true(n_rows > 4000 || filed == 720);
        before = quota;
    }
    assert_int_equal(before, IDF_WORD_QUOTA_MIN);
}

static void words_grow_with_entries(void **state) {
    (void)state;
    uint32_t before = 0;
    for (double n = 0; n < 1.2e9; n = n * 1.7 + 50) {
        idf_vocabulary v = {0};
        idf_vocabulary_shape(&v, n);
        assert_true(v.n_words >= before && v.n_words <= IDF_WORDS_MAX);
        assert_true(n < 30000 || n / v.n_words < 620);
        assert_true(n < 30000 || n / v.n_words > 60);
        assert_int_equal(v.n_levels, v.n_words > 65536 ? 3 : 2);
        before = v.n_words * 3 / 4; /* whole groups */
    }
    idf_vocabulary bad = {.n_levels = 2, .branch = {256, 257}};
    assert_false(idf_vocabulary_lay_out(&bad));
    bad = (idf_vocabulary){.n_levels = 3, .branch = {256, 256, 256}};
    assert_false(idf_vocabulary_lay_out(&bad));
    bad = (idf_vocabulary){.n_levels = 4, .branch = {2, 2, 2}};
    assert_false(idf_vocabulary_lay_out(&bad));
    bad = (idf_vocabulary){.n_levels = 2, .branch = {2, 0}};
    assert_false(idf_vocabulary_lay_out(&bad));
}

static void nothing_and_too_much_are_told(void **state) {
    (void)state;
    idf_vocabulary v;
    idf_postings p;
    const idf_word_rows none = {.get = get, .context = rows},
                        too_many = {.get = get, .context = rows, .n = IDF_WORD_ROWS_MAX + 1};
    assert_int_equal(idf_vocabulary_learn(&v, &none, 4096, NULL, NULL), IDF_OK);
    assert_int_equal(idf_postings_build(&p, &v, &none, 4096, NULL, NULL), IDF_OK);
    assert_int_equal(p.n_entries, 0);
    assert_int_equal(p.start[p.n_used], 0);
    idf_postings_release(&p);
    assert_int_equal(idf_postings_build(&p, &v, &too_many, 4096, NULL, NULL), IDF_ERR_LIMIT);
    idf_vocabulary_release(&v);
    for (long k = 0; k < 40; k++) {
        idf_alloc_fail_after(k);
        idf_status status = idf_vocabulary_learn(&v, &all, 50, NULL, NULL);
        if (!status)
            status = idf_postings_build(&p, &v, &all, 50, NULL, NULL);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        assert_int_equal(status, failed ? IDF_ERR_NO_MEMORY : IDF_OK);
        if (!status)
            idf_postings_release(&p);
        idf_vocabulary_release(&v);
        if (!failed)
            return;
    }
    fail();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_feature_is_filed_under_its_word),
        cmocka_unit_test(coarse_levels_give_more),
        cmocka_unit_test(few_entries_list_their_words),
        cmocka_unit_test(filing_in_pieces_changes_nothing),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(lists_begin_with_an_even_sample),
        cmocka_unit_test(quota_falls_to_the_least_and_no_further),
        cmocka_unit_test(words_grow_with_entries),
        cmocka_unit_test(nothing_and_too_much_are_told),
    };
    return cmocka_run_group_tests(tests, make_rows, NULL);
}
