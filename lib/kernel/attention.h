/* attention.h - one head of attention: out = softmax(scale * q k^T) v.
 *
 * Everything is in float. Keys are transposed once a head, so that scores are products with the
 * same inner loop as the weighted sum of the values. */
#ifndef IDF_KERNEL_ATTENTION_H
#define IDF_KERNEL_ATTENTION_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_HEAD_DIM = 64 }; /* of every CLIP */

/* Rows of IDF_HEAD_DIM floats, ld floats apart. */
typedef struct idf_attention {
    int n_queries, n_keys;
    const float *q, *k, *v;
    size_t ld_q, ld_kv;
    float scale;
    float *out;
    size_t ld_out;
    float *scratch; /* idf_attention_scratch(n_keys) floats, 64-byte aligned */
} idf_attention;

size_t idf_attention_scratch(int n_keys);

void idf_attention_run(const idf_attention *job);

#ifdef __cplusplus
}
#endif
#endif
