/* The row kernels and attention: every variant against sums in double, over every tail. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "kernel/adamw.h"
#include "kernel/attention.h"
#include "kernel/gelu.h"
#include "kernel/layernorm.h"
#include "kernel/softmax.h"

#include "kernel/variants.h"

static float *random_floats(size_t n, uint64_t seed, float scale) {
    float *out = idf_alloc(n, sizeof *out);
    assert_non_null(out);
    idf_rng rng;
    idf_rng_init(&rng, seed, n);
    for (size_t i = 0; i < n; i++)
        out[i] = scale * (float)idf_rng_normal(&rng);
    return out;
}

static double exact(double x, idf_activation activation) {
    return activation == IDF_ACT_QUICK_GELU ? x / (1 + exp(-1.702 * x))
           : activation == IDF_ACT_GELU     ? 0.5 * x * erfc(-x / sqrt(2))
                                            : x;
}

/* -20 to 20 in small steps, the ends of the range, and every tail length. */
static void activations(void **state) {
    (void)state;
    enum { N = 40003 };
    float *x = idf_alloc(N, sizeof *x), *y = idf_alloc(N, sizeof *y);
    for (int i = 0; i < N; i++)
        x[i] = (float)(i - N / 2) * 1e-3f;
    x[0] = -3e38f, x[1] = 3e38f, x[2] = -0.0f, x[3] = 1e-40f;
    for (int v = 0; v < N_VARIANTS; v++) {
        idf_cpu_restrict(variants[v].features);
        for (int act = IDF_ACT_NONE; act <= IDF_ACT_GELU; act++) {
            idf_activate(y, x, N, (idf_activation)act);
            for (int i = 0; i < N; i++) {
                double want = exact(x[i], (idf_activation)act);
                if (!(fabs(y[i] - want) <= 4e-7 * fabs(want) + 1e-7))
                    fail_msg("%s act %d of %g: %.9g, not %.9g", variants[v].name, act, (double)x[i],
                             (double)y[i], want);
            }
        }
        for (size_t n = 0; n < 40; n++) {
            float *from = random_floats(n, n, 2), *to = idf_alloc(n, sizeof *to);
            idf_activate(to, from, n, IDF_ACT_GELU);
            for (size_t i = 0; i < n; i++)
                assert_true(fabs(to[i] - exact(from[i], IDF_ACT_GELU)) < 1e-6);
            idf_free(from);
            idf_free(to);
        }
    }
    idf_cpu_restrict(~0u);
    idf_free(x);
    idf_free(y);
}

static void slopes_of_gelu(void **state) {
    (void)state;
    enum { N = 4003 };
    float *x = idf_alloc(N, sizeof *x), *dy = random_floats(N, 7, 1), *dx = idf_alloc(N, sizeof *x);
    for (int i = 0; i < N; i++)
        x[i] = (float)(i - N / 2) * 8e-3f;
    x[0] = -3e38f, x[1] = 3e38f, x[2] = 0;
    for (int v = 0; v < N_VARIANTS; v++) {
        idf_cpu_restrict(variants[v].features);
        for (size_t n = N - 40; n <= N; n++) {
            memset(dx, 0, N * sizeof *dx);
            idf_gelu_backward(dx, x, dy, n);
            for (size_t i = n < N ? n - 16 : 0; i < N; i++) {
                double density = exp(-0.5 * x[i] * x[i]) / sqrt(2 * acos(-1));
                double want =
                    dy[i] * (0.5 * erfc(-x[i] / sqrt(2)) + (density > 0 ? x[i] * density : 0));
                if (!(fabs(dx[i] - (i < n ? want : 0)) <= 1e-6 * fabs(dy[i])))
                    fail_msg("%s at %g: %.9g, not %.9g", variants[v].name, (double)x[i],
                             (double)dx[i], want);
            }
        }
    }
    idf_cpu_restrict(~0u);
    idf_free(x);
    idf_free(dy);
    idf_free(dx);
}

static void adamw_steps(void **state) {
    (void)state;
    idf_adamw step = {0.99f, 0.9f, 0.1f, 0.999f, 0.001f, 0.05f, 3.0f, 1e-8f};
    for (int v = 0; v < N_VARIANTS; v++) {
        idf_cpu_restrict(variants[v].features);
        for (size_t n = 1; n < 50; n++) {
            float *p = random_floats(n, 1, 1), *g = random_floats(n, 2, 0.1f);
            float *mean = random_floats(n, 3, 0.1f), *square = random_floats(n, 4, 0.1f);
            for (size_t i = 0; i < n; i++) {
                square[i] *= square[i];
                double m = 0.9 * mean[i] + 0.1 * g[i];
                double s = 0.999 * square[i] + 0.001 * g[i] * g[i];
                double want = 0.99 * p[i] - 0.05 * m / (sqrt(s) * 3 + 1e-8);
                float one[3] = {p[i], mean[i], square[i]};
                idf_adamw_step(&one[0], &one[1], &one[2], &g[i], 1, &step);
                assert_true(fabs(one[0] - want) < 1e-6 * (1 + fabs(want)));
                assert_true(fabs(one[1] - m) < 1e-6 && fabs(one[2] - s) < 1e-6);
            }
            float *q = random_floats(n, 1, 1);
            idf_adamw_step(p, mean, square, g, n, &step);
            for (size_t i = 0; i < n; i++) { /* p moved from q against the mean gradient */
                double want = 0.99 * q[i] - 0.05 * mean[i] / (sqrt(square[i]) * 3 + 1e-8);
                assert_true(fabs(p[i] - want) < 1e-6 * (1 + fabs(want)));
            }
            idf_free(p);
            idf_free(q);
            idf_free(g);
            idf_free(mean);
            idf_free(square);
        }
    }
    idf_cpu_restrict(~0u);
}

static void layernorms(void **state) {
    (void)state;
    for (int v = 0; v < N_VARIANTS; v++) {
        idf_cpu_restrict(variants[v].features);
        for (size_t n = 1; n < 80; n++) {
            float *x = random_floats(n, 1, 3), *gamma = random_floats(n, 2, 1);
            float *beta = random_floats(n, 3, 1), *y = idf_alloc(n, sizeof *y);
            for (size_t i = 0; i < n; i++)
                x[i] += 100; /* a mean that a one-pass variance would lose digits to */
            idf_layernorm(y, x, n, gamma, beta, 1e-5f);
            double mean = 0, variance = 0;
            for (size_t i = 0; i < n; i++)
                mean += x[i] / (double)n;
            for (size_t i = 0; i < n; i++)
                variance += (x[i] - mean) * (x[i] - mean) / (double)n;
            for (size_t i = 0; i < n; i++) {
                double want = (x[i] - mean) / sqrt(variance + 1e-5) * gamma[i] + beta[i];
                /* the mean, near 100, is known to 8e-6 */
                double bound = 1e-5 * (1 + fabs(gamma[i])) / sqrt(variance + 1e-5) + 1e-6;
                if (!(fabs(y[i] - want) <= bound))
                    fail_msg("%s n %zu: %.9g, not %.9g", variants[v].name, n, (double)y[i], want);
            }
            idf_free(x);
            idf_free(y);
            idf_free(gamma);
            idf_free(beta);
        }
    }
    idf_cpu_restrict(~0u);
}

static void softmaxes(void **state) {
    (void)state;
    for (int v = 0; v < N_VARIANTS; v++) {
        idf_cpu_restrict(variants[v].features);
        for (size_t n = 1; n < 80; n++) {
            float *x = random_floats(n, n, n % 3 ? 3.0f : 300.0f);
            float *y = idf_alloc(n, sizeof *y);
            memcpy(y, x, n * sizeof *y);
            idf_softmax(y, n, 0.5f);
            double most = -1e300, sum = 0, total = 0;
            for (size_t i = 0; i < n; i++)
                most = fmax(most, x[i]);
            for (size_t i = 0; i < n; i++)
                sum += exp((x[i] - most) * 0.5);
            for (size_t i = 0; i < n; i++) {
                double want = exp((x[i] - most) * 0.5) / sum;
                assert_true(fabs(y[i] - want) < 1e-5 * want + 1e-30);
                total += y[i];
            }
            assert_true(fabs(total - 1) < 1e-5);
            idf_free(x);
            idf_free(y);
        }
    }
    idf_cpu_restrict(~0u);
}

typedef struct heads {
    int n_queries, n_keys;
    size_t ld;
    float *qkv, *out, *scratch;
} heads;

static void check_attention(const heads *h, const char *name) {
    double *p = idf_alloc((size_t)h->n_keys, sizeof *p);
    for (int q = 0; q < h->n_queries; q++) {
        const float *query = h->qkv + (size_t)q * h->ld;
        double sum = 0;
        for (int k = 0; k < h->n_keys; k++) {
            const float *key = h->qkv + (size_t)k * h->ld + IDF_HEAD_DIM;
            double dot = 0;
            for (int d = 0; d < IDF_HEAD_DIM; d++)
                dot += (double)query[d] * key[d];
            p[k] = exp(dot * 0.125);
            sum += p[k];
        }
        for (int d = 0; d < IDF_HEAD_DIM; d++) {
            double want = 0;
            for (int k = 0; k < h->n_keys; k++)
                want += p[k] / sum * h->qkv[(size_t)k * h->ld + 2 * IDF_HEAD_DIM + (size_t)d];
            float got = h->out[q * IDF_HEAD_DIM + d];
            if (!(fabs(got - want) < 1e-5))
                fail_msg("%s %d queries %d keys: %.9g, not %.9g", name, h->n_queries, h->n_keys,
                         (double)got, want);
        }
    }
    idf_free(p);
}

static void attentions(void **state) {
    (void)state;
    static const int keys[] = {1, 2, 7, 15, 16, 17, 31, 33, 50, 63, 65, 100, 197};
    for (int v = 0; v < N_VARIANTS; v++) {
        idf_cpu_restrict(variants[v].features);
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            for (int n_queries = 1; n_queries <= keys[i]; n_queries += n_queries < 8 ? 1 : 37) {
                heads h = {n_queries, keys[i], 3 * IDF_HEAD_DIM, NULL, NULL, NULL};
                /* exactly as long as the last row needs */
                h.qkv = random_floats((size_t)h.n_keys * h.ld, 5, 1);
                h.out = idf_alloc((size_t)n_queries * IDF_HEAD_DIM, sizeof *h.out);
                h.scratch = idf_alloc_aligned(idf_attention_scratch(h.n_keys), sizeof(float));
                memset(h.scratch, 0xff, idf_attention_scratch(h.n_keys) * sizeof(float)); /* NaN */
                idf_attention job = {.n_queries = n_queries,
                                     .n_keys = h.n_keys,
                                     .q = h.qkv,
                                     .k = h.qkv + IDF_HEAD_DIM,
                                     .v = h.qkv + 2 * IDF_HEAD_DIM,
                                     .ld_q = h.ld,
                                     .ld_kv = h.ld,
                                     .scale = 0.125f,
                                     .out = h.out,
                                     .ld_out = IDF_HEAD_DIM,
                                     .scratch = h.scratch};
                idf_attention_run(&job);
                check_attention(&h, variants[v].name);
                idf_free(h.qkv);
                idf_free(h.out);
                idf_free(h.scratch);
            }
    }
    idf_cpu_restrict(~0u);
}

/* A query's result has the same bits alone and among others. */
static void attention_alone(void **state) {
    (void)state;
    enum { N = 50, LD = 3 * IDF_HEAD_DIM };
    float *qkv = random_floats(N * LD, 5, 1), *scratch;
    float all[N][IDF_HEAD_DIM], one[IDF_HEAD_DIM];
    scratch = idf_alloc_aligned(idf_attention_scratch(N), sizeof(float));
    for (int v = 0; v < N_VARIANTS; v++) {
        idf_cpu_restrict(variants[v].features);
        idf_attention job = {.n_queries = N,
                             .n_keys = N,
                             .q = qkv,
                             .k = qkv + IDF_HEAD_DIM,
                             .v = qkv + 2 * IDF_HEAD_DIM,
                             .ld_q = LD,
                             .ld_kv = LD,
                             .scale = 0.125f,
                             .out = all[0],
                             .ld_out = IDF_HEAD_DIM,
                             .scratch = scratch};
        idf_attention_run(&job);
        for (int q = 0; q < N; q++) {
            job.n_queries = 1;
            job.q = qkv + q * LD;
            job.out = one;
            idf_attention_run(&job);
            assert_memory_equal(one, all[q], sizeof one);
        }
    }
    idf_cpu_restrict(~0u);
    idf_free(qkv);
    idf_free(scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations),     cmocka_unit_test(layernorms),
        cmocka_unit_test(softmaxes),       cmocka_unit_test(attentions),
        cmocka_unit_test(attention_alone), cmocka_unit_test(slopes_of_gelu),
        cmocka_unit_test(adamw_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
