/* Arenas: what they give is aligned, apart, and within their ceiling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/arena.h"

static void test_apart(void **state) {
    (void)state;
    enum { N = 400 };
    idf_arena arena = {0};
    uint8_t *given[N];
    for (size_t i = 0; i < N; i++) {
        size_t n = i * i % 9000;
        given[i] = idf_arena_alloc(&arena, n, 1);
        assert_non_null(given[i]);
        assert_int_equal((uintptr_t)given[i] % 16, 0);
        memset(given[i], (int)(i % 251), n);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < i * i % 9000; k++)
            assert_int_equal(given[i][k], i % 251);
    assert_string_equal(idf_arena_copy(&arena, "abc", 2), "ab");
    assert_string_equal(idf_arena_copy(&arena, NULL, 0), "");
    idf_arena_release(&arena);
    idf_arena_release(&arena);
}

static void test_limits(void **state) {
    (void)state;
    idf_arena arena = {.max_bytes = 10000};
    assert_null(idf_arena_alloc(&arena, SIZE_MAX, 2));
    assert_null(idf_arena_alloc(&arena, SIZE_MAX, 1));
    assert_null(idf_arena_copy(&arena, "", SIZE_MAX));
    assert_null(idf_arena_alloc(&arena, 10001, 1));
    size_t n = 0;
    while (idf_arena_alloc(&arena, 100, 1) != NULL)
        n += 100;
    assert_true(n > 5000 && arena.total_bytes <= 10000);
    idf_arena_release(&arena);
    idf_alloc_fail_after(0);
    assert_null(idf_arena_alloc(&arena, 1, 1));
    idf_alloc_fail_after(-1);
    assert_non_null(idf_arena_alloc(&arena, 1, 1));
    idf_arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_apart), cmocka_unit_test(test_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
