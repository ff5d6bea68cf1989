/* vlad.h - aggregates binary descriptors into one vector (VLAD, Jegou 2010).
 *
 * Each descriptor is projected to `depth` numbers and given to the nearest of `n_words` words; the
 * unit residuals of each word are added up, taken to the power 1/2 and made unit length word by
 * word (Arandjelovic & Zisserman 2013), and the whole is projected to `dim` numbers. All sums that
 * SIMD could reorder are over whole numbers, so that every variant gives the same floats. */
#ifndef IDF_MODEL_VLAD_H
#define IDF_MODEL_VLAD_H

#include <stddef.h>
#include <stdint.h>

#include <identify/status.h>

#include "local/features.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_VLAD_MAX_DEPTH = 128, /* a multiple of 16 */
    IDF_VLAD_MAX_WORDS = 256, /* a multiple of 8 */
    IDF_VLAD_MAX_DIM = 512,
    IDF_VLAD_UNIT = 16384, /* 1.0 in the whole numbers that the last projection reads */
};

/* Pointers into the table file, see vlad.c for its layout. */
typedef struct idf_vlad {
    int depth, n_words, dim;
    const int8_t *projection;  /* (128, depth, 2): two bits of the descriptor at a time */
    const int16_t *offset;     /* (depth): taken off after the projection */
    const int16_t *words;      /* (n_words, depth) */
    const int16_t *word_pairs; /* (depth / 2, n_words, 2): the same, two numbers at a time */
    const int32_t *word_norms; /* (n_words): squared lengths */
    const int8_t *rows;        /* (dim, n_words * depth): the last projection */
    const float *row_scales;   /* (dim) */
    const float *row_offsets;  /* (dim): taken off after it */
} idf_vlad;

/* Reads a table file that lies in memory at a multiple of 64 and stays there. IDF_ERR_FORMAT or
 * IDF_ERR_TRUNCATED when it is damaged. */
idf_status idf_vlad_open(idf_vlad *vlad, const uint8_t *bytes, size_t len_bytes, idf_error *err);
/* The same of tables that are part of the program, without reading all of them for their hash. */
idf_status idf_vlad_place(idf_vlad *vlad, const uint8_t *bytes, size_t len_bytes, idf_error *err);

/* Bytes of such a file and the places of its parts, in the order of the struct. */
typedef struct idf_vlad_layout {
    size_t at[8], len_bytes;
} idf_vlad_layout;
idf_vlad_layout idf_vlad_lay_out(int depth, int n_words, int dim);
enum { IDF_VLAD_HEADER_BYTES = 64 };

/* Fills in the header of a file whose parts are in place. */
void idf_vlad_seal(uint8_t *bytes, int depth, int n_words, int dim);

/* Floats of scratch that the calls below need. */
size_t idf_vlad_scratch(const idf_vlad *vlad);

/* Aggregates n descriptors into out (n_words * depth), unit length, or all zero when n = 0. */
void idf_vlad_aggregate(const idf_vlad *vlad, const idf_descriptor *descriptors, int n, float *out);

/* The whole of it: out has dim floats, unit length or all zero. */
void idf_vlad_encode(const idf_vlad *vlad, const idf_descriptor *descriptors, int n, float *out,
                     float *scratch);

/* The inner loops. Each variant gives what the plain C one gives. */
typedef struct idf_vlad_kernels {
    /* out (depth) = sum of the projection's rows whose bit is set - offset */
    void (*project)(int16_t *out, const uint8_t bits[IDF_DESCRIPTOR_BYTES], const idf_vlad *vlad);
    /* The word nearest to x (depth), the first of equals. */
    int (*nearest)(const int16_t *x, const idf_vlad *vlad);
    /* sum (depth) += (x - word) / |x - word| */
    void (*add)(float *sum, const int16_t *x, const int16_t *word, int depth);
    /* sum of a[i] b[i]; n is a multiple of 16. */
    int32_t (*dot)(const int8_t *a, const int16_t *b, int n);
} idf_vlad_kernels;

extern const idf_vlad_kernels idf_vlad_kernels_c;
extern const idf_vlad_kernels idf_vlad_kernels_avx2;
extern const idf_vlad_kernels idf_vlad_kernels_neon;
const idf_vlad_kernels *idf_vlad_kernels_choose(void);

#ifdef __cplusplus
}
#endif
#endif
