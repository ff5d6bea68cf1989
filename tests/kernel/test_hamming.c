/* test_hamming.c - descriptor distances: every variant against a bit by bit count, all sizes around
 * the blocks, misaligned and exact-size arrays, and the rule for ties. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "kernel/cpu.h"
#include "kernel/hamming.h"

static const unsigned levels[] = {
    0,
    IDF_CPU_AVX2,
    IDF_CPU_AVX2 | IDF_CPU_AVX512 | IDF_CPU_AVX512POPCNT,
    IDF_CPU_NEON,
};
enum { N_LEVELS = sizeof levels / sizeof levels[0] };

static unsigned bits_that_differ(const uint8_t *a, const uint8_t *b) {
    unsigned n = 0;
    for (int bit = 0; bit < 256; bit++)
        n += ((a[bit / 8] ^ b[bit / 8]) >> (bit % 8)) & 1;
    return n;
}

/* By definition: sorts nothing, remembers nothing but the two smallest. */
static idf_hamming_best two_nearest(const uint8_t *a, const uint8_t *b, size_t n_b) {
    idf_hamming_best best = {IDF_HAMMING_NONE, IDF_HAMMING_NONE, UINT32_MAX};
    for (size_t j = 0; j < n_b; j++) {
        unsigned d = bits_that_differ(a, b + 32 * j);
        if (d < best.best) {
            best.second = best.best;
            best.best = (uint16_t)d;
            best.index = (uint32_t)j;
        } else if (d < best.second) {
            best.second = (uint16_t)d;
        }
    }
    return best;
}

/* n descriptors at the very end of a block of memory, `offset` bytes off alignment. */
static uint8_t *new_descriptors(size_t n, size_t offset, void **block, idf_rng *rng, int spread) {
    uint8_t *memory = idf_alloc(n * 32 + offset, 1);
    assert_non_null(memory);
    *block = memory;
    for (size_t i = 0; i < n * 32; i++) /* a small spread makes near and equal descriptors */
        memory[offset + i] = (uint8_t)(spread >= 256 ? idf_rng_u32(rng) >> 24
                                                     : idf_rng_below(rng, (uint32_t)spread) == 0);
    return memory + offset;
}

static void check_match(size_t n_a, size_t n_b, size_t offset, int spread, idf_rng *rng) {
    void *block_a, *block_b;
    uint8_t *a = new_descriptors(n_a, offset, &block_a, rng, spread);
    uint8_t *b = new_descriptors(n_b, 3 * offset, &block_b, rng, spread);
    idf_hamming_best *got = idf_alloc(n_a, sizeof *got);
    for (int level = 0; level < N_LEVELS; level++) {
        idf_cpu_restrict(levels[level]);
        memset(got, 0x5a, n_a * sizeof *got);
        idf_hamming_match2(a, n_a, b, n_b, got);
        for (size_t i = 0; i < n_a; i++) {
            idf_hamming_best want = two_nearest(a + 32 * i, b, n_b);
            if (got[i].best != want.best || got[i].second != want.second ||
                got[i].index != want.index)
                fail_msg("%s, %zu of %zu against %zu: %u %u at %u, not %u %u at %u", idf_cpu_name(),
                         i, n_a, n_b, got[i].best, got[i].second, got[i].index, want.best,
                         want.second, want.index);
        }
    }
    idf_cpu_restrict(~0u);
    idf_free(got);
    idf_free(block_a);
    idf_free(block_b);
}

static void single_distances(void **state) {
    (void)state;
    uint8_t zero[32] = {0}, one[32];
    memset(one, 0xff, sizeof one);
    assert_int_equal(idf_hamming256(zero, zero), 0);
    assert_int_equal(idf_hamming256(zero, one), 256);
    idf_rng rng;
    idf_rng_init(&rng, 1, 0);
    for (int i = 0; i < 2000; i++) {
        uint8_t a[33], b[33];
        for (int k = 0; k < 33; k++) {
            a[k] = (uint8_t)idf_rng_u32(&rng);
            b[k] = (uint8_t)idf_rng_u32(&rng);
        }
        assert_int_equal(idf_hamming256(a + 1, b + 1), bits_that_differ(a + 1, b + 1));
        assert_int_equal(idf_hamming256(a + 1, b + 1), idf_hamming256(b + 1, a + 1));
    }
}

static void every_size(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 2, 0);
    for (size_t n_b = 0; n_b <= 70; n_b++)
        for (size_t n_a = 0; n_a <= 3; n_a++)
            check_match(n_a, n_b, n_b % 5, 256, &rng);
    static const size_t around_blocks[] = {511, 512, 513, 527, 528, 1024, 1025, 1100};
    for (size_t k = 0; k < sizeof around_blocks / sizeof *around_blocks; k++)
        check_match(5, around_blocks[k], k % 4, 256, &rng);
}

static void ties_go_to_the_lowest_index(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 3, 0);
    for (size_t n_b = 1; n_b < 1100; n_b += 37)
        check_match(7, n_b, 1, 40, &rng); /* few bits set: many equal distances */
    uint8_t same[32 * 600] = {0};         /* all equal: the first wins, the second is as near */
    idf_hamming_best got;
    for (int level = 0; level < N_LEVELS; level++) {
        idf_cpu_restrict(levels[level]);
        idf_hamming_match2(same, 1, same, 600, &got);
        assert_int_equal(got.best, 0);
        assert_int_equal(got.second, 0);
        assert_int_equal(got.index, 0);
        same[32 * 599] = 0xff;
        idf_hamming_match2(same + 32 * 599, 1, same, 600, &got);
        assert_int_equal(got.index, 599);
        assert_int_equal(got.second, 8);
        same[32 * 599] = 0;
    }
    idf_cpu_restrict(~0u);
}

static void extremes(void **state) {
    (void)state;
    uint8_t zero[32] = {0}, ones[32 * 40];
    memset(ones, 0xff, sizeof ones);
    idf_hamming_best got = {1, 2, 3};
    for (int level = 0; level < N_LEVELS; level++) {
        idf_cpu_restrict(levels[level]);
        idf_hamming_match2(zero, 1, NULL, 0, &got);
        assert_int_equal(got.best, IDF_HAMMING_NONE);
        assert_int_equal(got.second, IDF_HAMMING_NONE);
        assert_int_equal(got.index, UINT32_MAX);
        idf_hamming_match2(zero, 1, ones, 1, &got);
        assert_int_equal(got.best, 256);
        assert_int_equal(got.second, IDF_HAMMING_NONE);
        assert_int_equal(got.index, 0);
        idf_hamming_match2(zero, 1, ones, 40, &got);
        assert_int_equal(got.best, 256);
        assert_int_equal(got.second, 256);
        assert_int_equal(got.index, 0);
        idf_hamming_match2(NULL, 0, ones, 40, NULL);
    }
    idf_cpu_restrict(~0u);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_distances),
        cmocka_unit_test(every_size),
        cmocka_unit_test(ties_go_to_the_lowest_index),
        cmocka_unit_test(extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
