/* test_dot_i8.c - every variant gives the exact sums, the largest included, for every tail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "kernel/cpu.h"
#include "kernel/dot_i8.h"

static void check(size_t n_rows, size_t n_queries, size_t dim, bool extreme) {
    idf_rng rng;
    idf_rng_init(&rng, dim, n_rows);
    int most = idf_dot_i8_most(dim);
    /* exact sizes, so that a sanitizer sees any step outside */
    int8_t *rows = malloc(n_rows * dim + 1);
    int16_t *queries = malloc(n_queries * dim * sizeof *queries + 2);
    int32_t *got = malloc(n_rows * n_queries * sizeof *got + 4);
    for (size_t i = 0; i < n_rows * dim; i++)
        rows[i] = (int8_t)(extreme ? -127 : (int)idf_rng_below(&rng, 255) - 127);
    for (size_t i = 0; i < n_queries * dim; i++)
        queries[i] =
            (int16_t)(extreme ? most : (int)idf_rng_below(&rng, 2 * (uint32_t)most + 1) - most);
    const unsigned levels[] = {0, IDF_CPU_AVX2, ~0u};
    for (int level = 0; level < 3; level++) {
        idf_cpu_restrict(levels[level]);
        idf_dot_i8(rows, n_rows, queries, n_queries, dim, got);
        for (size_t q = 0; q < n_queries; q++)
            for (size_t r = 0; r < n_rows; r++) {
                int64_t sum = 0;
                for (size_t i = 0; i < dim; i++)
                    sum += (int64_t)rows[r * dim + i] * queries[q * dim + i];
                assert_true(sum == got[q * n_rows + r]);
            }
    }
    free(rows);
    free(queries);
    free(got);
}

static void sums_are_exact(void **state) {
    (void)state;
    for (size_t dim = 0; dim < 70; dim++)
        check(3, 1 + dim % 4, dim, false);
    for (size_t dim = 256; dim <= 1024; dim *= 2) {
        check(5, 3, dim, false);
        check(2, 2, dim, true);
    }
    assert_int_equal(idf_dot_i8_most(16), INT16_MAX);
    assert_int_equal(idf_dot_i8_most(65536), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sums_are_exact)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
