/* test_late.c - libraries loaded when they are needed: there, missing, too old. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/late.h"

typedef struct zlib {
    const char *(*version)(void);
    unsigned long (*crc)(unsigned long crc, const unsigned char *bytes, unsigned n);
} zlib;

static const char *const names[] = {"zlibVersion", "crc32", "no_such_function"};

static void functions_can_be_called(void **state) {
    (void)state;
    zlib z = {0};
    idf_late late = {IDF_LATE_NAME("z", "1"), names, 2, &z, false};
    for (int time = 0; time < 2; time++) {
        assert_int_equal(idf_late_load(&late, NULL), IDF_OK);
        assert_true(late.is_loaded);
        assert_int_equal(z.version()[0], '1');
        /* the check value of CRC-32 */
        assert_int_equal(z.crc(0, (const unsigned char *)"123456789", 9), 0xcbf43926);
    }
}

static void what_is_missing_is_named(void **state) {
    (void)state;
    void *functions[3];
    idf_error err = IDF_ERROR_INIT;
    idf_late absent = {"libidentify-no-such-library.so.9", names, 2, functions, false};
    assert_int_equal(idf_late_load(&absent, &err), IDF_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "libidentify-no-such-library.so.9 cannot be loaded"));
    assert_false(absent.is_loaded);
    idf_late old = {IDF_LATE_NAME("z", "1"), names, 3, functions, false};
    assert_int_equal(idf_late_load(&old, &err), IDF_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "lacks no_such_function"));
    assert_false(old.is_loaded);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_can_be_called),
        cmocka_unit_test(what_is_missing_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
