/* dense_neon.c - the row kernels and attention for NEON: strips of 4 vectors by 6 rows. */
#include <math.h>
#include <string.h>

#include "kernel/arm/vec_neon.h"
#include "kernel/dense_ops.h"
#include "kernel/gemm_ops.h"

#include "kernel/vec_math.h"

#define DENSE_VECS 4
#include "kernel/dense.inc"

const idf_dense_ops idf_dense_ops_neon = {activate,  softmax,       layernorm,
                                          attention, gelu_backward, adamw};
