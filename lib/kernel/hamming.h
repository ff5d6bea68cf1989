/* hamming.h - distances between 256-bit binary descriptors: the number of bits that differ.
 *
 * Every variant gives the same numbers as the plain C one. Any thread. */
#ifndef IDF_KERNEL_HAMMING_H
#define IDF_KERNEL_HAMMING_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_HAMMING_BYTES = 32,    /* of a descriptor */
    IDF_HAMMING_NONE = 0xffff, /* the distance to a neighbour that is not there */
};

/* The two nearest neighbours of one descriptor. */
typedef struct idf_hamming_best {
    uint16_t best, second; /* bits, 0..256; second >= best; IDF_HAMMING_NONE when there is none */
    uint32_t index;        /* of the best, the lowest among equals; UINT32_MAX when there is none */
} idf_hamming_best;

/* Bits that differ between two descriptors. No alignment is asked for. */
unsigned idf_hamming256(const uint8_t *a, const uint8_t *b);

/* For each of the n_a descriptors of `a` (n_a, 32) its two nearest among the n_b < UINT32_MAX of
 * `b` (n_b, 32). out: n_a. No alignment is asked for; nothing outside the arrays is read. With an
 * empty side the pointers may be NULL. */
void idf_hamming_match2(const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b,
                        idf_hamming_best *out);

#ifdef __cplusplus
}
#endif
#endif
