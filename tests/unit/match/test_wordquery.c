/* Looking a frame up: matches are the nearest of their row and pass the ratio test; parts, deleted
 * rows, long lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka.h needs the four before stdlib */
#include <cmocka.h>

#include "match/wordindex_inside.h"
#include "support/scratch.h"
#include "unit/match/synthetic.h"

enum { N_ROWS = 60, SHOWN = 17 };
static synthetic references[N_ROWS], frame;
static idf_features views[N_ROWS];

static int make(void **state) {
    idf_rng rng;
    const double at[2] = {320, 240};
    if (scratch_make(state) != 0)
        return -1;
    idf_rng_init(&rng, 61, 0);
    for (int i = 0; i < N_ROWS; i++) {
        synthetic_init(&references[i], 458, 640);
        synthetic_noise(&references[i], 400, &rng);
        views[i] = references[i].features;
    }
    synthetic_init(&frame, 640, 480);
    synthetic_view view = {synthetic_map(458, 640, 20, 15, 0.45, at), 0.9, 0.07, 0.6};
    synthetic_show(&frame, &references[SHOWN], &view, &rng);
    synthetic_noise(&frame, 300, &rng);
    return 0;
}

static idf_word_source in_parts(const idf_features *known, size_t n_rows,
                                const idf_vocabulary *vocabulary, const idf_word_part *parts,
                                size_t n_parts) {
    return (idf_word_source){.references = known,
                             .n_rows = n_rows,
                             .vocabulary = vocabulary,
                             .parts = parts,
                             .n_parts = n_parts};
}

static idf_word_query *ask(idf_wordindex **index, const idf_word_source *source) {
    idf_word_query *query;
    assert_int_equal(idf_wordindex_new(index, source, NULL, NULL), IDF_OK);
    assert_int_equal(idf_word_query_new(&query, *index, NULL), IDF_OK);
    return query;
}

static void end(idf_wordindex *index, idf_word_query *query) {
    idf_word_query_free(query);
    idf_wordindex_free(index);
}

/* A candidate's matches, by frame feature: those of a look into one part have ties elsewhere. */
static void assert_same(const idf_candidate *a, const idf_candidate *b, size_t row) {
    assert_int_equal(b->row, row);
    assert_int_equal(a->n_matches, b->n_matches);
    assert_true(a->support == b->support);
    assert_memory_equal(a->matches, b->matches, (size_t)a->n_matches * sizeof *a->matches);
}

/* In parts, with row maps, in another order, the answer is that of one part; what a part's postings
 * were made with is used, postings of other words are made again. */
static void parts_answer_as_one(void **state) {
    (void)state;
    idf_wordindex *one, *more, *third;
    const idf_word_source whole = {.references = views, .n_rows = N_ROWS};
    idf_word_query *query = ask(&one, &whole);
    uint32_t odd[N_ROWS / 4];
    for (uint32_t i = 0; i < N_ROWS / 4; i++)
        odd[i] = N_ROWS - 1 - i;
    const idf_word_part parts[3] = {
        {.n_rows = 20}, {.n_rows = 25, .first = 20}, {.n_rows = N_ROWS / 4, .row = odd}};
    const idf_word_source split = in_parts(views, N_ROWS, one->vocabulary, parts, 3);
    idf_word_query *parted = ask(&more, &split);
    assert_int_equal(more->n_entries, one->n_entries);
    idf_word_part reused[3];
    memcpy(reused, more->parts, sizeof reused);
    idf_postings foreign = *reused[1].postings;
    foreign.vocabulary++;
    reused[1].postings = &foreign;
    const idf_word_source again = in_parts(views, N_ROWS, one->vocabulary, reused, 3);
    idf_word_query *in_reused = ask(&third, &again);
    assert_true(third->parts[0].postings == more->parts[0].postings);
    assert_true(third->parts[1].postings != &foreign);
    idf_candidate a, b;
    int n = idf_word_query_run(query, &frame.features, 4);
    assert_true(n > 0);
    assert_int_equal(idf_word_query_run(parted, &frame.features, 4), n);
    assert_int_equal(idf_word_query_run(in_reused, &frame.features, 4), n);
    idf_word_query_get(query, 0, &a);
    assert_int_equal(a.row, SHOWN);
    for (size_t row = 0; row < N_ROWS; row++) {
        idf_word_query_get_row(query, row, &a);
        idf_word_query_get_row(parted, row, &b);
        assert_same(&a, &b, row);
        idf_word_query_get_row(in_reused, row, &b);
        assert_same(&a, &b, row);
    }
    end(third, in_reused);
    end(more, parted);
    end(one, query);
}

/* Words in a file answer as words made when it was opened: mapped, and none of its own. */
static void mapped_words_answer_as_made_ones(void **state) {
    (void)state;
    idf_wordindex *made, *mapped;
    idf_index *index;
    idf_index_row rows[N_ROWS];
    const float vector[2] = {1, 0};
    const idf_index_meta meta = {.encoder = "test", .projection = ""};
    const idf_word_source whole = {.references = views, .n_rows = N_ROWS};
    for (int i = 0; i < N_ROWS; i++)
        rows[i] = (idf_index_row){.name = "a",
                                  .filename = "a",
                                  .rarity = "",
                                  .set_code = "",
                                  .embedding = vector,
                                  .features = views[i]};
    const char *path = scratch_path("words.npz");
    assert_int_equal(idf_index_write(path, rows, N_ROWS, 2, &meta, NULL), IDF_OK);
    assert_int_equal(idf_index_open(&index, path, NULL), IDF_OK);
    idf_word_query *query = ask(&made, &whole), *in_file;
    assert_int_equal(idf_wordindex_open(&mapped, index, views, NULL, NULL), IDF_OK);
    assert_int_equal(idf_word_query_new(&in_file, mapped, NULL), IDF_OK);
    assert_true(idf_wordindex_bytes(mapped) < idf_wordindex_bytes(made) / 10);
    int n = idf_word_query_run(query, &frame.features, 4);
    assert_int_equal(idf_word_query_run(in_file, &frame.features, 4), n);
    for (size_t row = 0; row < N_ROWS; row++) {
        idf_candidate a, b;
        idf_word_query_get_row(query, row, &a);
        idf_word_query_get_row(in_file, row, &b);
        assert_same(&a, &b, row);
    }
    end(mapped, in_file);
    end(made, query);
    idf_index_free(index);
}

static void deleted_rows_are_not_met(void **state) {
    (void)state;
    idf_wordindex *one, *more;
    const idf_word_source whole = {.references = views, .n_rows = N_ROWS};
    idf_word_query *query = ask(&one, &whole);
    /* rows behind it move up by one */
    uint32_t row[N_ROWS];
    idf_features left[N_ROWS - 1];
    for (uint32_t i = 0; i < N_ROWS; i++) {
        row[i] = i < SHOWN ? i : i == SHOWN ? IDF_WORD_ROW_GONE : i - 1;
        if (i != SHOWN)
            left[row[i]] = views[i];
    }
    const idf_word_part part = {one->parts[0].postings, N_ROWS, row, 0};
    const idf_word_source without = in_parts(left, N_ROWS - 1, one->vocabulary, &part, 1);
    idf_word_query *rest = ask(&more, &without);
    idf_candidate a, b;
    idf_word_query_run(query, &frame.features, 1);
    idf_word_query_run(rest, &frame.features, 1);
    for (size_t i = 0; i < N_ROWS; i++) {
        idf_word_query_get_row(query, i, &a);
        if (i == SHOWN)
            assert_true(a.n_matches > 20);
        if (i == SHOWN)
            continue;
        idf_word_query_get_row(rest, row[i], &b);
        /* sixteen rows a frame feature: with one fewer there may be room for another */
        assert_true(b.row == row[i] && b.n_matches >= a.n_matches);
    }
    assert_int_equal(idf_word_query_run(rest, &frame.features, 20), 0);
    end(more, rest);
    end(one, query);
}

/* A match is the nearest feature of its row and clearly nearer than the second, by the plain loop
 * over those that were found. A reference that has each of its features twice matches nothing. */
static void matches_pass_the_ratio_test(void **state) {
    (void)state;
    static synthetic twice;
    idf_features two[2];
    idf_rng rng;
    idf_wordindex *index;
    idf_candidate c;
    idf_rng_init(&rng, 62, 0);
    synthetic_init(&twice, 458, 640);
    for (int i = 0; i < 400; i++) {
        const idf_keypoint *k = &references[SHOWN].keypoints[i];
        idf_descriptor d = references[SHOWN].descriptors[i];
        synthetic_add(&twice, k->x / 32., k->y / 32., k->angle, k->level, &d);
        d.bits[31] ^= 1; /* most are nearer to the first, at a ratio over 0.9 */
        synthetic_add(&twice, k->x / 32. + 1, k->y / 32., k->angle, k->level, &d);
    }
    two[0] = references[SHOWN].features;
    two[1] = twice.features;
    const idf_word_source source = {.references = two, .n_rows = 2};
    idf_word_query *query = ask(&index, &source);
    idf_word_query_run(query, &frame.features, 1);
    idf_word_query_get_row(query, 0, &c);
    assert_true(c.n_matches > 20);
    for (int k = 0; k < c.n_matches; k++) {
        const idf_pairing *m = &c.matches[k];
        unsigned best = 256, second = 256;
        for (int i = 0; i < two[0].n; i++) {
            unsigned distance =
                idf_word_scan_c.distance(&two[0].descriptors[i], &frame.descriptors[m->frame]);
            if (distance < best) {
                second = best;
                best = distance;
            } else if (distance < second) {
                second = distance;
            }
        }
        assert_int_equal(m->distance, best);
        assert_true(best < IDF_MATCH_RATIO * second);
    }
    int n = c.n_matches;
    idf_word_query_get_row(query, 1, &c);
    assert_true(c.n_matches < n / 4);
    end(index, query);
}

/* More than 2048 entries of a word, in parts: the share of each is looked at, and those of one
 * picture that has just been added. */
static void long_lists_are_sampled_evenly(void **state) {
    (void)state;
    enum { MANY = 3000 };
    static idf_features alike[MANY];
    static idf_descriptor same;
    static const idf_keypoint place = {320, 320, 0, 0};
    for (int i = 0; i < MANY; i++)
        alike[i] = (idf_features){458, 640, 1, &place, &same};
    idf_wordindex *learnt, *index;
    const idf_word_source whole = {.references = alike, .n_rows = MANY};
    assert_int_equal(idf_wordindex_new(&learnt, &whole, NULL, NULL), IDF_OK);
    const idf_word_part parts[3] = {
        {.n_rows = 1000}, {.n_rows = 1999, .first = 1000}, {.n_rows = 1, .first = 2999}};
    const idf_word_source split = in_parts(alike, MANY, learnt->vocabulary, parts, 3);
    idf_word_query *query = ask(&index, &split);
    assert_int_equal(index->longest, MANY);
    int n_of[6] = {0};
    idf_word_query_run(query, &alike[0], 1);
    for (size_t row = 0; row < MANY; row++) {
        idf_candidate c;
        idf_word_query_get_row(query, row, &c);
        n_of[row / 500] += c.n_matches;
    }
    int sum = 0;
    for (int i = 0; i < 6; i++) {
        assert_in_range(n_of[i], 250, 450);
        sum += n_of[i];
    }
    assert_int_equal(sum, 2048);
    idf_candidate added;
    idf_word_query_get_row(query, MANY - 1, &added);
    assert_int_equal(added.n_matches, 1);
    end(index, query);
    idf_wordindex_free(learnt);
}

static void get_view(const void *context, size_t row, idf_features *out) {
    (void)context;
    *out = views[row];
}

/* Entries with looks answer as those whose references are asked; a feature that is filed of a row
 * that has not so many is passed over. */
static void looks_answer_as_references(void **state) {
    (void)state;
    const idf_word_rows rows = {.get = get_view, .n = N_ROWS};
    const idf_word_source whole = {.references = views, .n_rows = N_ROWS};
    idf_wordindex *one, *with, *fewer;
    idf_postings p;
    idf_word_query *query = ask(&one, &whole);
    assert_null(one->parts[0].postings->looks);
    assert_int_equal(idf_postings_build(&p, one->vocabulary, &rows, 400, NULL, NULL), IDF_OK);
    assert_non_null(p.looks);
    idf_word_part part = {&p, N_ROWS, NULL, 0};
    idf_features short_views[N_ROWS], blind[N_ROWS];
    for (int row = 0; row < N_ROWS; row++) {
        blind[row] = views[row]; /* looking at these would crash */
        blind[row].keypoints = NULL;
        blind[row].descriptors = NULL;
        short_views[row] = blind[row];
        short_views[row].n = 5;
    }
    const idf_word_source source = in_parts(blind, N_ROWS, one->vocabulary, &part, 1);
    const idf_word_source less = in_parts(short_views, N_ROWS, one->vocabulary, &part, 1);
    idf_word_query *in_looks = ask(&with, &source), *cut = ask(&fewer, &less);
    int n = idf_word_query_run(query, &frame.features, 4);
    assert_int_equal(idf_word_query_run(in_looks, &frame.features, 4), n);
    idf_word_query_run(cut, &frame.features, 1);
    for (size_t row = 0; row < N_ROWS; row++) {
        idf_candidate a, b;
        idf_word_query_get_row(query, row, &a);
        idf_word_query_get_row(in_looks, row, &b);
        assert_same(&a, &b, row);
        idf_word_query_get_row(cut, row, &b);
        for (int i = 0; i < b.n_matches; i++)
            assert_true(b.matches[i].reference < 5);
    }
    end(fewer, cut);
    end(with, in_looks);
    end(one, query);
    idf_postings_release(&p);
}

/* Asked what is like a reference, a large collection is asked with what it files of one. */
static void references_are_asked_with_what_is_filed(void **state) {
    (void)state;
    const idf_word_source whole = {.references = views, .n_rows = N_ROWS};
    idf_wordindex *index;
    idf_word_query *query = ask(&index, &whole);
    idf_candidate c;
    uint16_t chosen[IDF_FEATURES_MAX];
    assert_true(idf_word_query_run_filed(query, &views[SHOWN], 4) > 0);
    idf_word_query_get(query, 0, &c);
    assert_true(c.row == SHOWN && c.n_matches > 300);
    index->quota = 100;
    assert_int_equal(idf_word_choose(&views[SHOWN], 100, chosen), 100);
    assert_true(idf_word_query_run_filed(query, &views[SHOWN], 4) > 0);
    idf_word_query_get(query, 0, &c);
    assert_int_equal(c.row, SHOWN);
    assert_in_range(c.n_matches, 60, 100);
    for (int i = 0; i < c.n_matches; i++) {
        int k = 0;
        while (k < 100 && chosen[k] != c.matches[i].frame)
            k++;
        assert_true(k < 100);
    }
    end(index, query);
}

/* Entries that say what cannot be, as a damaged file may, are passed over. */
static void made_up_entries_are_passed_over(void **state) {
    (void)state;
    idf_wordindex *one, *more;
    const idf_word_source whole = {.references = views, .n_rows = N_ROWS};
    idf_word_query *query = ask(&one, &whole);
    idf_postings damaged = *one->parts[0].postings;
    uint32_t *entries = malloc(damaged.n_entries * sizeof *entries);
    for (uint32_t i = 0; i < damaged.n_entries; i++)
        entries[i] = i % 3 == 0   ? idf_word_entry(N_ROWS + i, 0)
                     : i % 3 == 1 ? idf_word_entry(i % N_ROWS, 400)
                                  : UINT32_MAX;
    damaged.entries = entries;
    const idf_word_part part = {&damaged, N_ROWS, NULL, 0};
    const idf_word_source source = in_parts(views, N_ROWS, one->vocabulary, &part, 1);
    idf_word_query *none = ask(&more, &source);
    assert_true(idf_word_query_run(query, &frame.features, 1) > 0);
    assert_int_equal(idf_word_query_run(none, &frame.features, 1), 0);
    end(more, none);
    end(one, query);
    free(entries);
}

/* Of references that were not looked at yet, those that are damaged turn out to have no features.
 */
static void damaged_references_have_no_features(void **state) {
    (void)state;
    static synthetic bad;
    idf_features both[2] = {views[0], {0}};
    idf_wordindex *checked, *unchecked;
    bad = references[1];
    bad.features.keypoints = bad.keypoints;
    bad.features.descriptors = bad.descriptors;
    bad.keypoints[399].level = IDF_LOCAL_LEVELS;
    both[1] = bad.features;
    idf_word_source source = {.references = both, .n_rows = 2};
    assert_int_equal(idf_wordindex_new(&checked, &source, NULL, NULL), IDF_OK);
    source.unchecked = true;
    assert_int_equal(idf_wordindex_new(&unchecked, &source, NULL, NULL), IDF_OK);
    for (int twice = 0; twice < 2; twice++) {
        assert_true(idf_wordindex_reference(unchecked, 0) == &both[0]);
        assert_int_equal(idf_wordindex_reference(unchecked, 1)->n, 0);
        assert_true(idf_wordindex_reference(checked, 1) == &both[1]);
    }
    idf_wordindex_free(checked);
    idf_wordindex_free(unchecked);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_answer_as_one),
        cmocka_unit_test(mapped_words_answer_as_made_ones),
        cmocka_unit_test(damaged_references_have_no_features),
        cmocka_unit_test(deleted_rows_are_not_met),
        cmocka_unit_test(matches_pass_the_ratio_test),
        cmocka_unit_test(long_lists_are_sampled_evenly),
        cmocka_unit_test(looks_answer_as_references),
        cmocka_unit_test(references_are_asked_with_what_is_filed),
        cmocka_unit_test(made_up_entries_are_passed_over),
    };
    return cmocka_run_group_tests(tests, make, scratch_remove);
}
