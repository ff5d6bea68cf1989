/* augmentrows_avx2.c - the loops of simulated photographs, compiled for AVX2. */
#define AUGMENT_ROWS idf_augment_rows_avx2
#include "image/augment_rows.inc"
