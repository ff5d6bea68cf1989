/* dot_i8.h - products of rows of bytes with queries of sixteen bits, for searching roughly.
 *
 * Sums are exact, so every variant gives the same. Any thread. */
#ifndef IDF_KERNEL_DOT_I8_H
#define IDF_KERNEL_DOT_I8_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The largest number of a query for which no sum of `dim` products
 * overflows: at most 32767, 0 when there is none of use. */
int idf_dot_i8_most(size_t dim);

/* rows (n_rows, dim), queries (n_queries, dim), out (n_queries, n_rows). Nothing outside the arrays
 * is read. */
void idf_dot_i8(const int8_t *rows, size_t n_rows, const int16_t *queries, size_t n_queries,
                size_t dim, int32_t *out);

/* The contract of idf_dot_i8; variants for its dispatch. */
typedef void idf_dot_i8_fn(const int8_t *rows, size_t n_rows, const int16_t *queries,
                           size_t n_queries, size_t dim, int32_t *out);
idf_dot_i8_fn idf_dot_i8_c;
#if defined(__x86_64__)
idf_dot_i8_fn idf_dot_i8_avx2, idf_dot_i8_avx512vnni;
#endif

#ifdef __cplusplus
}
#endif
#endif
