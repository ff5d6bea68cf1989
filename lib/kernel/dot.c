/* dot.c - dot products: the plain version, which is the specification, and the choice of variant.
 */
#include "kernel/dot.h"

#include "kernel/cpu.h"
#include "kernel/dot_variants.h"

static float dot_one(const float *a, const float *b, size_t dim) {
    float p[IDF_DOT_LANES] = {0};
    size_t i = 0;
    for (; i + IDF_DOT_LANES <= dim; i += IDF_DOT_LANES)
        for (size_t l = 0; l < IDF_DOT_LANES; l++)
            p[l] += a[i + l] * b[i + l];
    for (size_t l = 0; i + l < dim; l++)
        p[l] += a[i + l] * b[i + l];
    for (size_t half = IDF_DOT_LANES / 2; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++)
            p[l] += p[l + half];
    return p[0];
}

void idf_dot_f32_c(const float *rows, size_t n_rows, const float *queries, size_t n_queries,
                   size_t dim, float *out) {
    for (size_t r = 0; r < n_rows; r++)
        for (size_t q = 0; q < n_queries; q++)
            out[q * n_rows + r] = dot_one(rows + r * dim, queries + q * dim, dim);
}

static idf_dot_f32_fn *choose(void) {
    unsigned cpu = idf_cpu_features();
    (void)cpu;
#if defined(__x86_64__)
    if (cpu & IDF_CPU_AVX512)
        return idf_dot_f32_avx512;
    if (cpu & IDF_CPU_AVX2)
        return idf_dot_f32_avx2;
#elif defined(__aarch64__)
    if (cpu & IDF_CPU_NEON)
        return idf_dot_f32_neon;
#endif
    return idf_dot_f32_c;
}

void idf_dot_f32(const float *rows, size_t n_rows, const float *queries, size_t n_queries,
                 size_t dim, float *out) {
    choose()(rows, n_rows, queries, n_queries, dim, out);
}
