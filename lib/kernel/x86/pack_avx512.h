/* pack_avx512.h - PACK_TRANSPOSE of gemm_finish.inc for AVX-512: 16 x 16 words at a time. */
#ifndef IDF_KERNEL_X86_PACK_AVX512_H
#define IDF_KERNEL_X86_PACK_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#include "kernel/gemm_ops.h"

#define PACK_TRANSPOSE(out, made, rows, n) pack_transpose(out, made[0], rows, n)

/* Transposes 16 rows of 16 words, in four rounds of pairwise exchanges. */
static inline __attribute__((always_inline)) void pack_transpose_square(__m512i t[16]) {
    __m512i u[16];
    for (int i = 0; i < 16; i += 2) {
        u[i] = _mm512_unpacklo_epi32(t[i], t[i + 1]);
        u[i + 1] = _mm512_unpackhi_epi32(t[i], t[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        t[i] = _mm512_unpacklo_epi64(u[i], u[i + 2]);
        t[i + 1] = _mm512_unpackhi_epi64(u[i], u[i + 2]);
        t[i + 2] = _mm512_unpacklo_epi64(u[i + 1], u[i + 3]);
        t[i + 3] = _mm512_unpackhi_epi64(u[i + 1], u[i + 3]);
    }
    /* t[4 q + j] holds, in lane l, column 4 l + j of rows 4 q .. 4 q + 3. */
    for (int j = 0; j < 4; j++) {
        __m512i a = _mm512_shuffle_i32x4(t[j], t[4 + j], 0x88);
        __m512i b = _mm512_shuffle_i32x4(t[j], t[4 + j], 0xdd);
        __m512i c = _mm512_shuffle_i32x4(t[8 + j], t[12 + j], 0x88);
        __m512i d = _mm512_shuffle_i32x4(t[8 + j], t[12 + j], 0xdd);
        u[j] = _mm512_shuffle_i32x4(a, c, 0x88);
        u[4 + j] = _mm512_shuffle_i32x4(b, d, 0x88);
        u[8 + j] = _mm512_shuffle_i32x4(a, c, 0xdd);
        u[12 + j] = _mm512_shuffle_i32x4(b, d, 0xdd);
    }
    for (int i = 0; i < 16; i++)
        t[i] = u[i];
}

/* out[i * rows + r] = made[r * 64 + i] for i < n <= 64, r < rows <= 16. */
static inline void pack_transpose(uint32_t *out, const uint32_t *made, int rows, int n) {
    __mmask16 some = (__mmask16)((1u << rows) - 1);
    for (int at = 0; at < n; at += 16) {
        __m512i t[16];
        int cols = n - at < 16 ? n - at : 16;
        for (int r = 0; r < 16; r++)
            t[r] = r < rows ? _mm512_loadu_si512(made + r * 64 + at) : _mm512_setzero_si512();
        pack_transpose_square(t);
        for (int i = 0; i < cols; i++)
            _mm512_mask_storeu_epi32(out + (at + i) * rows, some, t[i]);
    }
}

#endif
