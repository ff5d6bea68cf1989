/* Half and bfloat16: every value there and back, and rounding against exact arithmetic. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "kernel/convert.h"

/* What the bits of a half mean, by the definition. */
static double half_value(uint16_t half) {
    int exponent = half >> 10 & 31, fraction = half & 0x3FF;
    double sign = half & 0x8000 ? -1 : 1;
    if (exponent == 31)
        return fraction == 0 ? sign * INFINITY : NAN;
    return sign * (exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25));
}

static void test_every_half(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 65536; i++) {
        float value = idf_f16_to_f32((uint16_t)i);
        double want = half_value((uint16_t)i);
        if (isnan(want)) {
            assert_true(isnan(value) && isnan(idf_f16_to_f32(idf_f32_to_f16(value))));
            continue;
        }
        assert_true(value == want && !signbit(value) == !signbit(want));
        assert_int_equal(idf_f32_to_f16(value), i);
    }
}

/* The nearest of the two neighbours, the even one half way between them. */
static void test_half_rounds(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 0x7BFF; i++) {
        float low = idf_f16_to_f32((uint16_t)i), high = idf_f16_to_f32((uint16_t)(i + 1));
        float middle = (low + high) / 2; /* exact: a half has 11 bits, a float 24 */
        assert_int_equal(idf_f32_to_f16(middle), i + (i & 1));
        assert_int_equal(idf_f32_to_f16(nextafterf(middle, 0)), i);
        assert_int_equal(idf_f32_to_f16(nextafterf(middle, INFINITY)), i + 1);
        assert_int_equal(idf_f32_to_f16(-middle), 0x8000 | (i + (i & 1)));
    }
    assert_int_equal(idf_f32_to_f16(65519.99F), 0x7BFF);
    assert_int_equal(idf_f32_to_f16(65520), 0x7C00);
    assert_int_equal(idf_f32_to_f16(FLT_MAX), 0x7C00);
    assert_int_equal(idf_f32_to_f16(-INFINITY), 0xFC00);
    assert_int_equal(idf_f32_to_f16(FLT_TRUE_MIN), 0);
}

static void test_bfloat(void **state) {
    (void)state;
    idf_rng rng;
    for (uint32_t i = 0; i < 65536; i++) {
        float value = idf_bf16_to_f32((uint16_t)i);
        if (isnan(value))
            assert_true(isnan(idf_bf16_to_f32(idf_f32_to_bf16(value))));
        else
            assert_int_equal(idf_f32_to_bf16(value), i);
    }
    idf_rng_init(&rng, 5, 0);
    for (int i = 0; i < 100000; i++) {
        uint32_t bits = idf_rng_u32(&rng);
        float value;
        memcpy(&value, &bits, sizeof value);
        float rounded = idf_bf16_to_f32(idf_f32_to_bf16(value));
        if (isnan(value)) {
            assert_true(isnan(rounded));
        } else if (isfinite(rounded)) {
            float low = idf_bf16_to_f32((uint16_t)(bits >> 16));
            float high = idf_bf16_to_f32((uint16_t)((bits >> 16) + 1));
            double a = fabs((double)value - low), b = fabs((double)value - high);
            assert_true(rounded == (a < b || (a == b && (bits >> 16 & 1) == 0) ? low : high));
        }
    }
}

/* Arrays at any alignment, nothing past their end. */
static void test_arrays(void **state) {
    (void)state;
    for (size_t at = 0; at < 8; at++)
        for (size_t n = 0; n < 20; n++) {
            uint8_t halves[64] = {0}, doubles[256] = {0};
            float out[21];
            for (size_t i = 0; i < n; i++) {
                double value = 0.1 * (double)i;
                uint64_t bits;
                memcpy(&bits, &value, sizeof bits);
                idf_store_u64le(doubles + at + 8 * i, bits);
                idf_store_u16le(halves + at + 2 * i, idf_f32_to_f16((float)i));
            }
            out[n] = 42;
            idf_convert_f16_to_f32(halves + at, n, out);
            for (size_t i = 0; i < n; i++)
                assert_true(out[i] == (float)i);
            idf_convert_f64_to_f32(doubles + at, n, out);
            for (size_t i = 0; i < n; i++)
                assert_true(out[i] == (float)(0.1 * (double)i));
            for (size_t i = 0; i < n; i++)
                idf_store_u16le(halves + at + 2 * i, idf_f32_to_bf16((float)i));
            idf_convert_bf16_to_f32(halves + at, n, out);
            for (size_t i = 0; i < n; i++)
                assert_true(out[i] == (float)i);
            assert_true(out[n] == 42);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_half),
        cmocka_unit_test(test_half_rounds),
        cmocka_unit_test(test_bfloat),
        cmocka_unit_test(test_arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
