/* dot.h - dot products of float rows, the arithmetic of exact search.
 *
 * A product is defined to the last bit: sixteen partial sums, p[l] = the sum over i = l, l + 16,
 * ... of a[i] * b[i], each product and each sum rounded, in rising i; then halves are added, l with
 * l + 8, l + 4, l + 2, l + 1. The plain version and every variant give exactly this, so a result
 * depends neither on the processor nor on how rows and queries are grouped. It costs nothing: the
 * work waits for memory, and multiply and add have units of their own. Any thread. */
#ifndef IDF_KERNEL_DOT_H
#define IDF_KERNEL_DOT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* rows (n_rows, dim), queries (n_queries, dim), out (n_queries, n_rows). No alignment is asked for;
 * nothing outside the arrays is read. */
void idf_dot_f32(const float *rows, size_t n_rows, const float *queries, size_t n_queries,
                 size_t dim, float *out);

#ifdef __cplusplus
}
#endif
#endif
