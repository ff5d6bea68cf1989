/* cmocka.h - as much of cmocka as tests/kernel uses, in one header, so that those tests can be
 * built for another processor without that library (tools/test_arm.sh). The first failure ends the
 * run. */
#ifndef IDF_TESTS_ARM_CMOCKA_H
#define IDF_TESTS_ARM_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int (*CMFixtureFunction)(void **state);

struct CMUnitTest {
    const char *name;
    void (*test_func)(void **state);
    CMFixtureFunction setup_func, teardown_func;
    void *initial_state;
};

#define cmocka_unit_test(f)                                                                        \
    { #f, f, NULL, NULL, NULL }
#define cmocka_unit_test_setup_teardown(f, setup, teardown)                                        \
    { #f, f, setup, teardown, NULL }

#define fail_msg(...)                                                                              \
    (fprintf(stderr, "%s:%d: ", __FILE__, __LINE__), fprintf(stderr, __VA_ARGS__),                 \
     fputc('\n', stderr), exit(1))
#define fail()                     fail_msg("failed")
#define print_message(...)         fprintf(stderr, __VA_ARGS__)
#define assert_true(c)             ((c) ? (void)0 : fail_msg("not true: %s", #c))
#define assert_false(c)            ((c) ? fail_msg("not false: %s", #c) : (void)0)
#define assert_null(p)             assert_true((p) == NULL)
#define assert_non_null(p)         assert_true((p) != NULL)
#define assert_ptr_equal(a, b)     assert_true((const void *)(a) == (const void *)(b))
#define assert_int_equal(a, b)     assert_true((unsigned long long)(a) == (unsigned long long)(b))
#define assert_int_not_equal(a, b) assert_true((unsigned long long)(a) != (unsigned long long)(b))
#define assert_in_range(v, low, high)                                                              \
    assert_true((unsigned long long)(v) >= (unsigned long long)(low) &&                            \
                (unsigned long long)(v) <= (unsigned long long)(high))
#define assert_string_equal(a, b)     assert_true(strcmp(a, b) == 0)
#define assert_string_not_equal(a, b) assert_true(strcmp(a, b) != 0)
#define assert_memory_equal(a, b, n)  assert_true(memcmp(a, b, n) == 0)
#define assert_float_equal(a, b, e)   assert_true((a) - (b) <= (e) && (b) - (a) <= (e))
#define cmocka_run_group_tests(tests, setup, teardown)                                             \
    run_tests(tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)

static int run_tests(const struct CMUnitTest *tests, size_t n, CMFixtureFunction setup,
                     CMFixtureFunction teardown) {
    void *group = NULL;
    if (setup != NULL && setup(&group) != 0)
        return 1;
    for (size_t i = 0; i < n; i++) {
        void *state = tests[i].initial_state != NULL ? tests[i].initial_state : group;
        printf("%s\n", tests[i].name);
        fflush(stdout);
        if (tests[i].setup_func != NULL && tests[i].setup_func(&state) != 0)
            return 1;
        tests[i].test_func(&state);
        if (tests[i].teardown_func != NULL && tests[i].teardown_func(&state) != 0)
            return 1;
    }
    return teardown != NULL ? teardown(&group) : 0;
}

#endif
