/* Confirmation: known maps are recovered at any turn, noise is not confirmed, copies are found one
 * after the other, degenerate input is safe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above */
#include <cmocka.h>

#include "base/alloc.h"
#include "match/confirm.h"
#include "unit/match/synthetic.h"

static synthetic reference, frame;
static idf_confirmation found;

static idf_confirmer *new_confirmer(void) {
    idf_confirmer *c;
    assert_int_equal(idf_confirmer_new(&c, NULL, NULL), IDF_OK);
    return c;
}

static double corner_error(const idf_homography *truth, const idf_confirmation *got) {
    idf_point want[4];
    double worst = 0;
    assert_true(
        idf_homography_corners(truth, reference.features.width, reference.features.height, want));
    for (int i = 0; i < 4; i++)
        worst = fmax(worst, hypot(want[i].x - got->corners[i].x, want[i].y - got->corners[i].y));
    return worst;
}

/* 40 % of a card's corners seen again among 700 others, every turn, tilts to 50 degrees: the
 * outline comes back within 6 px (1 % of the frame's width). */
static void any_turn_is_recovered(void **state) {
    (void)state;
    idf_confirmer *c = new_confirmer();
    idf_rng rng;
    idf_rng_init(&rng, 11, 0);
    for (int trial = 0; trial < 72; trial++) {
        const double at[2] = {idf_rng_range(&rng, 220, 420), idf_rng_range(&rng, 200, 280)};
        synthetic_init(&reference, 458, 640);
        synthetic_noise(&reference, 700, &rng);
        synthetic_init(&frame, 640, 480);
        synthetic_view view = {synthetic_map(458, 640, trial * 5 - 180, idf_rng_range(&rng, 0, 50),
                                             idf_rng_range(&rng, 0.55, 0.9), at),
                               0.4, 0.12, 0.7};
        synthetic_show(&frame, &reference, &view, &rng);
        synthetic_noise(&frame, 700, &rng);
        idf_confirmer_set_frame(c, &frame.features);
        idf_confirm(c, &reference.features, &found);
        assert_true(found.score > 10);
        assert_true(found.n_inliers >= 10);
        assert_true(found.n_pairs <= found.n_found);
        if (corner_error(&view.h, &found) > 6)
            fail_msg("trial %d: corners are %g px off", trial, corner_error(&view.h, &found));
        double turn = fmod(found.rotation_degrees - (trial * 5 - 180) + 900, 360) - 180;
        assert_true(fabs(turn) < 10);
    }
    idf_confirmer_free(c);
}

/* All of a ring is seen in its place, which says where a ring is and no more; with what it holds,
 * it is this one. */
static void a_ring_alone_is_a_hint(void **state) {
    (void)state;
    idf_confirmer *c = new_confirmer();
    idf_rng rng;
    for (int filled = 0; filled < 2; filled++) {
        const double at[2] = {320, 240};
        idf_rng_init(&rng, 31, 0);
        synthetic_init(&reference, 400, 400);
        for (int i = 0; i < 60; i++) {
            idf_descriptor d = synthetic_descriptor(&rng);
            synthetic_add(&reference, 200 + 150 * cos(0.1047 * i), 200 + 150 * sin(0.1047 * i),
                          (int)(4.27 * i), i % 3, &d);
        }
        if (filled)
            synthetic_noise(&reference, 40, &rng);
        synthetic_init(&frame, 640, 480);
        synthetic_view view = {synthetic_map(400, 400, 25, 10, 0.9, at), 1, 0.05, 0.5};
        synthetic_show(&frame, &reference, &view, &rng);
        synthetic_noise(&frame, 300, &rng);
        idf_confirmer_set_frame(c, &frame.features);
        idf_confirm(c, &reference.features, &found);
        assert_true(found.n_inliers >= 20);
        assert_true(filled ? found.score > 30 : found.score > 0 && found.score < 2);
    }
    idf_confirmer_free(c);
}

/* The score says how rare such an agreement is: of 3,000 comparisons with noise, a score of 1 may
 * come about 300 times and one of 3 about three times; here descriptors, too, are independent, so
 * that far fewer pairs arise, and none may pass 1. With matches forced to be wrong (chosen at
 * random, as repeated texture does) the bound is the stated one. */
static void noise_is_not_confirmed(void **state) {
    (void)state;
    idf_confirmer *c = new_confirmer();
    idf_rng rng;
    idf_rng_init(&rng, 12, 0);
    enum { FRAMES = 30, TRIALS = 100 };
    int over_1 = 0, over_3 = 0, full_over_1 = 0;
    static idf_pairing matches[IDF_MATCHES_MAX];
    for (int f = 0; f < FRAMES; f++) {
        synthetic_init(&frame, 640, 480);
        synthetic_noise(&frame, 1000, &rng);
        synthetic_init(&reference, 458, 640);
        synthetic_noise(&reference, 740, &rng);
        idf_confirmer_set_frame(c, &frame.features);
        idf_confirm(c, &reference.features, &found);
        full_over_1 += found.score > 1;
        for (int t = 0; t < TRIALS; t++) {
            int n = 20 + (int)idf_rng_below(&rng, 180);
            for (int i = 0; i < n; i++)
                matches[i] = (idf_pairing){(uint16_t)idf_rng_below(&rng, 740),
                                           (uint16_t)idf_rng_below(&rng, 1000), 60};
            idf_confirm_matches(c, &reference.features, matches, n, &found);
            over_1 += found.score > 1;
            over_3 += found.score > 3;
        }
    }
    assert_int_equal(full_over_1, 0);
    assert_in_range(over_1, 0, FRAMES * TRIALS / 10);
    assert_in_range(over_3, 0, FRAMES * TRIALS / 1000);
    idf_confirmer_free(c);
}

/* Evidence of the second look for a frame in which `alike` per thousand of the features that stand
 * where the map puts the reference's are alike. */
static double evidence_of(int alike_permille, int *n_tried, int *n_seen) {
    enum { GIVEN = 14, STANDING = 1000 };
    idf_confirmer *c = new_confirmer();
    static idf_pairing matches[GIVEN];
    idf_rng rng;
    idf_rng_init(&rng, 21, 0);
    synthetic_init(&reference, 640, 640);
    synthetic_noise(&reference, STANDING, &rng);
    synthetic_init(&frame, 640, 640);
    for (int i = 0; i < STANDING; i++) {
        const idf_keypoint *k = &reference.keypoints[i];
        idf_descriptor other = synthetic_descriptor(&rng);
        bool alike = i < GIVEN || i * 37 % STANDING < alike_permille;
        synthetic_add(&frame, (double)k->x / IDF_LOCAL_COORD_UNIT,
                      (double)k->y / IDF_LOCAL_COORD_UNIT, k->angle, k->level,
                      alike ? &reference.descriptors[i] : &other);
        if (i < GIVEN)
            matches[i] = (idf_pairing){(uint16_t)i, (uint16_t)i, 0};
    }
    idf_confirmer_set_frame(c, &frame.features);
    idf_confirm_matches(c, &reference.features, matches, GIVEN, &found);
    assert_true(found.n_inliers >= 10);
    *n_tried = found.n_tried;
    *n_seen = found.n_seen;
    idf_confirmer_free(c);
    return found.score;
}

/* Under a false map, too, 18 in 1,000 of the features that stand in the right place are alike
 * (docs/matching.md): so many add no evidence, and several times as many do. */
static void what_chance_shows_is_no_evidence(void **state) {
    (void)state;
    int n_tried, n_seen;
    double none = evidence_of(0, &n_tried, &n_seen);
    assert_true(n_tried > 900);
    double by_chance = evidence_of(16, &n_tried, &n_seen);
    assert_in_range(n_seen, n_tried * 12 / 1000, n_tried * 18 / 1000);
    assert_true(fabs(by_chance - none) < 0.1);
    assert_true(evidence_of(60, &n_tried, &n_seen) > none + 3);
}

/* Three copies in one frame are found one after the other, then no fourth. */
static void copies_are_found_in_turn(void **state) {
    (void)state;
    idf_confirmer *c = new_confirmer();
    idf_rng rng;
    idf_rng_init(&rng, 13, 0);
    synthetic_init(&reference, 458, 640);
    synthetic_noise(&reference, 600, &rng);
    synthetic_init(&frame, 640, 480);
    const double places[3][2] = {{120, 140}, {330, 150}, {520, 330}};
    synthetic_view views[3];
    for (int i = 0; i < 3; i++) {
        views[i] =
            (synthetic_view){synthetic_map(458, 640, 70 * i, 20, 0.4, places[i]), 0.5, 0.1, 0.6};
        synthetic_show(&frame, &reference, &views[i], &rng);
    }
    synthetic_noise(&frame, 300, &rng);
    idf_confirmer_set_frame(c, &frame.features);
    int seen[3] = {0};
    for (int k = 0; k < 3; k++) {
        idf_confirm(c, &reference.features, &found);
        assert_true(found.score > 10);
        for (int i = 0; i < 3; i++)
            seen[i] += corner_error(&views[i].h, &found) < 8;
        idf_confirmer_take_out(c, &found);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(seen[i], 1);
    idf_confirm(c, &reference.features, &found);
    assert_true(found.score < 3);
    idf_confirmer_free(c);
}

/* A label on a bottle: x is bent around a cylinder. One map cannot hold all of it; the pieces count
 * together. */
static void bent_things_are_met_in_pieces(void **state) {
    (void)state;
    idf_confirmer *c = new_confirmer();
    idf_rng rng;
    idf_rng_init(&rng, 14, 0);
    synthetic_init(&reference, 600, 400);
    synthetic_noise(&reference, 900, &rng);
    synthetic_init(&frame, 640, 480);
    for (int i = 0; i < reference.features.n; i++) {
        const idf_keypoint *k = &reference.keypoints[i];
        double x = (double)k->x / IDF_LOCAL_COORD_UNIT, y = (double)k->y / IDF_LOCAL_COORD_UNIT;
        double bend = (x - 300) / 240, depth = 1 - cos(bend);
        if (fabs(bend) > 1.2 || idf_rng_unit(&rng) > 0.5 * cos(bend))
            continue;
        synthetic_add(&frame, 320 + 190 * sin(bend), 240 + (y - 200) * 0.8 + 18 * depth,
                      k->angle + (int)lrint(3 * idf_rng_normal(&rng)), k->level,
                      &reference.descriptors[i]);
    }
    synthetic_noise(&frame, 500, &rng);
    idf_confirmer_set_frame(c, &frame.features);
    idf_confirm(c, &reference.features, &found);
    assert_true(found.score > 20);
    assert_true(found.n_pieces >= 2);
    assert_true(found.n_found > found.n_inliers / 2);
    idf_confirmer_free(c);
}

static void degenerate_input_is_safe(void **state) {
    (void)state;
    idf_confirmer *c = new_confirmer();
    idf_rng rng;
    idf_rng_init(&rng, 15, 0);
    const int sizes[][2] = {{0, 0}, {1, 1}, {640, 1}, {2047, 2047}, {640, 480}};
    const int counts[] = {0, 1, 3, 4, 500, IDF_FEATURES_MAX};
    for (size_t a = 0; a < sizeof sizes / sizeof *sizes; a++)
        for (size_t b = 0; b < sizeof counts / sizeof *counts; b++) {
            synthetic_init(&frame, sizes[a][0], sizes[a][1]);
            synthetic_init(&reference, 458, 640);
            if (sizes[a][0] > 1)
                synthetic_noise(&frame, counts[b], &rng);
            synthetic_noise(&reference, counts[b], &rng);
            idf_confirmer_set_frame(c, &frame.features);
            idf_confirm(c, &reference.features, &found);
            assert_true(found.score < 3);
        }
    /* all features alike, all in one place, or on a line; no evidence in any of them */
    idf_descriptor same = synthetic_descriptor(&rng);
    for (int kind = 0; kind < 3; kind++) {
        synthetic_init(&frame, 640, 480);
        synthetic_init(&reference, 640, 480);
        for (int i = 0; i < 600; i++) {
            idf_descriptor d = kind == 0 ? same : synthetic_descriptor(&rng);
            double x = kind == 0 ? (i % 30) * 20 : kind == 1 ? 300 : i;
            double y = kind == 0 ? (double)(i / 30 * 20) : 200;
            synthetic_add(&frame, x, y, 0, 0, &d);
            synthetic_add(&reference, x, y, 0, 0, &d);
        }
        idf_confirmer_set_frame(c, &frame.features);
        idf_confirm(c, &reference.features, &found);
        assert_true(found.score < 3);
    }
    idf_confirm_matches(c, &reference.features, &(idf_pairing){60000, 60000, 0}, 1, &found);
    assert_true(found.score == 0);
    idf_confirmer_free(c);
    idf_confirmer_free(NULL);
}

static void two_equal_references_score_alike(void **state) {
    (void)state;
    idf_confirmer *c = new_confirmer();
    idf_rng rng;
    idf_rng_init(&rng, 16, 0);
    const double at[2] = {320, 240};
    synthetic_init(&reference, 458, 640);
    synthetic_noise(&reference, 500, &rng);
    synthetic_view view = {synthetic_map(458, 640, 30, 20, 0.5, at), 0.5, 0.1, 0.5};
    synthetic_init(&frame, 640, 480);
    synthetic_show(&frame, &reference, &view, &rng);
    idf_confirmer_set_frame(c, &frame.features);
    idf_confirm(c, &reference.features, &found);
    double first = found.score;
    static synthetic twin;
    memcpy(&twin, &reference, sizeof twin);
    twin.features.keypoints = twin.keypoints;
    twin.features.descriptors = twin.descriptors;
    idf_confirm(c, &twin.features, &found);
    assert_true(found.score == first);
    idf_confirmer_free(c);
}

static void overlap_of_outlines(void **state) {
    (void)state;
    const idf_point a[4] = {{0, 0}, {2, 0}, {2, 2}, {0, 2}},
                    b[4] = {{1, 0}, {3, 0}, {3, 2}, {1, 2}};
    const idf_point far[4] = {{9, 9}, {10, 9}, {10, 10}, {9, 10}};
    const idf_point inside[4] = {{0.5, 0.5}, {1.5, 0.5}, {1.5, 1.5}, {0.5, 1.5}};
    assert_true(fabs(idf_outline_overlap(a, a) - 1) < 1e-9);
    assert_true(fabs(idf_outline_overlap(a, b) - 1.0 / 3) < 1e-9);
    assert_true(fabs(idf_outline_overlap(a, inside) - 0.25) < 1e-9);
    assert_true(fabs(idf_outline_overlap(inside, a) - 0.25) < 1e-9);
    assert_true(idf_outline_overlap(a, far) == 0);
}

static void out_of_memory_is_reported(void **state) {
    (void)state;
    for (long n = 0; n < 10; n++) {
        idf_confirmer *c;
        idf_error err = IDF_ERROR_INIT;
        idf_alloc_fail_after(n);
        idf_status status = idf_confirmer_new(&c, NULL, &err);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        if (!failed) {
            assert_int_equal(status, IDF_OK);
            idf_confirmer_free(c);
            assert_true(n > 0);
            return;
        }
        assert_int_equal(status, IDF_ERR_NO_MEMORY);
        assert_null(c);
        assert_int_equal(err.status, IDF_ERR_NO_MEMORY);
    }
    fail_msg("allocations never stop failing");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_turn_is_recovered),
        cmocka_unit_test(a_ring_alone_is_a_hint),
        cmocka_unit_test(noise_is_not_confirmed),
        cmocka_unit_test(what_chance_shows_is_no_evidence),
        cmocka_unit_test(copies_are_found_in_turn),
        cmocka_unit_test(bent_things_are_met_in_pieces),
        cmocka_unit_test(degenerate_input_is_safe),
        cmocka_unit_test(two_equal_references_score_alike),
        cmocka_unit_test(overlap_of_outlines),
        cmocka_unit_test(out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
