/* peak.h - the practical peak of a core: a loop of independent multiply-adds that touches registers
 * alone, in the widest instruction that the processor offers for a type. Benchmarks print it beside
 * their own rates. */
#ifndef IDF_BENCH_PEAK_H
#define IDF_BENCH_PEAK_H

#include <stddef.h>

#include <identify/pool.h>

#include "base/clock.h"
#include "kernel/cpu.h"
#include "kernel/gemm.h"

enum { PEAK_ROUNDS = 2000000 };

#if defined(__x86_64__)
/* 24 independent accumulators, one instruction each; %0 and %1 hold the factors. */
#define PEAK_24(op)                                                                                \
    op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) op(14) \
        op(15) op(16) op(17) op(18) op(19) op(20) op(21) op(22) op(23)
#define PEAK_12(op)            op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11)
#define PEAK_Z(instruction, n) instruction " %%zmm30, %%zmm31, %%zmm" #n "\n\t"
#define PEAK_Y(instruction, n) instruction " %%ymm14, %%ymm15, %%ymm" #n "\n\t"
#define PEAK_F32Z(n)           PEAK_Z("vfmadd231ps", n)
#define PEAK_BF16Z(n)          PEAK_Z("vdpbf16ps", n)
#define PEAK_S8Z(n)            PEAK_Z("vpdpbusd", n)
#define PEAK_F32Y(n)           PEAK_Y("vfmadd231ps", n)
#define PEAK_S8Y(n)            PEAK_Y("%{vex%} vpdpbusd", n)
/* int8 without a dot instruction of its own: products of bytes, their pairs, their sum. */
#define PEAK_BYTESY(n)                                                                             \
    "vpmaddubsw %%ymm14, %%ymm15, %%ymm13\n\t"                                                     \
    "vpmaddwd %%ymm13, %%ymm15, %%ymm13\n\t"                                                       \
    "vpaddd %%ymm13, %%ymm" #n ", %%ymm" #n "\n\t"
/* Products of tiles of 16 rows by 64 bytes. */
#define PEAK_TILES(instruction)                                                                    \
    instruction " %%tmm6, %%tmm4, %%tmm0\n\t" instruction                                          \
                " %%tmm7, %%tmm4, %%tmm1\n\t" instruction                                          \
                " %%tmm6, %%tmm5, %%tmm2\n\t" instruction " %%tmm7, %%tmm5, %%tmm3\n\t"
#define PEAK_ASM(body) __asm__ volatile(body ::: "memory", PEAK_CLOBBERS)
#define PEAK_CLOBBERS                                                                              \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",       \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#endif

typedef struct peak_run {
    idf_gemm_type type;
    double macs; /* in one round of one thread */
} peak_run;

#if defined(__x86_64__)
/* Rounds of four products of tiles. */
static void peak_tiles(idf_gemm_type type) {
    uint8_t config[64] = {1};
    for (int i = 0; i < 8; i++) {
        config[16 + 2 * i] = 64; /* bytes a row */
        config[48 + i] = 16;     /* rows */
    }
    __asm__ volatile("ldtilecfg %0" ::"m"(config)); /* and all tiles are zero */
    if (type == IDF_GEMM_BF16)
        for (int i = 0; i < PEAK_ROUNDS / 8; i++)
            __asm__ volatile(PEAK_TILES("tdpbf16ps")::);
    else
        for (int i = 0; i < PEAK_ROUNDS / 8; i++)
            __asm__ volatile(PEAK_TILES("tdpbusd")::);
    __asm__ volatile("tilerelease");
}
#endif

/* Multiply-adds a round. Factors are whatever the registers hold after a zeroing. */
static void peak_task(void *context, size_t item, int worker) {
    (void)item, (void)worker;
    peak_run *run = context;
#if defined(__x86_64__)
    unsigned have = idf_cpu_features();
    __asm__ volatile("vzeroall" ::: "memory", PEAK_CLOBBERS);
    if (have & IDF_CPU_AVX512) /* which vzeroall leaves as they are: denormal, say */
        __asm__ volatile("vpxord %%zmm30, %%zmm30, %%zmm30\n\t"
                         "vpxord %%zmm31, %%zmm31, %%zmm31" ::);
    if (run->type != IDF_GEMM_F32 && have & IDF_CPU_AMX)
        peak_tiles(run->type);
    else if (run->type == IDF_GEMM_F32 && have & IDF_CPU_AVX512)
        for (int i = 0; i < PEAK_ROUNDS; i++)
            PEAK_ASM(PEAK_24(PEAK_F32Z));
    else if (run->type == IDF_GEMM_BF16 && have & IDF_CPU_AVX512BF16)
        for (int i = 0; i < PEAK_ROUNDS; i++)
            PEAK_ASM(PEAK_24(PEAK_BF16Z));
    else if (run->type == IDF_GEMM_S8 && have & IDF_CPU_AVX512VNNI)
        for (int i = 0; i < PEAK_ROUNDS; i++)
            PEAK_ASM(PEAK_24(PEAK_S8Z));
    else if (run->type == IDF_GEMM_S8 && have & IDF_CPU_AVXVNNI)
        for (int i = 0; i < PEAK_ROUNDS; i++)
            PEAK_ASM(PEAK_12(PEAK_S8Y));
    else if (run->type == IDF_GEMM_S8 && have & IDF_CPU_AVX2)
        for (int i = 0; i < PEAK_ROUNDS; i++)
            PEAK_ASM(PEAK_12(PEAK_BYTESY));
    else if (have & IDF_CPU_AVX2)
        for (int i = 0; i < PEAK_ROUNDS; i++)
            PEAK_ASM(PEAK_12(PEAK_F32Y));
#else
    (void)run;
#endif
}

/* Operations (two a multiply-add) a second that `pool` can do at best, 0 when not known here. */
static inline double peak_ops(idf_gemm_type type, idf_pool *pool) {
    unsigned have = idf_cpu_features();
    double macs = 0;
#if defined(__x86_64__)
    if (type == IDF_GEMM_F32)
        macs = have & IDF_CPU_AVX512 ? 24 * 16 : have & IDF_CPU_AVX2 ? 12 * 8 : 0;
    else if (type == IDF_GEMM_BF16)
        macs = have & IDF_CPU_AMX          ? 4 * 8192 / 8
               : have & IDF_CPU_AVX512BF16 ? 24 * 32
               : have & IDF_CPU_AVX2       ? 12 * 8
                                           : 0;
    else
        macs = have & IDF_CPU_AMX          ? 4 * 16384 / 8
               : have & IDF_CPU_AVX512VNNI ? 24 * 64
               : have & IDF_CPU_AVXVNNI    ? 12 * 32
               : have & IDF_CPU_AVX2       ? 12 * 32
                                           : 0;
#endif
    (void)have;
    if (macs == 0)
        return 0;
    double best = 1e9;
    int n = idf_pool_threads(pool);
    peak_run run = {type, macs};
    /* For a third of a second: a new thread may share a core with its maker for a while. */
    for (double begin = idf_clock_seconds(); idf_clock_seconds() - begin < 0.33;) {
        double start = idf_clock_seconds();
        idf_pool_for(pool, (size_t)n, peak_task, &run);
        double took = idf_clock_seconds() - start;
        best = took < best ? took : best;
    }
    return 2 * macs * PEAK_ROUNDS * n / best;
}

#endif
