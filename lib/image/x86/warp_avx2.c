/* warp_avx2.c - warping on AVX2: eight pixels at a time by gathers.
 *
 * A gather reads four bytes where one or three are wanted, so groups of eight that touch the border
 * or the last columns are left to the plain version. */
#include "image/warp_kernel.h"

#include <immintrin.h>

enum { ONE = 1 << IDF_WARP_FRACTION_BITS };

/* Where eight pixels fetch: whole pixels and fractions. */
typedef struct places {
    __m256i x, y, a, b;
} places;

static inline __m256i to_fixed(__m256 v, float low, float high) {
    v = _mm256_max_ps(v, _mm256_set1_ps(low)); /* not-a-number becomes low */
    return _mm256_cvtps_epi32(_mm256_min_ps(v, _mm256_set1_ps(high)));
}

static inline places locate(const idf_warp_span *span, int x) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256 at = _mm256_add_ps(_mm256_cvtepi32_ps(_mm256_add_epi32(_mm256_set1_epi32(x), lanes)),
                              _mm256_set1_ps(0.5f));
    __m256 to[3];
    for (int i = 0; i < 3; i++)
        to[i] = _mm256_add_ps(_mm256_mul_ps(_mm256_set1_ps(span->step[i]), at),
                              _mm256_set1_ps(span->base[i]));
    if (!span->affine) {
        __m256 inverse = _mm256_div_ps(_mm256_set1_ps(1.0f), to[2]);
        __m256 front = _mm256_cmp_ps(to[2], _mm256_setzero_ps(), _CMP_GT_OQ);
        for (int i = 0; i < 2; i++)
            to[i] = _mm256_blendv_ps(_mm256_set1_ps(span->low[i]), _mm256_mul_ps(to[i], inverse),
                                     front);
    }
    __m256i u = to_fixed(to[0], span->low[0], span->high[0]);
    __m256i v = to_fixed(to[1], span->low[1], span->high[1]);
    const __m256i mask = _mm256_set1_epi32(ONE - 1);
    return (places){_mm256_srai_epi32(u, IDF_WARP_FRACTION_BITS),
                    _mm256_srai_epi32(v, IDF_WARP_FRACTION_BITS), _mm256_and_si256(u, mask),
                    _mm256_and_si256(v, mask)};
}

/* Whether all eight may be gathered: 0 <= x <= width - 4 and 0 <= y <= height - 2. */
static inline int all_inside(const places *p, const idf_image *in) {
    __m256i x_room = _mm256_sub_epi32(_mm256_set1_epi32(in->width - 4), p->x);
    __m256i y_room = _mm256_sub_epi32(_mm256_set1_epi32(in->height - 2), p->y);
    __m256i any = _mm256_or_si256(_mm256_or_si256(p->x, p->y), _mm256_or_si256(x_room, y_room));
    return _mm256_movemask_ps(_mm256_castsi256_ps(any)) == 0;
}

/* Neighbours as 16-bit pairs (left, right << 16), interpolated both ways; 32-bit results. */
static inline __m256i blend(__m256i top, __m256i bottom, const places *p) {
    const __m256i one = _mm256_set1_epi32(ONE);
    __m256i across = _mm256_or_si256(_mm256_sub_epi32(one, p->a), _mm256_slli_epi32(p->a, 16));
    top = _mm256_mullo_epi32(_mm256_madd_epi16(top, across), _mm256_sub_epi32(one, p->b));
    bottom = _mm256_mullo_epi32(_mm256_madd_epi16(bottom, across), p->b);
    __m256i sum = _mm256_add_epi32(_mm256_add_epi32(top, bottom), _mm256_set1_epi32(ONE * ONE / 2));
    return _mm256_srli_epi32(sum, 2 * IDF_WARP_FRACTION_BITS);
}

static inline __m256i gather(const uint8_t *base, __m256i offsets) {
    return _mm256_i32gather_epi32((const int *)base, offsets, 1);
}

static inline void grey_8(uint8_t *out, const idf_image *in, const places *p, __m256i offsets) {
    const __m256i pair = _mm256_setr_epi8(0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1,
                                          0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1);
    __m256i top = _mm256_shuffle_epi8(gather(in->pixels, offsets), pair);
    __m256i bottom = _mm256_shuffle_epi8(gather(in->pixels + in->stride_bytes, offsets), pair);
    __m256i sum = blend(top, bottom, p);
    __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    _mm_storel_epi64((__m128i *)out, _mm_packus_epi16(words, words));
}

/* The left and right pixels' bytes `shift` bits up, as pairs. */
static inline __m256i pair_of(__m256i left, __m256i right, int shift) {
    const __m256i byte = _mm256_set1_epi32(255);
    left = _mm256_and_si256(_mm256_srli_epi32(left, shift), byte);
    right = _mm256_and_si256(_mm256_srli_epi32(right, shift), byte);
    return _mm256_or_si256(left, _mm256_slli_epi32(right, 16));
}

static inline void rgb_8(uint8_t *out, const idf_image *in, const places *p, __m256i offsets) {
    const uint8_t *below = in->pixels + in->stride_bytes;
    __m256i left = gather(in->pixels, offsets), right = gather(in->pixels + 3, offsets);
    __m256i low_left = gather(below, offsets), low_right = gather(below + 3, offsets);
    __m256i sum = _mm256_setzero_si256();
    for (int shift = 0; shift < 24; shift += 8)
        sum = _mm256_or_si256(sum, _mm256_slli_epi32(blend(pair_of(left, right, shift),
                                                           pair_of(low_left, low_right, shift), p),
                                                     shift));
    const __m256i squeeze =
        _mm256_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1, 0, 1, 2, 4, 5, 6,
                         8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    sum = _mm256_shuffle_epi8(sum, squeeze);
    sum = _mm256_permutevar8x32_epi32(sum, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 6, 6));
    _mm_storeu_si128((__m128i *)out, _mm256_castsi256_si128(sum));
    _mm_storel_epi64((__m128i *)(out + 16), _mm256_extracti128_si256(sum, 1));
}

void idf_warp_span_avx2(uint8_t *out, const idf_warp_span *span, int x, int n) {
    const idf_image *in = span->in;
    /* Gather offsets are 32-bit. */
    int small = in->stride_bytes <= INT32_MAX / (size_t)(in->height + 1);
    int i = 0;
    for (; small && i + 8 <= n; i += 8, out += 8 * in->channels) {
        places p = locate(span, x + i);
        if (!all_inside(&p, in)) {
            idf_warp_span_c(out, span, x + i, 8);
            continue;
        }
        __m256i offsets =
            _mm256_add_epi32(_mm256_mullo_epi32(p.y, _mm256_set1_epi32((int)in->stride_bytes)),
                             _mm256_mullo_epi32(p.x, _mm256_set1_epi32(in->channels)));
        if (in->channels == 1)
            grey_8(out, in, &p, offsets);
        else
            rgb_8(out, in, &p, offsets);
    }
    idf_warp_span_c(out, span, x + i, n - i);
}
