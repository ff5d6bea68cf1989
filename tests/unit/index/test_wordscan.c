/* The inner loops of a look-up: every variant gives the numbers of the plain one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka.h needs the four before stdlib */
#include <cmocka.h>

#include "index/wordscan.h"
#include "kernel/cpu.h"
#include "unit/match/synthetic.h"

static void agrees(const idf_word_scan *best) {
    idf_rng rng;
    idf_rng_init(&rng, 41, 0);
    for (int n = 0; n <= IDF_WORD_BRANCH_MAX; n++) {
        /* exact sizes, so that a sanitizer sees any step outside */
        uint64_t *signatures = malloc((size_t)n * sizeof *signatures + 1);
        idf_descriptor *d = malloc((size_t)n * sizeof *d + 1);
        uint32_t *a = malloc((size_t)n * sizeof *a + 4), *b = malloc((size_t)n * sizeof *b + 4);
        idf_word_group groups[IDF_WORD_BRANCH_MAX / IDF_WORD_GROUP] = {0};
        uint32_t p[64], q[64];
        int k_max = n <= 64 ? 64 : 10; /* the farthest, too */
        idf_descriptor wanted = synthetic_descriptor(&rng);
        uint64_t want = (uint64_t)idf_rng_u32(&rng) << 32 | idf_rng_u32(&rng);
        for (int i = 0; i < n; i++) {
            d[i] = synthetic_descriptor(&rng);
            if (i % 31 == 30) /* the opposite, or nearly */
                for (int k = 0; k < IDF_DESCRIPTOR_BYTES; k++)
                    d[i].bits[k] = (uint8_t)(~wanted.bits[k] ^ (k == 0 ? i & 3 : 0));
            signatures[i] = want;
            for (uint32_t k = idf_rng_below(&rng, 30); k > 0; k--)
                signatures[i] ^= (uint64_t)1 << idf_rng_below(&rng, 64);
        }
        int n_a = idf_word_scan_c.near(signatures, n, want, 12, a);
        int n_b = best->near(signatures, n, want, 12, b);
        assert_int_equal(n_a, n_b);
        assert_memory_equal(a, b, (size_t)n_a * sizeof *a);
        idf_word_groups_fill(groups, d, n);
        int n_p = idf_word_scan_c.nearest(groups, n, &wanted, k_max, p);
        assert_int_equal(n_p, n < k_max ? n : k_max);
        assert_int_equal(best->nearest(groups, n, &wanted, k_max, q), n_p);
        assert_memory_equal(p, q, (size_t)n_p * sizeof *p);
        for (int i = 0; i < n_p; i++) {
            unsigned distance = best->distance(&d[p[i] & 0xffff], &wanted);
            assert_int_equal(distance < 254 ? distance : 254, p[i] >> 16);
            assert_true(i == 0 || p[i - 1] < p[i]);
        }
        free(signatures);
        free(d);
        free(a);
        free(b);
    }
}

static void variants_agree(void **state) {
    (void)state;
    idf_cpu_restrict(IDF_CPU_AVX2);
    agrees(idf_word_scan_choose());
    idf_cpu_restrict(~0u);
    agrees(idf_word_scan_choose());
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(variants_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
