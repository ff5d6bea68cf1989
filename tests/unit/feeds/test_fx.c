/* test_fx.c - exchange rates from two services and by hand, and times as text. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "feeds/fx.h"
#include "feeds/when.h"

static void expect_rate(const idf_fx *fx, const char *from, const char *to, double expected) {
    double rate = -1;
    assert_true(idf_fx_convert(fx, 1, from, to, &rate));
    if (fabs(rate / expected - 1) > 1e-12)
        fail_msg("one %s is %.17g %s", from, rate, to);
}

static void conversions(void **state) {
    (void)state;
    idf_fx fx = {0};
    double out;
    assert_true(idf_fx_set(&fx, "jpy", 150));
    assert_true(idf_fx_set(&fx, "EUR", 0.9));
    assert_true(idf_fx_set(&fx, "JPY", 160));
    assert_int_equal(fx.n, 2);
    expect_rate(&fx, "USD", "JPY", 160);
    expect_rate(&fx, "JPY", "EUR", 0.9 / 160);
    expect_rate(&fx, "GBP", "GBP", 1);
    expect_rate(NULL, "USD", "USD", 1);
    assert_false(idf_fx_convert(&fx, 1, "GBP", "USD", &out));
    assert_false(idf_fx_convert(&fx, 1, "USD", "GBP", &out));
    assert_false(idf_fx_convert(NULL, 1, "JPY", "USD", &out));
    const double wrong[] = {0, -1, NAN, INFINITY, 1e-300, 1e300};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(idf_fx_set(&fx, "GBP", wrong[i]));
    assert_false(idf_fx_set(&fx, "YEN!", 1));
    assert_false(idf_fx_set(&fx, "J1Y", 1));
}

static void by_hand(void **state) {
    (void)state;
    static const char *const wrong[] = {"",       "JPY",    "JPY=",   "JPY=x",   "=1",      "JPY=0",
                                        "JPY=-1", "JPY=1x", "YENS=1", "JPY=inf", "JPY=nan", "JP=1"};
    idf_fx fx = {0};
    assert_true(idf_fx_set_by_hand(&fx, "JPY=0.0067"));
    expect_rate(&fx, "JPY", "USD", 0.0067);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (idf_fx_set_by_hand(&fx, wrong[i]))
            fail_msg("'%s' is taken", wrong[i]);
}

static void a_full_table(void **state) {
    (void)state;
    idf_fx fx = {0};
    char code[4] = "AAA";
    for (int i = 0; i < IDF_FX_MAX_RATES; i++) {
        code[0] = (char)('A' + i / 26 % 26);
        code[1] = (char)('A' + i % 26);
        assert_true(idf_fx_set(&fx, code, 2));
    }
    assert_false(idf_fx_set(&fx, "ZZZ", 2));
}

static void answers(void **state) {
    (void)state;
    static const char er_api[] =
        "{\"result\":\"success\",\"time_last_update_unix\":1795824000,"
        "\"time_next_update_unix\":1795910400,\"base_code\":\"USD\",\"rates\":{\"USD\":1,"
        "\"JPY\":150.5,\"EUR\":0.92,\"XXX\":\"no\",\"WRONG\":3,\"BAD\":-1}}";
    static const char frankfurter[] =
        "{\"amount\":1.0,\"base\":\"USD\",\"date\":\"2026-11-27\",\"rates\":{\"JPY\":151}}";
    idf_fx fx;
    assert_int_equal(idf_fx_parse_er_api(&fx, er_api, sizeof er_api - 1, NULL), IDF_OK);
    assert_int_equal(fx.n, 3);
    expect_rate(&fx, "USD", "JPY", 150.5);
    assert_int_equal(fx.updated, 1795824000);
    assert_int_equal(fx.next_update, 1795910400);
    assert_string_equal(fx.source, "open.er-api.com");
    assert_int_equal(idf_fx_parse_frankfurter(&fx, frankfurter, sizeof frankfurter - 1, 1000, NULL),
                     IDF_OK);
    expect_rate(&fx, "USD", "JPY", 151);
    assert_int_equal(fx.updated, 1795737600);
    assert_int_equal(fx.next_update, 1000 + 24 * 3600);
}

static void answers_that_are_none(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } bad[] = {
        {"", "no JSON"},
        {"<html>", "no JSON"},
        {"[]", "error: none given"},
        {"{\"result\":\"error\",\"error-type\":\"quota\\u001b\"}", "error: quota\\x1b"},
        {"{\"result\":\"success\",\"base_code\":\"EUR\",\"rates\":{\"JPY\":1}}", "another base"},
        {"{\"result\":\"success\",\"base_code\":\"USD\",\"rates\":{}}", "no rates"},
        {"{\"result\":\"success\",\"base_code\":\"USD\",\"rates\":[1]}", "no rates"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        idf_fx fx;
        idf_error err = IDF_ERROR_INIT;
        assert_int_equal(idf_fx_parse_er_api(&fx, bad[i].text, strlen(bad[i].text), &err),
                         IDF_ERR_FORMAT);
        assert_int_equal(fx.n, 0);
        if (strstr(err.message, bad[i].part) == NULL)
            fail_msg("'%s' does not say '%s'", err.message, bad[i].part);
    }
    static const char *const others[] = {
        "", "{\"base\":\"EUR\",\"rates\":{\"JPY\":1}}", "{\"base\":\"USD\",\"rates\":null}",
        "{\"amount\":10,\"base\":\"USD\",\"rates\":{\"JPY\":1500}}"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        idf_fx fx;
        assert_int_equal(idf_fx_parse_frankfurter(&fx, others[i], strlen(others[i]), 0, NULL),
                         IDF_ERR_FORMAT);
    }
}

static void times(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {
        {"1970-01-01", 0},
        {"1970-01-01T00:00:00Z", 0},
        {"2000-02-29T12:00:00+00:00", 951825600},
        {"2026-11-28T22:00:00+09:00", 1795870800},
        {"2026-11-28T22:00:00.123456-0130", 1795908600},
        {"1969-12-31 23:59:59Z", -1},
    };
    static const char *const bad[] = {"",
                                      "x",
                                      "2026",
                                      "2026-13-01",
                                      "2026-02-30T00:00:00Z",
                                      "2026-11-28T",
                                      "2026-11-28T22:00:00+9",
                                      "2026-11-28x",
                                      "2026-11-28T24:00:00Z",
                                      "0000-01-01"};
    char text[IDF_WHEN_BYTES];
    int64_t seconds;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(idf_when_parse(&seconds, good[i].text));
        assert_int_equal(seconds, good[i].seconds);
        assert_true(idf_when_parse(&seconds, idf_when_format(text, good[i].seconds)));
        assert_int_equal(seconds, good[i].seconds);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (idf_when_parse(&seconds, bad[i]))
            fail_msg("'%s' is taken", bad[i]);
    setenv("TZ", "JST-9", 1);
    tzset();
    assert_true(idf_when_parse(&seconds, "2026-11-28T22:00:00"));
    assert_int_equal(seconds, 1795870800);
    assert_string_equal(idf_when_age(text, -5), "0 minutes");
    assert_string_equal(idf_when_age(text, 61), "1 minute");
    assert_string_equal(idf_when_age(text, 26 * 3600), "26 hours");
    assert_string_equal(idf_when_age(text, 12 * 86400), "12 days");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversions),           cmocka_unit_test(by_hand),
        cmocka_unit_test(a_full_table),          cmocka_unit_test(answers),
        cmocka_unit_test(answers_that_are_none), cmocka_unit_test(times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
