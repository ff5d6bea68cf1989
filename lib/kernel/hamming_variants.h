/* hamming_variants.h - the versions of idf_hamming_match2, for its dispatch and its test. */
#ifndef IDF_KERNEL_HAMMING_VARIANTS_H
#define IDF_KERNEL_HAMMING_VARIANTS_H

#include "kernel/hamming.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Folds the two nearest of one more block of candidates into *best: their distances and the index
 * of the nearer. Blocks come in rising order, so an equal distance keeps the earlier index. */
static inline void idf_hamming_fold(idf_hamming_best *best, unsigned nearest, unsigned second,
                                    uint32_t index) {
    if (nearest < best->best) {
        best->second = (uint16_t)(second < best->best ? second : best->best);
        best->best = (uint16_t)nearest;
        best->index = index;
    } else if (nearest < best->second) {
        best->second = (uint16_t)nearest;
    }
}

/* n_a, n_b > 0; `out` is prepared: IDF_HAMMING_NONE and UINT32_MAX everywhere. */
typedef void idf_hamming_match2_fn(const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b,
                                   idf_hamming_best *out);
idf_hamming_match2_fn idf_hamming_match2_c;
#if defined(__x86_64__)
idf_hamming_match2_fn idf_hamming_match2_avx2, idf_hamming_match2_avx512popcnt;
#elif defined(__aarch64__)
idf_hamming_match2_fn idf_hamming_match2_neon;
#endif

#ifdef __cplusplus
}
#endif
#endif
