/* local_neon.c - the loops of corner extraction, 16 pixels at a time. */
#include <arm_neon.h>
#include <string.h>

#include "local/kernels.h"

static void shrink_row_neon(uint8_t *out, const uint8_t *above, const uint8_t *below, int phase,
                            int n) {
    static const uint8_t left_at[16] = {0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 13, 14, 0, 0, 0};
    static const uint8_t right_at[16] = {1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 13, 14, 15, 0, 0, 0};
    const uint8x16_t first = vld1q_u8(left_at), second = vld1q_u8(right_at);
    const uint8x8_t wa = vdup_n_u8(idf_shrink_weights[phase]);
    const uint8x8_t wb = vdup_n_u8((uint8_t)(128 - idf_shrink_weights[phase]));
    uint8_t weights[16], rest[16];
    for (int i = 0; i < 16; i++) {
        weights[i] = idf_shrink_weights[i % 5];
        rest[i] = (uint8_t)(128 - weights[i]);
    }
    const uint8x16_t w0 = vld1q_u8(weights), w1 = vld1q_u8(rest);
    int x = 0;
    for (; x + 16 <= n; x += 10) { /* 10 pixels from 13, stored as 16 */
        uint8x16_t a = vld1q_u8(above + x / 5 * 6), b = vld1q_u8(below + x / 5 * 6);
        uint16x8_t low = vmlal_u8(vmull_u8(vget_low_u8(a), wa), vget_low_u8(b), wb);
        uint16x8_t high = vmlal_u8(vmull_u8(vget_high_u8(a), wa), vget_high_u8(b), wb);
        uint8x16_t rows = vcombine_u8(vrshrn_n_u16(low, 7), vrshrn_n_u16(high, 7));
        uint8x16_t l = vqtbl1q_u8(rows, first), r = vqtbl1q_u8(rows, second);
        low = vmlal_u8(vmull_u8(vget_low_u8(l), vget_low_u8(w0)), vget_low_u8(r), vget_low_u8(w1));
        high = vmlal_u8(vmull_u8(vget_high_u8(l), vget_high_u8(w0)), vget_high_u8(r),
                        vget_high_u8(w1));
        vst1q_u8(out + x, vcombine_u8(vrshrn_n_u16(low, 7), vrshrn_n_u16(high, 7)));
    }
    if (x < n)
        idf_local_kernels_c.shrink_row(out + x, above + x / 5 * 6, below + x / 5 * 6, phase, n - x);
}

/* The 7-tap sum of 8 pixels whose taps lie `step` bytes apart, rounded to bytes. */
static inline uint8x8_t blur8(const uint8_t *p, ptrdiff_t step) {
    uint16x8_t s1 = vaddl_u8(vld1_u8(p - step), vld1_u8(p + step));
    uint16x8_t s2 = vaddl_u8(vld1_u8(p - 2 * step), vld1_u8(p + 2 * step));
    uint16x8_t s3 = vaddl_u8(vld1_u8(p - 3 * step), vld1_u8(p + 3 * step));
    uint16x8_t sum = vmull_u8(vld1_u8(p), vdup_n_u8(idf_blur_weights[0]));
    sum = vmlaq_n_u16(sum, s1, idf_blur_weights[1]);
    sum = vmlaq_n_u16(sum, s2, idf_blur_weights[2]);
    sum = vmlaq_n_u16(sum, s3, idf_blur_weights[3]);
    return vrshrn_n_u16(sum, 8);
}

static void blur_row_neon(uint8_t *out, const uint8_t *in, ptrdiff_t stride, int n) {
    enum { CHUNK = 128 };
    uint8_t columns[CHUNK + 16];
    memset(columns, 0, sizeof columns);
    for (int x = 0; x < n; x += CHUNK) {
        int m = n - x < CHUNK ? n - x : CHUNK;
        if (m < 8) {
            idf_local_kernels_c.blur_row(out + x, in + x, stride, m);
            return;
        }
        for (int i = 0;;) { /* the last vector overlaps so that nothing more is read */
            vst1_u8(columns + i, blur8(in + x - 3 + i, stride));
            if (i == m + 6 - 8)
                break;
            i = i + 8 < m + 6 - 8 ? i + 8 : m + 6 - 8;
        }
        for (int i = 0;;) {
            vst1_u8(out + x + i, blur8(columns + 3 + i, 1));
            if (i == m - 8)
                break;
            i = i + 8 < m - 8 ? i + 8 : m - 8;
        }
    }
}

static void fast_row_neon(uint8_t *score, const uint8_t *in, ptrdiff_t stride, int n) {
    ptrdiff_t offsets[16];
    for (int k = 0; k < 16; k++)
        offsets[k] = idf_fast_circle[k][0] + stride * idf_fast_circle[k][1];
    int x = 0;
    for (; x + 16 <= n; x += 16) {
        const uint8_t *p = in + x;
        uint8x16_t r[16], low2[8], high2[8], low4[8], high4[8];
        for (int k = 0; k < 16; k++)
            r[k] = vld1q_u8(p + offsets[k]);
        for (int k = 0; k < 8; k++) { /* pairs (1, 2), (3, 4), ... (15, 0) */
            low2[k] = vminq_u8(r[2 * k + 1], r[(2 * k + 2) & 15]);
            high2[k] = vmaxq_u8(r[2 * k + 1], r[(2 * k + 2) & 15]);
        }
        for (int k = 0; k < 8; k++) {
            low4[k] = vminq_u8(low2[k], low2[(k + 1) & 7]);
            high4[k] = vmaxq_u8(high2[k], high2[(k + 1) & 7]);
        }
        uint8x16_t lo = vdupq_n_u8(0), hi = vdupq_n_u8(255);
        for (int k = 0; k < 8; k++) {
            uint8x16_t r0 = r[2 * k], r9 = r[(2 * k + 9) & 15];
            uint8x16_t low = vminq_u8(low4[k], low4[(k + 2) & 7]);
            uint8x16_t high = vmaxq_u8(high4[k], high4[(k + 2) & 7]);
            lo = vmaxq_u8(lo, vminq_u8(low, vmaxq_u8(r0, r9)));
            hi = vminq_u8(hi, vmaxq_u8(high, vminq_u8(r0, r9)));
        }
        uint8x16_t c = vld1q_u8(p);
        vst1q_u8(score + x, vmaxq_u8(vqsubq_u8(lo, c), vqsubq_u8(c, hi)));
    }
    if (x < n)
        idf_local_kernels_c.fast_row(score + x, in + x, stride, n - x);
}

/* Blocks of 16 without a score at the threshold, which are most, are passed over. */
static int peaks_row_neon(uint16_t *xs, const uint8_t *const rows[3], int n, int threshold) {
    int count = 0;
    for (int x = 0; x < n; x += 16) {
        int m = n - x < 16 ? n - x : 16;
        if (m == 16 && vmaxvq_u8(vld1q_u8(rows[1] + x)) < threshold)
            continue;
        const uint8_t *const here[3] = {rows[0] + x, rows[1] + x, rows[2] + x};
        int found = idf_local_kernels_c.peaks_row(xs + count, here, m, threshold);
        for (int i = 0; i < found; i++)
            xs[count + i] = (uint16_t)(xs[count + i] + x);
        count += found;
    }
    return count;
}

static float harris_neon(const uint8_t *at, ptrdiff_t stride) {
    static const int16_t columns[8] = {-1, -1, -1, -1, -1, -1, -1, 0};
    const int16x8_t mask = vld1q_s16(columns);
    int16x8_t difference[9], smooth[9];
    for (int i = 0; i < 9; i++) {
        const uint8_t *p = at + (i - 4) * stride - 3;
        int16x8_t left = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(p - 1)));
        int16x8_t middle = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(p)));
        int16x8_t right = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(p + 1)));
        difference[i] = vsubq_s16(right, left);
        smooth[i] = vaddq_s16(vaddq_s16(left, right), vaddq_s16(middle, middle));
    }
    int32x4_t xx = vdupq_n_s32(0), yy = xx, xy = xx;
    for (int i = 1; i <= 7; i++) {
        int16x8_t dx = vaddq_s16(vaddq_s16(difference[i - 1], difference[i + 1]),
                                 vaddq_s16(difference[i], difference[i]));
        int16x8_t dy = vsubq_s16(smooth[i + 1], smooth[i - 1]);
        dx = vandq_s16(dx, mask);
        dy = vandq_s16(dy, mask);
        xx = vmlal_high_s16(vmlal_s16(xx, vget_low_s16(dx), vget_low_s16(dx)), dx, dx);
        yy = vmlal_high_s16(vmlal_s16(yy, vget_low_s16(dy), vget_low_s16(dy)), dy, dy);
        xy = vmlal_high_s16(vmlal_s16(xy, vget_low_s16(dx), vget_low_s16(dy)), dx, dy);
    }
    return idf_harris_measure(vaddvq_s32(xx), vaddvq_s32(yy), vaddvq_s32(xy));
}

static void moments_neon(const uint8_t *at, ptrdiff_t stride, int32_t m[2]) {
    int8_t columns[32];
    for (int i = 0; i < 32; i++)
        columns[i] = (int8_t)(i - 15);
    const int8x16_t x0 = vld1q_s8(columns), x1 = vld1q_s8(columns + 16);
    int32x4_t mx = vdupq_n_s32(0);
    int32_t my = 0;
    for (int y = -IDF_PATCH_RADIUS; y <= IDF_PATCH_RADIUS; y++) {
        int8x16_t w = vdupq_n_s8((int8_t)idf_disc_half_width[y < 0 ? -y : y]);
        uint8x16_t a = vld1q_u8(at + y * stride - 15), b = vld1q_u8(at + y * stride + 1);
        a = vandq_u8(a, vcleq_s8(vabsq_s8(x0), w));
        b = vandq_u8(b, vcleq_s8(vabsq_s8(x1), w));
        my += y * (int32_t)(vaddlvq_u8(a) + vaddlvq_u8(b));
        int16x8_t al = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(a)));
        int16x8_t ah = vreinterpretq_s16_u16(vmovl_high_u8(a));
        int16x8_t bl = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(b)));
        int16x8_t bh = vreinterpretq_s16_u16(vmovl_high_u8(b));
        int16x8_t sum = vmulq_s16(al, vmovl_s8(vget_low_s8(x0)));
        sum = vmlaq_s16(sum, ah, vmovl_high_s8(x0));
        mx = vpadalq_s16(mx, sum);
        sum = vmulq_s16(bl, vmovl_s8(vget_low_s8(x1)));
        sum = vmlaq_s16(sum, bh, vmovl_high_s8(x1));
        mx = vpadalq_s16(mx, sum);
    }
    m[0] = vaddvq_s32(mx);
    m[1] = my;
}

static void describe_neon(uint8_t bits[32], const uint8_t *at,
                          const int16_t offsets[IDF_DESCRIPTOR_POINTS]) {
    idf_local_kernels_c.describe(bits, at, offsets);
}

static float nearest_neon(const float *xs, const float *ys, int n, float x, float y) {
    const float32x4_t vx = vdupq_n_f32(x), vy = vdupq_n_f32(y);
    float32x4_t best = vdupq_n_f32(1e30f);
    int i = 0;
    for (; i + 4 <= n; i += 4) {
        float32x4_t dx = vsubq_f32(vld1q_f32(xs + i), vx), dy = vsubq_f32(vld1q_f32(ys + i), vy);
        best = vminq_f32(best, vaddq_f32(vmulq_f32(dx, dx), vmulq_f32(dy, dy)));
    }
    float least = vminvq_f32(best);
    float tail = idf_local_kernels_c.nearest(xs + i, ys + i, n - i, x, y);
    return tail < least ? tail : least;
}

const idf_local_kernels idf_local_kernels_neon = {
    .shrink_row = shrink_row_neon,
    .blur_row = blur_row_neon,
    .fast_row = fast_row_neon,
    .peaks_row = peaks_row_neon,
    .harris = harris_neon,
    .moments = moments_neon,
    .describe = describe_neon,
    .nearest = nearest_neon,
};
