/* dot_i8.c - the plain version and the choice of variant. */
#include "kernel/dot_i8.h"

#include "kernel/cpu.h"

enum { LEAST_OF_USE = 1023 }; /* a query in fewer steps says less than the rows do */

int idf_dot_i8_most(size_t dim) {
    size_t most = dim == 0 ? INT16_MAX : (size_t)INT32_MAX / (128 * dim);
    return most > INT16_MAX ? INT16_MAX : most < LEAST_OF_USE ? 0 : (int)most;
}

void idf_dot_i8_c(const int8_t *rows, size_t n_rows, const int16_t *queries, size_t n_queries,
                  size_t dim, int32_t *out) {
    for (size_t r = 0; r < n_rows; r++)
        for (size_t q = 0; q < n_queries; q++) {
            int32_t sum = 0;
            for (size_t i = 0; i < dim; i++)
                sum += (int32_t)rows[r * dim + i] * queries[q * dim + i];
            out[q * n_rows + r] = sum;
        }
}

static idf_dot_i8_fn *variant(void) {
#if defined(__x86_64__)
    unsigned cpu = idf_cpu_features();
    if (cpu & IDF_CPU_AVX512VNNI)
        return idf_dot_i8_avx512vnni;
    if (cpu & IDF_CPU_AVX2)
        return idf_dot_i8_avx2;
#endif
    return idf_dot_i8_c;
}

void idf_dot_i8(const int8_t *rows, size_t n_rows, const int16_t *queries, size_t n_queries,
                size_t dim, int32_t *out) {
    variant()(rows, n_rows, queries, n_queries, dim, out);
}
