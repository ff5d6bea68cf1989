/* bench_hamming.c - descriptor matching: million pairs a millisecond for each variant, beside the
 * plain one. Prints a JSON line a variant. */
#include <stdint.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/rng.h"
#include "kernel/cpu.h"
#include "kernel/hamming.h"

enum { N = 1000, ROUNDS = 60 };

static double best_ms(const uint8_t *a, const uint8_t *b, idf_hamming_best *out, int rounds) {
    double best = 1e9;
    for (int i = 0; i < rounds; i++) {
        double start = idf_clock_seconds();
        idf_hamming_match2(a, N, b, N, out);
        double ms = (idf_clock_seconds() - start) * 1e3;
        best = ms < best ? ms : best;
    }
    return best;
}

int main(void) {
    static const struct {
        const char *name;
        unsigned features;
    } variants[] = {
        {"avx2", IDF_CPU_AVX2},
        {"avx512popcnt", IDF_CPU_AVX2 | IDF_CPU_AVX512 | IDF_CPU_AVX512POPCNT},
        {"neon", IDF_CPU_NEON},
    };
    uint8_t *a = idf_alloc_aligned(N, IDF_HAMMING_BYTES),
            *b = idf_alloc_aligned(N, IDF_HAMMING_BYTES);
    idf_hamming_best *out = idf_alloc(N, sizeof *out);
    if (a == NULL || b == NULL || out == NULL)
        return 4;
    idf_rng rng;
    idf_rng_init(&rng, 1, 0);
    for (int i = 0; i < N * IDF_HAMMING_BYTES; i++) {
        a[i] = (uint8_t)idf_rng_u32(&rng);
        b[i] = (uint8_t)idf_rng_u32(&rng);
    }
    idf_cpu_restrict(0);
    double plain = best_ms(a, b, out, ROUNDS / 10);
    for (size_t v = 0; v < sizeof variants / sizeof variants[0]; v++) {
        idf_cpu_restrict(~0u);
        if ((idf_cpu_features() & variants[v].features) != variants[v].features)
            continue;
        idf_cpu_restrict(variants[v].features);
        double ms = best_ms(a, b, out, ROUNDS);
        printf("{\"name\":\"hamming %dx%d %s\",\"ms\":%.4f,\"baseline\":\"plain C\","
               "\"baseline_ms\":%.4f,\"ratio\":%.3f,\"pairs_per_second\":%.3g}\n",
               N, N, variants[v].name, ms, plain, ms / plain, (double)N * N / ms * 1e3);
    }
    idf_free(out);
    idf_free(b);
    idf_free(a);
    return 0;
}
