/* gemm_avx512bf16.c - the bfloat16 GEMM variant for AVX-512 with BF16. */
#include <math.h>
#include <string.h>

#include "kernel/cpu.h"
#include "kernel/gemm_ops.h"
#include "kernel/x86/vec_avx512.h"

#include "kernel/vec_math.h"
#include "kernel/x86/pack_avx512.h"

#include "kernel/gemm_finish.inc"

#define TILE_NAME         tile_bf16
#define TILE_ROWS         14
#define TILE_VECS         2
#define TILE_SPLITS       1
#define tile_acc          __m512
#define tile_word         __m512i
#define TILE_ZERO()       _mm512_setzero_ps()
#define TILE_LOAD(p)      _mm512_loadu_ps(p)
#define TILE_STORE(p, v)  _mm512_storeu_ps(p, v)
#define TILE_W(p)         _mm512_loadu_si512(p)
#define TILE_PART(w, s)   (w)
#define TILE_BROADCAST(p) _mm512_set1_epi32(*(const int *)(p))
#define TILE_MAC(c, w, a) _mm512_dpbf16_ps(c, (__m512bh)(w), (__m512bh)(a))
#include "kernel/gemm_tile.inc"

static void pack_bf16_native(const float *x, size_t ld, int rows, int k, void *out, float *scales,
                             idf_gemm_outliers *outliers) {
    (void)scales, (void)outliers;
    uint32_t *words = out;
    for (int at = 0; at < k; at += 2 * PACK_WORDS) {
        int n = k - at < 2 * PACK_WORDS ? k - at : 2 * PACK_WORDS;
        pack_words made;
        for (int r = 0; r < rows; r++) {
            float part[2 * PACK_WORDS];
            int padded = (n + 31) / 32 * 32;
            const float *from = pack_padded(part, x + (size_t)r * ld + at, n, padded);
            for (int i = 0; i < padded; i += 32) {
                __m512bh pair =
                    _mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + i + 16), _mm512_loadu_ps(from + i));
                _mm512_storeu_si512(&made[r][i / 2], (__m512i)pair);
            }
        }
        pack_interleave(words, made, rows, (n + 1) / 2);
        words += (size_t)((n + 1) / 2 * rows);
    }
}

const idf_gemm_ops idf_gemm_ops_avx512bf16[] = {
    {"avx512bf16", IDF_GEMM_BF16, 14, 1, false, 384, IDF_CPU_AVX512 | IDF_CPU_AVX512BF16, tile_bf16,
     finish_float, pack_bf16_native},
    {0},
};
