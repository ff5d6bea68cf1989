/* edgerows_avx2.c - sixteen pixels at a time; what is left over one by one. */
#include <immintrin.h>
#include <stdlib.h>

#include "match/edgerows.h"

static inline __m256i load_u8(const uint8_t *p) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
}
static inline __m256i load_s16(const int16_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
static inline void store_s16(int16_t *p, __m256i v) {
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

/* a + 2 b + c */
static inline __m256i one_two_one(__m256i a, __m256i b, __m256i c) {
    return _mm256_add_epi16(_mm256_add_epi16(a, c), _mm256_slli_epi16(b, 1));
}

static void smooth(const uint8_t *const rows[3], int n, int16_t *sums, uint8_t *out) {
    int x = 0;
    for (; x + 16 <= n; x += 16)
        store_s16(sums + x,
                  one_two_one(load_u8(rows[0] + x), load_u8(rows[1] + x), load_u8(rows[2] + x)));
    for (; x < n; x++)
        sums[x] = (int16_t)(rows[0][x] + 2 * rows[1][x] + rows[2][x]);
    const __m256i half = _mm256_set1_epi16(8);
    for (x = 1; x + 17 <= n; x += 16) {
        __m256i v = one_two_one(load_s16(sums + x - 1), load_s16(sums + x), load_s16(sums + x + 1));
        v = _mm256_srli_epi16(_mm256_add_epi16(v, half), 4);
        _mm_storeu_si128(
            (__m128i *)(void *)(out + x),
            _mm_packus_epi16(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)));
    }
    for (; x < n - 1; x++)
        out[x] = (uint8_t)((sums[x - 1] + 2 * sums[x] + sums[x + 1] + 8) >> 4);
    out[0] = (uint8_t)((3 * sums[0] + sums[1] + 8) >> 4);
    out[n - 1] = (uint8_t)((3 * sums[n - 1] + sums[n - 2] + 8) >> 4);
}

static void differentiate(const uint8_t *const rows[3], int n, int16_t *gx, int16_t *gy) {
    const uint8_t *a = rows[0], *b = rows[1], *c = rows[2];
    int x = 1;
    gx[0] = gy[0] = gx[n - 1] = gy[n - 1] = 0;
    for (; x + 17 <= n; x += 16) {
        __m256i a0 = load_u8(a + x - 1), a1 = load_u8(a + x), a2 = load_u8(a + x + 1);
        __m256i b0 = load_u8(b + x - 1), b2 = load_u8(b + x + 1);
        __m256i c0 = load_u8(c + x - 1), c1 = load_u8(c + x), c2 = load_u8(c + x + 1);
        store_s16(gx + x, _mm256_sub_epi16(one_two_one(a2, b2, c2), one_two_one(a0, b0, c0)));
        store_s16(gy + x, _mm256_sub_epi16(one_two_one(c0, c1, c2), one_two_one(a0, a1, a2)));
    }
    for (; x < n - 1; x++) {
        gx[x] = (int16_t)(a[x + 1] - a[x - 1] + 2 * (b[x + 1] - b[x - 1]) + c[x + 1] - c[x - 1]);
        gy[x] = (int16_t)(c[x - 1] + 2 * c[x] + c[x + 1] - a[x - 1] - 2 * a[x] - a[x + 1]);
    }
}

static int strong(const int16_t *gx, const int16_t *gy, int n, int least, uint16_t *out) {
    const __m256i below = _mm256_set1_epi16((int16_t)(least - 1));
    int found = 0, x = 1;
    for (; x + 17 <= n; x += 16) {
        __m256i v = _mm256_add_epi16(_mm256_abs_epi16(load_s16(gx + x)),
                                     _mm256_abs_epi16(load_s16(gy + x)));
        unsigned mask = (unsigned)_mm256_movemask_epi8(_mm256_cmpgt_epi16(v, below));
        mask &= 0x55555555u; /* one bit a pixel */
        for (; mask; mask &= mask - 1)
            out[found++] = (uint16_t)(x + __builtin_ctz(mask) / 2);
    }
    for (; x < n - 1; x++)
        if (abs(gx[x]) + abs(gy[x]) >= least)
            out[found++] = (uint16_t)x;
    return found;
}

const idf_edge_rows idf_edge_rows_avx2 = {smooth, differentiate, strong};
