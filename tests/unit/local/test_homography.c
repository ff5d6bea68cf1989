/* Plane-to-plane maps: exactness on four points, invariants, fits under noise, sanity limits. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above */
#include <cmocka.h>

#include "base/rng.h"
#include "local/homography.h"

/* A view of a w x h card: turned by `turn`, tilted by up to `tilt`, somewhere in a frame. */
static idf_homography random_view(idf_rng *rng, double w, double h, double tilt_degrees) {
    double turn = idf_rng_range(rng, -3.14159, 3.14159), scale = idf_rng_range(rng, 0.4, 1.5);
    double tilt = idf_rng_range(rng, 0, tilt_degrees) * 3.14159265 / 180;
    double axis = idf_rng_range(rng, -3.14159, 3.14159), distance = 2.5 * fmax(w, h);
    idf_point from[4] = {{0, 0}, {w, 0}, {w, h}, {0, h}}, to[4];
    for (int i = 0; i < 4; i++) {
        double x = from[i].x - w / 2, y = from[i].y - h / 2;
        double a = x * cos(axis) + y * sin(axis), b = -x * sin(axis) + y * cos(axis);
        double z = distance + b * sin(tilt);
        a *= distance / z;
        b *= cos(tilt) * distance / z;
        double c = cos(turn - axis), s = sin(turn - axis);
        to[i].x = 320 + scale * (a * c - b * s);
        to[i].y = 240 + scale * (a * s + b * c);
    }
    idf_homography out;
    assert_true(idf_homography_from_4(&out, from, to));
    return out;
}

static void assert_point(idf_point p, double x, double y, double tolerance) {
    if (!(hypot(p.x - x, p.y - y) <= tolerance))
        fail_msg("(%g, %g) is not within %g of (%g, %g)", p.x, p.y, tolerance, x, y);
}

static void four_points_are_met_exactly(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 1, 0);
    for (int trial = 0; trial < 2000; trial++) {
        idf_point from[4], to[4];
        for (int i = 0; i < 4; i++) { /* one corner a quadrant: convex enough */
            double sx = i == 1 || i == 2 ? 1 : -1, sy = i >= 2 ? 1 : -1;
            from[i] = (idf_point){300 + sx * idf_rng_range(&rng, 50, 300),
                                  300 + sy * idf_rng_range(&rng, 50, 300)};
            to[i] = (idf_point){300 + sx * idf_rng_range(&rng, 50, 300),
                                300 + sy * idf_rng_range(&rng, 50, 300)};
        }
        idf_homography h;
        assert_true(idf_homography_from_4(&h, from, to));
        for (int i = 0; i < 4; i++)
            assert_point(idf_homography_apply(&h, from[i].x, from[i].y), to[i].x, to[i].y, 1e-6);
    }
}

static void inverse_and_composition_undo_each_other(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 2, 0);
    for (int trial = 0; trial < 2000; trial++) {
        idf_homography h = random_view(&rng, 400, 600, 60), back, both;
        assert_true(idf_homography_invert(&back, &h));
        idf_homography_compose(&both, &back, &h);
        double x = idf_rng_range(&rng, 0, 400), y = idf_rng_range(&rng, 0, 600);
        idf_point p = idf_homography_apply(&h, x, y);
        assert_point(idf_homography_apply(&back, p.x, p.y), x, y, 1e-6);
        assert_point(idf_homography_apply(&both, x, y), x, y, 1e-6);
    }
}

static void degenerate_points_are_refused(void **state) {
    (void)state;
    idf_point square[4] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}},
              line[4] = {{0, 0}, {1, 1}, {2, 2}, {0, 5}};
    idf_point same[4] = {{3, 3}, {3, 3}, {3, 3}, {3, 3}},
              bad[4] = {{0, 0}, {1, 0}, {NAN, 1}, {0, 1}};
    idf_homography h = idf_homography_identity;
    assert_false(idf_homography_from_4(&h, line, square));
    assert_false(idf_homography_from_4(&h, square, line));
    assert_false(idf_homography_from_4(&h, square, same));
    assert_false(idf_homography_from_4(&h, bad, square));
    idf_homography zero = {{0}}, flat = {{1, 2, 3, 2, 4, 6, 0, 0, 1}};
    assert_false(idf_homography_invert(&h, &zero));
    assert_false(idf_homography_invert(&h, &flat));
    idf_point_pair on_line[6], one_spot[6];
    for (int i = 0; i < 6; i++) {
        on_line[i] = (idf_point_pair){(float)i, (float)(2 * i), (float)(3 * i), (float)i, 1};
        one_spot[i] = (idf_point_pair){5, 5, 6, 6, 1};
    }
    assert_false(idf_homography_fit(&h, on_line, 6));
    assert_false(idf_homography_fit_affine(&h, on_line, 6));
    assert_false(idf_homography_fit(&h, one_spot, 6));
    assert_false(idf_homography_fit(&h, one_spot, 0));
    assert_false(idf_homography_from_3(&h, on_line));
}

/* The error of a fit shrinks with the number of pairs: 60 pairs with a noise of half a pixel leave
 * the corners within 2.5 px (about four standard errors where the fit is extrapolated most). */
static void noisy_pairs_are_fitted_within_their_error(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 3, 0);
    double worst = 0, sum = 0;
    enum { TRIALS = 500, PAIRS = 60 };
    for (int trial = 0; trial < TRIALS; trial++) {
        idf_homography truth = random_view(&rng, 400, 600, 50), h;
        idf_point_pair pairs[PAIRS];
        for (int i = 0; i < PAIRS; i++) {
            double x = idf_rng_range(&rng, 0, 400), y = idf_rng_range(&rng, 0, 600);
            idf_point p = idf_homography_apply(&truth, x, y);
            pairs[i] =
                (idf_point_pair){(float)x, (float)y, (float)(p.x + 0.5 * idf_rng_normal(&rng)),
                                 (float)(p.y + 0.5 * idf_rng_normal(&rng)), 1};
        }
        assert_true(idf_homography_fit(&h, pairs, PAIRS));
        idf_point want[4], got[4];
        assert_true(idf_homography_corners(&truth, 400, 600, want));
        assert_true(idf_homography_corners(&h, 400, 600, got));
        for (int i = 0; i < 4; i++) {
            double error = hypot(want[i].x - got[i].x, want[i].y - got[i].y);
            worst = fmax(worst, error);
            sum += error / (4 * TRIALS);
        }
    }
    assert_true(worst < 2.5);
    assert_true(sum < 0.5);
}

static void pairs_without_weight_do_not_count(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 4, 0);
    idf_homography truth = random_view(&rng, 300, 300, 40), h;
    idf_point_pair pairs[20];
    for (int i = 0; i < 20; i++) {
        double x = idf_rng_range(&rng, 0, 300), y = idf_rng_range(&rng, 0, 300);
        idf_point p = idf_homography_apply(&truth, x, y);
        pairs[i] = (idf_point_pair){(float)x, (float)y, (float)p.x, (float)p.y, 1};
        if (i % 3 == 0) {
            pairs[i].u += 100;
            pairs[i].weight = 0;
        }
    }
    assert_true(idf_homography_fit(&h, pairs, 20));
    idf_point p = idf_homography_apply(&truth, 150, 150);
    assert_point(idf_homography_apply(&h, 150, 150), p.x, p.y, 1e-3);
}

static void three_pairs_make_an_affine_map(void **state) {
    (void)state;
    idf_point_pair pairs[3] = {{0, 0, 10, 20, 1}, {10, 0, 10, 40, 1}, {0, 10, -10, 20, 1}};
    idf_homography h;
    assert_true(idf_homography_from_3(&h, pairs));
    assert_point(idf_homography_apply(&h, 5, 5), 0, 30, 1e-9);
    assert_true(fabs(idf_homography_rotation(&h, 3, 3) - 90) < 1e-9);
    assert_true(fabs(idf_homography_scale(&h, 3, 3) - 2) < 1e-9);
}

static void sanity_follows_its_limits(void **state) {
    (void)state;
    const idf_homography_limits *limits = &idf_homography_limits_default;
    idf_rng rng;
    idf_rng_init(&rng, 5, 0);
    for (int trial = 0; trial < 500; trial++) {
        idf_homography h = random_view(&rng, 300, 420, 55);
        assert_true(idf_homography_sane(&h, 300, 420, 640, 480, limits));
        idf_homography mirror = {{-1, 0, 300, 0, 1, 0, 0, 0, 1}};
        idf_homography_compose(&mirror, &h, &mirror);
        assert_false(idf_homography_sane(&mirror, 300, 420, 640, 480, limits));
    }
    idf_homography tiny = {{0.02, 0, 5, 0, 0.02, 5, 0, 0, 1}}, huge = {{9, 0, 5, 0, 9, 5, 0, 0, 1}};
    idf_homography thin = {{1, 0, 5, 0, 0.2, 5, 0, 0, 1}};
    idf_homography horizon = {{1, 0, 0, 0, 1, 0, -0.005, 0, 1}}, nothing = {{0}};
    assert_false(idf_homography_sane(&tiny, 300, 420, 640, 480, limits));
    assert_false(idf_homography_sane(&huge, 300, 420, 640, 480, limits));
    assert_false(idf_homography_sane(&thin, 300, 420, 640, 480, limits));
    assert_false(idf_homography_sane(&horizon, 300, 420, 640, 480, limits));
    assert_false(idf_homography_sane(&nothing, 300, 420, 640, 480, limits));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_points_are_met_exactly),
        cmocka_unit_test(inverse_and_composition_undo_each_other),
        cmocka_unit_test(degenerate_points_are_refused),
        cmocka_unit_test(noisy_pairs_are_fitted_within_their_error),
        cmocka_unit_test(pairs_without_weight_do_not_count),
        cmocka_unit_test(three_pairs_make_an_affine_map),
        cmocka_unit_test(sanity_follows_its_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
