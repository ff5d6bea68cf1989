/* Descriptor matching and the map that matches agree on. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above */
#include <cmocka.h>

#include "base/alloc.h"
#include "kernel/hamming.h"
#include "local/estimate.h"
#include "local/match.h"
#include "unit/match/synthetic.h"

static synthetic reference, frame;
static idf_pairing matches[IDF_MATCHES_MAX];

static idf_match_workspace *new_workspace(void) {
    idf_match_workspace *ws;
    assert_int_equal(idf_match_workspace_new(&ws, NULL), IDF_OK);
    return ws;
}

/* What every list of matches must satisfy. */
static void check_matches(const idf_pairing_options *options, int n) {
    static uint8_t claims[SYNTHETIC_MAX], taken[SYNTHETIC_MAX];
    memset(claims, 0, sizeof claims);
    memset(taken, 0, sizeof taken);
    assert_in_range(n, 0, IDF_MATCHES_MAX);
    for (int i = 0; i < n; i++) {
        assert_true(matches[i].reference < reference.features.n);
        assert_true(matches[i].frame < frame.features.n);
        assert_true(i == 0 || matches[i].distance >= matches[i - 1].distance);
        assert_int_equal(matches[i].distance,
                         idf_hamming256(reference.descriptors[matches[i].reference].bits,
                                        frame.descriptors[matches[i].frame].bits));
        assert_int_equal(taken[matches[i].frame]++, 0);
        assert_true(++claims[matches[i].reference] <= options->n_copies);
        assert_true(!options->skip || !options->skip[matches[i].frame]);
        assert_true(matches[i].distance <= options->max_distance);
    }
}

static void lists_keep_their_promises(void **state) {
    (void)state;
    idf_match_workspace *ws = new_workspace();
    idf_rng rng;
    idf_rng_init(&rng, 21, 0);
    static uint8_t skip[SYNTHETIC_MAX];
    for (int trial = 0; trial < 40; trial++) {
        synthetic_init(&reference, 640, 480);
        synthetic_init(&frame, 640, 480);
        synthetic_noise(&reference, (int)idf_rng_below(&rng, 900), &rng);
        synthetic_view view = {idf_homography_identity, 0.7, idf_rng_range(&rng, 0, 0.2), 0.5};
        synthetic_show(&frame, &reference, &view, &rng);
        synthetic_show(&frame, &reference, &view, &rng);
        synthetic_noise(&frame, (int)idf_rng_below(&rng, 400), &rng);
        for (int i = 0; i < SYNTHETIC_MAX; i++)
            skip[i] = idf_rng_below(&rng, 5) == 0;
        idf_pairing_options options = {0.9, 40 + (int)idf_rng_below(&rng, 60), 1 + trial % 4,
                                       trial & 4 ? skip : NULL};
        int n;
        idf_match_features(&reference.features, &frame.features, &options, ws, matches, &n);
        check_matches(&options, n);
        if (reference.features.n > 200 && options.n_copies > 1)
            assert_true(n > reference.features.n / 8 || n == IDF_MATCHES_MAX);
    }
    idf_match_workspace_free(ws);
}

static void empty_sides_give_nothing(void **state) {
    (void)state;
    idf_match_workspace *ws = new_workspace();
    idf_rng rng;
    idf_rng_init(&rng, 22, 0);
    const idf_pairing_options options = {0};
    const idf_features none = {640, 480, 0, NULL, NULL};
    synthetic_init(&frame, 640, 480);
    synthetic_noise(&frame, 50, &rng);
    int n = 7;
    idf_match_features(&none, &frame.features, &options, ws, matches, &n);
    assert_int_equal(n, 0);
    n = 7;
    idf_match_features(&frame.features, &none, &options, ws, matches, &n);
    assert_int_equal(n, 0);
    idf_match_workspace_free(ws);
    idf_match_workspace_free(NULL);
}

/* Right matches under a known map (share `right`), the others anywhere. */
static void fill(idf_match_set *set, int n, double right, const idf_homography *h, idf_rng *rng) {
    set->n = n;
    set->width = 458;
    set->height = 640;
    set->frame_width = 640;
    set->frame_height = 480;
    for (int i = 0; i < n; i++) {
        double x = idf_rng_range(rng, 0, 458), y = idf_rng_range(rng, 0, 640);
        idf_point p = idf_homography_apply(h, x, y);
        bool good = idf_rng_unit(rng) < right;
        set->x[i] = (float)x;
        set->y[i] = (float)y;
        set->u[i] = (float)(good ? p.x + 0.7 * idf_rng_normal(rng) : idf_rng_range(rng, 0, 640));
        set->v[i] = (float)(good ? p.y + 0.7 * idf_rng_normal(rng) : idf_rng_range(rng, 0, 480));
        set->tolerance[i] = 3;
        set->chance[i] = 3.14159f * 9 / (640 * 480);
        double turn = idf_homography_rotation(h, x, y) * 256 / 360 + 4 * idf_rng_normal(rng);
        double steps = log(idf_homography_scale(h, x, y)) / log(IDF_LOCAL_SCALE);
        set->turn[i] = (uint8_t)(good ? (int)lrint(turn) & 255 : (int)idf_rng_below(rng, 256));
        set->steps[i] = (int8_t)(good ? (int)lrint(steps + 0.5 * idf_rng_normal(rng))
                                      : (int)idf_rng_below(rng, 11) - 5);
    }
}

/* A quarter of 120 matches is right: found at every tilt up to 55 degrees. */
static void a_quarter_of_right_matches_is_enough(void **state) {
    (void)state;
    static idf_match_set set;
    static idf_estimate estimate;
    idf_rng rng;
    idf_rng_init(&rng, 23, 0);
    int found = 0;
    enum { TRIALS = 300 };
    for (int trial = 0; trial < TRIALS; trial++) {
        const double at[2] = {320, 240};
        idf_homography h =
            synthetic_map(458, 640, idf_rng_range(&rng, -180, 180), idf_rng_range(&rng, 0, 55),
                          idf_rng_range(&rng, 0.3, 0.8), at);
        fill(&set, 120, 0.25, &h, &rng);
        idf_estimate_map(&set, &idf_homography_limits_default, &estimate);
        idf_point a = idf_homography_apply(&h, 229, 320);
        idf_point b = idf_homography_apply(&estimate.h, 229, 320);
        found += estimate.score > 8 && estimate.n_inliers >= 15 && hypot(a.x - b.x, a.y - b.y) < 4;
    }
    assert_true(found >= TRIALS * 97 / 100);
}

static void the_same_set_gives_the_same_map(void **state) {
    (void)state;
    static idf_match_set set;
    static idf_estimate a, b;
    idf_rng rng;
    idf_rng_init(&rng, 24, 0);
    fill(&set, 100, 0.4, &idf_homography_identity, &rng);
    idf_estimate_map(&set, &idf_homography_limits_default, &a);
    idf_estimate_map(&set, &idf_homography_limits_default, &b);
    assert_true(a.n_inliers > 0);
    assert_memory_equal(&a.h, &b.h, sizeof a.h);
    assert_memory_equal(a.inlier, b.inlier, (size_t)set.n);
    assert_true(a.score == b.score);
}

static void mirrored_matches_are_refused(void **state) {
    (void)state;
    static idf_match_set set;
    static idf_estimate e;
    const idf_homography mirror = {{-1, 0, 640, 0, 1, 0, 0, 0, 1}};
    idf_rng rng;
    idf_rng_init(&rng, 25, 0);
    fill(&set, 100, 1, &idf_homography_identity, &rng);
    for (int i = 0; i < set.n; i++)
        set.u[i] = (float)idf_homography_apply(&mirror, set.u[i], set.v[i]).x;
    idf_estimate_map(&set, &idf_homography_limits_default, &e);
    assert_true(e.n_inliers == 0 || e.score < 1);
}

static void out_of_memory_is_reported(void **state) {
    (void)state;
    idf_match_workspace *ws;
    idf_error err = IDF_ERROR_INIT;
    idf_alloc_fail_after(0);
    idf_status status = idf_match_workspace_new(&ws, &err);
    idf_alloc_fail_after(-1);
    assert_int_equal(status, IDF_ERR_NO_MEMORY);
    assert_int_equal(err.status, IDF_ERR_NO_MEMORY);
    assert_null(ws);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_keep_their_promises),
        cmocka_unit_test(empty_sides_give_nothing),
        cmocka_unit_test(a_quarter_of_right_matches_is_enough),
        cmocka_unit_test(the_same_set_gives_the_same_map),
        cmocka_unit_test(mirrored_matches_are_refused),
        cmocka_unit_test(out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
