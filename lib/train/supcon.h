/* supcon.h - the supervised contrastive loss (Khosla et al., "Supervised contrastive learning",
 * 2020, equation 2): views of one class are drawn together, all others apart. */
#ifndef IDF_TRAIN_SUPCON_H
#define IDF_TRAIN_SUPCON_H

#include <stddef.h>
#include <stdint.h>

#include <identify/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A batch of n rows of dim floats as they leave the head's second layer. Every row needs another
 * one of its class. */
typedef struct idf_supcon {
    int n, dim;
    const float *rows;
    const uint32_t *classes; /* of each row */
    float temperature;
    float *gradient; /* n x dim, out: of the loss, by the rows */
    void *scratch;   /* idf_supcon_scratch_bytes, aligned to 64 */
} idf_supcon;

size_t idf_supcon_scratch_bytes(int n, int dim);

/* Makes the rows unit, and returns the loss: over rows i the mean of the mean over the others p of
 * its class of -log(exp(s_ip) / sum over a != i of exp(s_ia)), s cosine / temperature. */
double idf_supcon_run(const idf_supcon *job, idf_pool *pool);

#ifdef __cplusplus
}
#endif
#endif
