/* supcon.c - the loss and its gradient.
 *
 * With q_i the softmax of row i of s without its diagonal, and P_i the others of its class, the
 * loss's slope by s_ia is g_ia = (q_ia - [a in P_i] / |P_i|) / n. A unit row u_i stands in row i
 * and in column i of s, so its slope is the sum over a of (g_ia + g_ai) u_a / temperature; of that
 * the part along u_i is lost on the way through the division by the length. */
#include "train/supcon.h"

#include <math.h>

#include "kernel/dot.h"
#include "train/product.h"

/* The parts of the scratch. */
typedef struct parts {
    float *unit;      /* n x dim */
    float *slopes;    /* n x n: similarities, then g */
    float *symmetric; /* n x n: (g + its transpose) / temperature */
    double *length, *loss;
    void *packed, *input;
} parts;

typedef struct context {
    const idf_supcon *job;
    parts at;
} context;

static size_t round_up(size_t n) {
    return (n + 63) / 64 * 64;
}

/* Fills `at` (unless `memory` is NULL) and returns the bytes that it all takes. */
static size_t lay_out(parts *at, int n, int dim, void *memory) {
    size_t rows = (size_t)n, sizes[] = {
                                 rows * (size_t)dim * sizeof(float),
                                 rows * rows * sizeof(float),
                                 rows * rows * sizeof(float),
                                 rows * sizeof(double),
                                 rows * sizeof(double),
                                 idf_gemm_weights_bytes(IDF_GEMM_F32, dim, n),
                                 idf_gemm_input_bytes(IDF_GEMM_F32, n, n),
                             };
    enum { N_PARTS = sizeof sizes / sizeof *sizes };
    uint8_t *places[N_PARTS] = {0};
    size_t total = 0;
    for (int i = 0; i < N_PARTS; i++) {
        places[i] = memory != NULL ? (uint8_t *)memory + total : NULL;
        total += round_up(sizes[i]);
    }
    *at = (parts){(float *)places[0],  (float *)places[1], (float *)places[2], (double *)places[3],
                  (double *)places[4], places[5],          places[6]};
    return total;
}

size_t idf_supcon_scratch_bytes(int n, int dim) {
    parts unused;
    return lay_out(&unused, n, dim, NULL);
}

static void make_unit(void *arg, size_t i, int worker) {
    (void)worker;
    const context *c = arg;
    size_t dim = (size_t)c->job->dim;
    const float *row = c->job->rows + i * dim;
    double sum = 0;
    for (size_t k = 0; k < dim; k++)
        sum += (double)row[k] * row[k];
    double length = fmax(sqrt(sum), 1e-12);
    for (size_t k = 0; k < dim; k++)
        c->at.unit[i * dim + k] = (float)(row[k] / length);
    c->at.length[i] = length;
}

/* The loss of row i; its similarities become its slopes. */
static void row_loss(void *arg, size_t i, int worker) {
    (void)worker;
    const context *c = arg;
    const idf_supcon *job = c->job;
    size_t n = (size_t)job->n;
    float *s = c->at.slopes + i * n;
    idf_dot_f32(c->at.unit, n, c->at.unit + i * (size_t)job->dim, 1, (size_t)job->dim, s);
    double most = -INFINITY, sum = 0, alike = 0;
    size_t n_alike = 0;
    for (size_t a = 0; a < n; a++) {
        s[a] /= job->temperature;
        most = a != i && s[a] > most ? s[a] : most;
    }
    for (size_t a = 0; a < n; a++) {
        sum += a == i ? 0 : exp(s[a] - most);
        if (a != i && job->classes[a] == job->classes[i]) {
            n_alike++;
            alike += s[a];
        }
    }
    c->at.loss[i] = most + log(sum) - alike / (double)n_alike;
    for (size_t a = 0; a < n; a++) {
        double q = a == i ? 0 : exp(s[a] - most) / sum;
        if (a != i && job->classes[a] == job->classes[i])
            q -= 1.0 / (double)n_alike;
        s[a] = (float)(q / (double)n);
    }
}

static void symmetrise(void *arg, size_t i, int worker) {
    (void)worker;
    const context *c = arg;
    size_t n = (size_t)c->job->n;
    for (size_t a = 0; a < n; a++)
        c->at.symmetric[i * n + a] =
            (c->at.slopes[i * n + a] + c->at.slopes[a * n + i]) / c->job->temperature;
}

static void through_length(void *arg, size_t i, int worker) {
    (void)worker;
    const context *c = arg;
    size_t dim = (size_t)c->job->dim;
    const float *unit = c->at.unit + i * dim;
    float *gradient = c->job->gradient + i * dim;
    double along = 0;
    for (size_t k = 0; k < dim; k++)
        along += (double)unit[k] * gradient[k];
    for (size_t k = 0; k < dim; k++)
        gradient[k] = (float)((gradient[k] - unit[k] * along) / c->at.length[i]);
}

double idf_supcon_run(const idf_supcon *job, idf_pool *pool) {
    context c = {.job = job};
    size_t n = (size_t)job->n;
    lay_out(&c.at, job->n, job->dim, job->scratch);
    idf_pool_for(pool, n, make_unit, &c);
    idf_pool_for(pool, n, row_loss, &c);
    idf_pool_for(pool, n, symmetrise, &c);
    idf_gemm_weights_pack_columns(job->dim, job->n, c.at.unit, (size_t)job->dim, c.at.packed);
    idf_product_run(&(idf_product){.m = job->n,
                                   .n = job->dim,
                                   .k = job->n,
                                   .x = c.at.symmetric,
                                   .packed = c.at.packed,
                                   .y = job->gradient,
                                   .scratch = c.at.input},
                    pool);
    idf_pool_for(pool, n, through_length, &c);
    double loss = 0;
    for (size_t i = 0; i < n; i++)
        loss += c.at.loss[i];
    return loss / (double)n;
}
