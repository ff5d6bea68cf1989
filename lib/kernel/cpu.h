/* cpu.h - which SIMD variants this processor can run, under a mask.
 *
 * Variants are chosen by CPU feature, never by CPU family. IDENTIFY_CPU in the environment names
 * the highest level to use: none, avx2, avx512, avx512vnni, avx512bf16, amx on x86 (each includes
 * the ones before it); none, neon, dotprod, bf16 on Arm. Levels the processor lacks are ignored. */
#ifndef IDF_KERNEL_CPU_H
#define IDF_KERNEL_CPU_H

#include <identify/api.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_CPU_AVX2 = 1u << 0,         /* AVX2, FMA, F16C, BMI2, POPCNT, PCLMULQDQ */
    IDF_CPU_AVXVNNI = 1u << 1,      /* the 256-bit VEX form of the int8 dot product */
    IDF_CPU_AVX512 = 1u << 2,       /* F, BW, DQ, VL, CD */
    IDF_CPU_AVX512VNNI = 1u << 3,   /* int8 dot product */
    IDF_CPU_AVX512POPCNT = 1u << 4, /* VPOPCNTDQ */
    IDF_CPU_AVX512BF16 = 1u << 5,   /* bfloat16 dot product */
    IDF_CPU_AMX = 1u << 6,          /* tiles: int8 and bfloat16 products of matrices */
    IDF_CPU_NEON = 1u << 8,
    IDF_CPU_DOTPROD = 1u << 9, /* Armv8.2 int8 dot product */
    IDF_CPU_ARMBF16 = 1u << 10,
};

/* The features that may be used: what the processor and the operating system offer, masked by
 * IDENTIFY_CPU. Found once; any thread. */
unsigned idf_cpu_features(void);

/* Test hook: use `features` (masked by what the processor offers) from now on; ~0u restores all.
 * Not while other threads compute. */
void idf_cpu_restrict(unsigned features);

/* The best level in use as a word: "avx512bf16", "avx2", "neon", "c", ... A static string. */
const char *idf_cpu_name(void);

#ifdef __cplusplus
}
#endif
#endif
