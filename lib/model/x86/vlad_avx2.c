/* vlad_avx2.c - the inner loops of aggregation, 16 numbers at a time. */
#include <immintrin.h>
#include <math.h>

#include "model/vlad.h"

/* Byte pairs of the two lowest bits, by their value. */
static const uint16_t bit_pairs[4] = {0x0000, 0x0001, 0x0100, 0x0101};

static void project_avx2(int16_t *out, const uint8_t bits[IDF_DESCRIPTOR_BYTES],
                         const idf_vlad *vlad) {
    enum { MAX = IDF_VLAD_MAX_DEPTH / 16 };
    int n = vlad->depth / 16;
    __m256i sum[MAX];
    for (int v = 0; v < n; v++)
        sum[v] = _mm256_sub_epi16(_mm256_setzero_si256(),
                                  _mm256_loadu_si256((const __m256i *)vlad->offset + v));
    const __m256i *p = (const __m256i *)(const void *)vlad->projection;
    for (int pair = 0; pair < 128; pair++, p += n) {
        unsigned value = bits[pair / 4] >> (pair % 4 * 2) & 3;
        __m256i both = _mm256_set1_epi16((short)bit_pairs[value]);
        for (int v = 0; v < n; v++)
            sum[v] =
                _mm256_add_epi16(sum[v], _mm256_maddubs_epi16(both, _mm256_loadu_si256(p + v)));
    }
    for (int v = 0; v < n; v++)
        _mm256_storeu_si256((__m256i *)out + v, sum[v]);
}

static int nearest_avx2(const int16_t *x, const idf_vlad *vlad) {
    int32_t distances[IDF_VLAD_MAX_WORDS];
    int n_pairs = vlad->depth / 2, n_words = vlad->n_words;
    int32_t pairs[IDF_VLAD_MAX_DEPTH / 2];
    for (int i = 0; i < n_pairs; i++)
        pairs[i] = (int32_t)((uint32_t)(uint16_t)x[2 * i + 1] << 16 | (uint16_t)x[2 * i]);
    __m256i best = _mm256_set1_epi32(INT32_MAX);
    for (int k = 0; k < n_words; k += 8) {
        const int16_t *w = vlad->word_pairs + 2 * (ptrdiff_t)k;
        __m256i a = _mm256_setzero_si256(), b = a;
        for (int i = 0; i < n_pairs; i += 2, w += 4 * (ptrdiff_t)n_words) {
            a = _mm256_add_epi32(a, _mm256_madd_epi16(_mm256_set1_epi32(pairs[i]),
                                                      _mm256_loadu_si256((const __m256i *)w)));
            b = _mm256_add_epi32(
                b, _mm256_madd_epi16(_mm256_set1_epi32(pairs[i + 1]),
                                     _mm256_loadu_si256((const __m256i *)(w + 2 * n_words))));
        }
        __m256i distance =
            _mm256_sub_epi32(_mm256_loadu_si256((const __m256i *)(vlad->word_norms + k)),
                             _mm256_slli_epi32(_mm256_add_epi32(a, b), 1));
        best = _mm256_min_epi32(best, distance);
        _mm256_storeu_si256((__m256i *)(distances + k), distance);
    }
    __m128i four = _mm_min_epi32(_mm256_castsi256_si128(best), _mm256_extracti128_si256(best, 1));
    four = _mm_min_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    four = _mm_min_epi32(four, _mm_shuffle_epi32(four, 0xb1));
    const __m256i least = _mm256_set1_epi32(_mm_cvtsi128_si32(four));
    for (int k = 0;; k += 8) {
        __m256i is_least =
            _mm256_cmpeq_epi32(_mm256_loadu_si256((const __m256i *)(distances + k)), least);
        int mask = _mm256_movemask_ps(_mm256_castsi256_ps(is_least));
        if (mask)
            return k + __builtin_ctz((unsigned)mask);
    }
}

static inline int32_t sum8(__m256i v) {
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

static void add_avx2(float *sum, const int16_t *x, const int16_t *word, int depth) {
    enum { MAX = IDF_VLAD_MAX_DEPTH / 16 };
    __m256i residual[MAX], squares = _mm256_setzero_si256();
    int n = depth / 16;
    for (int v = 0; v < n; v++) {
        residual[v] = _mm256_sub_epi16(_mm256_loadu_si256((const __m256i *)x + v),
                                       _mm256_loadu_si256((const __m256i *)word + v));
        squares = _mm256_add_epi32(squares, _mm256_madd_epi16(residual[v], residual[v]));
    }
    int32_t norm2 = sum8(squares);
    if (norm2 == 0)
        return;
    const __m256 inverse = _mm256_set1_ps(1.0f / sqrtf((float)norm2));
    for (int v = 0; v < n; v++) {
        __m256i low = _mm256_cvtepi16_epi32(_mm256_castsi256_si128(residual[v]));
        __m256i high = _mm256_cvtepi16_epi32(_mm256_extracti128_si256(residual[v], 1));
        float *s = sum + 16 * (ptrdiff_t)v;
        /* product and sum are rounded apart, as in plain C */
        __m256 a = _mm256_mul_ps(_mm256_cvtepi32_ps(low), inverse);
        __m256 b = _mm256_mul_ps(_mm256_cvtepi32_ps(high), inverse);
        _mm256_storeu_ps(s, _mm256_add_ps(_mm256_loadu_ps(s), a));
        _mm256_storeu_ps(s + 8, _mm256_add_ps(_mm256_loadu_ps(s + 8), b));
    }
}

static int32_t dot_avx2(const int8_t *a, const int16_t *b, int n) {
    __m256i s0 = _mm256_setzero_si256(), s1 = s0;
    int i = 0;
    for (; i + 32 <= n; i += 32) {
        __m256i a0 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(a + i)));
        __m256i a1 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(a + i + 16)));
        s0 = _mm256_add_epi32(s0,
                              _mm256_madd_epi16(a0, _mm256_loadu_si256((const __m256i *)(b + i))));
        s1 = _mm256_add_epi32(
            s1, _mm256_madd_epi16(a1, _mm256_loadu_si256((const __m256i *)(b + i + 16))));
    }
    for (; i < n; i += 16) {
        __m256i a0 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(a + i)));
        s0 = _mm256_add_epi32(s0,
                              _mm256_madd_epi16(a0, _mm256_loadu_si256((const __m256i *)(b + i))));
    }
    return sum8(_mm256_add_epi32(s0, s1));
}

const idf_vlad_kernels idf_vlad_kernels_avx2 = {project_avx2, nearest_avx2, add_avx2, dot_avx2};
