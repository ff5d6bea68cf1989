/* start.c - a linear map written as a head.
 *
 * GELU(a) - GELU(-a) = a for every a, so two hidden units with opposite weights pass one direction
 * on unchanged. The directions come from Gram and Schmidt's orthogonalisation, of rows in random
 * order when there are more than fit. */
#include "train/start.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"

/* Makes v orthogonal to the n_base rows, twice for accuracy, and unit; 0 when little is left. */
static int orthogonalise(double *v, const double *base, size_t n_base, size_t dim) {
    double length = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t b = 0; b < n_base; b++) {
            double along = 0;
            for (size_t d = 0; d < dim; d++)
                along += v[d] * base[b * dim + d];
            for (size_t d = 0; d < dim; d++)
                v[d] -= along * base[b * dim + d];
        }
    for (size_t d = 0; d < dim; d++)
        length += v[d] * v[d];
    if (length < 1e-4)
        return 0;
    for (size_t d = 0; d < dim; d++)
        v[d] /= sqrt(length);
    return 1;
}

static void shuffle(size_t *order, size_t n, idf_rng *rng) {
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i-- > 1;) {
        size_t k = idf_rng_below(rng, (uint32_t)i + 1), swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
}

idf_status idf_head_start_principal(idf_head *head, const float *rows, size_t n, uint64_t seed,
                                    idf_error *err) {
    const size_t dim = (size_t)head->in, out = (size_t)head->out, hidden = (size_t)head->hidden;
    const size_t n_base = out < dim ? out : dim;
    idf_rng rng;
    idf_head_randomise(head, seed);
    if (hidden < 2 * out)
        return IDF_OK;
    idf_rng_init(&rng, seed, 1);
    double *base = idf_alloc(n_base * dim, sizeof *base);
    size_t *order = idf_alloc(n, sizeof *order), n_found = 0;
    if (base == NULL || order == NULL) {
        idf_free(base);
        idf_free(order);
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a head's first parameters");
    }
    shuffle(order, n, &rng);
    for (size_t i = 0; n_found < n_base; i++) {
        double *v = base + n_found * dim;
        for (size_t d = 0; d < dim; d++)
            v[d] = i < n ? rows[order[i] * dim + d] : idf_rng_normal(&rng);
        n_found += (size_t)orthogonalise(v, base, n_found, dim);
    }
    memset(head->params, 0, head->n_params * sizeof *head->params);
    for (size_t b = 0; b < n_base; b++)
        for (size_t d = 0; d < dim; d++) {
            head->weight1[2 * b * dim + d] = (float)base[b * dim + d];
            head->weight1[(2 * b + 1) * dim + d] = (float)-base[b * dim + d];
            head->weight2[b * hidden + 2 * b] = 1;
            head->weight2[b * hidden + 2 * b + 1] = -1;
        }
    idf_free(base);
    idf_free(order);
    return IDF_OK;
}
