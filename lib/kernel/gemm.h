/* gemm.h - products of activations with weights that were packed beforehand:
 *
 *     y[m][n] = residual[m][n] + act(sum over k of x[m][k] * w[n][k] + bias[n])
 *
 * Weights are laid out once, in the order in which the kernels stream them, the same on every
 * processor: panels of 32 columns; inside a panel, for each group of k, 32 words of 32 bits, one a
 * column. A word holds one float, two bfloat16 or four int8, so that one kind of loop (broadcast a
 * word of x, load words of w, multiply and add) serves the three types. Activations are packed
 * before a product, a few rows at a time, into the order that the chosen variant reads.
 *
 * An output element is summed over k in rising order in one accumulator whatever m, the tiling or
 * the number of threads is, so results depend on none of them. bfloat16 products are summed in
 * float; int8 products are exact in int32.
 *
 * int8: weights have one scale a column, activations one a row. Elements of a row that stand far
 * out of it are clamped, and what the clamp cut off is multiplied in float (the decomposition of
 * Dettmers et al., "LLM.int8()", 2022, but for each row by itself, so that the other rows of a
 * batch have no influence). */
#ifndef IDF_KERNEL_GEMM_H
#define IDF_KERNEL_GEMM_H

#include <stddef.h>
#include <stdint.h>

#include <identify/pool.h>

#include "kernel/gelu.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum idf_gemm_type { IDF_GEMM_F32, IDF_GEMM_BF16, IDF_GEMM_S8 } idf_gemm_type;

enum {
    IDF_GEMM_PANEL = 32,        /* columns in a panel */
    IDF_GEMM_MAX_OUTLIERS = 16, /* in a row */
    IDF_GEMM_MAX_SIDE = 1 << 20 /* of m, n and k */
};

/* A packed n x k matrix: a view into memory of the caller's, which may be a read-only mapping. */
typedef struct idf_gemm_weights {
    idf_gemm_type type;
    int n, k;
    const void *panels;
    const float *scales; /* S8: one a column, padded to whole panels; else NULL */
    const int32_t *sums; /* S8: sum of each column's int8 weights, likewise */
} idf_gemm_weights;

/* Bytes that a packed n x k matrix takes, a multiple of 64; 1 <= n, k <= IDF_GEMM_MAX_SIDE. */
size_t idf_gemm_weights_bytes(idf_gemm_type type, int n, int k);

/* A view of packed weights at `memory` (64-byte aligned, idf_gemm_weights_bytes long). */
idf_gemm_weights idf_gemm_weights_view(idf_gemm_type type, int n, int k, const void *memory);

/* Packs w, n rows of k floats, ld floats apart, into `memory`. Every byte of it is written. */
void idf_gemm_weights_pack(idf_gemm_type type, int n, int k, const float *w, size_t ld,
                           void *memory);

/* The float type's matrix given by columns: w is k rows of n floats, ld floats apart. */
void idf_gemm_weights_pack_columns(int n, int k, const float *w, size_t ld, void *memory);

/* What a clamp cut off one row: value[i] more than the clamped x[k[i]]. */
typedef struct idf_gemm_outliers {
    int32_t n;
    int32_t k[IDF_GEMM_MAX_OUTLIERS];
    float value[IDF_GEMM_MAX_OUTLIERS];
} idf_gemm_outliers;

/* m packed rows of k activations: a view into scratch memory of the caller's. */
typedef struct idf_gemm_input {
    const struct idf_gemm_ops *ops; /* the variant that it is packed for */
    int m, k;
    int n_blocks; /* rows are packed in this many blocks */
    void *words;
    float *scales;               /* S8 */
    idf_gemm_outliers *outliers; /* S8 */
} idf_gemm_input;

/* Bytes of scratch that at most m rows of k activations need in any variant, a multiple of 64. */
size_t idf_gemm_input_bytes(idf_gemm_type type, int m, int k);

/* A view of `memory` (64-byte aligned) for the best variant of this processor; nothing is packed
 * yet. */
idf_gemm_input idf_gemm_input_view(idf_gemm_type type, int m, int k, void *memory);

/* Rows [begin, end) of block `block` < n_blocks. */
void idf_gemm_input_rows(const idf_gemm_input *input, int block, int *begin, int *end);

/* Packs one block out of the whole matrix x, rows ld floats apart. Different threads may pack
 * different blocks. */
void idf_gemm_input_pack(const idf_gemm_input *input, int block, const float *x, size_t ld);

/* The float type's matrix given by columns: x is k rows of m floats, ld floats apart. */
void idf_gemm_input_pack_columns(const idf_gemm_input *input, int block, const float *x, size_t ld);

/* One product. The columns [n_begin, n_end) are computed, both multiples of 32 or n itself; n_end 0
 * means n. Column n_begin goes to y[row][0], residual[row][0] and bias[0]. */
typedef struct idf_gemm_job {
    const idf_gemm_weights *weights;
    const idf_gemm_input *input; /* packed, same type and k as the weights */
    int n_begin, n_end;
    const float *bias; /* or NULL */
    idf_activation activation;
    const float *residual; /* or NULL; may be y */
    size_t ld_residual;
    float *y;
    size_t ld_y;
} idf_gemm_job;

/* Runs a product over the pool (may be NULL). */
void idf_gemm_run(const idf_gemm_job *job, idf_pool *pool);

/* The word for a type ("fp32", "bf16", "int8") and for the variant that would compute it now
 * ("avx512bf16", ...). Static strings. */
const char *idf_gemm_type_name(idf_gemm_type type);
const char *idf_gemm_variant_name(idf_gemm_type type);

#ifdef __cplusplus
}
#endif
#endif
