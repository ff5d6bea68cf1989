/* gemm_c.c - the plain C variant of gemm.h: the specification that the others are tested against,
 * and what runs where there is nothing better. */
#include <math.h>
#include <string.h>

#include "kernel/gemm_ops.h"

enum { ROWS = 4 };

static void tile_f32(const idf_gemm_tile *t) {
    const float *a = t->a, *w = t->w;
    float *acc = t->acc;
    if (t->start)
        memset(acc, 0, (size_t)t->rows * IDF_GEMM_PANEL * sizeof *acc);
    for (size_t g = 0; g < t->groups; g++, w += IDF_GEMM_PANEL)
        for (int r = 0; r < t->rows; r++, a++)
            for (int c = 0; c < IDF_GEMM_PANEL; c++)
                acc[r * IDF_GEMM_PANEL + c] += *a * w[c];
}

/* A product of two bfloat16 is exact in a float: each step rounds once. */
static void tile_bf16(const idf_gemm_tile *t) {
    const uint16_t *a = t->a, *w = t->w;
    float *acc = t->acc;
    if (t->start)
        memset(acc, 0, (size_t)t->rows * IDF_GEMM_PANEL * sizeof *acc);
    for (size_t g = 0; g < t->groups; g++, w += 2 * IDF_GEMM_PANEL)
        for (int r = 0; r < t->rows; r++, a += 2) {
            float even = idf_f32_from_bf16(a[0]), odd = idf_f32_from_bf16(a[1]);
            for (int c = 0; c < IDF_GEMM_PANEL; c++) {
                float *sum = &acc[r * IDF_GEMM_PANEL + c];
                *sum += odd * idf_f32_from_bf16(w[2 * c + 1]);
                *sum += even * idf_f32_from_bf16(w[2 * c]);
            }
        }
}

static void tile_s8(const idf_gemm_tile *t) {
    const int8_t *a = t->a, *w = t->w;
    int32_t *acc = t->acc;
    if (t->start)
        memset(acc, 0, (size_t)t->rows * IDF_GEMM_PANEL * sizeof *acc);
    for (size_t g = 0; g < t->groups; g++, w += 4 * IDF_GEMM_PANEL)
        for (int r = 0; r < t->rows; r++, a += 4)
            for (int c = 0; c < IDF_GEMM_PANEL; c++)
                acc[r * IDF_GEMM_PANEL + c] += a[0] * w[4 * c] + a[1] * w[4 * c + 1] +
                                               a[2] * w[4 * c + 2] + a[3] * w[4 * c + 3];
}

static void finish_row(const float *sums, const idf_gemm_finish *f, int r) {
    for (int c = 0; c < f->cols; c++) {
        float v = sums[c] + (f->bias ? f->bias[c] : 0);
        if (f->activation == IDF_ACT_QUICK_GELU)
            v = v / (1 + expf(-1.702f * v));
        else if (f->activation == IDF_ACT_GELU)
            v = 0.5f * v * erfcf(-v * 0.70710678f);
        if (f->residual)
            v += f->residual[(size_t)r * f->ld_residual + (size_t)c];
        f->y[(size_t)r * f->ld_y + (size_t)c] = v;
    }
}

static void finish_float(const idf_gemm_finish *f) {
    for (int r = 0; r < f->rows; r++)
        finish_row((const float *)f->acc + r * IDF_GEMM_PANEL, f, r);
}

static void finish_s8(const idf_gemm_finish *f) {
    for (int r = 0; r < f->rows; r++) {
        const int32_t *acc = (const int32_t *)f->acc + r * IDF_GEMM_PANEL;
        const idf_gemm_outliers *outliers = &f->outliers[r];
        float sums[IDF_GEMM_PANEL];
        for (int c = 0; c < IDF_GEMM_PANEL; c++) {
            float side = 0;
            for (int i = 0; i < outliers->n; i++) {
                size_t k = (size_t)outliers->k[i];
                const int8_t *w = (const int8_t *)f->panel + k / 4 * IDF_GEMM_PANEL * 4;
                side += outliers->value[i] * w[4 * c + (int)(k % 4)];
            }
            sums[c] = ((float)acc[c] * f->row_scales[r] + side) * f->col_scales[c];
        }
        finish_row(sums, f, r);
    }
}

static void pack_f32(const float *x, size_t ld, int rows, int k, void *out, float *scales,
                     idf_gemm_outliers *outliers) {
    (void)scales, (void)outliers;
    float *words = out;
    for (int i = 0; i < k; i++)
        for (int r = 0; r < rows; r++)
            *words++ = x[(size_t)r * ld + (size_t)i];
}

static void pack_bf16(const float *x, size_t ld, int rows, int k, void *out, float *scales,
                      idf_gemm_outliers *outliers) {
    (void)scales, (void)outliers;
    uint16_t *halves = out;
    for (int i = 0; i < k; i += 2)
        for (int r = 0; r < rows; r++)
            for (int j = i; j < i + 2; j++)
                *halves++ = idf_bf16_from_f32(j < k ? x[(size_t)r * ld + (size_t)j] : 0);
}

static int count_above(const float *x, int k, float limit) {
    int n = 0;
    for (int i = 0; i < k; i++)
        n += fabsf(x[i]) > limit;
    return n;
}

static float clamp_row(const float *x, int k, idf_gemm_outliers *outliers) {
    float largest = 0, sum = 0;
    for (int i = 0; i < k; i++) {
        largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
        sum += fabsf(x[i]);
    }
    float limit = IDF_GEMM_CLAMP * sum / (float)k;
    outliers->n = 0;
    while (largest > limit && count_above(x, k, limit) > IDF_GEMM_MAX_OUTLIERS)
        limit *= IDF_GEMM_CLAMP_STEP;
    if (!(largest > limit))
        return largest;
    for (int i = 0; i < k; i++) {
        if (!(fabsf(x[i]) > limit))
            continue;
        outliers->k[outliers->n] = i;
        outliers->value[outliers->n++] = x[i] - copysignf(limit, x[i]);
    }
    return limit;
}

static int8_t quantise(float x, float clamp, float inverse) {
    x = x > clamp ? clamp : x < -clamp ? -clamp : x;
    x *= inverse;
    return (int8_t)(x > -128 && x < 128 ? lrintf(x) : 0); /* 0 for NaN */
}

static void pack_s8(const float *x, size_t ld, int rows, int k, void *out, float *scales,
                    idf_gemm_outliers *outliers) {
    float clamp[ROWS];
    int8_t *bytes = out;
    for (int r = 0; r < rows; r++) {
        clamp[r] = clamp_row(x + (size_t)r * ld, k, &outliers[r]);
        scales[r] = clamp[r] / 127;
    }
    for (int i = 0; i < k; i += 4)
        for (int r = 0; r < rows; r++) {
            float inverse = clamp[r] > 0 ? 127 / clamp[r] : 0;
            for (int j = i; j < i + 4; j++)
                *bytes++ = j < k ? quantise(x[(size_t)r * ld + (size_t)j], clamp[r], inverse) : 0;
        }
}

const idf_gemm_ops idf_gemm_ops_c[] = {
    {"c", IDF_GEMM_F32, ROWS, 1, false, 384, 0, tile_f32, finish_float, pack_f32},
    {"c", IDF_GEMM_BF16, ROWS, 1, false, 384, 0, tile_bf16, finish_float, pack_bf16},
    {"c", IDF_GEMM_S8, ROWS, 1, false, 384, 0, tile_s8, finish_s8, pack_s8},
    {0},
};
