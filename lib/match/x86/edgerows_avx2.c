/* edgerows_avx2.c - sixteen pixels at a time; what is left over one by one. */
#include <immintrin.h>

#include "match/edgerows.h"
#include "match/edgerows_loops.h"

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

static void differentiate(const uint8_t *const rows[3], int n, int16_t *gx, int16_t *gy,
                          int16_t *strength) {
    const uint8_t *a = rows[0], *b = rows[1], *c = rows[2];
    int x = 1;
    gx[0] = gy[0] = strength[0] = gx[n - 1] = gy[n - 1] = strength[n - 1] = 0;
    for (; x + 17 <= n; x += 16) {
        __m256i a0 = load_u8(a + x - 1), a1 = load_u8(a + x), a2 = load_u8(a + x + 1);
        __m256i b0 = load_u8(b + x - 1), b2 = load_u8(b + x + 1);
        __m256i c0 = load_u8(c + x - 1), c1 = load_u8(c + x), c2 = load_u8(c + x + 1);
        __m256i dx = _mm256_sub_epi16(one_two_one(a2, b2, c2), one_two_one(a0, b0, c0));
        __m256i dy = _mm256_sub_epi16(one_two_one(c0, c1, c2), one_two_one(a0, a1, a2));
        store_s16(gx + x, dx);
        store_s16(gy + x, dy);
        store_s16(strength + x, _mm256_add_epi16(_mm256_abs_epi16(dx), _mm256_abs_epi16(dy)));
    }
    for (; x < n - 1; x++)
        idf_edge_differentiate(rows, x, gx, gy, strength);
}

/* A bit for each of sixteen pixels from x on: whether it is a crest. `above` is the strength that
 * is missed by one. */
static inline unsigned crests16(const int16_t *const strength[3], const int16_t *const gradient[2],
                                int x, __m256i above) {
    const __m256i zero = _mm256_setzero_si256();
    __m256i here = load_s16(strength[1] + x);
    __m256i strong = _mm256_cmpgt_epi16(here, above);
    if (_mm256_testz_si256(strong, strong))
        return 0;
    __m256i gx = load_s16(gradient[0] + x), gy = load_s16(gradient[1] + x);
    __m256i ax = _mm256_abs_epi16(gx), ay = _mm256_abs_epi16(gy);
    __m256i across = _mm256_cmpgt_epi16(ax, _mm256_slli_epi16(ay, 1));
    __m256i down = _mm256_cmpgt_epi16(ay, _mm256_slli_epi16(ax, 1));
    __m256i differs = _mm256_xor_si256(_mm256_cmpgt_epi16(gx, zero), _mm256_cmpgt_epi16(gy, zero));
    __m256i before =
        _mm256_blendv_epi8(load_s16(strength[0] + x - 1), load_s16(strength[0] + x + 1), differs);
    __m256i after =
        _mm256_blendv_epi8(load_s16(strength[2] + x + 1), load_s16(strength[2] + x - 1), differs);
    before = _mm256_blendv_epi8(before, load_s16(strength[0] + x), down);
    after = _mm256_blendv_epi8(after, load_s16(strength[2] + x), down);
    before = _mm256_blendv_epi8(before, load_s16(strength[1] + x - 1), across);
    after = _mm256_blendv_epi8(after, load_s16(strength[1] + x + 1), across);
    __m256i crest = _mm256_andnot_si256(_mm256_cmpgt_epi16(before, here),
                                        _mm256_and_si256(strong, _mm256_cmpgt_epi16(here, after)));
    __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(crest), _mm256_extracti128_si256(crest, 1));
    return (unsigned)_mm_movemask_epi8(bytes);
}

static int crests(const int16_t *const strength[3], const int16_t *const gradient[2], int n,
                  int least, uint16_t *out) {
    const __m256i above = _mm256_set1_epi16((int16_t)(least - 1));
    int found = 0, x = 1;
    for (; x + 17 <= n; x += 16)
        for (unsigned bits = crests16(strength, gradient, x, above); bits; bits &= bits - 1)
            out[found++] = (uint16_t)(x + __builtin_ctz(bits));
    for (; x < n - 1; x++)
        if (idf_edge_is_crest(strength, gradient, x, least))
            out[found++] = (uint16_t)x;
    return found;
}

const idf_edge_rows idf_edge_rows_avx2 = {smooth, differentiate, crests};
