/* dense_avx512.c - the row kernels and attention for AVX-512: strips of 4 vectors by 6 rows. */
#include <math.h>
#include <string.h>

#include "kernel/dense_ops.h"
#include "kernel/gemm_ops.h"
#include "kernel/x86/vec_avx512.h"

#include "kernel/vec_math.h"
#include "kernel/x86/pack_avx512.h"

/* Squares of 16 keys by 16 dimensions; missing keys are zero. */
static void transpose_squares(float *out, size_t ld, const float *keys, size_t ld_keys, int n) {
    for (int i = 0; i < n; i += 16)
        for (int d = 0; d < IDF_HEAD_DIM; d += 16) {
            __m512i t[16];
            for (int r = 0; r < 16; r++)
                t[r] = i + r < n ? _mm512_loadu_si512(keys + (size_t)(i + r) * ld_keys + d)
                                 : _mm512_setzero_si512();
            pack_transpose_square(t);
            for (int r = 0; r < 16; r++)
                _mm512_storeu_si512(out + (size_t)(d + r) * ld + i, t[r]);
        }
}
#define DENSE_TRANSPOSE_KEYS transpose_squares

#define DENSE_VECS 4
#include "kernel/dense.inc"

const idf_dense_ops idf_dense_ops_avx512 = {activate,  softmax,       layernorm,
                                            attention, gelu_backward, adamw};
