/* test_crc32.c - the checksum against its definition bit by bit, at all lengths and alignments, at
 * once and in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "kernel/cpu.h"
#include "kernel/crc32.h"

static const unsigned levels[] = {0, IDF_CPU_AVX2};

static uint32_t by_definition(uint32_t crc, const uint8_t *data, size_t n) {
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static void test_known(void **state) {
    (void)state;
    for (int l = 0; l < 2; l++) {
        idf_cpu_restrict(levels[l]);
        assert_int_equal(idf_crc32(0, "123456789", 9), 0xCBF43926);
        assert_int_equal(idf_crc32(0, NULL, 0), 0);
        assert_int_equal(idf_crc32(77, NULL, 0), 77);
    }
    idf_cpu_restrict(~0u);
}

static void test_lengths(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 5, 0);
    for (size_t n = 0; n < 400; n++) { /* exact-size blocks: nothing outside is read */
        size_t offset = n % 17;
        uint8_t *block = idf_alloc(n + offset + (n + offset == 0), 1);
        uint32_t before = n % 3 == 0 ? 0 : idf_rng_u32(&rng);
        for (size_t i = 0; i < n; i++)
            block[offset + i] = (uint8_t)(idf_rng_u32(&rng) >> 24);
        uint32_t expected = by_definition(before, block + offset, n);
        for (int l = 0; l < 2; l++) {
            idf_cpu_restrict(levels[l]);
            assert_int_equal(idf_crc32(before, block + offset, n), expected);
        }
        idf_free(block);
    }
    idf_cpu_restrict(~0u);
}

static void test_pieces(void **state) {
    (void)state;
    enum { N = 100000 };
    idf_rng rng;
    idf_rng_init(&rng, 6, 0);
    uint8_t *data = idf_alloc(N, 1);
    for (size_t i = 0; i < N; i++)
        data[i] = (uint8_t)(idf_rng_u32(&rng) >> 24);
    uint32_t expected = by_definition(0, data, N);
    for (int l = 0; l < 2; l++) {
        idf_cpu_restrict(levels[l]);
        assert_int_equal(idf_crc32(0, data, N), expected);
        uint32_t crc = 0;
        for (size_t at = 0, n; at < N; at += n) {
            n = 1 + idf_rng_below(&rng, 5000);
            n = n < N - at ? n : N - at;
            crc = idf_crc32(crc, data + at, n);
        }
        assert_int_equal(crc, expected);
        data[N / 2] ^= 1;
        assert_int_not_equal(idf_crc32(0, data, N), expected);
        data[N / 2] ^= 1;
    }
    idf_free(data);
    idf_cpu_restrict(~0u);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
