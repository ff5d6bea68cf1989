/* vec_neon.h - the vector type of the kernels' shared bodies: 4 floats, NEON. */
#ifndef IDF_KERNEL_ARM_VEC_NEON_H
#define IDF_KERNEL_ARM_VEC_NEON_H

#include <arm_neon.h>
#include <stdint.h>

#define VEC_SUFFIX neon
enum { VEC_WIDTH = 4 };
typedef float32x4_t vecf;
typedef int32x4_t veci;

static inline vecf vec_load(const float *p) {
    return vld1q_f32(p);
}
static inline void vec_store(float *p, vecf v) {
    vst1q_f32(p, v);
}
/* The first n < VEC_WIDTH elements, the rest zero; nothing behind them is touched. */
static inline vecf vec_load_part(const float *p, int n) {
    float all[4] = {0};
    for (int i = 0; i < n; i++)
        all[i] = p[i];
    return vld1q_f32(all);
}
static inline void vec_store_part(float *p, vecf v, int n) {
    float all[4];
    vst1q_f32(all, v);
    for (int i = 0; i < n; i++)
        p[i] = all[i];
}
static inline vecf vec_set1(float x) {
    return vdupq_n_f32(x);
}
static inline vecf vec_zero(void) {
    return vdupq_n_f32(0);
}
static inline vecf vec_add(vecf a, vecf b) {
    return vaddq_f32(a, b);
}
static inline vecf vec_sub(vecf a, vecf b) {
    return vsubq_f32(a, b);
}
static inline vecf vec_mul(vecf a, vecf b) {
    return vmulq_f32(a, b);
}
static inline vecf vec_div(vecf a, vecf b) {
    return vdivq_f32(a, b);
}
static inline vecf vec_sqrt(vecf a) {
    return vsqrtq_f32(a);
}
/* The second operand when one is NaN. */
static inline vecf vec_max(vecf a, vecf b) {
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}
static inline vecf vec_min(vecf a, vecf b) {
    return vbslq_f32(vcltq_f32(a, b), a, b);
}
static inline vecf vec_abs(vecf a) {
    return vabsq_f32(a);
}
/* a * b + c and c - a * b, rounded once. */
static inline vecf vec_fma(vecf a, vecf b, vecf c) {
    return vfmaq_f32(c, a, b);
}
static inline vecf vec_fnma(vecf a, vecf b, vecf c) {
    return vfmsq_f32(c, a, b);
}
static inline vecf vec_round(vecf a) {
    return vrndnq_f32(a);
}
/* 2^n for whole n in -126..127. */
static inline vecf vec_pow2(vecf n) {
    veci bits = vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127));
    return vreinterpretq_f32_s32(vshlq_n_s32(bits, 23));
}
/* a where x < 0, else b. */
static inline vecf vec_where_negative(vecf x, vecf a, vecf b) {
    return vbslq_f32(vcltzq_f32(x), a, b);
}
static inline float vec_sum(vecf a) {
    return vaddvq_f32(a);
}
static inline float vec_largest(vecf a) {
    return vmaxvq_f32(a);
}
/* How many |x| > limit. */
static inline int vec_count_above(vecf x, vecf limit) {
    return (int)vaddvq_u32(vshrq_n_u32(vcgtq_f32(vabsq_f32(x), limit), 31));
}
static inline veci vec_load_int(const void *p) {
    return vld1q_s32((const int32_t *)p);
}
static inline void vec_store_int(void *p, veci v) {
    vst1q_s32((int32_t *)p, v);
}
static inline veci vec_sub_int(veci a, veci b) {
    return vsubq_s32(a, b);
}
#define vec_shl_int(a, n) vshlq_n_s32(a, n)
#define vec_sar_int(a, n) vshrq_n_s32(a, n)
static inline veci vec_shl_by(veci a, int n) {
    return vshlq_s32(a, vdupq_n_s32(n));
}
static inline vecf vec_from_int(veci a) {
    return vcvtq_f32_s32(a);
}
/* To VEC_WIDTH int8, rounded to nearest even, |a| < 128. */
static inline void vec_store_s8(int8_t *p, vecf a) {
    int16x4_t half = vqmovn_s32(vcvtnq_s32_f32(a));
    int8x8_t bytes = vqmovn_s16(vcombine_s16(half, half));
    vst1_lane_s32((int32_t *)p, vreinterpret_s32_s8(bytes), 0);
}
/* The bits of each float rounded to bfloat16 (nearest even, NaN stays NaN), in the high half. */
static inline veci vec_bf16_bits(vecf a) {
    uint32x4_t bits = vreinterpretq_u32_f32(a);
    uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    uint32x4_t up = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
    up = vbslq_u32(vceqq_f32(a, a), up, vorrq_u32(bits, vdupq_n_u32(0x400000)));
    return vreinterpretq_s32_u32(vandq_u32(up, vdupq_n_u32(0xffff0000)));
}

#endif
