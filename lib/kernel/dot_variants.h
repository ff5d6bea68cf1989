/* dot_variants.h - the versions of idf_dot_f32, for its dispatch. */
#ifndef IDF_KERNEL_DOT_VARIANTS_H
#define IDF_KERNEL_DOT_VARIANTS_H

#include "kernel/dot.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Before a loop of at most four rounds, a constant number: unrolled, so that an array of sums that
 * it indexes is kept in registers. */
#if defined(__clang__)
#define IDF_DOT_UNROLL _Pragma("unroll")
#else
#define IDF_DOT_UNROLL _Pragma("GCC unroll 4")
#endif

enum { IDF_DOT_LANES = 16 }; /* partial sums of a product */

/* The contract of idf_dot_f32. */
typedef void idf_dot_f32_fn(const float *rows, size_t n_rows, const float *queries,
                            size_t n_queries, size_t dim, float *out);
idf_dot_f32_fn idf_dot_f32_c;
#if defined(__x86_64__)
idf_dot_f32_fn idf_dot_f32_avx2, idf_dot_f32_avx512;
#elif defined(__aarch64__)
idf_dot_f32_fn idf_dot_f32_neon;
#endif

#ifdef __cplusplus
}
#endif
#endif
