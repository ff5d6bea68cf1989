/* The word index and the finder: who is in the frame, several at once, rivals, degenerate input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka.h needs the four before stdlib */
#include <cmocka.h>

#include "base/alloc.h"
#include "match/confirm_all.h"
#include "match/wordindex_inside.h"
#include "unit/match/synthetic.h"

enum { N_ROWS = 60 };
static synthetic references[N_ROWS], frame;
static idf_features views[N_ROWS];
static idf_thing things[16];

static void make_references(uint64_t seed) {
    idf_rng rng;
    idf_rng_init(&rng, seed, 0);
    for (int i = 0; i < N_ROWS; i++) {
        synthetic_init(&references[i], 458, 640);
        synthetic_noise(&references[i], 400, &rng);
        views[i] = references[i].features;
    }
}

static idf_status make_words(idf_wordindex **index, const idf_features *rows, size_t n,
                             idf_pool *pool) {
    return idf_wordindex_new(index, &(idf_word_source){.references = rows, .n_rows = n}, pool,
                             NULL);
}

static void show(int row, double turn, double x, double y, idf_rng *rng) {
    const double at[2] = {x, y};
    synthetic_view view = {synthetic_map(458, 640, turn, 15, 0.45, at), 0.6, 0.1, 0.6};
    synthetic_show(&frame, &references[row], &view, rng);
}

static void the_shown_reference_comes_first(void **state) {
    (void)state;
    make_references(42);
    idf_rng rng;
    idf_rng_init(&rng, 43, 0);
    idf_wordindex *index;
    idf_word_query *query;
    assert_int_equal(make_words(&index, views, N_ROWS, NULL), IDF_OK);
    assert_int_equal(idf_word_query_new(&query, index, NULL), IDF_OK);
    assert_true(idf_wordindex_bytes(index) < N_ROWS * 400 * 64);
    for (int row = 0; row < N_ROWS; row += 7) {
        synthetic_init(&frame, 640, 480);
        show(row, 11 * row, 320, 240, &rng);
        synthetic_noise(&frame, 600, &rng);
        int n = idf_word_query_run(query, &frame.features, 4);
        assert_true(n > 0);
        idf_candidate c;
        idf_word_query_get(query, 0, &c);
        assert_int_equal(c.row, row);
        assert_true(c.n_matches >= 8);
        for (int k = 0; k < c.n_matches; k++) {
            assert_true(c.matches[k].reference < views[row].n);
            assert_true(c.matches[k].frame < frame.features.n);
            assert_true(k == 0 || c.matches[k].distance >= c.matches[k - 1].distance);
        }
    }
    idf_word_query_free(query);
    idf_wordindex_free(index);
}

static void several_things_are_found(void **state) {
    (void)state;
    make_references(44);
    idf_rng rng;
    idf_rng_init(&rng, 45, 0);
    idf_wordindex *index;
    idf_finder *finder;
    assert_int_equal(make_words(&index, views, N_ROWS, NULL), IDF_OK);
    assert_int_equal(idf_finder_new(&finder, index, N_ROWS, NULL), IDF_OK);
    synthetic_init(&frame, 640, 640);
    show(3, 10, 130, 160, &rng);
    show(17, 200, 360, 160, &rng);
    show(17, 90, 470, 500, &rng); /* a second copy */
    show(59, 300, 150, 480, &rng);
    int n, rows[N_ROWS] = {0};
    idf_finder_run(finder, &frame.features, NULL, things, 16, &n);
    assert_int_equal(n, 4);
    for (int i = 0; i < n; i++) {
        assert_true(things[i].seen.score >= IDF_FIND_MIN_SCORE);
        rows[things[i].row]++;
    }
    assert_int_equal(rows[3], 1);
    assert_int_equal(rows[17], 2);
    assert_int_equal(rows[59], 1);
    size_t row;
    assert_true(idf_finder_best(finder, &row) > 10 && rows[row] > 0);
    idf_finder_run(finder, &frame.features, NULL, things, 2, &n);
    assert_int_equal(n, 2);
    idf_confirmation again;
    idf_finder_confirm(finder, 59, &again);
    assert_true(again.score > 10);
    idf_finder_confirm(finder, N_ROWS, &again);
    assert_true(again.score == 0);
    /* a frame of nothing known */
    synthetic_init(&frame, 640, 480);
    synthetic_noise(&frame, 1000, &rng);
    idf_finder_run(finder, &frame.features, NULL, things, 16, &n);
    assert_int_equal(n, 0);
    const size_t asked[3] = {5, 6, N_ROWS + 9};
    const idf_find_options options = {.rows = asked, .n_rows = 3};
    idf_finder_run(finder, &frame.features, &options, things, 16, &n);
    assert_int_equal(n, 0);
    idf_finder_free(finder);
    idf_wordindex_free(index);
}

/* Two printings that share their upper two thirds: the right one is found, the other named as its
 * rival, and what is seen of the lower third speaks for the right one. */
static void twins_are_named_as_rivals(void **state) {
    (void)state;
    make_references(46);
    const int split = 640 * 2 / 3 * IDF_LOCAL_COORD_UNIT;
    for (int i = 0; i < 400; i++) {
        idf_keypoint *a = &references[0].keypoints[i], *b = &references[1].keypoints[i];
        if (a->y < split) {
            *b = *a;
            references[1].descriptors[i] = references[0].descriptors[i];
        } else if (b->y < split) {
            b->y = (uint16_t)(split + b->y / 2);
        }
    }
    idf_rng rng;
    idf_rng_init(&rng, 47, 0);
    idf_wordindex *index;
    idf_finder *finder;
    assert_int_equal(make_words(&index, views, N_ROWS, NULL), IDF_OK);
    assert_int_equal(idf_finder_new(&finder, index, N_ROWS, NULL), IDF_OK);
    for (int shown = 0; shown < 2; shown++) {
        synthetic_init(&frame, 640, 480);
        show(shown, 30, 320, 240, &rng);
        int n;
        idf_finder_run(finder, &frame.features, NULL, things, 16, &n);
        assert_true(n >= 1);
        assert_int_equal(things[0].row, shown);
        assert_int_equal(things[0].rival_row, 1 - shown);
        assert_true(things[0].rival_score > 10);
        assert_true(things[0].lead > 1);
        assert_true(things[0].rival_shared > 0.3);
    }
    idf_finder_free(finder);
    idf_wordindex_free(index);
}

/* One printing is the other and a seal on top of it: the seal, when it is seen, speaks for the one
 * that has it, though the other has nothing of its own. */
static void a_part_too_much_tells_apart(void **state) {
    (void)state;
    make_references(48);
    const int seal = 100;
    for (int i = 0; i < 400; i++) { /* all of it in the upper four fifths */
        idf_keypoint *a = &references[0].keypoints[i];
        a->y = (uint16_t)(a->y * 4 / 5);
        if (i < seal) /* the last fifth */
            a->y = (uint16_t)((520 + i) * IDF_LOCAL_COORD_UNIT);
    }
    synthetic_init(&references[1], 458, 640);
    for (int i = seal; i < 400; i++) {
        references[1].keypoints[i - seal] = references[0].keypoints[i];
        references[1].descriptors[i - seal] = references[0].descriptors[i];
    }
    references[1].features.n = 400 - seal;
    views[1] = references[1].features;
    idf_rng rng;
    idf_rng_init(&rng, 49, 0);
    idf_wordindex *index;
    idf_finder *finder;
    assert_int_equal(make_words(&index, views, N_ROWS, NULL), IDF_OK);
    assert_int_equal(idf_finder_new(&finder, index, N_ROWS, NULL), IDF_OK);
    const double at[2] = {360, 400};
    synthetic_view view = {synthetic_map(458, 640, 10, 0, 1, at), 0.6, 0.1, 0.6};
    synthetic_init(&frame, 720, 800);
    synthetic_show(&frame, &references[0], &view, &rng);
    int n;
    idf_finder_run(finder, &frame.features, NULL, things, 16, &n);
    assert_true(n >= 1);
    assert_int_equal(things[0].row, 0);
    assert_int_equal(things[0].rival_row, 1);
    assert_true(things[0].lead > 3);
    idf_finder_free(finder);
    idf_wordindex_free(index);
}

static void empty_things_are_safe(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 48, 0);
    const idf_features none[3] = {
        {640, 480, 0, NULL, NULL}, {0, 0, 0, NULL, NULL}, {1, 1, -3, NULL, NULL}};
    synthetic_init(&frame, 640, 480);
    synthetic_noise(&frame, 200, &rng);
    for (size_t rows = 0; rows < 4; rows += 3) {
        idf_wordindex *index;
        idf_finder *finder;
        int n = 7;
        assert_int_equal(make_words(&index, none, rows, NULL), IDF_OK);
        assert_int_equal(idf_finder_new(&finder, index, rows, NULL), IDF_OK);
        idf_finder_run(finder, &frame.features, NULL, things, 16, &n);
        assert_int_equal(n, 0);
        idf_finder_run(finder, &none[0], NULL, things, 16, &n);
        assert_int_equal(n, 0);
        size_t row;
        assert_true(idf_finder_best(finder, &row) == 0 && row == SIZE_MAX);
        idf_finder_free(finder);
        idf_wordindex_free(index);
    }
    idf_finder_free(NULL);
    idf_word_query_free(NULL);
    idf_wordindex_free(NULL);
    idf_wordindex *index;
    assert_int_equal(make_words(&index, none, (size_t)IDF_WORD_ROWS_MAX + 1, NULL), IDF_ERR_LIMIT);
}

static void out_of_memory_is_reported(void **state) {
    (void)state;
    make_references(49);
    for (long k = 0; k < 100; k++) {
        idf_wordindex *index = NULL;
        idf_finder *finder = NULL;
        idf_alloc_fail_after(k);
        idf_status status = make_words(&index, views, 5, NULL);
        if (!status)
            status = idf_finder_new(&finder, index, 5, NULL);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        idf_finder_free(finder);
        idf_wordindex_free(index);
        if (!failed) {
            assert_int_equal(status, IDF_OK);
            assert_true(k > 10);
            return;
        }
        assert_int_equal(status, IDF_ERR_NO_MEMORY);
    }
    fail_msg("allocations never stop failing");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shown_reference_comes_first),
        cmocka_unit_test(several_things_are_found),
        cmocka_unit_test(twins_are_named_as_rivals),
        cmocka_unit_test(a_part_too_much_tells_apart),
        cmocka_unit_test(empty_things_are_safe),
        cmocka_unit_test(out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
