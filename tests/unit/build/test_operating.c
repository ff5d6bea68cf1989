/* Thresholds for rates of false accepts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs the four before stdlib */
#include <cmocka.h>

#include <math.h>

#include "base/rng.h"
#include "build/operating.h"

enum { N = 20000 };

static void an_exponential_tail_is_found(void **state) {
    (void)state;
    static double strangers[N];
    idf_rng rng;
    idf_rng_init(&rng, 3, 0);
    for (int i = 0; i < N; i++) /* half of them at nothing; the rest with a tail of length 0.7 */
        strangers[i] = i % 2 ? 0 : IDF_TAIL_FROM - 0.7 * log(1 - idf_rng_unit(&rng));
    const idf_tail tail = idf_tail_fit(strangers, N);
    assert_true(fabs(tail.length - 0.7) < 0.03); /* deviation of the mean: 0.007 */
    assert_true(fabs(tail.above - 0.5) < 0.001);
    double enough = idf_tail_enough(&tail, 0.001);
    assert_true(fabs(idf_share_from(strangers, N, enough) - 0.001) < 0.0007);
    assert_true(idf_tail_enough(&tail, 0.0001) > enough);
    /* within what is ever sensible */
    assert_true(idf_tail_enough(&tail, 0.5) == 3);
    assert_true(idf_tail_enough(&(idf_tail){9, 1}, 1e-9) == 6);
}

static void intervals_are_wilsons(void **state) {
    (void)state;
    double low, high;
    idf_wilson(&low, &high, 8, 10); /* 0.4902 to 0.9433, as tables have it */
    assert_true(fabs(low - 0.4902) < 5e-5 && fabs(high - 0.9433) < 5e-5);
    idf_wilson(&low, &high, 0, 20);
    assert_true(low == 0 && fabs(high - 0.1611) < 5e-5);
    idf_wilson(&low, &high, 20, 20);
    assert_true(high == 1 && fabs(low - 0.8389) < 5e-5);
    idf_wilson(&low, &high, 0, 0);
    assert_true(low == 0 && high == 1);
}

static void stricter_rates_ask_for_more(void **state) {
    (void)state;
    double right[100], strangers[100];
    idf_operating_point points[IDF_OPERATING_POINTS];
    for (int i = 0; i < 100; i++) {
        right[i] = 0.25 * i;
        strangers[i] = i < 20 ? 1 + 0.05 * i : 0;
    }
    idf_operating_points(points, &idf_scale_default, right, 100, strangers, 100);
    for (int i = 0; i < IDF_OPERATING_POINTS; i++) {
        const idf_operating_point *p = &points[i];
        assert_true(p->recall_low <= p->recall && p->recall <= p->recall_high);
        assert_true(p->threshold > 0 && p->threshold < 1);
        if (i > 0) {
            assert_true(p->false_accepts < points[i - 1].false_accepts);
            assert_true(p->threshold >= points[i - 1].threshold);
            assert_true(p->recall <= points[i - 1].recall);
        }
    }
    assert_true(points[2].threshold > points[0].threshold);
    char text[IDF_OPERATING_JSON];
    idf_operating_to_json(points, text);
    assert_true(strlen(text) < IDF_OPERATING_JSON - 1);
    assert_non_null(strstr(text, ",\"recall_low_at_0.0001\":"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exponential_tail_is_found),
        cmocka_unit_test(intervals_are_wilsons),
        cmocka_unit_test(stricter_rates_ask_for_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
