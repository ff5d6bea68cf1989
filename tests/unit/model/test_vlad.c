/* The loops of aggregation: the variant in use gives the plain C one's numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/vlad.h"

static void random_bytes(uint8_t *bytes, size_t n, uint64_t seed) {
    idf_rng rng;
    idf_rng_init(&rng, seed, n);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)idf_rng_u32(&rng);
}

/* The loops one by one, on tables of every depth that is allowed and on extreme values. */
static void loops_agree(void **state) {
    (void)state;
    const idf_vlad_kernels *best = idf_vlad_kernels_choose(), *plain = &idf_vlad_kernels_c;
    for (int depth = 16; depth <= IDF_VLAD_MAX_DEPTH; depth += 16) {
        size_t d = (size_t)depth, k = 24;
        int8_t *projection = malloc(256 * d);
        int16_t *words = malloc(2 * k * d), *pairs = malloc(2 * k * d), *x = malloc(2 * d);
        int16_t *got = malloc(2 * d), *offset = calloc(d, 2);
        int32_t norms[24] = {0};
        float *sum = calloc(d, sizeof *sum), *sum_got = calloc(d, sizeof *sum_got);
        random_bytes((uint8_t *)projection, 256 * d, d);
        random_bytes((uint8_t *)words, 2 * k * d, d);
        for (size_t i = 0; i < 256 * d; i++)
            projection[i] = (int8_t)(projection[i] == -128 || depth == 32 ? 127 : projection[i]);
        for (size_t i = 0; i < k * d; i++) {
            words[i] = (int16_t)(words[i] / 64);
            norms[i / d] += words[i] * words[i];
            pairs[(i % d / 2 * k + i / d) * 2 + i % 2] = words[i];
        }
        idf_vlad v = {depth, (int)k, 1, projection, offset, words, pairs, norms, NULL, NULL, NULL};
        for (uint64_t seed = 0; seed < 20; seed++) {
            uint8_t bits[IDF_DESCRIPTOR_BYTES];
            random_bytes(bits, sizeof bits, seed);
            if (seed == 0)
                memset(bits, 255, sizeof bits);
            plain->project(x, bits, &v);
            best->project(got, bits, &v);
            assert_memory_equal(got, x, 2 * d);
            for (size_t i = 0; i < d; i++)
                x[i] = (int16_t)(x[i] / 32 % 1000);
            int word = plain->nearest(x, &v);
            assert_in_range(word, 0, k - 1);
            assert_int_equal(best->nearest(x, &v), word);
            plain->add(sum, x, words + word * depth, depth);
            best->add(sum_got, x, words + word * depth, depth);
            assert_memory_equal(sum, sum_got, d * sizeof *sum);
            assert_int_equal(best->dot(projection, x, depth), plain->dot(projection, x, depth));
        }
        free(projection), free(words), free(pairs), free(x), free(got), free(offset);
        free(sum), free(sum_got);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loops_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
