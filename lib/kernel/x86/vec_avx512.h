/* vec_avx512.h - the vector type of the kernels' shared bodies: 16 floats, AVX-512. */
#ifndef IDF_KERNEL_X86_VEC_AVX512_H
#define IDF_KERNEL_X86_VEC_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#define VEC_SUFFIX avx512
enum { VEC_WIDTH = 16 };
typedef __m512 vecf;
typedef __m512i veci;

static inline vecf vec_load(const float *p) {
    return _mm512_loadu_ps(p);
}
static inline void vec_store(float *p, vecf v) {
    _mm512_storeu_ps(p, v);
}
/* The first n < VEC_WIDTH elements, the rest zero; nothing behind them is touched. */
static inline vecf vec_load_part(const float *p, int n) {
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}
static inline void vec_store_part(float *p, vecf v, int n) {
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), v);
}
static inline vecf vec_set1(float x) {
    return _mm512_set1_ps(x);
}
static inline vecf vec_zero(void) {
    return _mm512_setzero_ps();
}
static inline vecf vec_add(vecf a, vecf b) {
    return _mm512_add_ps(a, b);
}
static inline vecf vec_sub(vecf a, vecf b) {
    return _mm512_sub_ps(a, b);
}
static inline vecf vec_mul(vecf a, vecf b) {
    return _mm512_mul_ps(a, b);
}
static inline vecf vec_div(vecf a, vecf b) {
    return _mm512_div_ps(a, b);
}
static inline vecf vec_sqrt(vecf a) {
    return _mm512_sqrt_ps(a);
}
/* The second operand when one is NaN. */
static inline vecf vec_max(vecf a, vecf b) {
    return _mm512_max_ps(a, b);
}
static inline vecf vec_min(vecf a, vecf b) {
    return _mm512_min_ps(a, b);
}
static inline vecf vec_abs(vecf a) {
    return _mm512_abs_ps(a);
}
/* a * b + c and c - a * b, rounded once. */
static inline vecf vec_fma(vecf a, vecf b, vecf c) {
    return _mm512_fmadd_ps(a, b, c);
}
static inline vecf vec_fnma(vecf a, vecf b, vecf c) {
    return _mm512_fnmadd_ps(a, b, c);
}
static inline vecf vec_round(vecf a) {
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* 2^n for whole n in -126..127. */
static inline vecf vec_pow2(vecf n) {
    veci bits = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 23));
}
/* a where x < 0, else b. */
static inline vecf vec_where_negative(vecf x, vecf a, vecf b) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ), b, a);
}
static inline float vec_sum(vecf a) {
    return _mm512_reduce_add_ps(a);
}
static inline float vec_largest(vecf a) {
    return _mm512_reduce_max_ps(a);
}
/* How many |x| > limit. */
static inline int vec_count_above(vecf x, vecf limit) {
    return __builtin_popcount(_mm512_cmp_ps_mask(_mm512_abs_ps(x), limit, _CMP_GT_OQ));
}
static inline veci vec_load_int(const void *p) {
    return _mm512_loadu_si512(p);
}
static inline void vec_store_int(void *p, veci v) {
    _mm512_storeu_si512(p, v);
}
static inline veci vec_sub_int(veci a, veci b) {
    return _mm512_sub_epi32(a, b);
}
#define vec_shl_int(a, n) _mm512_slli_epi32(a, n)
#define vec_sar_int(a, n) _mm512_srai_epi32(a, n)
static inline veci vec_shl_by(veci a, int n) {
    return _mm512_sll_epi32(a, _mm_cvtsi32_si128(n));
}
static inline vecf vec_from_int(veci a) {
    return _mm512_cvtepi32_ps(a);
}
/* To VEC_WIDTH int8, rounded to nearest even, |a| < 128. */
static inline void vec_store_s8(int8_t *p, vecf a) {
    _mm_storeu_si128((__m128i *)p, _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(a)));
}
/* The bits of each float rounded to bfloat16 (nearest even, NaN stays NaN), in the high half. */
static inline veci vec_bf16_bits(vecf a) {
    veci bits = _mm512_castps_si512(a);
    veci odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    veci up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    __mmask16 nan = _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
    up = _mm512_mask_or_epi32(up, nan, bits, _mm512_set1_epi32(0x400000));
    return _mm512_and_si512(up, _mm512_set1_epi32((int)0xffff0000));
}

#endif
