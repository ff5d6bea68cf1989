/* test_scan.c - JSON from front to back: what is well-formed is passed, what is not is named with
 * its line, numbers are those of the C library, and strings keep their characters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "feeds/scan.h"

static idf_scan begin(const char *text) {
    idf_scan scan;
    idf_scan_begin(&scan, text, strlen(text));
    return scan;
}

static void whole_texts(void **state) {
    (void)state;
    static const char *const good[] = {
        "{}",
        "[]",
        "0",
        "-1.5e+3",
        "\"x\"",
        "true",
        " null \n",
        "{\"a\":[1,2,{\"b\":null}],\"c\":\"\\u00e9\\\"\",\"d\":{}}",
        "\xef\xbb\xbf[[],[[]],{}]",
    };
    static const char *const bad[] = {
        "",     "{",   "[1",        "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "[1 2]", "{\"a\":1,}",
        "tru",  "01",  "-",         "1.",   "1e",      "+1",       "\"x",   "\"\\",  "\"a\nb\"",
        "[1]]", "1 2", "{\"a\":1]", "[1}",  "nul",     "\x01",     "[,1]",  "{,}",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        idf_scan scan = begin(good[i]);
        idf_scan_skip(&scan);
        if (!idf_scan_ended(&scan))
            fail_msg("'%s': %s", good[i], scan.problem);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        idf_scan scan = begin(bad[i]);
        idf_scan_skip(&scan);
        if (idf_scan_ended(&scan))
            fail_msg("'%s' passes", bad[i]);
        assert_non_null(scan.problem);
    }
}

static void depth_has_a_limit(void **state) {
    (void)state;
    char text[4 * IDF_SCAN_MAX_DEPTH];
    for (int extra = 0; extra < 2; extra++) {
        size_t n = IDF_SCAN_MAX_DEPTH + (size_t)extra;
        memset(text, '[', n);
        memset(text + n, ']', n);
        idf_scan scan;
        idf_scan_begin(&scan, text, 2 * n);
        idf_scan_skip(&scan);
        assert_int_equal(idf_scan_ended(&scan), extra == 0);
    }
}

static void numbers_equal_the_c_library(void **state) {
    (void)state;
    static const char *const numbers[] = {
        "0",
        "-0",
        "420",
        "1.1",
        "0.0067",
        "123456789012345",
        "1234567890123456",
        "0.1234567890123456",
        "9007199254740993",
        "1e3",
        "1E-7",
        "0.000000000000001",
        "99999.99",
        "12345.678901234",
        "-17.25",
        "100000000000000000000",
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        idf_scan scan = begin(numbers[i]);
        double value = -1;
        assert_true(idf_scan_number(&scan, &value));
        double expected = strtod(numbers[i], NULL);
        if (memcmp(&value, &expected, sizeof value) != 0 && !(value == 0 && expected == 0))
            fail_msg("%s is read as %.17g", numbers[i], value);
    }
    idf_scan scan = begin("[1e999,\"5\",7]");
    double value;
    assert_true(idf_scan_enter(&scan, '['));
    assert_true(idf_scan_item(&scan));
    assert_false(idf_scan_number(&scan, &value)); /* too large: no number, and passed */
    assert_true(idf_scan_item(&scan));
    assert_false(idf_scan_number(&scan, &value)); /* a string */
    assert_true(idf_scan_item(&scan));
    assert_true(idf_scan_number(&scan, &value));
    assert_true(value == 7);
    assert_false(idf_scan_item(&scan));
    assert_true(idf_scan_ended(&scan));
}

static void expect_text(const char *json, size_t max_bytes, const char *expected) {
    idf_arena arena = {0};
    idf_scan scan = begin(json);
    idf_scan_text text;
    assert_true(idf_scan_string(&scan, &text));
    assert_string_equal(idf_scan_copy(&text, max_bytes, &arena), expected);
    idf_arena_release(&arena);
}

static void strings(void **state) {
    (void)state;
    expect_text("\"plain\"", 100, "plain");
    expect_text("\"\\\"\\\\\\/\\t|\"", 100, "\"\\/ |");
    expect_text("\"\\u30d6\\uD83C\\uDCCF\"", 100, "\xe3\x83\x96\xf0\x9f\x83\x8f");
    expect_text("\"\\ud83c|\\udccf|\\u12|\\q\"", 100, "\xef\xbf\xbd|\xef\xbf\xbd|?12|?");
    expect_text("\"a\xff\"", 100, "a\xef\xbf\xbd");
    expect_text("\"\\u0000\\u0085x\"", 100, "  x");
    expect_text("\"ab\xe3\x83\x96\"", 4, "ab"); /* cut at a character */
}

static void members(void **state) {
    (void)state;
    idf_scan scan = begin("{\n\"one\": 1,\n\"two\": {\"x\": [1,2]},\n\"three\" 3}");
    idf_scan_text key;
    double value;
    assert_false(idf_scan_enter(&scan, '['));
    assert_true(idf_scan_enter(&scan, '{'));
    assert_true(idf_scan_key(&scan, &key) && idf_scan_is(&key, "one"));
    assert_true(idf_scan_number(&scan, &value));
    assert_true(idf_scan_key(&scan, &key) && idf_scan_is(&key, "two"));
    idf_scan_skip(&scan);
    assert_false(idf_scan_key(&scan, &key));
    idf_error err = IDF_ERROR_INIT;
    assert_int_equal(idf_scan_fail(&scan, "prices.json", &err), IDF_ERR_FORMAT);
    assert_string_equal(err.message, "'prices.json', line 4: a colon is missing");
    assert_int_equal(idf_scan_peek(&scan), '\0'); /* from then on nothing is there */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_texts),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(numbers_equal_the_c_library),
        cmocka_unit_test(strings),
        cmocka_unit_test(members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
