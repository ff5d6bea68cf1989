/* What can fix a pose: not what lies along a line or a circle. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above */
#include <cmocka.h>

#include "base/rng.h"
#include "local/pose.h"

enum { MOST = 60 };

static idf_point_pair points[MOST];

static bool fixed(int n) {
    return idf_pose_is_fixed(points, n, 3);
}

static void put(int i, double x, double y) {
    points[i] = (idf_point_pair){(float)x, (float)y, 0, 0, 1};
}

static void on_a_circle_nothing_is(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 5, 1);
    for (int n = 5; n <= MOST; n += 11) {
        for (int i = 0; i < n; i++) { /* an arc of 200 degrees */
            double a = 3.5 * i / n, r = 150 + idf_rng_range(&rng, -2, 2);
            put(i, 400 + r * cos(a), 300 + r * sin(a));
        }
        assert_false(fixed(n));
    }
    for (int i = 0; i < 8; i++) /* what lies within it does */
        put(i, 400 + 20 * i - 80, 300 + 13 * (i % 3));
    assert_true(fixed(MOST));
}

static void in_a_line_nothing_is(void **state) {
    (void)state;
    for (int i = 0; i < MOST; i++)
        put(i, 10 + 7 * i, 500 - 3 * i + i % 3);
    assert_false(fixed(MOST));
    assert_false(fixed(5));
    for (int i = 0; i < 12; i++) /* two lines */
        put(i, 10 + 30 * i, 40 * (i % 2));
    assert_true(fixed(12));
    for (int i = 0; i < 9; i++)
        put(i, 50, 50); /* one spot */
    assert_false(fixed(9));
}

static void spread_is(void **state) {
    (void)state;
    idf_rng rng;
    for (uint64_t seed = 0; seed < 200; seed++) {
        idf_rng_init(&rng, seed, 2);
        for (int i = 0; i < 8; i++)
            put(i, idf_rng_range(&rng, 0, 400), idf_rng_range(&rng, 0, 600));
        assert_true(fixed(8));
    }
    assert_false(fixed(4));
    assert_false(fixed(0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_a_circle_nothing_is),
        cmocka_unit_test(in_a_line_nothing_is),
        cmocka_unit_test(spread_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
