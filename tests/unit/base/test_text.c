/* test_text.c - UTF-8 by its definition, printable text, edit distance, and error sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <identify/status.h>
#include <identify/version.h>

#include "base/rng.h"
#include "base/text.h"

static void every_code_point_round_trips(void **state) {
    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        char text[4];
        uint32_t back = 0;
        size_t n = idf_text_encode(c, text);
        if (c >= 0xd800 && c <= 0xdfff) {
            assert_int_equal(n, 0);
            continue;
        }
        assert_int_equal(n, c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4);
        assert_int_equal(idf_text_decode(text, n, &back), n);
        assert_int_equal(back, c);
        assert_true(n == 1 || idf_text_decode(text, n - 1, &back) == 0); /* cut short */
    }
    char text[4];
    assert_int_equal(idf_text_encode(0x110000, text), 0);
    assert_int_equal(idf_text_encode(UINT32_MAX, text), 0);
}

static void what_is_no_utf8(void **state) {
    (void)state;
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xc3",
        "\xc3(",
        "\xe2\x82",
        "\xe2(\xa1",
        "\xf0\x9f\x98",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint32_t c;
        assert_int_equal(idf_text_decode(bad[i], strlen(bad[i]), &c), 0);
        assert_false(idf_text_is_utf8(bad[i], strlen(bad[i])));
    }
    assert_true(idf_text_is_utf8("", 0));
    assert_true(idf_text_is_utf8("a\0\xc3\xa9", 4));
}

static void printable_text(void **state) {
    (void)state;
    char out[64];
    assert_string_equal(idf_text_printable(out, sizeof out, "plain \xc3\xa9 \xf0\x9f\x98\x80"),
                        "plain \xc3\xa9 \xf0\x9f\x98\x80");
    assert_string_equal(idf_text_printable(out, sizeof out, "a\nb\tc\x1b[2J\x7f\r"),
                        "a\\nb\\tc\\x1b[2J\\x7f\\x0d");
    assert_string_equal(idf_text_printable(out, sizeof out, "\xff\xc3 \xc2\x85"),
                        "\\xff\\xc3 \\xc2\\x85");
    /* What turns text around, parts lines or is not seen; joiners stay. */
    assert_string_equal(
        idf_text_printable(out, sizeof out, "a\xe2\x80\xaegpj\xe2\x81\xa6\xe2\x80\x8f"),
        "a\\u202egpj\\u2066\\u200f");
    assert_string_equal(
        idf_text_printable(out, sizeof out, "\xe2\x80\xa8\xef\xbb\xbf\xf3\xa0\x81\x81"),
        "\\u2028\\ufeff\\ue0041");
    assert_string_equal(idf_text_printable(out, sizeof out, "\xe2\x80\x8d"), "\xe2\x80\x8d");
    for (size_t room = 1; room < 12; room++) { /* always cut at a whole piece */
        char small[16];
        memset(small, 'x', sizeof small);
        idf_text_printable(small, room, "\xc3\xa9\x01\xc3\xa9z");
        assert_true(strlen(small) < room);
        assert_true(idf_text_is_utf8(small, strlen(small)));
        assert_int_equal(small[room], 'x');
    }
    idf_rng rng;
    idf_rng_init(&rng, 1, 0);
    for (int i = 0; i < 20000; i++) {
        char raw[12] = {0};
        for (int k = 0; k < 11; k++)
            raw[k] = (char)idf_rng_u32(&rng);
        idf_text_printable(out, sizeof out, raw);
        assert_true(idf_text_is_utf8(out, strlen(out)));
        for (const char *p = out; *p != '\0'; p++)
            assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
    }
}

static void partial_endings_go(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"abc", "abc"},
        {"", ""},
        {"ab\xc3\xa9", "ab\xc3\xa9"},
        {"ab\xc3", "ab"},
        {"ab\xe2\x82", "ab"},
        {"ab\xf0\x9f\x98", "ab"},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"a\xf0", "a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[16];
        snprintf(text, sizeof text, "%s", cases[i][0]);
        idf_text_trim_partial(text);
        assert_string_equal(text, cases[i][1]);
    }
}

static void edit_distance(void **state) {
    (void)state;
    assert_int_equal(idf_text_distance("", ""), 0);
    assert_int_equal(idf_text_distance("abc", ""), 3);
    assert_int_equal(idf_text_distance("index", "index"), 0);
    assert_int_equal(idf_text_distance("idnex", "index"), 1); /* neighbours swapped */
    assert_int_equal(idf_text_distance("indx", "index"), 1);
    assert_int_equal(idf_text_distance("kitten", "sitting"), 3);
    assert_int_equal(idf_text_distance("ca", "abc"), 3); /* optimal string alignment */
    char longest[200];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(idf_text_distance(longest, ""), 63);
    idf_rng rng;
    idf_rng_init(&rng, 2, 0);
    for (int i = 0; i < 3000; i++) {
        char a[9], b[9];
        int n = (int)idf_rng_below(&rng, 9), m = (int)idf_rng_below(&rng, 9);
        for (int k = 0; k < 8; k++) {
            a[k] = (char)('a' + idf_rng_below(&rng, 3));
            b[k] = (char)('a' + idf_rng_below(&rng, 3));
        }
        a[n] = b[m] = '\0';
        int d = idf_text_distance(a, b);
        assert_int_equal(d, idf_text_distance(b, a));
        assert_true(d >= (n > m ? n - m : m - n) && d <= (n > m ? n : m));
        assert_true((d == 0) == (strcmp(a, b) == 0));
    }
}

static void statuses_have_names(void **state) {
    (void)state;
    for (int i = 0; i < IDF_STATUS_COUNT; i++) {
        assert_true(strlen(idf_status_name((idf_status)i)) > 0);
        assert_true(strlen(idf_status_text((idf_status)i)) > 0);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(idf_status_name((idf_status)i), idf_status_name((idf_status)k));
    }
    assert_int_equal(IDF_OK, 0);
    assert_string_equal(idf_status_name((idf_status)999), "unknown");
    assert_string_equal(idf_status_name((idf_status)-1), "unknown");
    assert_string_equal(idf_status_text((idf_status)999), "unknown status");
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", IDF_VERSION_MAJOR, IDF_VERSION_MINOR,
             IDF_VERSION_PATCH);
    assert_string_equal(idf_version(), version);
}

static void error_sentences(void **state) {
    (void)state;
    idf_error err = IDF_ERROR_INIT;
    assert_int_equal(idf_error_set(&err, IDF_ERR_LIMIT, "%d of %s", 3, "x"), IDF_ERR_LIMIT);
    assert_int_equal(err.status, IDF_ERR_LIMIT);
    assert_string_equal(err.message, "3 of x");
    err.advice = IDF_ADVICE_SPARE_TARGET;
    strcpy(err.subject, "s");
    assert_int_equal(idf_error_prefix(&err, IDF_ERR_IO, "a.jpg"), IDF_ERR_LIMIT);
    assert_int_equal(err.advice, IDF_ADVICE_SPARE_TARGET);
    assert_string_equal(err.subject, "s");
    assert_string_equal(err.message, "a.jpg: 3 of x");
    assert_int_equal(idf_error_set(NULL, IDF_ERR_IO, "x"), IDF_ERR_IO);
    assert_int_equal(idf_error_prefix(NULL, IDF_ERR_IO, "x"), IDF_ERR_IO);
    for (int shift = 0; shift < 3; shift++) { /* cut at a character */
        char text[3000];
        size_t n = (size_t)snprintf(text, sizeof text, "%.*s", shift, "ab");
        while (n + 3 < sizeof text) {
            memcpy(text + n, "\xe9\x9d\x92", 4);
            n += 3;
        }
        idf_error_set(&err, IDF_ERR_IO, "%s", text);
        size_t len = strlen(err.message);
        assert_in_range(len, IDF_ERROR_MESSAGE_BYTES - 4, IDF_ERROR_MESSAGE_BYTES - 1);
        assert_true(idf_text_is_utf8(err.message, len));
        assert_int_equal(err.advice, IDF_ADVICE_NONE); /* that of before is gone */
        assert_string_equal(err.subject, "");
        idf_error_prefix(&err, IDF_ERR_IO, "p");
        assert_true(idf_text_is_utf8(err.message, strlen(err.message)));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_round_trips),
        cmocka_unit_test(what_is_no_utf8),
        cmocka_unit_test(printable_text),
        cmocka_unit_test(partial_endings_go),
        cmocka_unit_test(edit_distance),
        cmocka_unit_test(statuses_have_names),
        cmocka_unit_test(error_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
