/* test_bytes.c - the growable buffer with a ceiling, and little-endian loads and stores. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/bytes.h"

static void grows_and_keeps(void **state) {
    (void)state;
    idf_bytes bytes = {0};
    assert_int_equal(idf_bytes_append(&bytes, NULL, 0), IDF_OK);
    for (int i = 0; i < 10000; i++) {
        uint8_t byte = (uint8_t)(i * 7);
        assert_int_equal(idf_bytes_append(&bytes, &byte, 1), IDF_OK);
    }
    uint8_t *more = idf_bytes_grow(&bytes, 3);
    assert_ptr_equal(more, bytes.data + 10000);
    memcpy(more, "xyz", 3);
    assert_int_equal(bytes.len, 10003);
    assert_true(bytes.cap >= bytes.len);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(bytes.data[i], (uint8_t)(i * 7));
    const uint8_t *before = bytes.data;
    idf_bytes_clear(&bytes);
    assert_int_equal(bytes.len, 0);
    assert_int_equal(idf_bytes_printf(&bytes, "%d-%s", 42, "ok"), IDF_OK);
    assert_ptr_equal(bytes.data, before); /* the memory was kept */
    assert_memory_equal(bytes.data, "42-ok", 5);
    assert_int_equal(bytes.len, 5);
    idf_bytes_release(&bytes);
    assert_null(bytes.data);
    assert_int_equal(bytes.cap, 0);
    idf_bytes_release(&bytes);
}

static void the_ceiling_holds(void **state) {
    (void)state;
    idf_bytes bytes = {.max = 10};
    assert_int_equal(idf_bytes_append(&bytes, "0123456", 7), IDF_OK);
    assert_int_equal(idf_bytes_append(&bytes, "abcd", 4), IDF_ERR_LIMIT);
    assert_null(idf_bytes_grow(&bytes, 4));
    assert_null(idf_bytes_grow(&bytes, SIZE_MAX));
    assert_null(idf_bytes_grow(&bytes, SIZE_MAX - 7));
    assert_int_equal(idf_bytes_printf(&bytes, "%s", "abcd"), IDF_ERR_LIMIT);
    assert_int_equal(bytes.len, 7);
    assert_memory_equal(bytes.data, "0123456", 7);
    assert_int_equal(idf_bytes_printf(&bytes, "%s", "abc"), IDF_OK); /* exactly full */
    assert_int_equal(bytes.len, 10);
    assert_memory_equal(bytes.data, "0123456abc", 10);
    assert_int_equal(idf_bytes_append(&bytes, "", 0), IDF_OK);
    idf_bytes_release(&bytes);
}

static void out_of_memory_leaves_it(void **state) {
    (void)state;
    idf_bytes bytes = {0};
    assert_int_equal(idf_bytes_append(&bytes, "abc", 3), IDF_OK);
    idf_alloc_fail_after(0);
    assert_null(idf_bytes_grow(&bytes, 1000));
    char large[200] = {0};
    assert_int_equal(idf_bytes_append(&bytes, large, sizeof large), IDF_ERR_NO_MEMORY);
    assert_int_equal(idf_bytes_printf(&bytes, "%300d", 1), IDF_ERR_NO_MEMORY);
    idf_alloc_fail_after(-1);
    assert_int_equal(bytes.len, 3);
    assert_memory_equal(bytes.data, "abc", 3);
    idf_bytes_release(&bytes);
}

static void little_endian(void **state) {
    (void)state;
    uint8_t at[9] = {0};
    idf_store_u64le(at + 1, 0x8877665544332211u);
    for (int i = 0; i < 8; i++)
        assert_int_equal(at[1 + i], 0x11 * (i + 1));
    assert_true(idf_load_u64le(at + 1) == 0x8877665544332211u);
    assert_int_equal(idf_load_u32le(at + 1), 0x44332211u);
    assert_int_equal(idf_load_u16le(at + 1), 0x2211);
    idf_store_u32le(at, 0xfedcba98u);
    assert_int_equal(idf_load_u32le(at), 0xfedcba98u);
    idf_store_u16le(at, 0xffee);
    assert_int_equal(idf_load_u16le(at), 0xffee);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_keeps),
        cmocka_unit_test(the_ceiling_holds),
        cmocka_unit_test(out_of_memory_leaves_it),
        cmocka_unit_test(little_endian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
