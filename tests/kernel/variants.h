/* variants.h - the levels of SIMD that a kernel test walks through on this processor. */
#ifndef IDF_TESTS_KERNEL_VARIANTS_H
#define IDF_TESTS_KERNEL_VARIANTS_H

#include "kernel/cpu.h"

typedef struct variant {
    const char *name;
    unsigned features;
} variant;

/* The plain C level first. A level that the processor lacks repeats a lower one. */
static const variant variants[] = {
    {"c", 0},
#if defined(__x86_64__)
    {"avx2", IDF_CPU_AVX2},
    {"avxvnni", IDF_CPU_AVX2 | IDF_CPU_AVXVNNI},
    {"avx512", IDF_CPU_AVX2 | IDF_CPU_AVX512},
    {"avx512vnni", IDF_CPU_AVX2 | IDF_CPU_AVX512 | IDF_CPU_AVX512VNNI},
    {"avx512bf16", IDF_CPU_AVX2 | IDF_CPU_AVX512 | IDF_CPU_AVX512BF16},
    {"amx", IDF_CPU_AVX2 | IDF_CPU_AVX512 | IDF_CPU_AVX512BF16 | IDF_CPU_AMX},
#elif defined(__aarch64__)
    {"neon", IDF_CPU_NEON},
    {"dotprod", IDF_CPU_NEON | IDF_CPU_DOTPROD},
    {"bf16", IDF_CPU_NEON | IDF_CPU_ARMBF16},
#endif
    {"all", ~0u},
};
enum { N_VARIANTS = sizeof variants / sizeof *variants };

#endif
