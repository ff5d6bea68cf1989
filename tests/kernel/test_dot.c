/* test_dot.c - dot products: every variant equals the plain one to the last bit, for every tail,
 * tile remainder, misalignment and exact-size array; the plain one is close to the sum in double.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "kernel/cpu.h"
#include "kernel/dot.h"

static const unsigned levels[] = {0, IDF_CPU_AVX2, IDF_CPU_AVX2 | IDF_CPU_AVX512, IDF_CPU_NEON};
enum { N_LEVELS = sizeof levels / sizeof levels[0] };

/* n floats at the end of a block, off alignment by `offset` floats. */
static float *new_floats(size_t n, size_t offset, float **block, idf_rng *rng) {
    *block = idf_alloc(n + offset, sizeof **block);
    assert_non_null(*block);
    for (size_t i = 0; i < n + offset; i++)
        (*block)[i] = (float)idf_rng_normal(rng);
    return *block + offset;
}

static void check(size_t n_rows, size_t n_queries, size_t dim, size_t offset, idf_rng *rng) {
    float *block_r, *block_q;
    float *rows = new_floats(n_rows * dim, offset, &block_r, rng);
    float *queries = new_floats(n_queries * dim, offset + 1, &block_q, rng);
    size_t n = n_rows * n_queries;
    float *want = idf_alloc(n, sizeof *want), *got = idf_alloc(n, sizeof *got);
    idf_cpu_restrict(0);
    idf_dot_f32(rows, n_rows, queries, n_queries, dim, want);
    for (size_t q = 0; q < n_queries; q++)
        for (size_t r = 0; r < n_rows; r++) {
            double sum = 0, size = 0;
            for (size_t i = 0; i < dim; i++) {
                double product = (double)rows[r * dim + i] * queries[q * dim + i];
                sum += product;
                size += fabs(product);
            }
            /* each partial sum rounds dim/16 + 1 times, the tree 4 times: 2^-24 of the size each */
            double bound = ((double)dim / 16 + 6) * 0x1p-24 * size + 1e-30;
            assert_true(fabs(sum - want[q * n_rows + r]) <= bound);
        }
    for (int level = 1; level < N_LEVELS; level++) {
        idf_cpu_restrict(levels[level]);
        memset(got, 0xff, n * sizeof *got);
        idf_dot_f32(rows, n_rows, queries, n_queries, dim, got);
        if (n > 0 && memcmp(got, want, n * sizeof *got) != 0)
            fail_msg("%s differs for %zu rows, %zu queries of %zu", idf_cpu_name(), n_rows,
                     n_queries, dim);
    }
    idf_cpu_restrict(~0u);
    idf_free(got);
    idf_free(want);
    idf_free(block_q);
    idf_free(block_r);
}

static void every_tail(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 1, 0);
    for (size_t dim = 0; dim <= 50; dim++)
        check(5, 5, dim, dim % 4, &rng);
    check(5, 5, 512, 1, &rng);
    check(3, 3, 1000, 3, &rng);
}

static void every_tile_remainder(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 2, 0);
    for (size_t n_rows = 0; n_rows <= 9; n_rows++)
        for (size_t n_queries = 0; n_queries <= 9; n_queries++)
            check(n_rows, n_queries, 37, n_rows % 3, &rng);
}

static void special_values(void **state) {
    (void)state;
    float row[20] = {0}, query[20] = {0}, got;
    for (int level = 0; level < N_LEVELS; level++) {
        idf_cpu_restrict(levels[level]);
        memset(row, 0, sizeof row);
        for (int i = 0; i < 20; i++)
            query[i] = -1; /* products are -0: the sum of a row of zeros is +0 */
        idf_dot_f32(row, 1, query, 1, 20, &got);
        assert_true(got == 0 && !signbit(got));
        row[19] = INFINITY;
        idf_dot_f32(row, 1, query, 1, 20, &got);
        assert_true(got == -INFINITY);
        row[3] = NAN;
        idf_dot_f32(row, 1, query, 1, 20, &got);
        assert_true(isnan(got));
        row[3] = 0;
        idf_dot_f32(row, 1, query, 1, 19, &got); /* what lies behind the row has no part */
        assert_true(got == 0);
    }
    idf_cpu_restrict(~0u);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tail),
        cmocka_unit_test(every_tile_remainder),
        cmocka_unit_test(special_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
