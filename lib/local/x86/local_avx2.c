/* local_avx2.c - the loops of corner extraction, 32 pixels at a time. */
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "local/x86/local_x86.h"

/* 10 pixels of the smaller row from 13 of the larger ones, in each half of a register. */
void idf_shrink_row_avx2(uint8_t *out, const uint8_t *above, const uint8_t *below, int phase,
                         int n) {
    const uint8_t *w = idf_shrink_weights;
    const __m256i vertical = _mm256_set1_epi16((short)(w[phase] | (128 - w[phase]) << 8));
    const __m256i round = _mm256_set1_epi16(64);
    const __m256i first8 =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 7, 8, 8, 9));
    const __m256i last2 = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(9, 10, 10, 11, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));
    int8_t weights[32];
    for (int i = 0; i < 16; i++) {
        weights[2 * i] = (int8_t)w[i % 5];
        weights[2 * i + 1] = (int8_t)(128 - w[i % 5]);
    }
    const __m256i w8 = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)weights));
    const __m256i w2 = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)weights + 1));
    int x = 0, last = n >= 26 ? (n - 26) / 5 * 5 : -1;
    for (bool more = last >= 0; more;) {
        const uint8_t *a = above + x / 5 * 6, *b = below + x / 5 * 6;
        __m256i va = _mm256_loadu2_m128i((const __m128i *)(a + 12), (const __m128i *)a);
        __m256i vb = _mm256_loadu2_m128i((const __m128i *)(b + 12), (const __m128i *)b);
        __m256i lo = _mm256_maddubs_epi16(_mm256_unpacklo_epi8(va, vb), vertical);
        __m256i hi = _mm256_maddubs_epi16(_mm256_unpackhi_epi8(va, vb), vertical);
        lo = _mm256_srli_epi16(_mm256_add_epi16(lo, round), 7);
        hi = _mm256_srli_epi16(_mm256_add_epi16(hi, round), 7);
        __m256i rows = _mm256_packus_epi16(lo, hi);
        lo = _mm256_maddubs_epi16(_mm256_shuffle_epi8(rows, first8), w8);
        hi = _mm256_maddubs_epi16(_mm256_shuffle_epi8(rows, last2), w2);
        lo = _mm256_srli_epi16(_mm256_add_epi16(lo, round), 7);
        hi = _mm256_srli_epi16(_mm256_add_epi16(hi, round), 7);
        rows = _mm256_packus_epi16(lo, hi);
        _mm_storeu_si128((__m128i *)(out + x), _mm256_castsi256_si128(rows));
        _mm_storeu_si128((__m128i *)(out + x + 10), _mm256_extracti128_si256(rows, 1));
        more = x < last;
        x = !more || x + 20 < last ? x + 20 : last; /* the last overlaps; fives stay whole */
    }
    if (x < n)
        idf_local_kernels_c.shrink_row(out + x, above + x / 5 * 6, below + x / 5 * 6, phase, n - x);
}

static inline __m256i widen(const uint8_t *p) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)p));
}

/* The 7-tap sum of 16 pixels whose taps lie `step` bytes apart, rounded to bytes. */
static inline __m128i blur16(const uint8_t *p, ptrdiff_t step) {
    const __m256i w0 = _mm256_set1_epi16(idf_blur_weights[0]);
    const __m256i w1 = _mm256_set1_epi16(idf_blur_weights[1]);
    const __m256i w2 = _mm256_set1_epi16(idf_blur_weights[2]);
    const __m256i w3 = _mm256_set1_epi16(idf_blur_weights[3]);
    __m256i s1 = _mm256_add_epi16(widen(p - step), widen(p + step));
    __m256i s2 = _mm256_add_epi16(widen(p - 2 * step), widen(p + 2 * step));
    __m256i s3 = _mm256_add_epi16(widen(p - 3 * step), widen(p + 3 * step));
    __m256i a = _mm256_add_epi16(_mm256_mullo_epi16(widen(p), w0), _mm256_mullo_epi16(s1, w1));
    __m256i b = _mm256_add_epi16(_mm256_mullo_epi16(s2, w2), _mm256_mullo_epi16(s3, w3));
    __m256i sum = _mm256_add_epi16(_mm256_add_epi16(a, b), _mm256_set1_epi16(128));
    sum = _mm256_srli_epi16(sum, 8);
    return _mm_packus_epi16(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
}

static void blur_row_avx2(uint8_t *out, const uint8_t *in, ptrdiff_t stride, int n) {
    enum { CHUNK = 128 };
    uint8_t columns[CHUNK + 32];
    memset(columns, 0, sizeof columns);
    for (int x = 0; x < n; x += CHUNK) {
        int m = n - x < CHUNK ? n - x : CHUNK;
        if (m < 16) {
            idf_local_kernels_c.blur_row(out + x, in + x, stride, m);
            return;
        }
        for (int i = 0;;) { /* the last vector overlaps so that nothing more is read */
            _mm_storeu_si128((__m128i *)(columns + i), blur16(in + x - 3 + i, stride));
            if (i == m + 6 - 16)
                break;
            i = i + 16 < m + 6 - 16 ? i + 16 : m + 6 - 16;
        }
        for (int i = 0;;) {
            _mm_storeu_si128((__m128i *)(out + x + i), blur16(columns + 3 + i, 1));
            if (i == m - 16)
                break;
            i = i + 16 < m - 16 ? i + 16 : m - 16;
        }
    }
}

static void fast_row_avx2(uint8_t *score, const uint8_t *in, ptrdiff_t stride, int n) {
    ptrdiff_t offsets[16];
    for (int k = 0; k < 16; k++)
        offsets[k] = idf_fast_circle[k][0] + stride * idf_fast_circle[k][1];
    if (n < 32) {
        idf_local_kernels_c.fast_row(score, in, stride, n);
        return;
    }
    for (int x = 0;;) {
        const uint8_t *p = in + x;
        __m256i r[16], low2[8], high2[8], low4[8], high4[8];
#pragma GCC unroll 16
        for (int k = 0; k < 16; k++)
            r[k] = _mm256_loadu_si256((const __m256i *)(p + offsets[k]));
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++) { /* pairs (1, 2), (3, 4), ... (15, 0) */
            low2[k] = _mm256_min_epu8(r[2 * k + 1], r[(2 * k + 2) & 15]);
            high2[k] = _mm256_max_epu8(r[2 * k + 1], r[(2 * k + 2) & 15]);
        }
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++) {
            low4[k] = _mm256_min_epu8(low2[k], low2[(k + 1) & 7]);
            high4[k] = _mm256_max_epu8(high2[k], high2[(k + 1) & 7]);
        }
        __m256i lo = _mm256_setzero_si256(), hi = _mm256_set1_epi8(-1);
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++) {
            __m256i r0 = r[2 * k], r9 = r[(2 * k + 9) & 15];
            __m256i low = _mm256_min_epu8(low4[k], low4[(k + 2) & 7]);
            __m256i high = _mm256_max_epu8(high4[k], high4[(k + 2) & 7]);
            lo = _mm256_max_epu8(lo, _mm256_min_epu8(low, _mm256_max_epu8(r0, r9)));
            hi = _mm256_min_epu8(hi, _mm256_max_epu8(high, _mm256_min_epu8(r0, r9)));
        }
        __m256i c = _mm256_loadu_si256((const __m256i *)p);
        __m256i best = _mm256_max_epu8(_mm256_subs_epu8(lo, c), _mm256_subs_epu8(c, hi));
        _mm256_storeu_si256((__m256i *)(score + x), best);
        if (x == n - 32)
            break;
        x = x + 32 < n - 32 ? x + 32 : n - 32; /* the last vector overlaps */
    }
}

static inline __m256i load32(const uint8_t *p) {
    return _mm256_loadu_si256((const __m256i *)p);
}

int idf_peaks_row_avx2(uint16_t *xs, const uint8_t *const rows[3], int n, int threshold) {
    const __m256i least = _mm256_set1_epi8((char)threshold);
    int count = 0, x = 0;
    for (; x + 32 <= n; x += 32) {
        const uint8_t *a = rows[0] + x, *p = rows[1] + x, *b = rows[2] + x;
        __m256i s = load32(p);
        __m256i is_over = _mm256_cmpeq_epi8(_mm256_max_epu8(s, least), s);
        if (_mm256_testz_si256(is_over, is_over))
            continue;
        __m256i before = _mm256_max_epu8(_mm256_max_epu8(load32(a - 1), load32(a)),
                                         _mm256_max_epu8(load32(a + 1), load32(p - 1)));
        __m256i after = _mm256_max_epu8(_mm256_max_epu8(load32(b - 1), load32(b)),
                                        _mm256_max_epu8(load32(b + 1), load32(p + 1)));
        __m256i not_over_before = _mm256_cmpeq_epi8(_mm256_max_epu8(s, before), before);
        __m256i is_peak =
            _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_max_epu8(s, after), s), is_over);
        unsigned bits =
            (unsigned)_mm256_movemask_epi8(_mm256_andnot_si256(not_over_before, is_peak));
        for (; bits; bits &= bits - 1)
            xs[count++] = (uint16_t)(x + __builtin_ctz(bits));
    }
    const uint8_t *const rest[3] = {rows[0] + x, rows[1] + x, rows[2] + x};
    int tail = idf_local_kernels_c.peaks_row(xs + count, rest, n - x, threshold);
    for (int i = 0; i < tail; i++)
        xs[count + i] = (uint16_t)(xs[count + i] + x);
    return count + tail;
}

static inline __m128i load8(const uint8_t *p) {
    return _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)p));
}

static inline int32_t sum4(__m128i v) {
    v = _mm_add_epi32(v, _mm_shuffle_epi32(v, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(v, _mm_shuffle_epi32(v, 0xb1)));
}

/* Eight columns -3..4, the last of which is masked. */
float idf_harris_avx2(const uint8_t *at, ptrdiff_t stride) {
    const __m128i mask = _mm_setr_epi16(-1, -1, -1, -1, -1, -1, -1, 0);
    __m128i difference[9], smooth[9];
#pragma GCC unroll 9
    for (int i = 0; i < 9; i++) {
        const uint8_t *p = at + (i - 4) * stride - 3;
        __m128i left = load8(p - 1), middle = load8(p), right = load8(p + 1);
        difference[i] = _mm_sub_epi16(right, left);
        smooth[i] = _mm_add_epi16(_mm_add_epi16(left, right), _mm_slli_epi16(middle, 1));
    }
    __m128i xx = _mm_setzero_si128(), yy = xx, xy = xx;
#pragma GCC unroll 7
    for (int i = 1; i <= 7; i++) {
        __m128i dx = _mm_add_epi16(_mm_add_epi16(difference[i - 1], difference[i + 1]),
                                   _mm_slli_epi16(difference[i], 1));
        __m128i dy = _mm_sub_epi16(smooth[i + 1], smooth[i - 1]);
        dx = _mm_and_si128(dx, mask);
        dy = _mm_and_si128(dy, mask);
        xx = _mm_add_epi32(xx, _mm_madd_epi16(dx, dx));
        yy = _mm_add_epi32(yy, _mm_madd_epi16(dy, dy));
        xy = _mm_add_epi32(xy, _mm_madd_epi16(dx, dy));
    }
    return idf_harris_measure(sum4(xx), sum4(yy), sum4(xy));
}

void idf_moments_avx2(const uint8_t *at, ptrdiff_t stride, int32_t m[2]) {
    const __m256i columns =
        _mm256_setr_epi8(-15, -14, -13, -12, -11, -10, -9, -8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2,
                         3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 127);
    const __m256i ones = _mm256_set1_epi16(1), zero = _mm256_setzero_si256();
    const __m256i magnitudes = _mm256_abs_epi8(columns);
    __m256i mx = zero, my = zero;
#pragma GCC unroll 4
    for (int y = 0; y <= IDF_PATCH_RADIUS; y++) {
        __m256i outside =
            _mm256_cmpgt_epi8(magnitudes, _mm256_set1_epi8((char)idf_disc_half_width[y]));
        __m256i weights = _mm256_andnot_si256(outside, columns);
        __m256i below = load32(at + y * stride - 15);
        __m256i products = _mm256_maddubs_epi16(below, weights);
        if (y > 0) {
            __m256i above = load32(at - y * stride - 15);
            products = _mm256_add_epi16(products, _mm256_maddubs_epi16(above, weights));
            __m256i sums =
                _mm256_sub_epi32(_mm256_sad_epu8(_mm256_andnot_si256(outside, below), zero),
                                 _mm256_sad_epu8(_mm256_andnot_si256(outside, above), zero));
            my = _mm256_add_epi32(my, _mm256_mullo_epi32(sums, _mm256_set1_epi32(y)));
        }
        mx = _mm256_add_epi32(mx, _mm256_madd_epi16(products, ones));
    }
    m[0] = sum4(_mm_add_epi32(_mm256_castsi256_si128(mx), _mm256_extracti128_si256(mx, 1)));
    m[1] = sum4(_mm_add_epi32(_mm256_castsi256_si128(my), _mm256_extracti128_si256(my, 1)));
}

float idf_nearest_avx2(const float *xs, const float *ys, int n, float x, float y) {
    const __m256 vx = _mm256_set1_ps(x), vy = _mm256_set1_ps(y);
    __m256 best = _mm256_set1_ps(1e30f);
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 dx = _mm256_sub_ps(_mm256_loadu_ps(xs + i), vx);
        __m256 dy = _mm256_sub_ps(_mm256_loadu_ps(ys + i), vy);
        best = _mm256_min_ps(best, _mm256_add_ps(_mm256_mul_ps(dx, dx), _mm256_mul_ps(dy, dy)));
    }
    __m128 four = _mm_min_ps(_mm256_castps256_ps128(best), _mm256_extractf128_ps(best, 1));
    four = _mm_min_ps(four, _mm_movehl_ps(four, four));
    four = _mm_min_ss(four, _mm_shuffle_ps(four, four, 1));
    float least = _mm_cvtss_f32(four);
    float tail = idf_local_kernels_c.nearest(xs + i, ys + i, n - i, x, y);
    return tail < least ? tail : least;
}

static void describe_avx2(uint8_t bits[32], const uint8_t *at,
                          const int16_t offsets[IDF_DESCRIPTOR_POINTS]) {
    idf_local_kernels_c.describe(bits, at, offsets);
}

const idf_local_kernels idf_local_kernels_avx2 = {
    .shrink_row = idf_shrink_row_avx2,
    .blur_row = blur_row_avx2,
    .fast_row = fast_row_avx2,
    .peaks_row = idf_peaks_row_avx2,
    .harris = idf_harris_avx2,
    .moments = idf_moments_avx2,
    .describe = describe_avx2,
    .nearest = idf_nearest_avx2,
};
