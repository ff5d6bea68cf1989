/* dense_avx2.c - the row kernels and attention for AVX2 with FMA: strips of 2 vectors by 6 rows. */
#include <math.h>
#include <string.h>

#include "kernel/dense_ops.h"
#include "kernel/gemm_ops.h"
#include "kernel/x86/vec_avx2.h"

#include "kernel/vec_math.h"

#define DENSE_VECS 2
#include "kernel/dense.inc"

const idf_dense_ops idf_dense_ops_avx2 = {activate,  softmax,       layernorm,
                                          attention, gelu_backward, adamw};
