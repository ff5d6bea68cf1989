/* convert.c - IEEE 754 binary16 and bfloat16 (the upper half of a float) in plain C. */
#include "kernel/convert.h"

#include <string.h>

#include "base/bytes.h"

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

float idf_f16_to_f32(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31,
             fraction = half & 0x3FF;
    if (exponent == 31) /* infinity, NaN */
        return float_of(sign | 0x7F800000 | fraction << 13);
    if (exponent != 0) /* the bias is 15 here and 127 there */
        return float_of(sign | (exponent + 112) << 23 | fraction << 13);
    float value = (float)fraction * 0x1p-24f; /* subnormal: exact in float */
    return float_of(sign | bits_of(value));
}

float idf_bf16_to_f32(uint16_t half) {
    return float_of((uint32_t)half << 16);
}

uint16_t idf_f32_to_bf16(float value) {
    uint32_t bits = bits_of(value);
    if ((bits & 0x7FFFFFFF) > 0x7F800000) /* NaN: keep it quiet, rounding could make it infinity */
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

/* Divides by 2^shift, to nearest, ties to even. 1 <= shift <= 31 */
static uint32_t shift_right_even(uint32_t value, int shift) {
    uint32_t kept = value >> shift, rest = value & ((1u << shift) - 1), half = 1u << (shift - 1);
    return kept + (rest > half || (rest == half && (kept & 1) != 0));
}

uint16_t idf_f32_to_f16(float value) {
    uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000, rest = bits & 0x7FFFFFFF;
    if (rest > 0x7F800000)
        return (uint16_t)(sign | 0x7E00);
    if (rest >= 0x47800000) /* 2^16 and more */
        return (uint16_t)(sign | 0x7C00);
    if (rest >= 0x38800000) /* 2^-14: normal; a carry out of the fraction is right as it is */
        return (uint16_t)(sign | shift_right_even(rest - (112u << 23), 13));
    int exponent = (int)(rest >> 23); /* below 113: the result is subnormal, in units of 2^-24 */
    if (exponent < 102)               /* below 2^-25: zero */
        return (uint16_t)sign;
    return (uint16_t)(sign | shift_right_even((rest & 0x7FFFFF) | 0x800000, 126 - exponent));
}

void idf_convert_f16_to_f32(const void *from, size_t n, float *out) {
    const uint8_t *p = from;
    for (size_t i = 0; i < n; i++)
        out[i] = idf_f16_to_f32(idf_load_u16le(p + 2 * i));
}

void idf_convert_bf16_to_f32(const void *from, size_t n, float *out) {
    const uint8_t *p = from;
    for (size_t i = 0; i < n; i++)
        out[i] = idf_bf16_to_f32(idf_load_u16le(p + 2 * i));
}

void idf_convert_f64_to_f32(const void *from, size_t n, float *out) {
    const uint8_t *p = from;
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = idf_load_u64le(p + 8 * i);
        double value;
        memcpy(&value, &bits, sizeof value);
        out[i] = (float)value;
    }
}
