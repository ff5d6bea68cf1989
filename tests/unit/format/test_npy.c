/* NumPy headers and text items. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "format/npy.h"

/* Parses a version 1 file of this header and n_data bytes of data, in memory of its exact size. */
static idf_status parse(idf_npy *out, const char *header, size_t n_data, idf_error *err) {
    size_t n = strlen(header);
    uint8_t *bytes = calloc(1, 10 + n + n_data);
    memcpy(bytes, "\x93NUMPY\1\0", 8);
    idf_store_u16le(bytes + 8, (uint16_t)n);
    memcpy(bytes + 10, header, n);
    idf_status status = idf_npy_parse(out, bytes, 10 + n + n_data, err);
    free(bytes);
    return status;
}

#define HEADER(descr, order, shape)                                                                \
    "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }\n"

static void test_headers(void **state) {
    (void)state;
    static const struct {
        const char *header;
        size_t n_data;
        idf_status status;
        const char *word;
    } cases[] = {
        {HEADER("'<f4'", "False", "(2, 3)"), 24, IDF_OK, ""},
        {HEADER("'<f4'", "False", "(2, 3)"), 23, IDF_ERR_TRUNCATED, "23 bytes"},
        {HEADER("'<f4'", "False", "(2, 3)"), 25, IDF_ERR_FORMAT, "24 bytes"},
        {HEADER("'<f4'", "False", "()"), 4, IDF_OK, ""},
        {HEADER("'<f4'", "False", "(0,)"), 0, IDF_OK, ""},
        {HEADER("'<f4'", "False", "(0, 18446744073709551615)"), 0, IDF_OK, ""},
        {HEADER("'<f4'", "True", "(6,)"), 24, IDF_OK, ""},
        {HEADER("'<f4'", "True", "(2, 3)"), 24, IDF_ERR_UNSUPPORTED, "Fortran"},
        {HEADER("'|b1'", "False", "(3,)"), 3, IDF_OK, ""},
        {HEADER("'|u1'", "False", "(3L,)"), 3, IDF_OK, ""},
        {HEADER("'>u1'", "False", "(3,)"), 3, IDF_OK, ""},
        {HEADER("'<U2'", "False", "(3,)"), 24, IDF_OK, ""},
        {HEADER("'|S2'", "False", "(3,)"), 6, IDF_OK, ""},
        {HEADER("'<U0'", "False", "(0,)"), 0, IDF_OK, ""},
        {HEADER("'<U0'", "False", "(3,)"), 0, IDF_ERR_FORMAT, "shape"},
        {HEADER("'|O'", "False", "(3,)"), 3, IDF_OK, ""},
        {HEADER("'|O'", "False", "(4,)"), 3, IDF_ERR_FORMAT, "shape"},
        {HEADER("'>f4'", "False", "(3,)"), 12, IDF_ERR_UNSUPPORTED, "big-endian"},
        {HEADER("'>U2'", "False", "(3,)"), 24, IDF_ERR_UNSUPPORTED, "big-endian"},
        {HEADER("'<c8'", "False", "(3,)"), 24, IDF_ERR_UNSUPPORTED, "<c8"},
        {HEADER("'<f16'", "False", "(3,)"), 48, IDF_ERR_UNSUPPORTED, "<f16"},
        {HEADER("'<f4x'", "False", "(3,)"), 12, IDF_ERR_UNSUPPORTED, "<f4x"},
        {HEADER("'<'", "False", "(3,)"), 12, IDF_ERR_UNSUPPORTED, "'<'"},
        {HEADER("''", "False", "(3,)"), 12, IDF_ERR_UNSUPPORTED, "''"},
        {HEADER("[('x', '<f4')]", "False", "(3,)"), 12, IDF_ERR_UNSUPPORTED, "structured"},
        {HEADER("'<U99999999999'", "False", "(1,)"), 12, IDF_ERR_LIMIT, "characters"},
        {HEADER("'<f4'", "False", "(-1,)"), 12, IDF_ERR_FORMAT, "shape"},
        {HEADER("'<f4'", "False", "(3"), 12, IDF_ERR_FORMAT, "shape"},
        {HEADER("'<f4'", "False", "3"), 12, IDF_ERR_FORMAT, "shape"},
        {HEADER("'<f4'", "False", "(1, 1, 1, 1, 1)"), 4, IDF_ERR_LIMIT, "dimensions"},
        {HEADER("'<f4'", "False", "(4294967296, 4294967296)"), 0, IDF_ERR_FORMAT, "shape"},
        {HEADER("'<f4'", "False", "(4611686018427387904,)"), 0, IDF_ERR_FORMAT, "shape"},
        {HEADER("'<f4'", "False", "(18446744073709551616,)"), 0, IDF_ERR_FORMAT, "shape"},
        {HEADER("'<f4'", "Maybe", "(3,)"), 12, IDF_ERR_FORMAT, "fortran_order"},
        {"{'descr': '<f4', 'fortran_order': False}\n", 0, IDF_ERR_FORMAT, "malformed"},
        {"{'descr': '<f4', 'descr': '<f4'}\n", 0, IDF_ERR_FORMAT, "twice"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}\n", 4, IDF_ERR_FORMAT,
         "key"},
        {HEADER("'<f4'", "False", "()") "x", 4, IDF_ERR_FORMAT, "malformed"},
        {"", 4, IDF_ERR_FORMAT, "malformed"},
        {"{", 4, IDF_ERR_FORMAT, "malformed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        idf_error err = IDF_ERROR_INIT;
        idf_npy npy;
        idf_status status = parse(&npy, cases[i].header, cases[i].n_data, &err);
        if (status != cases[i].status || strstr(err.message, cases[i].word) == NULL)
            fail_msg("%s %s '%s'", cases[i].header, idf_status_name(status), err.message);
    }
}

static void test_versions(void **state) {
    (void)state;
    static const char header[] = HEADER("'<f4'", "False", "(1,)");
    uint8_t bytes[256] = "\x93NUMPY";
    idf_npy npy;
    for (int version = 0; version < 5; version++) {
        size_t before = version == 1 ? 10 : 12;
        bytes[6] = (uint8_t)version;
        idf_store_u32le(bytes + 8, sizeof header - 1); /* of which version 1 reads half */
        memcpy(bytes + before, header, sizeof header - 1);
        size_t len = before + sizeof header - 1 + 4;
        assert_int_equal(idf_npy_parse(&npy, bytes, len, NULL),
                         version >= 1 && version <= 3 ? IDF_OK : IDF_ERR_UNSUPPORTED);
        for (size_t n = 0; n < len; n++)
            assert_int_not_equal(idf_npy_parse(&npy, bytes, n, NULL), IDF_OK);
    }
}

/* Any header we write, we read. */
static void test_put_header(void **state) {
    (void)state;
    for (int type = 0; type < IDF_NPY_OBJECT; type++)
        for (int n_dims = 0; n_dims <= IDF_NPY_MAX_DIMS; n_dims++) {
            static const size_t item_bytes[] = {2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 12, 5};
            idf_bytes bytes = {0};
            idf_npy npy, want = {.type = (idf_npy_type)type,
                                 .item_bytes = item_bytes[type],
                                 .n_dims = n_dims,
                                 .shape = {3, 1, 2, 5}};
            assert_int_equal(idf_npy_put_header(&bytes, &want), IDF_OK);
            assert_int_equal(bytes.len % IDF_NPY_ALIGN, 0);
            size_t n = want.item_bytes;
            for (int d = 0; d < n_dims; d++)
                n *= (size_t)want.shape[d];
            assert_non_null(idf_bytes_grow(&bytes, n));
            assert_int_equal(idf_npy_parse(&npy, bytes.data, bytes.len, NULL), IDF_OK);
            assert_true(npy.type == want.type && npy.item_bytes == want.item_bytes);
            assert_int_equal(npy.n_dims, n_dims);
            for (int d = 0; d < n_dims; d++)
                assert_true(npy.shape[d] == want.shape[d]);
            idf_bytes_release(&bytes);
        }
}

/* Any bytes without NULs go through UCS-4 and back. */
static void test_text_round_trip(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        "plain",
                                        "caf\xC3\xA9",
                                        "\xE9\x9B\xAA\xF0\x9F\x98\x80",
                                        "\xFF\xFE",
                                        "\xC3",
                                        "\xED\xA0\x80",
                                        "\xF4\x90\x80\x80",
                                        "\x80\xBF\xC0\xAF"};
    idf_arena arena = {0};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t width = idf_npy_text_len(texts[i]) + i % 3;
        uint8_t *item = malloc(4 * width + 1);
        const char *back;
        idf_npy npy = {.type = IDF_NPY_TEXT, .item_bytes = 4 * width, .n_items = 1, .data = item};
        idf_npy_put_text(item, width, texts[i]);
        assert_int_equal(idf_npy_get_text(&npy, 0, &arena, &back, NULL), IDF_OK);
        assert_string_equal(back, texts[i]);
        free(item);
    }
    idf_arena_release(&arena);
}

static void test_text_refused(void **state) {
    (void)state;
    static const uint32_t bad[] = {0xD800, 0xDC00, 0xDC7F, 0xDD00, 0xDFFF, 0x110000, 0xFFFFFFFF, 0};
    idf_arena arena = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t item[12];
        const char *text;
        idf_npy npy = {.type = IDF_NPY_TEXT, .item_bytes = 12, .n_items = 1, .data = item};
        idf_store_u32le(item, 'a');
        idf_store_u32le(item + 4, bad[i]);
        idf_store_u32le(item + 8, 'b');
        assert_int_equal(idf_npy_get_text(&npy, 0, &arena, &text, NULL), IDF_ERR_FORMAT);
        assert_null(text);
    }
    idf_npy bytes = {.type = IDF_NPY_BYTES, .item_bytes = 3, .n_items = 1};
    const char *text;
    bytes.data = (const uint8_t *)"a\xFF\0";
    assert_int_equal(idf_npy_get_text(&bytes, 0, &arena, &text, NULL), IDF_OK);
    assert_string_equal(text, "a\xFF");
    bytes.data = (const uint8_t *)"a\0b";
    assert_int_equal(idf_npy_get_text(&bytes, 0, &arena, &text, NULL), IDF_ERR_FORMAT);
    idf_arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),      cmocka_unit_test(test_versions),
        cmocka_unit_test(test_put_header),   cmocka_unit_test(test_text_round_trip),
        cmocka_unit_test(test_text_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
