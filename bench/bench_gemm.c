/* bench_gemm.c - the products of ViT-B/32 by themselves: rates beside the practical peak.
 * usage: bench_gemm [FOLDER_IGNORED [THREADS [TYPE]]]     TYPE: fp32, bf16 or int8 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "peak.h"

typedef struct shape {
    int m, n, k;
} shape;

static double time_job(const idf_gemm_job *job, idf_pool *pool, int rounds) {
    double best = 1e9;
    for (int i = 0; i < rounds; i++) {
        double start = idf_clock_seconds();
        idf_gemm_run(job, pool);
        double took = idf_clock_seconds() - start;
        best = took < best ? took : best;
    }
    return best;
}

static void bench_shape(idf_gemm_type type, shape s, double peak, idf_pool *pool) {
    float *w = idf_alloc_zero((size_t)s.n * (size_t)s.k, sizeof *w);
    float *x = idf_alloc_zero((size_t)s.m * (size_t)s.k, sizeof *x);
    float *y = idf_alloc_zero((size_t)s.m * (size_t)s.n, sizeof *y);
    /* As many copies as do not fit the caches: a model's layers follow each other. */
    size_t bytes = idf_gemm_weights_bytes(type, s.n, s.k);
    size_t copies = (128u << 20) / bytes + 1;
    uint8_t *packed = idf_alloc_aligned(bytes * copies, 1);
    void *scratch = idf_alloc_aligned(idf_gemm_input_bytes(type, s.m, s.k), 1);
    if (w == NULL || x == NULL || y == NULL || packed == NULL || scratch == NULL)
        exit(4);
    idf_gemm_weights_pack(type, s.n, s.k, w, (size_t)s.k, packed);
    for (size_t i = 1; i < copies; i++)
        memcpy(packed + i * bytes, packed, bytes);
    idf_gemm_input input = idf_gemm_input_view(type, s.m, s.k, scratch);
    double start = idf_clock_seconds();
    for (int b = 0; b < input.n_blocks; b++)
        idf_gemm_input_pack(&input, b, x, (size_t)s.k);
    double pack = idf_clock_seconds() - start, best = 1e9, one = 1e9;
    for (int round = 0; round < 20; round++) {
        start = idf_clock_seconds();
        for (size_t i = 0; i < copies; i++) {
            idf_gemm_weights weights = idf_gemm_weights_view(type, s.n, s.k, packed + i * bytes);
            idf_gemm_job job = {.weights = &weights, .input = &input, .y = y, .ld_y = (size_t)s.n};
            one = i == 0 ? time_job(&job, pool, 20) : one;
            if (i == 0)
                start = idf_clock_seconds();
            else
                idf_gemm_run(&job, pool);
        }
        double took = (idf_clock_seconds() - start) / (double)(copies - 1);
        best = took < best ? took : best;
    }
    double ops = 2.0 * s.m * s.n * s.k;
    printf("{\"name\": \"gemm %s %dx%dx%d\", \"variant\": \"%s\", \"ms\": %.4f, \"gops\": %.0f, "
           "\"peak_gops\": %.0f, \"of_peak\": %.3f, \"cached_of_peak\": %.3f, \"pack_ms\": %.4f}\n",
           idf_gemm_type_name(type), s.m, s.n, s.k, idf_gemm_variant_name(type), best * 1e3,
           ops / best * 1e-9, peak * 1e-9, ops / best / peak, ops / one / peak, pack * 1e3);
    idf_free(w);
    idf_free(x);
    idf_free(y);
    idf_free(packed);
    idf_free(scratch);
}

int main(int argc, char **argv) {
    static const shape shapes[] = {{50, 2304, 768}, {50, 768, 768},   {50, 3072, 768},
                                   {50, 768, 3072}, {1, 3072, 768},   {400, 2304, 768},
                                   {400, 768, 768}, {400, 3072, 768}, {400, 768, 3072}};
    idf_pool *pool;
    if (idf_pool_new(&pool, argc > 2 ? atoi(argv[2]) : 0, NULL) != IDF_OK)
        return 4;
    for (int type = IDF_GEMM_F32; type <= IDF_GEMM_S8; type++) {
        if (argc > 3 && strcmp(argv[3], idf_gemm_type_name((idf_gemm_type)type)) != 0)
            continue;
        double peak = peak_ops((idf_gemm_type)type, pool);
        for (size_t i = 0; i < (argc > 4 ? (size_t)atoi(argv[4]) : sizeof shapes / sizeof *shapes);
             i++)
            bench_shape((idf_gemm_type)type, shapes[i], peak, pool);
    }
    idf_pool_free(pool);
    return 0;
}
