/* gemm_ops.h - what a variant of gemm.h implements. The drivers in gemm.c cut a product into tiles
 * of at most `rows` rows and one panel of columns; a variant computes tiles.
 *
 * Packed activations of a block of r rows: for each group of k, for each of `splits` parts, r
 * words; AMX's lie otherwise (gemm_amx.c). Variants with a dot instruction for their type use one
 * part: the word of gemm.h, with int8 offset by 128 where the instruction wants one unsigned side.
 * The others use two, so that the loop need not take words of x apart: bfloat16: the odd element of
 * the pair as a float, then the even one (the order in which AVX-512's dot instruction adds); int8:
 * elements 0 and 2 as two int16, then 1 and 3. */
#ifndef IDF_KERNEL_GEMM_OPS_H
#define IDF_KERNEL_GEMM_OPS_H

#include <stdbool.h>

#include "kernel/gemm.h"

/* Before a loop with a constant count: write it out, so that arrays of vectors become registers. */
#if defined(__clang__)
#define VEC_UNROLL _Pragma("clang loop unroll(full)")
#else
#define VEC_UNROLL _Pragma("GCC unroll 32")
#endif

enum {
    IDF_GEMM_MAX_ROWS = 32,  /* in a tile, over all variants */
    IDF_GEMM_MAX_SPLITS = 2, /* parts of a word of activations */
};

/* acc[r][0..31] += the sum over `groups` groups; acc is float or int32. */
typedef struct idf_gemm_tile {
    int rows;
    size_t groups;
    const void *a;     /* groups x splits x rows words */
    const void *w;     /* groups x 32 words */
    void *acc;         /* rows x 32 */
    bool start;        /* acc is not read: begins at zero */
    const char *ahead; /* 64 bytes a group are fetched into the cache from here on */
} idf_gemm_tile;

/* What is done to sums when they are complete. */
typedef struct idf_gemm_finish {
    int rows, cols;    /* cols <= 32 */
    const void *acc;   /* rows x 32 */
    const float *bias; /* of the first column, or NULL */
    idf_activation activation;
    const float *residual;
    size_t ld_residual;
    float *y;
    size_t ld_y;
    /* S8 only */
    const float *row_scales;
    const idf_gemm_outliers *outliers;
    const float *col_scales;
    const int32_t *col_sums;
    const void *panel;
} idf_gemm_finish;

typedef struct idf_gemm_ops {
    const char *name;
    idf_gemm_type type;
    int rows;      /* most rows in a tile */
    int splits;    /* parts of a word of activations */
    bool offset;   /* S8: activations are stored as unsigned, 128 more */
    int chunk;     /* groups of k whose weights stay in the nearest caches */
    unsigned need; /* IDF_CPU_ features */
    void (*tile)(const idf_gemm_tile *tile);
    void (*finish)(const idf_gemm_finish *finish);
    /* Packs `rows` rows of k floats, ld apart, into out; scales and outliers are of the first row
     * (S8). */
    void (*pack)(const float *x, size_t ld, int rows, int k, void *out, float *scales,
                 idf_gemm_outliers *outliers);
} idf_gemm_ops;

/* Elements of k in a word. */
static inline int idf_gemm_group(idf_gemm_type type) {
    return type == IDF_GEMM_F32 ? 1 : type == IDF_GEMM_BF16 ? 2 : 4;
}

/* The variants of each file, each list ended by one without a name. */
extern const idf_gemm_ops idf_gemm_ops_c[];
#if defined(__x86_64__)
extern const idf_gemm_ops idf_gemm_ops_avx2[], idf_gemm_ops_avxvnni[], idf_gemm_ops_avx512[],
    idf_gemm_ops_avx512vnni[], idf_gemm_ops_avx512bf16[], idf_gemm_ops_amx[];
#elif defined(__aarch64__)
extern const idf_gemm_ops idf_gemm_ops_neon[], idf_gemm_ops_dotprod[], idf_gemm_ops_bf16[];
#endif

/* A row is clamped at this many times its mean absolute value (a normal distribution's largest of
 * 3072 values is at about 4.5 times it), higher when more than IDF_GEMM_MAX_OUTLIERS stand out. */
#define IDF_GEMM_CLAMP      8.0f
#define IDF_GEMM_CLAMP_STEP 1.25f

/* bfloat16 by rounding to nearest even; NaN stays NaN. */
static inline uint16_t idf_bf16_from_f32(float value) {
    union {
        float f;
        uint32_t u;
    } bits = {value};
    if ((bits.u & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits.u >> 16 | 0x40);
    return (uint16_t)((bits.u + 0x7fffu + (bits.u >> 16 & 1)) >> 16);
}

static inline float idf_f32_from_bf16(uint16_t value) {
    union {
        uint32_t u;
        float f;
    } bits = {(uint32_t)value << 16};
    return bits.f;
}

#endif
