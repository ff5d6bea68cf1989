/* learn_math.h - the linear algebra that learn_builtin needs. */
#ifndef LEARN_MATH_H
#define LEARN_MATH_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Eigenvalues, falling, and eigenvectors (rows of `vectors`) of a symmetric n x n matrix, which is
 * destroyed: cyclic Jacobi (Golub & Van Loan, 8.5). Only the upper triangle is read. */
static void learn_eigen(double *a, int n, double *values, double *vectors) {
    double *v = vectors;
    for (int i = 0; i < n * n; i++)
        v[i] = i % (n + 1) == 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++)
            a[i * n + j] = a[j * n + i];
    for (int sweep = 0; sweep < 12; sweep++)
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++) {
                double apq = a[p * n + q];
                if (fabs(apq) <= 1e-14 * sqrt(fabs(a[p * n + p] * a[q * n + q])))
                    continue;
                double theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
                double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
                double c = 1 / sqrt(t * t + 1), s = t * c;
                for (int k = 0; k < n; k++) { /* rows, then the symmetric columns */
                    double x = a[p * n + k], y = a[q * n + k];
                    a[p * n + k] = c * x - s * y;
                    a[q * n + k] = s * x + c * y;
                    x = v[p * n + k], y = v[q * n + k];
                    v[p * n + k] = c * x - s * y;
                    v[q * n + k] = s * x + c * y;
                }
                for (int k = 0; k < n; k++) {
                    double x = a[k * n + p], y = a[k * n + q];
                    a[k * n + p] = c * x - s * y;
                    a[k * n + q] = s * x + c * y;
                }
            }
    for (int i = 0; i < n; i++)
        values[i] = a[i * n + i];
    for (int i = 0; i < n; i++) { /* selection sort, rows with their values */
        int best = i;
        for (int j = i + 1; j < n; j++)
            best = values[j] > values[best] ? j : best;
        double value = values[i];
        values[i] = values[best];
        values[best] = value;
        for (int k = 0; k < n && best != i; k++) {
            double x = v[i * n + k];
            v[i * n + k] = v[best * n + k];
            v[best * n + k] = x;
        }
    }
}

/* Takes the mean off n rows of m numbers. */
static void learn_centre(float *rows, size_t n, size_t m, float *mean) {
    double *sum = calloc(m, sizeof *sum);
    if (!sum)
        return;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++)
            sum[j] += rows[i * m + j];
    for (size_t j = 0; j < m; j++)
        mean[j] = (float)(sum[j] / (double)n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++)
            rows[i * m + j] -= mean[j];
    free(sum);
}

/* n is a multiple of 16. */
static float learn_dot(const float *a, const float *b, size_t n) {
    float lanes[16] = {0};
    for (size_t i = 0; i < n; i += 16)
        for (size_t k = 0; k < 16; k++)
            lanes[k] += a[i + k] * b[i + k];
    double sum = 0;
    for (int k = 0; k < 16; k++)
        sum += lanes[k];
    return (float)sum;
}

/* out (q, m) = in (q, m) times the covariance of the n centred rows: through the rows, which costs
 * less memory than the covariance and is as fast for n near m. */
static void learn_apply(const float *rows, size_t n, size_t m, const float *in, size_t q,
                        float *out) {
    memset(out, 0, q * m * sizeof *out);
    for (size_t first = 0; first < n; first += 8) {
        size_t last = first + 8 < n ? first + 8 : n;
        for (size_t i = 0; i < q; i++)
            for (size_t r = first; r < last; r++) {
                float weight = learn_dot(in + i * m, rows + r * m, m) / (float)n;
                const float *row = rows + r * m;
                float *to = out + i * m;
                for (size_t j = 0; j < m; j++)
                    to[j] += weight * row[j];
            }
    }
}

/* Makes q rows of m numbers orthonormal (modified Gram-Schmidt). */
static void learn_orthonormal(float *rows, size_t q, size_t m) {
    for (size_t i = 0; i < q; i++) {
        float *row = rows + i * m;
        for (size_t j = 0; j < i; j++) {
            const float *other = rows + j * m;
            float along = learn_dot(row, other, m);
            for (size_t k = 0; k < m; k++)
                row[k] -= along * other[k];
        }
        float norm = sqrtf(learn_dot(row, row, m));
        for (size_t k = 0; k < m && norm > 0; k++)
            row[k] /= norm;
    }
}

/* The `dim` principal axes (rows of m) of n centred rows and their variances, falling: subspace
 * iteration with Rayleigh-Ritz (Halko 2011), on an eighth more axes than asked for, begun at the
 * rows themselves. Nonzero when memory is out. */
static int learn_axes(const float *rows, size_t n, size_t m, size_t dim, int n_rounds,
                      double *values, float *axes) {
    size_t q = dim + dim / 8;
    float *basis = malloc(q * m * sizeof *basis), *image = malloc(q * m * sizeof *image);
    double *small = malloc(q * q * sizeof *small), *vectors = malloc(q * q * sizeof *vectors);
    double *all = malloc(q * sizeof *all);
    int failed = !basis || !image || !small || !vectors || !all;
    for (size_t i = 0; i < q && !failed; i++)
        memcpy(basis + i * m, rows + i * n / q * m, m * sizeof *basis);
    for (int round = 0; round < n_rounds && !failed; round++) {
        learn_orthonormal(basis, q, m);
        learn_apply(rows, n, m, basis, q, image);
        if (round + 1 < n_rounds)
            memcpy(basis, image, q * m * sizeof *basis);
    }
    for (size_t i = 0; i < q && !failed; i++)
        for (size_t j = i; j < q; j++)
            small[i * q + j] = learn_dot(basis + i * m, image + j * m, m);
    if (!failed) {
        learn_eigen(small, (int)q, all, vectors);
        memset(axes, 0, dim * m * sizeof *axes);
        for (size_t i = 0; i < dim; i++) {
            values[i] = all[i] > 1e-9 ? all[i] : 1e-9;
            for (size_t k = 0; k < q; k++) {
                float weight = (float)vectors[i * q + k];
                for (size_t j = 0; j < m; j++)
                    axes[i * m + j] += weight * basis[k * m + j];
            }
        }
    }
    free(basis);
    free(image);
    free(small);
    free(vectors);
    free(all);
    return failed;
}

#endif
