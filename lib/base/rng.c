/* rng.c - PCG-XSH-RR 64/32 (O'Neill, "PCG: a family of simple fast space-efficient statistically
 * good algorithms for random number generation", 2014). */
#include "base/rng.h"

#include <math.h>

void idf_rng_init(idf_rng *rng, uint64_t seed, uint64_t stream) {
    rng->state = 0;
    rng->increment = stream << 1 | 1;
    rng->spare = 0;
    rng->has_spare = 0;
    idf_rng_u32(rng);
    rng->state += seed;
    idf_rng_u32(rng);
}

uint32_t idf_rng_u32(idf_rng *rng) {
    uint64_t old = rng->state;
    rng->state = old * 6364136223846793005u + rng->increment;
    uint32_t mixed = (uint32_t)((old >> 18 ^ old) >> 27);
    uint32_t turn = (uint32_t)(old >> 59);
    return mixed >> turn | mixed << (-turn & 31);
}

uint32_t idf_rng_below(idf_rng *rng, uint32_t bound) {
    uint32_t least = -bound % bound; /* values under 2^32 mod bound would be one too many */
    for (;;) {
        uint32_t r = idf_rng_u32(rng);
        if (r >= least)
            return r % bound;
    }
}

double idf_rng_unit(idf_rng *rng) {
    uint64_t high = idf_rng_u32(rng) >> 5, low = idf_rng_u32(rng) >> 6;
    return (double)(high << 26 | low) * 0x1p-53;
}

double idf_rng_range(idf_rng *rng, double low, double high) {
    return low + (high - low) * idf_rng_unit(rng);
}

double idf_rng_normal(idf_rng *rng) {
    if (rng->has_spare) {
        rng->has_spare = 0;
        return rng->spare;
    }
    double u, v, s;
    do {
        u = idf_rng_range(rng, -1, 1);
        v = idf_rng_range(rng, -1, 1);
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    double scale = sqrt(-2 * log(s) / s);
    rng->spare = v * scale;
    rng->has_spare = 1;
    return u * scale;
}
