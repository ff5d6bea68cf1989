/* Products with packed weights: every variant against sums in double, over every tail. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "kernel/gemm.h"

#include "kernel/variants.h"

typedef struct problem {
    idf_gemm_type type;
    int m, n, k;
    float *x, *w, *bias, *residual; /* x: m x k, w: n x k, residual: m x n */
    void *packed, *scratch;
    idf_gemm_weights weights;
} problem;

static float *random_floats(size_t n, uint64_t seed, float scale) {
    float *out = idf_alloc(n, sizeof *out);
    assert_non_null(out);
    idf_rng rng;
    idf_rng_init(&rng, seed, n);
    for (size_t i = 0; i < n; i++)
        out[i] = scale * (float)idf_rng_normal(&rng);
    return out;
}

static problem problem_new(idf_gemm_type type, int m, int n, int k) {
    problem p = {.type = type, .m = m, .n = n, .k = k};
    size_t rows = (size_t)m, cols = (size_t)n, inner = (size_t)k;
    p.x = random_floats(rows * inner, 1, 1);
    p.w = random_floats(cols * inner, 2, 0.1f);
    p.bias = random_floats(cols, 3, 1);
    p.residual = random_floats(rows * cols, 4, 1);
    p.packed = idf_alloc_aligned(idf_gemm_weights_bytes(type, n, k), 1);
    p.scratch = idf_alloc_aligned(idf_gemm_input_bytes(type, m, k), 1);
    assert_non_null(p.packed);
    assert_non_null(p.scratch);
    idf_gemm_weights_pack(type, n, k, p.w, inner, p.packed);
    p.weights = idf_gemm_weights_view(type, n, k, p.packed);
    return p;
}

static void problem_release(problem *p) {
    idf_free(p->x);
    idf_free(p->w);
    idf_free(p->bias);
    idf_free(p->residual);
    idf_free(p->packed);
    idf_free(p->scratch);
}

static idf_gemm_input pack_rows(const problem *p, int first, int m) {
    idf_gemm_input input = idf_gemm_input_view(p->type, m, p->k, p->scratch);
    for (int b = 0; b < input.n_blocks; b++)
        idf_gemm_input_pack(&input, b, p->x + (size_t)first * (size_t)p->k, (size_t)p->k);
    return input;
}

/* y for rows [first, first + m), into memory of exactly that size. */
static float *run(const problem *p, int first, int m, idf_activation activation, idf_pool *pool) {
    idf_gemm_input input = pack_rows(p, first, m);
    float *y = idf_alloc((size_t)m * (size_t)p->n, sizeof *y);
    assert_non_null(y);
    idf_gemm_job job = {.weights = &p->weights,
                        .input = &input,
                        .bias = p->bias,
                        .activation = activation,
                        .residual = p->residual + (size_t)first * (size_t)p->n,
                        .ld_residual = (size_t)p->n,
                        .y = y,
                        .ld_y = (size_t)p->n};
    idf_gemm_run(&job, pool);
    return y;
}

static double activate(double v, idf_activation activation) {
    return activation == IDF_ACT_QUICK_GELU ? v / (1 + exp(-1.702 * v))
           : activation == IDF_ACT_GELU     ? 0.5 * v * erfc(-v / sqrt(2))
                                            : v;
}

/* Checks y against sums in double. The bound follows from the type: a float sum of k products errs
 * by at most about k 2^-24 of the sum of their sizes, far less when rounding is random; bfloat16
 * rounds both factors to 2^-9; int8 rounds each factor by half a step of its scale. */
static void check(const problem *p, const float *y, idf_activation activation, const char *where) {
    for (int r = 0; r < p->m; r++)
        for (int c = 0; c < p->n; c++) {
            const float *x = p->x + (size_t)r * (size_t)p->k, *w = p->w + (size_t)c * (size_t)p->k;
            double sum = p->bias[c], size = fabs(sum), most_x = 0, most_w = 0, squares = 0;
            for (int i = 0; i < p->k; i++) {
                sum += (double)x[i] * w[i];
                size += fabs((double)x[i] * w[i]);
                squares += (double)x[i] * x[i] * w[i] * w[i];
                most_x = fmax(most_x, fabsf(x[i]));
                most_w = fmax(most_w, fabsf(w[i]));
            }
            double bound = size * 1e-6;
            if (p->type == IDF_GEMM_BF16)
                bound += 6 * sqrt(squares) / 256 + size * 1e-5;
            if (p->type == IDF_GEMM_S8) /* random rounding: six standard deviations */
                bound += 6 * sqrt((double)p->k) * (most_x * 0.1 + most_w) / 254 + 1e-3;
            size_t at = (size_t)r * (size_t)p->n + (size_t)c;
            double want = activate(sum, activation) + p->residual[at];
            double off = fabs(y[at] - want);
            if (!(off <= bound * 1.2 + 1e-6 * (fabs(want) + fabs(sum))))
                fail_msg("%s m %d n %d k %d: y[%d][%d] is %.9g, not %.9g (bound %.3g)", where, p->m,
                         p->n, p->k, r, c, (double)y[at], want, bound);
        }
}

static void every_tail(void **state) {
    idf_gemm_type type = *(const idf_gemm_type *)*state;
    static const int ns[] = {1, 31, 32, 33, 64, 100}, ks[] = {1, 2, 3, 5, 63, 66, 130, 588};
    for (int v = 0; v < N_VARIANTS; v++) {
        idf_cpu_restrict(variants[v].features);
        for (int m = 1; m <= 36; m += m < 18 ? 1 : 6)
            for (int i = 0; i < 8; i++) {
                problem p = problem_new(type, m, ns[(m + i) % 6], ks[i]);
                idf_activation activation = (idf_activation)((m + i) % 3);
                float *y = run(&p, 0, m, activation, NULL);
                check(&p, y, activation, idf_gemm_variant_name(type));
                idf_free(y);
                problem_release(&p);
            }
    }
    idf_cpu_restrict(~0u);
}

/* The same matrix given by rows and by columns packs to the same bytes. */
static void packed_by_columns(void **state) {
    (void)state;
    for (int n = 1; n < 100; n += 7)
        for (int k = 1; k < 12; k += 3) {
            size_t bytes = idf_gemm_weights_bytes(IDF_GEMM_F32, n, k), ld = (size_t)n + 3;
            float *rows = random_floats((size_t)(n * k), 5, 1);
            float *columns = random_floats((size_t)k * ld, 6, 1);
            void *a = idf_alloc_aligned(bytes, 1), *b = idf_alloc_aligned(bytes, 1);
            for (int i = 0; i < n; i++)
                for (int j = 0; j < k; j++)
                    columns[(size_t)j * ld + (size_t)i] = rows[i * k + j];
            idf_gemm_weights_pack(IDF_GEMM_F32, n, k, rows, (size_t)k, a);
            memset(b, 0x55, bytes);
            idf_gemm_weights_pack_columns(n, k, columns, ld, b);
            assert_memory_equal(a, b, bytes);
            idf_free(rows);
            idf_free(columns);
            idf_free(a);
            idf_free(b);
        }
}

/* Rows past one stretch, k past one chunk. */
static void large(void **state) {
    idf_gemm_type type = *(const idf_gemm_type *)*state;
    for (int v = 0; v < N_VARIANTS; v++) {
        idf_cpu_restrict(variants[v].features);
        problem p = problem_new(type, 241, 40, 1300);
        float *y = run(&p, 0, p.m, IDF_ACT_NONE, NULL);
        check(&p, y, IDF_ACT_NONE, idf_gemm_variant_name(type));
        idf_free(y);
        problem_release(&p);
    }
    idf_cpu_restrict(~0u);
}

/* The same bits whatever rows are computed together and by how many threads. */
static void same_bits(void **state) {
    idf_gemm_type type = *(const idf_gemm_type *)*state;
    idf_pool *pool;
    assert_int_equal(idf_pool_new(&pool, 3, NULL), IDF_OK);
    for (int v = 0; v < N_VARIANTS; v++) {
        idf_cpu_restrict(variants[v].features);
        problem p = problem_new(type, 53, 70, 300);
        float *all = run(&p, 0, p.m, IDF_ACT_QUICK_GELU, NULL);
        float *again = run(&p, 0, p.m, IDF_ACT_QUICK_GELU, pool);
        assert_memory_equal(all, again, sizeof(float) * 53 * 70);
        idf_free(again);
        for (int first = 0, m = 1; first + m <= p.m; first += m, m = m % 7 + 1) {
            float *some = run(&p, first, m, IDF_ACT_QUICK_GELU, pool);
            assert_memory_equal(some, all + (size_t)first * 70, sizeof(float) * 70 * (size_t)m);
            idf_free(some);
        }
        idf_free(all);
        problem_release(&p);
    }
    idf_cpu_restrict(~0u);
    idf_pool_free(pool);
}

/* A range of columns gives what the whole product gives there; y may be the residual. */
static void column_range(void **state) {
    idf_gemm_type type = *(const idf_gemm_type *)*state;
    problem p = problem_new(type, 9, 150, 64);
    float *all = run(&p, 0, 9, IDF_ACT_GELU, NULL);
    idf_gemm_input input = pack_rows(&p, 0, 9);
    for (int begin = 0; begin < 150; begin += 32)
        for (int end = begin + 32; end <= 160; end += 32) {
            int stop = end > 150 ? 150 : end;
            float y[9][150];
            for (int r = 0; r < 9; r++)
                for (int c = begin; c < stop; c++)
                    y[r][c - begin] = p.residual[r * 150 + c];
            idf_gemm_job job = {.weights = &p.weights,
                                .input = &input,
                                .n_begin = begin,
                                .n_end = stop,
                                .bias = p.bias + begin,
                                .activation = IDF_ACT_GELU,
                                .residual = y[0],
                                .ld_residual = 150,
                                .y = y[0],
                                .ld_y = 150};
            idf_gemm_run(&job, NULL);
            for (int r = 0; r < 9; r++)
                assert_memory_equal(y[r], all + r * 150 + begin,
                                    sizeof(float) * (size_t)(stop - begin));
        }
    idf_free(all);
    problem_release(&p);
}

/* A few elements that dwarf the rest must not cost the rest their precision. */
static void outliers(void **state) {
    (void)state;
    for (int v = 0; v < N_VARIANTS; v++) {
        idf_cpu_restrict(variants[v].features);
        problem p = problem_new(IDF_GEMM_S8, 20, 64, 768);
        for (int r = 0; r < 20; r++)
            for (int i = 0; i < r; i++) /* up to 19: more than are taken out */
                p.x[r * 768 + (i * 41 + r) % 768] = (i % 2 ? -60.0f : 45.0f) + (float)i;
        float *y = run(&p, 0, 20, IDF_ACT_NONE, NULL);
        for (int r = 0; r < 20; r++) {
            double dot = 0, own = 0, other = 0;
            for (int c = 0; c < 64; c++) {
                double want = p.bias[c] + p.residual[r * 64 + c];
                for (int i = 0; i < 768; i++)
                    want += (double)p.x[r * 768 + i] * p.w[c * 768 + i];
                double error = y[r * 64 + c] - want;
                dot += error * error;
                own += want * want;
                other += 1;
            }
            /* Weights are rounded to 1/254 of about 3.4 standard deviations: 0.8 % of noise,
             * activations to 1/127 of the clamp, which over 16 outliers lie above. */
            double noise = sqrt(dot / own);
            assert_true(other == 64);
            if (noise > (r <= IDF_GEMM_MAX_OUTLIERS ? 0.03 : 0.3))
                fail_msg("%s, %d outliers: relative error %.4f", idf_gemm_variant_name(IDF_GEMM_S8),
                         r, noise);
        }
        idf_free(y);
        problem_release(&p);
    }
    idf_cpu_restrict(~0u);
}

/* Zero rows and zero columns give the bias, not NaN. */
static void zeros(void **state) {
    idf_gemm_type type = *(const idf_gemm_type *)*state;
    for (int v = 0; v < N_VARIANTS; v++) {
        idf_cpu_restrict(variants[v].features);
        problem p = problem_new(type, 3, 33, 20);
        memset(p.x, 0, sizeof(float) * 3 * 20);
        memset(p.w + 20, 0, sizeof(float) * 20);
        memset(p.residual, 0, sizeof(float) * 3 * 33);
        idf_gemm_weights_pack(type, 33, 20, p.w, 20, p.packed);
        float *y = run(&p, 0, 3, IDF_ACT_NONE, NULL);
        for (int i = 0; i < 3 * 33; i++)
            assert_true(y[i] == p.bias[i % 33]);
        idf_free(y);
        problem_release(&p);
    }
    idf_cpu_restrict(~0u);
}

/* Variants of one type agree far more closely than with the exact product: float and bfloat16 by
 * the order of summation, int8 to the rounding of its last float steps. */
static void variants_agree(void **state) {
    idf_gemm_type type = *(const idf_gemm_type *)*state;
    problem p = problem_new(type, 30, 96, 768);
    float *first = NULL;
    for (int v = 0; v < N_VARIANTS; v++) {
        idf_cpu_restrict(variants[v].features);
        float *y = run(&p, 0, 30, IDF_ACT_NONE, NULL);
        for (int i = 0; first != NULL && i < 30 * 96; i++)
            if (fabsf(y[i] - first[i]) > 2e-5f)
                fail_msg("%s differs from c: %.9g, %.9g", idf_gemm_variant_name(type), (double)y[i],
                         (double)first[i]);
        if (first == NULL)
            first = y;
        else
            idf_free(y);
    }
    idf_cpu_restrict(~0u);
    idf_free(first);
    problem_release(&p);
}

/* The largest int8 of both signs in every place of a word: sums are exact, nothing saturates. */
static void int8_extremes(void **state) {
    (void)state;
    for (int v = 0; v < N_VARIANTS; v++) {
        idf_cpu_restrict(variants[v].features);
        for (int pattern = 0; pattern < 16; pattern++) {
            problem p = problem_new(IDF_GEMM_S8, 13, 64, 260);
            for (int i = 0; i < p.m * p.k; i++)
                p.x[i] = pattern >> (i % p.k % 4) & 1 ? -1.0f : 1.0f;
            for (int i = 0; i < p.n * p.k; i++)
                p.w[i] = i / p.k % 3 == 0 ? p.x[i % p.k] : i / p.k % 3 == 1 ? 1.0f : -1.0f;
            idf_gemm_weights_pack(p.type, p.n, p.k, p.w, (size_t)p.k, p.packed);
            memset(p.bias, 0, (size_t)p.n * sizeof *p.bias);
            memset(p.residual, 0, (size_t)(p.m * p.n) * sizeof *p.residual);
            float *y = run(&p, 0, p.m, IDF_ACT_NONE, NULL);
            for (int i = 0; i < p.m * p.n; i++) {
                double want = 0;
                for (int k = 0; k < p.k; k++)
                    want += (double)p.x[k] * p.w[i % p.n * p.k + k];
                if (fabs(y[i] - want) > 1e-4) /* scales of 1/127 are rounded */
                    fail_msg("%s: %.9g is not %g", idf_gemm_variant_name(p.type), (double)y[i],
                             want);
            }
            idf_free(y);
            problem_release(&p);
        }
    }
    idf_cpu_restrict(~0u);
}

/* What a level has an instruction for is computed by it. */
static void levels_pick_their_variant(void **state) {
    (void)state;
    static const struct {
        unsigned level, need;
        idf_gemm_type type;
        const char *name;
    } rows[] = {
        {0, 0, IDF_GEMM_F32, "c"},
        {0, 0, IDF_GEMM_BF16, "c"},
        {0, 0, IDF_GEMM_S8, "c"},
#if defined(__x86_64__)
        {IDF_CPU_AVX2, IDF_CPU_AVX2, IDF_GEMM_S8, "avx2"},
        {IDF_CPU_AVX2 | IDF_CPU_AVXVNNI, IDF_CPU_AVXVNNI, IDF_GEMM_S8, "avxvnni"},
        {~0u, IDF_CPU_AVX512, IDF_GEMM_F32, "avx512"},
        {~(unsigned)IDF_CPU_AMX, IDF_CPU_AVX512VNNI, IDF_GEMM_S8, "avx512vnni"},
        {~(unsigned)IDF_CPU_AMX, IDF_CPU_AVX512BF16, IDF_GEMM_BF16, "avx512bf16"},
        {~0u, IDF_CPU_AMX, IDF_GEMM_BF16, "amx"},
        {~0u, IDF_CPU_AMX, IDF_GEMM_S8, "amx"},
#elif defined(__aarch64__)
        {~0u, IDF_CPU_NEON, IDF_GEMM_F32, "neon"},
        {IDF_CPU_NEON, IDF_CPU_NEON, IDF_GEMM_S8, "neon"},
        {~0u, IDF_CPU_DOTPROD, IDF_GEMM_S8, "dotprod"},
        {~0u, IDF_CPU_ARMBF16, IDF_GEMM_BF16, "bf16"},
#endif
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        idf_cpu_restrict(~0u);
        if ((idf_cpu_features() & rows[i].need) != rows[i].need) {
            printf("this processor has no %s\n", rows[i].name);
            continue;
        }
        idf_cpu_restrict(rows[i].level);
        assert_string_equal(idf_gemm_variant_name(rows[i].type), rows[i].name);
    }
    idf_cpu_restrict(~0u);
}

#define FOR_TYPE(test, type)                                                                       \
    { #test " " #type, test, NULL, NULL, (void *)&type }
#define FOR_TYPES(test) FOR_TYPE(test, f32), FOR_TYPE(test, bf16), FOR_TYPE(test, s8)

int main(void) {
    static const idf_gemm_type f32 = IDF_GEMM_F32, bf16 = IDF_GEMM_BF16, s8 = IDF_GEMM_S8;
    const struct CMUnitTest tests[] = {
        FOR_TYPES(every_tail),
        FOR_TYPES(large),
        FOR_TYPES(same_bits),
        FOR_TYPES(column_range),
        FOR_TYPES(variants_agree),
        FOR_TYPES(zeros),
        cmocka_unit_test(packed_by_columns),
        cmocka_unit_test(outliers),
        cmocka_unit_test(int8_extremes),
        cmocka_unit_test(levels_pick_their_variant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
