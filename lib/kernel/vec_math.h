/* vec_math.h - exp, the activations and the like over the vector type of vec_*.h, which is included
 * before this. */
#ifndef IDF_KERNEL_VEC_MATH_H
#define IDF_KERNEL_VEC_MATH_H

#include "kernel/gelu.h"

/* e^x: x = n ln 2 + r with |r| <= ln 2 / 2, then the series of e^r up to r^6 (relative error 1.2e-7
 * beside the rounding). Below -87 the result is
 * that of -87, above 88 that of 88: enough for probabilities. */
static inline vecf vec_exp(vecf x) {
    x = vec_min(vec_set1(88.0f), vec_max(vec_set1(-87.0f), x)); /* in this order NaN stays */
    vecf n = vec_round(vec_mul(x, vec_set1(1.44269504f)));
    vecf r = vec_fnma(n, vec_set1(0.693359375f), x); /* ln 2 in two parts; the first is exact */
    r = vec_fnma(n, vec_set1(-2.12194440e-4f), r);
    vecf p = vec_set1(1.38888889e-3f);
    p = vec_fma(p, r, vec_set1(8.33333333e-3f));
    p = vec_fma(p, r, vec_set1(4.16666667e-2f));
    p = vec_fma(p, r, vec_set1(1.66666667e-1f));
    p = vec_fma(p, r, vec_set1(0.5f));
    p = vec_fma(p, r, vec_set1(1.0f));
    p = vec_fma(p, r, vec_set1(1.0f));
    return vec_mul(p, vec_pow2(n));
}

static inline vecf vec_quick_gelu(vecf x) {
    x = vec_max(vec_set1(-50.0f), x); /* from here on the result is 0 to any digit that matters */
    vecf e = vec_exp(vec_mul(x, vec_set1(-1.702f)));
    return vec_div(x, vec_add(vec_set1(1.0f), e));
}

/* erfc(size / sqrt 2) / 2, the upper tail of the normal distribution, for 0 <= size <= 12.7, and
 * e^(-size^2 / 2) in *bell: erfc(z) = e^(-z^2) t P(t), t = 1 / (1 + z / 2). P is a Chebyshev fit
 * made by tools/fit_erfc.py. */
static inline vecf vec_normal_tail(vecf size, vecf *bell) {
    vecf z = vec_mul(size, vec_set1(0.70710678f));
    vecf t = vec_div(vec_set1(1.0f), vec_fma(z, vec_set1(0.5f), vec_set1(1.0f)));
    static const float coefficients[] = {-0.059686042f, 0.287419808f,   -0.49271403f,
                                         0.28390498f,   -0.0302949022f, 0.204078747f,
                                         0.242795137f,  0.282411545f,   0.28208471f};
    vecf p = vec_set1(coefficients[0]);
    for (size_t i = 1; i < sizeof coefficients / sizeof *coefficients; i++)
        p = vec_fma(p, t, vec_set1(coefficients[i]));
    *bell = vec_exp(vec_fnma(z, z, vec_zero()));
    return vec_mul(vec_mul(vec_mul(*bell, t), p), vec_set1(0.5f));
}

/* x times the part of the normal distribution below x: there is no cancellation on either side of
 * zero. */
static inline vecf vec_gelu(vecf x) {
    vecf size = vec_min(vec_set1(12.7f), vec_abs(x)); /* the tail is 0 in a float before that */
    vecf bell, tail = vec_mul(size, vec_normal_tail(size, &bell));
    return vec_where_negative(x, vec_sub(vec_zero(), tail), vec_sub(x, tail));
}

/* The slope of GELU at x: the part of the normal distribution below x, plus x times its density. */
static inline vecf vec_gelu_slope(vecf x) {
    vecf size = vec_min(vec_set1(12.7f), vec_abs(x));
    vecf bell, tail = vec_normal_tail(size, &bell);
    vecf below = vec_where_negative(x, tail, vec_sub(vec_set1(1.0f), tail));
    x = vec_where_negative(x, vec_sub(vec_zero(), size), size);
    return vec_fma(vec_mul(x, vec_set1(0.39894228f)), bell, below); /* 1 / sqrt(2 pi) */
}

static inline vecf vec_activate(vecf x, idf_activation activation) {
    return activation == IDF_ACT_QUICK_GELU ? vec_quick_gelu(x)
           : activation == IDF_ACT_GELU     ? vec_gelu(x)
                                            : x;
}

#endif
