/* The loops of finding edges: every variant against the plain one, at every length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "kernel/cpu.h"
#include "match/edgerows.h"

enum { LENGTH_MAX = 83 };

/* Rows of exactly n items, so that reading or writing past their ends shows under a sanitizer. */
static void compare(const idf_edge_rows *with, int n, int least, idf_rng *rng) {
    size_t len = (size_t)n;
    uint8_t *rows[3], *out[2];
    int16_t *sums[2], *gx[2], *gy[2], *strength[2], *around[2];
    uint16_t *at[2];
    int n_at[2];
    for (int r = 0; r < 3; r++) {
        rows[r] = malloc(len);
        assert_non_null(rows[r]);
        for (int x = 0; x < n; x++) /* also the largest steps there are */
            rows[r][x] = (uint8_t)(least > 500 ? 255 * (idf_rng_u32(rng) & 1) : idf_rng_u32(rng));
    }
    const uint8_t *const in[3] = {rows[0], rows[1], rows[2]};
    for (int v = 0; v < 2; v++) {
        const idf_edge_rows *loops = v == 0 ? &idf_edge_rows_c : with;
        out[v] = malloc(len);
        sums[v] = malloc(len * sizeof *sums[v]);
        gx[v] = malloc(len * sizeof *gx[v]);
        gy[v] = malloc(len * sizeof *gy[v]);
        strength[v] = malloc(len * sizeof *strength[v]);
        around[v] = malloc(len * sizeof *around[v]);
        at[v] = malloc(len * sizeof *at[v]);
        assert_true(out[v] && sums[v] && gx[v] && gy[v] && strength[v] && around[v] && at[v]);
        loops->smooth(in, n, sums[v], out[v]);
        loops->differentiate(in, n, gx[v], gy[v], strength[v]);
        for (int x = 0; x < n; x++) /* of the rows above and below */
            around[v][x] = (int16_t)(v == 0 ? (int)(idf_rng_u32(rng) % 1500) : around[0][x]);
        const int16_t *const three[3] = {around[v], strength[v], around[v]};
        const int16_t *const gradient[2] = {gx[v], gy[v]};
        n_at[v] = loops->crests(three, gradient, n, least, at[v]);
    }
    assert_memory_equal(out[0], out[1], len);
    assert_memory_equal(gx[0], gx[1], len * sizeof *gx[0]);
    assert_memory_equal(gy[0], gy[1], len * sizeof *gy[0]);
    assert_memory_equal(strength[0], strength[1], len * sizeof *strength[0]);
    assert_int_equal(n_at[0], n_at[1]);
    if (n_at[0] > 0)
        assert_memory_equal(at[0], at[1], (size_t)n_at[0] * sizeof *at[0]);
    for (int v = 0; v < 2; v++) {
        free(out[v]);
        free(sums[v]);
        free(gx[v]);
        free(gy[v]);
        free(strength[v]);
        free(around[v]);
        free(at[v]);
    }
    for (int r = 0; r < 3; r++)
        free(rows[r]);
}

static void variants_agree(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 3, 0);
#if defined(__x86_64__)
    if (idf_cpu_features() & IDF_CPU_AVX2)
        for (int n = 2; n <= LENGTH_MAX; n++)
            for (int least = 0; least <= 1200; least += 150)
                compare(&idf_edge_rows_avx2, n, least, &rng);
#endif
    compare(idf_edge_rows_choose(), LENGTH_MAX, 40, &rng);
}

static void a_step_has_its_gradient(void **state) {
    (void)state;
    uint8_t row[8] = {10, 10, 10, 10, 90, 90, 90, 90}, out[8];
    const uint8_t *const rows[3] = {row, row, row};
    int16_t sums[8], gx[8], gy[8], strength[8];
    uint16_t at[8];
    const idf_edge_rows *loops = idf_edge_rows_choose();
    loops->smooth(rows, 8, sums, out);
    const uint8_t expected[8] = {10, 10, 10, 30, 70, 90, 90, 90};
    assert_memory_equal(out, expected, 8);
    loops->differentiate(rows, 8, gx, gy, strength);
    for (int x = 0; x < 8; x++) {
        assert_int_equal(gx[x], x == 3 || x == 4 ? 4 * 80 : 0);
        assert_int_equal(gy[x], 0);
        assert_int_equal(strength[x], gx[x]);
    }
    const int16_t *const three[3] = {strength, strength, strength};
    const int16_t *const gradient[2] = {gx, gy};
    assert_int_equal(loops->crests(three, gradient, 8, 320, at), 1);
    assert_int_equal(at[0], 4); /* of two that are equal the second */
    assert_int_equal(loops->crests(three, gradient, 8, 321, at), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variants_agree),
        cmocka_unit_test(a_step_has_its_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
