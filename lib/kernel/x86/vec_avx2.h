/* vec_avx2.h - the vector type of the kernels' shared bodies: 8 floats, AVX2 with FMA. */
#ifndef IDF_KERNEL_X86_VEC_AVX2_H
#define IDF_KERNEL_X86_VEC_AVX2_H

#include <immintrin.h>
#include <stdint.h>

#define VEC_SUFFIX avx2
enum { VEC_WIDTH = 8 };
typedef __m256 vecf;
typedef __m256i veci;

static inline vecf vec_load(const float *p) {
    return _mm256_loadu_ps(p);
}
static inline void vec_store(float *p, vecf v) {
    _mm256_storeu_ps(p, v);
}
static inline veci vec_part_mask(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
/* The first n < VEC_WIDTH elements, the rest zero; nothing behind them is touched. */
static inline vecf vec_load_part(const float *p, int n) {
    return _mm256_maskload_ps(p, vec_part_mask(n));
}
static inline void vec_store_part(float *p, vecf v, int n) {
    _mm256_maskstore_ps(p, vec_part_mask(n), v);
}
static inline vecf vec_set1(float x) {
    return _mm256_set1_ps(x);
}
static inline vecf vec_zero(void) {
    return _mm256_setzero_ps();
}
static inline vecf vec_add(vecf a, vecf b) {
    return _mm256_add_ps(a, b);
}
static inline vecf vec_sub(vecf a, vecf b) {
    return _mm256_sub_ps(a, b);
}
static inline vecf vec_mul(vecf a, vecf b) {
    return _mm256_mul_ps(a, b);
}
static inline vecf vec_div(vecf a, vecf b) {
    return _mm256_div_ps(a, b);
}
static inline vecf vec_sqrt(vecf a) {
    return _mm256_sqrt_ps(a);
}
/* The second operand when one is NaN. */
static inline vecf vec_max(vecf a, vecf b) {
    return _mm256_max_ps(a, b);
}
static inline vecf vec_min(vecf a, vecf b) {
    return _mm256_min_ps(a, b);
}
static inline vecf vec_abs(vecf a) {
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
/* a * b + c and c - a * b, rounded once. */
static inline vecf vec_fma(vecf a, vecf b, vecf c) {
    return _mm256_fmadd_ps(a, b, c);
}
static inline vecf vec_fnma(vecf a, vecf b, vecf c) {
    return _mm256_fnmadd_ps(a, b, c);
}
static inline vecf vec_round(vecf a) {
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* 2^n for whole n in -126..127. */
static inline vecf vec_pow2(vecf n) {
    veci bits = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 23));
}
/* a where x < 0, else b. */
static inline vecf vec_where_negative(vecf x, vecf a, vecf b) {
    return _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_LT_OQ));
}
static inline float vec_sum(vecf a) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
static inline float vec_largest(vecf a) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
/* How many |x| > limit. */
static inline int vec_count_above(vecf x, vecf limit) {
    return __builtin_popcount(
        (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(vec_abs(x), limit, _CMP_GT_OQ)));
}
static inline veci vec_load_int(const void *p) {
    return _mm256_loadu_si256((const __m256i *)p);
}
static inline void vec_store_int(void *p, veci v) {
    _mm256_storeu_si256((__m256i *)p, v);
}
static inline veci vec_sub_int(veci a, veci b) {
    return _mm256_sub_epi32(a, b);
}
#define vec_shl_int(a, n) _mm256_slli_epi32(a, n)
#define vec_sar_int(a, n) _mm256_srai_epi32(a, n)
static inline veci vec_shl_by(veci a, int n) {
    return _mm256_sll_epi32(a, _mm_cvtsi32_si128(n));
}
static inline vecf vec_from_int(veci a) {
    return _mm256_cvtepi32_ps(a);
}
/* To VEC_WIDTH int8, rounded to nearest even, |a| < 128. */
static inline void vec_store_s8(int8_t *p, vecf a) {
    __m256i whole = _mm256_cvtps_epi32(a);
    __m128i half =
        _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    _mm_storel_epi64((__m128i *)p, _mm_packs_epi16(half, half));
}
/* The bits of each float rounded to bfloat16 (nearest even, NaN stays NaN), in the high half. */
static inline veci vec_bf16_bits(vecf a) {
    veci bits = _mm256_castps_si256(a);
    veci odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    veci up = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    veci quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    veci nan = _mm256_castps_si256(_mm256_cmp_ps(a, a, _CMP_UNORD_Q));
    up = _mm256_blendv_epi8(up, quiet, nan);
    return _mm256_and_si256(up, _mm256_set1_epi32((int)0xffff0000));
}

#endif
