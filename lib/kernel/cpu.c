/* cpu.c - CPU features by CPUID or the kernel's hardware capabilities, masked by IDENTIFY_CPU. */
#define _GNU_SOURCE /* syscall */
#include "kernel/cpu.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

typedef struct cpu_level {
    const char *name;
    unsigned features; /* all that the level may use */
} cpu_level;

/* From the least to the most. */
static const cpu_level levels[] = {
    {"none", 0},
#if defined(__x86_64__)
    {"avx2", IDF_CPU_AVX2 | IDF_CPU_AVXVNNI},
    {"avx512", IDF_CPU_AVX2 | IDF_CPU_AVXVNNI | IDF_CPU_AVX512},
    {"avx512vnni",
     IDF_CPU_AVX2 | IDF_CPU_AVXVNNI | IDF_CPU_AVX512 | IDF_CPU_AVX512VNNI | IDF_CPU_AVX512POPCNT},
    {"avx512bf16", IDF_CPU_AVX2 | IDF_CPU_AVXVNNI | IDF_CPU_AVX512 | IDF_CPU_AVX512VNNI |
                       IDF_CPU_AVX512POPCNT | IDF_CPU_AVX512BF16},
    {"amx", IDF_CPU_AVX2 | IDF_CPU_AVXVNNI | IDF_CPU_AVX512 | IDF_CPU_AVX512VNNI |
                IDF_CPU_AVX512POPCNT | IDF_CPU_AVX512BF16 | IDF_CPU_AMX},
#elif defined(__aarch64__)
    {"neon", IDF_CPU_NEON},
    {"dotprod", IDF_CPU_NEON | IDF_CPU_DOTPROD},
    {"bf16", IDF_CPU_NEON | IDF_CPU_DOTPROD | IDF_CPU_ARMBF16},
#endif
};
enum { N_LEVELS = sizeof levels / sizeof levels[0] };

static atomic_uint found;             /* features | FOUND once looked up */
static atomic_uint restriction = ~0u; /* test hook */
static const unsigned FOUND = 1u << 31;

#if defined(__x86_64__)
/* Tile registers need the system's leave, which holds for all threads of the process (Linux's
 * Documentation/arch/x86/xstate.rst). */
static bool tiles_granted(void) {
#if defined(__linux__) && defined(SYS_arch_prctl)
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#else
    return false;
#endif
}

static unsigned hardware_features(void) {
    unsigned a, b, c, d, features = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (1u << 27)) == 0) /* OSXSAVE */
        return 0;
    unsigned clmul_fma_f16c_popcnt = 1u << 1 | 1u << 12 | 1u << 29 | 1u << 23;
    int base = (c & clmul_fma_f16c_popcnt) == clmul_fma_f16c_popcnt;
    unsigned xcr0, high;
    __asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return 0;
    if (base && (xcr0 & 0x6) == 0x6 && (b >> 5 & 1) && (b >> 8 & 1))
        features |= IDF_CPU_AVX2;
    unsigned f_dq_cd_bw_vl = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
    if ((features & IDF_CPU_AVX2) && (xcr0 & 0xe6) == 0xe6 &&
        (b & f_dq_cd_bw_vl) == f_dq_cd_bw_vl) {
        features |= IDF_CPU_AVX512;
        features |= c >> 11 & 1 ? IDF_CPU_AVX512VNNI : 0;
        features |= c >> 14 & 1 ? IDF_CPU_AVX512POPCNT : 0;
    }
    unsigned bf16_tile_int8 = 1u << 22 | 1u << 24 | 1u << 25, tiles = 0;
    if ((xcr0 & 0x60000) == 0x60000 && (d & bf16_tile_int8) == bf16_tile_int8)
        tiles = IDF_CPU_AMX;
    unsigned max_leaf = a;
    if (max_leaf >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) {
        if (features & IDF_CPU_AVX2)
            features |= a >> 4 & 1 ? IDF_CPU_AVXVNNI : 0;
        if (features & IDF_CPU_AVX512)
            features |= a >> 5 & 1 ? IDF_CPU_AVX512BF16 : 0;
        if (tiles != 0 && (features & IDF_CPU_AVX512BF16) && tiles_granted())
            features |= tiles;
    }
    return features;
}
#elif defined(__aarch64__)
static unsigned hardware_features(void) {
    unsigned features = IDF_CPU_NEON;
#if defined(__linux__)
    features |= getauxval(AT_HWCAP) & HWCAP_ASIMDDP ? IDF_CPU_DOTPROD : 0;
    features |= getauxval(AT_HWCAP2) & HWCAP2_BF16 ? IDF_CPU_ARMBF16 : 0;
#elif defined(__APPLE__)
    features |= IDF_CPU_DOTPROD; /* every Apple Arm Mac has it */
#endif
    return features;
}
#else
static unsigned hardware_features(void) {
    return 0;
}
#endif

/* The mask that IDENTIFY_CPU asks for; an unknown word masks nothing. */
static unsigned environment_mask(void) {
    const char *word = getenv("IDENTIFY_CPU");
    for (int i = 0; word != NULL && i < N_LEVELS; i++)
        if (strcmp(word, levels[i].name) == 0)
            return levels[i].features;
    return ~0u;
}

unsigned idf_cpu_features(void) {
    unsigned known = atomic_load_explicit(&found, memory_order_relaxed);
    if (known == 0) {
        known = (hardware_features() & environment_mask()) | FOUND;
        atomic_store_explicit(&found, known, memory_order_relaxed);
    }
    return known & ~FOUND & atomic_load_explicit(&restriction, memory_order_relaxed);
}

void idf_cpu_restrict(unsigned features) {
    atomic_store(&restriction, features);
}

const char *idf_cpu_name(void) {
    unsigned have = idf_cpu_features();
    for (int i = N_LEVELS - 1; i > 0; i--) {
        unsigned own = levels[i].features & ~levels[i - 1].features;
        own &= ~(unsigned)(IDF_CPU_AVXVNNI | IDF_CPU_AVX512POPCNT); /* extras, not levels */
        if ((have & own) == own)
            return levels[i].name;
    }
    return "c";
}
