/* rng.h - small seeded random numbers that replay exactly on every machine.
 *
 * PCG-XSH-RR 64/32 (O'Neill 2014). Not for secrets. One generator belongs to one thread; derive one
 * an item with idf_rng_init(seed, item) so that results do not depend on the thread count. */
#ifndef IDF_BASE_RNG_H
#define IDF_BASE_RNG_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_rng {
    uint64_t state, increment;
    double spare; /* the second normal deviate of a pair */
    int has_spare;
} idf_rng;

/* Different streams of one seed are independent sequences. */
void idf_rng_init(idf_rng *rng, uint64_t seed, uint64_t stream);
uint32_t idf_rng_u32(idf_rng *rng);
/* Uniform in [0, bound), unbiased; bound > 0. */
uint32_t idf_rng_below(idf_rng *rng, uint32_t bound);
/* Uniform in [0, 1), 53 bits. */
double idf_rng_unit(idf_rng *rng);
/* Uniform in [low, high). */
double idf_rng_range(idf_rng *rng, double low, double high);
/* Normal, mean 0, variance 1 (polar method, Marsaglia 1964). */
double idf_rng_normal(idf_rng *rng);

#ifdef __cplusplus
}
#endif
#endif
