/* test_alloc.c - checked allocation, the failure switch, and the arena. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "support/pages.h"

static void sizes_are_checked(void **state) {
    (void)state;
    static const size_t too_many[][2] = {{SIZE_MAX, 2},
                                         {2, SIZE_MAX},
                                         {SIZE_MAX / 2, 3},
                                         {SIZE_MAX, 1},
                                         {(size_t)PTRDIFF_MAX + 1, 1}};
    for (size_t i = 0; i < sizeof too_many / sizeof *too_many; i++) {
        assert_null(idf_alloc(too_many[i][0], too_many[i][1]));
        assert_null(idf_alloc_zero(too_many[i][0], too_many[i][1]));
        assert_null(idf_alloc_aligned(too_many[i][0], too_many[i][1]));
        assert_null(idf_realloc(NULL, too_many[i][0], too_many[i][1]));
    }
    assert_null(idf_alloc_aligned(PTRDIFF_MAX, 1)); /* rounding up would pass the limit */
}

static void nothing_is_something(void **state) {
    (void)state;
    void *a = idf_alloc(0, 8), *b = idf_alloc_zero(8, 0), *c = idf_alloc_aligned(0, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    a = idf_realloc(a, 0, 1);
    assert_non_null(a);
    idf_free(a);
    idf_free(b);
    idf_free(c);
    idf_free(NULL);
}

static void contents_and_alignment(void **state) {
    (void)state;
    for (size_t n = 1; n < 300; n += 7) {
        unsigned char *zero = idf_alloc_zero(n, 3);
        for (size_t i = 0; i < 3 * n; i++)
            assert_int_equal(zero[i], 0);
        memset(zero, 5, 3 * n);
        zero = idf_realloc(zero, n, 6);
        for (size_t i = 0; i < 3 * n; i++)
            assert_int_equal(zero[i], 5);
        memset(zero, 6, 6 * n);
        unsigned char *aligned = idf_alloc_aligned(n, 1);
        assert_int_equal((uintptr_t)aligned % 64, 0);
        memset(aligned, 1, n);
        idf_free(aligned);
        idf_free(zero);
    }
    char *copy = idf_strdup("text");
    assert_string_equal(copy, "text");
    idf_free(copy);
}

static void the_nth_allocation_fails(void **state) {
    (void)state;
    for (long n = 0; n < 5; n++) {
        void *kept[5];
        idf_alloc_fail_after(n);
        for (long i = 0; i < 5; i++) {
            kept[i] = i % 2 ? idf_alloc_zero(1, 1) : idf_alloc(1, 1);
            assert_int_equal(idf_alloc_failed(), i >= n);
            assert_true((kept[i] == NULL) == (i >= n));
        }
        assert_true(idf_strdup("x") == NULL);
        idf_alloc_fail_after(-1);
        assert_false(idf_alloc_failed());
        void *again = idf_alloc(1, 1);
        assert_non_null(again);
        idf_free(again);
        for (int i = 0; i < 5; i++)
            idf_free(kept[i]);
    }
    char *text = idf_strdup("stays");
    idf_alloc_fail_after(0);
    assert_null(idf_realloc(text, 100, 1));
    idf_alloc_fail_after(-1);
    assert_string_equal(text, "stays");
    idf_free(text);
}

static void arena_gives_separate_aligned_memory(void **state) {
    (void)state;
    enum { N = 500 };
    idf_arena arena = {0};
    unsigned char *at[N];
    for (size_t i = 0; i < N; i++) {
        at[i] = idf_arena_alloc(&arena, i % 90, 7);
        assert_non_null(at[i]);
        assert_int_equal((uintptr_t)at[i] % 16, 0);
        memset(at[i], (int)(i & 255), i % 90 * 7);
    }
    unsigned char *large = idf_arena_alloc(&arena, 3 << 20, 1);
    assert_non_null(large);
    memset(large, 1, 3 << 20);
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < i % 90 * 7; k++)
            assert_int_equal(at[i][k], i & 255);
    assert_string_equal(idf_arena_copy(&arena, "abcdef", 3), "abc");
    assert_string_equal(idf_arena_copy(&arena, NULL, 0), "");
    idf_arena_release(&arena);
    assert_null(arena.chunks);
}

static void arena_limits(void **state) {
    (void)state;
    idf_arena arena = {.max_bytes = 10000};
    assert_null(idf_arena_alloc(&arena, SIZE_MAX, 2));
    assert_null(idf_arena_alloc(&arena, SIZE_MAX, 1));
    assert_null(idf_arena_copy(&arena, "", SIZE_MAX));
    assert_null(idf_arena_alloc(&arena, 10001, 1));
    size_t got = 0;
    while (idf_arena_alloc(&arena, 100, 1) != NULL)
        got += 100;
    assert_in_range(got, 8000, 10000);
    assert_true(arena.total_bytes <= 10000);
    idf_arena_release(&arena);
    idf_alloc_fail_after(0);
    assert_null(idf_arena_alloc(&arena, 1, 1));
    idf_alloc_fail_after(-1);
    idf_arena_release(&arena);
}

static void large_pages_are_asked_for(void **state) {
    (void)state;
#ifdef __GLIBC__
    const char *sanitizer = getenv("IDENTIFY_SANITIZE");
    if (sanitizer != NULL && sanitizer[0] != '\0')
        skip(); /* it has a malloc of its own */
    idf_alloc_in_large_pages((size_t)32 << 20);
    uint8_t *some = idf_alloc((size_t)20 << 20, 1), *other = idf_alloc((size_t)6 << 20, 1);
    assert_true(has_large_pages(some + (10 << 20)));
    assert_true(has_large_pages(other + (3 << 20)));
    idf_free(other);
    idf_free(some);
#else
    skip();
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(nothing_is_something),
        cmocka_unit_test(contents_and_alignment),
        cmocka_unit_test(the_nth_allocation_fails),
        cmocka_unit_test(arena_gives_separate_aligned_memory),
        cmocka_unit_test(arena_limits),
        cmocka_unit_test(large_pages_are_asked_for), /* last: of the whole process */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
