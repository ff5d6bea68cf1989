/* Multipart bodies: whole, in every pair of pieces, byte by byte; and all that is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "net/multipart.h"

#define TYPE "multipart/form-data; boundary=XyZ"

/* Writes what comes as text: "name|filename|content;" a part. */
static idf_status on_begin(void *context, const idf_multipart_part *part, idf_error *err) {
    (void)err;
    return idf_bytes_printf(context, "%s|%s|", part->name,
                            part->has_filename ? part->filename : "-");
}
static idf_status on_data(void *context, const void *bytes, size_t n, idf_error *err) {
    (void)err;
    assert_true(n > 0);
    return idf_bytes_append(context, bytes, n);
}
static idf_status on_end(void *context, idf_error *err) {
    (void)err;
    return idf_bytes_append(context, ";", 1);
}

/* Parses body in pieces [0, cut) and [cut, n), each by `step` bytes. */
static idf_status parse(idf_bytes *out, const char *type, const void *body, size_t n, size_t cut,
                        size_t step, idf_error *err) {
    static idf_multipart form;
    const idf_multipart_sink sink = {on_begin, on_data, on_end, out};
    idf_bytes_clear(out);
    idf_status status = idf_multipart_init(&form, type, 8, &sink, err);
    for (size_t at = 0; status == IDF_OK && at < n;) {
        size_t end = at < cut ? cut : n;
        size_t len = end - at < step ? end - at : step;
        status = idf_multipart_feed(&form, (const char *)body + at, len, err);
        at += len;
    }
    return status == IDF_OK ? idf_multipart_finish(&form, err) : status;
}

static void expect(const char *type, const char *body, size_t n, const char *wanted) {
    idf_bytes out = {0};
    for (size_t step = 1; step <= n; step = step == 1 ? n : n + 1)
        for (size_t cut = 0; cut <= n; cut++) {
            idf_error err = IDF_ERROR_INIT;
            if (parse(&out, type, body, n, cut, step, &err) != IDF_OK)
                fail_msg("cut %zu: %s", cut, err.message);
            assert_int_equal(out.len, strlen(wanted));
            assert_memory_equal(out.data, wanted, out.len);
        }
    idf_bytes_release(&out);
}

static void refuse(const char *type, const char *body, size_t n, idf_status wanted) {
    idf_bytes out = {0};
    for (size_t step = 1; step <= n + 1; step += n > 0 ? n : 1) {
        idf_error err = IDF_ERROR_INIT;
        assert_int_equal(parse(&out, type, body, n, 0, step, &err), wanted);
        assert_true(err.message[0] != '\0');
    }
    idf_bytes_release(&out);
}

#define EXPECT(type, body, wanted) expect(type, body, sizeof body - 1, wanted)
#define REFUSE(type, body, wanted) refuse(type, body, sizeof body - 1, wanted)
#define FIELD(name, value)                                                                         \
    "--XyZ\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

static void test_forms(void **state) {
    (void)state;
    EXPECT(TYPE, FIELD("a", "1") FIELD("b", "") "--XyZ--\r\n", "a|-|1;b|-|;");
    EXPECT(TYPE, "--XyZ--", "");
    EXPECT(TYPE, "preamble\r\nmore\r\n" FIELD("a", "1") "--XyZ--\r\nepilogue --XyZ", "a|-|1;");
    EXPECT(TYPE,
           "--XyZ  \t\r\ncontent-TYPE: image/png\r\nCONTENT-disposition:form-data;name=a; "
           "filename=x.png\r\n\r\nP\r\n--XyZ--",
           "a|x.png|P;");
}

/* Content that nearly is a delimiter. */
static void test_near_delimiters(void **state) {
    (void)state;
    EXPECT(TYPE, FIELD("a", "\r\n--Xy\r\r\n-\r\n\r\n--\r\n--XyY--XyZ\r") "--XyZ--",
           "a|-|\r\n--Xy\r\r\n-\r\n\r\n--\r\n--XyY--XyZ\r;");
}

static void test_binary(void **state) {
    (void)state;
    EXPECT(TYPE, FIELD("a", "x\xff\xd8\n\n--XyZ") "--XyZ--", "a|-|x\xff\xd8\n\n--XyZ;");
}

static void test_boundaries(void **state) {
    (void)state;
    const char body[] = FIELD("a", "1") "--XyZ--";
    const char *const good[] = {"multipart/form-data; boundary=XyZ; charset=utf-8",
                                "multipart/form-data;BOUNDARY=\"XyZ\"",
                                "Multipart/Form-Data ; charset=utf-8 ; boundary = XyZ",
                                "multipart/form-data; a; boundary=XyZ"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        expect(good[i], body, sizeof body - 1, "a|-|1;");
    static const char too_long[] =
        "multipart/form-data; boundary=01234567890123456789012345678901234567"
        "890123456789012345678901234567890";
    const char *const bad[] = {too_long,
                               "multipart/form-data",
                               "multipart/form-data; boundary=",
                               "multipart/form-data; boundary=\"",
                               "multipart/form-data; boundary=\"\"",
                               "multipart/form-data; boundary=\"a",
                               "multipart/form-data; boundary=\"a \"",
                               "multipart/form-data; boundary=\"a\x01\"",
                               "multipart/form-data; boundary=a b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse(bad[i], body, sizeof body - 1, IDF_ERR_FORMAT);
    REFUSE("multipart/mixed; boundary=XyZ", "", IDF_ERR_UNSUPPORTED);
    REFUSE("multipart/form-data-too; boundary=XyZ", "", IDF_ERR_UNSUPPORTED);
    REFUSE("application/json", "{}", IDF_ERR_UNSUPPORTED);
    EXPECT("multipart/form-data; boundary=X",
           "--X\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--X--", "a|-|1;");
}

static void test_names(void **state) {
    (void)state;
#define NAMED(text) "--XyZ\r\nContent-Disposition: form-data; " text "\r\n\r\n1\r\n--XyZ--"
    EXPECT(TYPE, NAMED("name=\"a\\\"b\\\\c\""), "a\"b\\c|-|1;");
    EXPECT(TYPE, NAMED("name=\"a;b=c\"; filename=\"C:\\dir\\x; y.png\""),
           "a;b=c|C:\\dir\\x; y.png|1;");
    EXPECT(TYPE, NAMED("name=a; filename*=UTF-8''%e2%82%ac.png"), "a|UTF-8''%e2%82%ac.png|1;");
    EXPECT(TYPE, NAMED("name=\"\xc3\xa9\"; filename=\"\""), "\xc3\xa9||1;");
    REFUSE(TYPE, NAMED("filename=a"), IDF_ERR_FORMAT);
    REFUSE(TYPE, NAMED("name=\"a"), IDF_ERR_FORMAT);
    REFUSE(TYPE, NAMED("name=a b"), IDF_ERR_FORMAT);
    REFUSE(TYPE, "--XyZ\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--XyZ--",
           IDF_ERR_FORMAT);
    REFUSE(TYPE, "--XyZ\r\n\r\n1\r\n--XyZ--", IDF_ERR_FORMAT);
    REFUSE(TYPE, "--XyZ\r\nrubbish\r\n\r\n1\r\n--XyZ--", IDF_ERR_FORMAT);
    REFUSE(TYPE, NAMED("name=a\0b"), IDF_ERR_FORMAT);
}

static void test_broken(void **state) {
    (void)state;
    REFUSE(TYPE, "", IDF_ERR_TRUNCATED);
    REFUSE(TYPE, "no boundary at all", IDF_ERR_TRUNCATED);
    REFUSE(TYPE, "--XyZ", IDF_ERR_TRUNCATED);
    REFUSE(TYPE, FIELD("a", "1"), IDF_ERR_TRUNCATED);
    REFUSE(TYPE, FIELD("a", "1") "--XyZ-", IDF_ERR_TRUNCATED);
    REFUSE(TYPE, "--XyZW\r\n", IDF_ERR_FORMAT);
    REFUSE(TYPE, "--XyZ-x", IDF_ERR_FORMAT);
    REFUSE(TYPE, "--XyZ\r\r\n", IDF_ERR_FORMAT);
    REFUSE(TYPE, "--XyZ\n", IDF_ERR_FORMAT);
}

static void test_limits(void **state) {
    (void)state;
    idf_bytes body = {0};
    for (int i = 0; i < 9; i++)
        idf_bytes_printf(&body, FIELD("a", "1"));
    idf_bytes_printf(&body, "--XyZ--");
    refuse(TYPE, (const char *)body.data, body.len, IDF_ERR_LIMIT);
    idf_bytes_clear(&body);
    idf_bytes_printf(&body, "--XyZ\r\nContent-Disposition: form-data; name=\"");
    for (int i = 0; i < IDF_MULTIPART_NAME_BYTES + 1; i++)
        idf_bytes_append(&body, "n", 1);
    idf_bytes_printf(&body, "\"\r\n\r\n\r\n--XyZ--");
    refuse(TYPE, (const char *)body.data, body.len, IDF_ERR_FORMAT);
    idf_bytes_clear(&body);
    idf_bytes_printf(&body, "--XyZ\r\n");
    for (int i = 0; i < 2000; i++)
        idf_bytes_printf(&body, "X: y\r\n");
    refuse(TYPE, (const char *)body.data, body.len, IDF_ERR_LIMIT);
    idf_bytes_release(&body);
}

/* What the taker of parts refuses ends it. */
static idf_status refuses(void *context, const idf_multipart_part *part, idf_error *err) {
    (void)context, (void)part;
    return idf_error_set(err, IDF_ERR_EMPTY, "no thanks");
}
static void test_sink(void **state) {
    (void)state;
    static idf_multipart form;
    const char body[] = FIELD("a", "1");
    const idf_multipart_sink sink = {refuses, on_data, on_end, NULL};
    assert_int_equal(idf_multipart_init(&form, TYPE, 8, &sink, NULL), IDF_OK);
    assert_int_equal(idf_multipart_feed(&form, body, sizeof body - 1, NULL), IDF_ERR_EMPTY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),  cmocka_unit_test(test_near_delimiters),
        cmocka_unit_test(test_binary), cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_names),  cmocka_unit_test(test_broken),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_sink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
