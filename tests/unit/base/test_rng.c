/* test_rng.c - random numbers replay exactly, are unbiased where that is promised, and have the
 * moments they should. The clock goes forward. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/rng.h"

/* The first numbers that pcg32's authors print for seed 42, stream 54. */
static void known_sequence(void **state) {
    (void)state;
    static const uint32_t want[] = {0xa15c02b7, 0x7b47f409, 0xba1d3330,
                                    0x83d2f293, 0xbfa4784b, 0xcbed606e};
    idf_rng rng;
    idf_rng_init(&rng, 42, 54);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_int_equal(idf_rng_u32(&rng), want[i]);
}

static void replays(void **state) {
    (void)state;
    idf_rng a, b, other;
    idf_rng_init(&a, 7, 3);
    memset(&b, 0xff, sizeof b); /* nothing of what was there before has a say */
    idf_rng_init(&b, 7, 3);
    idf_rng_init(&other, 7, 4);
    int equal = 0;
    for (int i = 0; i < 1000; i++) {
        double x = idf_rng_normal(&a);
        assert_true(x == idf_rng_normal(&b));
        equal += x == idf_rng_normal(&other);
        uint32_t u = idf_rng_below(&a, 1000);
        assert_int_equal(u, idf_rng_below(&b, 1000));
        idf_rng_below(&other, 1000);
    }
    assert_int_equal(equal, 0);
}

static void below_is_even(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 1, 0);
    static const uint32_t bounds[] = {1, 2, 3, 7, 10};
    for (size_t k = 0; k < sizeof bounds / sizeof *bounds; k++) {
        enum { N = 60000 };
        int count[10] = {0};
        for (int i = 0; i < N; i++) {
            uint32_t value = idf_rng_below(&rng, bounds[k]);
            assert_true(value < bounds[k]);
            count[value]++;
        }
        double each = (double)N / bounds[k];
        for (uint32_t v = 0; v < bounds[k]; v++) /* 5 standard deviations of a binomial */
            assert_true(fabs(count[v] - each) <= 5 * sqrt(each));
    }
    int high = 0; /* a bound that a plain remainder would halve the odds of */
    for (int i = 0; i < 30000; i++)
        high += idf_rng_below(&rng, 0xc0000000u) >= 0x60000000u;
    assert_true(abs(high - 15000) < 5 * 87);
}

static void moments(void **state) {
    (void)state;
    enum { N = 200000 };
    idf_rng rng;
    idf_rng_init(&rng, 5, 0);
    double sum = 0, squares = 0, unit = 0, largest = 0;
    for (int i = 0; i < N; i++) {
        double x = idf_rng_normal(&rng), u = idf_rng_unit(&rng), r = idf_rng_range(&rng, -3, 5);
        assert_true(u >= 0 && u < 1);
        assert_true(r >= -3 && r < 5);
        sum += x;
        squares += x * x;
        unit += u;
        largest = fabs(x) > largest ? fabs(x) : largest;
    }
    /* standard errors: 1/sqrt(N), sqrt(2/N), 0.289/sqrt(N); 5 of them are allowed */
    assert_true(fabs(sum / N) < 5 / sqrt(N));
    assert_true(fabs(squares / N - 1) < 5 * sqrt(2.0 / N));
    assert_true(fabs(unit / N - 0.5) < 5 * 0.289 / sqrt(N));
    assert_true(largest > 3.9 && largest < 6.5);
}

static void clock_goes_forward(void **state) {
    (void)state;
    double before = idf_clock_seconds(), later;
    for (int i = 0; i < 1000; i++) {
        later = idf_clock_seconds();
        assert_true(later >= before);
        before = later;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sequence),     cmocka_unit_test(replays),
        cmocka_unit_test(below_is_even),      cmocka_unit_test(moments),
        cmocka_unit_test(clock_goes_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
