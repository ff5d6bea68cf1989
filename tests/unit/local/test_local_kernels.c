/* Every SIMD variant of the extraction loops gives the plain C one's bytes: every tail length, any
 * alignment, buffers of exactly the size that kernels.h promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "kernel/cpu.h"
#include "local/kernels.h"
#include "local/pattern.h"

static const idf_local_kernels *variants[4];
static int n_variants;

static void find_variants(void) {
    unsigned features = idf_cpu_features();
    (void)features;
#if defined(__x86_64__)
    if (features & IDF_CPU_AVX2)
        variants[n_variants++] = &idf_local_kernels_avx2;
    if (features & IDF_CPU_AVX512)
        variants[n_variants++] = &idf_local_kernels_avx512;
#elif defined(__aarch64__)
    if (features & IDF_CPU_NEON)
        variants[n_variants++] = &idf_local_kernels_neon;
#endif
}

/* Noise, steps and flats: runs of equal values make ties. */
static uint8_t *noise(size_t n, uint64_t seed) {
    uint8_t *bytes = malloc(n);
    idf_rng rng;
    idf_rng_init(&rng, seed, n);
    unsigned kind = idf_rng_below(&rng, 3);
    for (size_t i = 0; i < n; i++) {
        uint32_t v = idf_rng_u32(&rng);
        bytes[i] = (uint8_t)(kind == 0 ? v : kind == 1 ? (v & 1) * 255 : 100 + v % 5);
    }
    return bytes;
}

static void same(const uint8_t *a, const uint8_t *b, size_t n) {
    assert_memory_equal(a, b, n);
}

static void shrink_rows_agree(void **state) {
    (void)state;
    for (int n = 1; n < 150; n++)
        for (int phase = 0; phase < 5; phase++) {
            size_t in = (size_t)(6 * (n / 5) + n % 5 + 1);
            uint8_t *above = noise(in, (uint64_t)n), *below = noise(in, 7 + (uint64_t)n);
            uint8_t *want = malloc((size_t)n), *got = malloc((size_t)n);
            idf_local_kernels_c.shrink_row(want, above, below, phase, n);
            for (int v = 0; v < n_variants; v++) {
                variants[v]->shrink_row(got, above, below, phase, n);
                same(got, want, (size_t)n);
            }
            free(above), free(below), free(want), free(got);
        }
}

/* A plane with exactly `margin` pixels around n x 1 pixels; the last row has none to spare. */
typedef struct plane {
    uint8_t *memory;
    const uint8_t *at;
    ptrdiff_t stride;
} plane;

static plane plane_new(int n, int margin, int more_right, uint64_t seed) {
    plane p = {0};
    p.stride = n + 2 * margin + more_right;
    p.memory = noise((size_t)p.stride * (size_t)(2 * margin + 1), seed);
    p.at = p.memory + margin * p.stride + margin;
    return p;
}

static void row_filters_agree(void **state) {
    (void)state;
    for (int n = 1; n < 330; n += n < 140 ? 1 : 17)
        for (uint64_t seed = 0; seed < 4; seed++) {
            plane p = plane_new(n, 3, 0, seed);
            uint8_t *want = malloc((size_t)n), *got = malloc((size_t)n);
            idf_local_kernels_c.blur_row(want, p.at, p.stride, n);
            for (int v = 0; v < n_variants; v++) {
                variants[v]->blur_row(got, p.at, p.stride, n);
                same(got, want, (size_t)n);
            }
            idf_local_kernels_c.fast_row(want, p.at, p.stride, n);
            for (int v = 0; v < n_variants; v++) {
                variants[v]->fast_row(got, p.at, p.stride, n);
                same(got, want, (size_t)n);
            }
            free(p.memory), free(want), free(got);
        }
}

static void peaks_agree(void **state) {
    (void)state;
    for (int n = 1; n < 150; n++)
        for (uint64_t seed = 0; seed < 4; seed++) {
            uint8_t *rows[3];
            for (int i = 0; i < 3; i++)
                rows[i] = noise((size_t)n + 2, 3 * seed + (uint64_t)i);
            const uint8_t *const at[3] = {rows[0] + 1, rows[1] + 1, rows[2] + 1};
            size_t room = (size_t)(n + 1) / 2;
            uint16_t *want = calloc(room, 2), *got = calloc(room, 2);
            int threshold = 1 + (int)seed * 60;
            int count = idf_local_kernels_c.peaks_row(want, at, n, threshold);
            assert_in_range(count, 0, room);
            for (int v = 0; v < n_variants; v++) {
                assert_int_equal(variants[v]->peaks_row(got, at, n, threshold), count);
                same((uint8_t *)got, (uint8_t *)want, (size_t)count * 2);
            }
            for (int i = 0; i < 3; i++)
                free(rows[i]);
            free(want), free(got);
        }
}

static void point_kernels_agree(void **state) {
    (void)state;
    static int16_t turned[IDF_ANGLES][IDF_DESCRIPTOR_POINTS];
    for (uint64_t seed = 0; seed < 200; seed++) {
        plane p = plane_new(1, 4, 7, seed);
        float want = idf_local_kernels_c.harris(p.at, p.stride);
        for (int v = 0; v < n_variants; v++)
            assert_true(variants[v]->harris(p.at, p.stride) == want);
        free(p.memory);

        p = plane_new(1, 15, 1, seed);
        int32_t m[2], got[2];
        idf_local_kernels_c.moments(p.at, p.stride, m);
        for (int v = 0; v < n_variants; v++) {
            variants[v]->moments(p.at, p.stride, got);
            assert_int_equal(got[0], m[0]);
            assert_int_equal(got[1], m[1]);
        }
        free(p.memory);

        p = plane_new(1, 15, 3, seed);
        if (seed == 0)
            idf_pattern_turn(turned, idf_pattern, (int)p.stride);
        uint8_t bits[32], bits_got[32];
        idf_local_kernels_c.describe(bits, p.at, turned[seed]);
        for (int v = 0; v < n_variants; v++) {
            variants[v]->describe(bits_got, p.at, turned[seed]);
            same(bits_got, bits, sizeof bits);
        }
        free(p.memory);
    }
}

static void nearest_agree(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 3, 0);
    for (int n = 0; n < 70; n++) {
        float *xs = malloc(sizeof *xs * (size_t)(n + 1)),
              *ys = malloc(sizeof *ys * (size_t)(n + 1));
        for (int i = 0; i < n; i++) {
            xs[i] = (float)idf_rng_below(&rng, 640);
            ys[i] = (float)idf_rng_below(&rng, 640);
        }
        float want = idf_local_kernels_c.nearest(xs, ys, n, 320, 5);
        assert_true(n > 0 ? want < 1e6f : want == 1e30f);
        for (int v = 0; v < n_variants; v++)
            assert_true(variants[v]->nearest(xs, ys, n, 320, 5) == want);
        free(xs), free(ys);
    }
}

/* The dense score against the definition: the largest t at which nine in a row differ by t. */
static void fast_score_is_its_definition(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        plane p = plane_new(1, 3, 0, seed);
        int best = 0;
        for (int t = 1; t <= 255; t++)
            for (int start = 0; start < 16; start++)
                for (int sign = -1; sign <= 1; sign += 2) {
                    int run = 0;
                    while (run < 9) {
                        const int8_t *o = idf_fast_circle[(start + run) & 15];
                        if (sign * (p.at[o[0] + o[1] * p.stride] - *p.at) < t)
                            break;
                        run++;
                    }
                    best = run == 9 ? t : best;
                }
        uint8_t score;
        idf_local_kernels_c.fast_row(&score, p.at, p.stride, 1);
        assert_int_equal(score, best);
        free(p.memory);
    }
}

static void blur_keeps_flats_and_weights(void **state) {
    (void)state;
    assert_int_equal(idf_blur_weights[0] +
                         2 * (idf_blur_weights[1] + idf_blur_weights[2] + idf_blur_weights[3]),
                     256);
    uint8_t flat[49];
    for (int value = 0; value < 256; value++) {
        memset(flat, value, sizeof flat);
        uint8_t out;
        idf_local_kernels_c.blur_row(&out, flat + 24, 7, 1);
        assert_int_equal(out, value);
    }
}

static void angles_are_exact(void **state) {
    (void)state;
    const double turn = 2 * acos(-1);
    for (int y = -60; y <= 60; y++)
        for (int x = -60; x <= 60; x++) {
            if (x == 0 && y == 0)
                continue;
            double exact = atan2(y, x) / turn * 256;
            double difference = fabs(remainder(idf_angle256(y, x) - exact, 256));
            assert_true(difference < 0.51); /* cosines are rounded to 1/16384 */
        }
    assert_int_equal(idf_angle256(0, 0), 0);
    assert_int_equal(idf_angle256(INT32_MAX, INT32_MAX), 32);
    assert_int_equal(idf_angle256(INT32_MIN, INT32_MIN), 160);
}

static void pattern_stays_in_the_disc(void **state) {
    (void)state;
    enum { STRIDE = 100 };
    static int16_t turned[IDF_ANGLES][IDF_DESCRIPTOR_POINTS];
    idf_pattern_turn(turned, idf_pattern, STRIDE);
    for (int i = 0; i < IDF_DESCRIPTOR_POINTS / 2; i++) {
        assert_true(memcmp(idf_pattern[i], idf_pattern[i] + 2, 2) != 0);
        for (int j = 0; j < i; j++)
            assert_true(memcmp(idf_pattern[i], idf_pattern[j], 4) != 0);
    }
    for (int angle = 0; angle < IDF_ANGLES; angle++)
        for (int i = 0; i < IDF_DESCRIPTOR_POINTS; i++) {
            int at = turned[angle][i] + 50 * STRIDE + 50;
            int x = at % STRIDE - 50, y = at / STRIDE - 50;
            assert_in_range(x + 15, 0, 30);
            assert_in_range(y + 15, 0, 30);
            /* half a turn is the point mirrored at the centre */
            assert_int_equal(turned[(angle + 128) & 255][i], -turned[angle][i]);
        }
}

int main(void) {
    find_variants();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shrink_rows_agree),
        cmocka_unit_test(row_filters_agree),
        cmocka_unit_test(peaks_agree),
        cmocka_unit_test(point_kernels_agree),
        cmocka_unit_test(nearest_agree),
        cmocka_unit_test(fast_score_is_its_definition),
        cmocka_unit_test(blur_keeps_flats_and_weights),
        cmocka_unit_test(angles_are_exact),
        cmocka_unit_test(pattern_stays_in_the_disc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
