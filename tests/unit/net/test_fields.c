/* Values of header fields, and request targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "net/fields.h"
#include "net/target.h"

static void test_media_types(void **state) {
    (void)state;
    assert_true(idf_field_is("text/HTML ; q=1", "text/html"));
    assert_false(idf_field_is("text/html5", "text/html"));
    assert_true(idf_field_accepts("application/json, text/html;q=0.8", "text/html"));
    assert_false(idf_field_accepts("*/*", "text/html"));
    assert_false(idf_field_accepts("text/htmlx", "text/html"));
}

static void test_etags(void **state) {
    (void)state;
    assert_true(idf_field_has_etag("\"a\"", "\"a\""));
    assert_true(idf_field_has_etag("\"x\" , W/\"a\"", "\"a\""));
    assert_true(idf_field_has_etag(" * ", "\"a\""));
    assert_false(idf_field_has_etag("\"ab\"", "\"a\""));
    assert_false(idf_field_has_etag("a", "\"a\""));
    assert_false(idf_field_has_etag("\"x\" \"a\"", "\"a\""));
    assert_false(idf_field_has_etag("\"a", "\"a\""));
    assert_false(idf_field_has_etag("", "\"a\""));
}

static void check_range(const char *value, idf_range_kind kind, uint64_t first, uint64_t len) {
    uint64_t a = 0, n = 0;
    assert_int_equal(idf_field_range(value, 100, &a, &n), kind);
    if (kind == IDF_RANGE_PART) {
        assert_int_equal(a, first);
        assert_int_equal(n, len);
    }
}

static void test_ranges(void **state) {
    (void)state;
    uint64_t a, n;
    check_range("bytes=0-9", IDF_RANGE_PART, 0, 10);
    check_range("bytes=90-", IDF_RANGE_PART, 90, 10);
    check_range("BYTES=-5", IDF_RANGE_PART, 95, 5);
    check_range("bytes=-500", IDF_RANGE_PART, 0, 100);
    check_range("bytes=99-99999999999999999999", IDF_RANGE_PART, 99, 1);
    check_range("bytes=0-18446744073709551615", IDF_RANGE_PART, 0, 100);
    check_range("bytes=100-", IDF_RANGE_OUTSIDE, 0, 0);
    check_range("bytes=99999999999999999999-", IDF_RANGE_OUTSIDE, 0, 0);
    check_range("bytes=-0", IDF_RANGE_OUTSIDE, 0, 0);
    check_range("bytes=5-2", IDF_RANGE_NONE, 0, 0);
    check_range("bytes=0-1,4-5", IDF_RANGE_NONE, 0, 0);
    check_range("bytes=-", IDF_RANGE_NONE, 0, 0);
    check_range("bytes=a-b", IDF_RANGE_NONE, 0, 0);
    check_range("lines=1-2", IDF_RANGE_NONE, 0, 0);
    check_range(NULL, IDF_RANGE_NONE, 0, 0);
    assert_int_equal(idf_field_range("bytes=0-", 0, &a, &n), IDF_RANGE_OUTSIDE);
    assert_int_equal(idf_field_range("bytes=-1", 0, &a, &n), IDF_RANGE_OUTSIDE);
}

static void test_dates(void **state) {
    (void)state;
    char text[IDF_FIELD_DATE_BYTES];
    time_t when = 0;
    assert_string_equal(idf_field_date(text, 784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
    const time_t some[] = {0, 951782400, 1709164800, 4102444799, 784111777};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        assert_true(idf_field_read_date(idf_field_date(text, some[i]), &when));
        assert_int_equal(when, some[i]);
    }
    assert_false(idf_field_read_date("yesterday", &when));
    assert_false(idf_field_read_date("Sun, 06 Nov 1994 08:49:37 GMT+1", &when));
    assert_false(idf_field_read_date("Sun, 06 Foo 1994 08:49:37 GMT", &when));
}

static void test_cookies(void **state) {
    (void)state;
    char value[8];
    assert_true(idf_field_cookie(value, sizeof value, "a=1; tok=xyz ; b=2", "tok"));
    assert_string_equal(value, "xyz");
    assert_false(idf_field_cookie(value, sizeof value, "xtok=1", "tok"));
    assert_false(idf_field_cookie(value, sizeof value, "tok=12345678", "tok"));
    assert_false(idf_field_cookie(value, sizeof value, "", "tok"));
}

static void test_targets(void **state) {
    (void)state;
    idf_target t;
    assert_int_equal(idf_target_parse(&t, "/a%20b%2Fc?x=%41+1&y#z", NULL), IDF_OK);
    assert_string_equal(t.raw, "/a%20b%2Fc");
    assert_string_equal(t.path, "/a b/c");
    assert_string_equal(t.query, "x=%41+1&y");
    idf_target_release(&t);
    assert_int_equal(idf_target_parse(&t, "http://h:1/p?q", NULL), IDF_OK);
    assert_string_equal(t.path, "/p");
    assert_string_equal(t.query, "q");
    idf_target_release(&t);
    assert_int_equal(idf_target_parse(&t, "http://h", NULL), IDF_OK);
    assert_string_equal(t.path, "/");
    idf_target_release(&t);
    const char *const odd[] = {"/%", "/%4", "/%zz", "/a%00b", "/%0"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        assert_int_equal(idf_target_parse(&t, odd[i], NULL), IDF_OK);
        assert_null(t.path);
        assert_string_equal(t.raw, odd[i]);
        idf_target_release(&t);
    }
    assert_int_equal(idf_target_parse(&t, "*", NULL), IDF_OK);
    assert_string_equal(t.path, "*");
    idf_target_release(&t);
    assert_int_equal(idf_target_parse(&t, "health", NULL), IDF_ERR_FORMAT);
    assert_int_equal(idf_target_parse(&t, "", NULL), IDF_ERR_FORMAT);
    static char longest[IDF_TARGET_MAX_BYTES + 2];
    memset(longest, '/', sizeof longest - 1);
    assert_int_equal(idf_target_parse(&t, longest, NULL), IDF_ERR_LIMIT);
    idf_target_release(NULL);
}

static void test_queries(void **state) {
    (void)state;
    char value[8], out[32];
    assert_int_equal(idf_query_get(value, sizeof value, "limit=3&q=a+b%2B", "q"), 1);
    assert_string_equal(value, "a b+");
    assert_int_equal(idf_query_get(value, sizeof value, "limit&x", "limit"), 1);
    assert_string_equal(value, "");
    assert_int_equal(idf_query_get(value, sizeof value, "xlimit=3", "limit"), 0);
    assert_int_equal(idf_query_get(value, sizeof value, "limit=%", "limit"), -1);
    assert_int_equal(idf_query_get(value, sizeof value, "q=%ff", "q"), -1);
    assert_int_equal(idf_query_get(value, sizeof value, "q=12345678", "q"), -1);
    assert_true(idf_target_encode(out, sizeof out, "a b/\xc3\xa9%#?~"));
    assert_string_equal(out, "a%20b%2F%C3%A9%25%23%3F~");
    assert_false(idf_target_encode(value, sizeof value, "a b/c"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_media_types), cmocka_unit_test(test_etags),
        cmocka_unit_test(test_ranges),      cmocka_unit_test(test_dates),
        cmocka_unit_test(test_cookies),     cmocka_unit_test(test_targets),
        cmocka_unit_test(test_queries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
