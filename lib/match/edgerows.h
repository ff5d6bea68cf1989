/* edgerows.h - the inner loops of finding edges: a row smoothed, differentiated, and thinned. Every
 * variant gives the same numbers as the plain one. */
#ifndef IDF_MATCH_EDGEROWS_H
#define IDF_MATCH_EDGEROWS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_edge_rows {
    /* out[x] = 1 2 1 across and down, rounded, of n >= 2 pixels of the three rows; edges repeated.
     * `sums` has room for n. */
    void (*smooth)(const uint8_t *const rows[3], int n, int16_t *sums, uint8_t *out);
    /* Sobel's gradient at the middle of three rows, and its strength |gx| + |gy|; 0 at both ends.
     */
    void (*differentiate)(const uint8_t *const rows[3], int n, int16_t *gx, int16_t *gy,
                          int16_t *strength);
    /* Writes the x, 1 <= x < n - 1, of the middle row at which the strength is at least `least`, no
     * less than that of the neighbour before it across the edge, and more than that of the one
     * behind it, in rising order. Returns their number. strength: three rows; gx, gy: the middle
     * one's. The neighbours are those nearest to the gradient's direction, of eight. */
    int (*crests)(const int16_t *const strength[3], const int16_t *const gradient[2], int n,
                  int least, uint16_t *out);
} idf_edge_rows;

extern const idf_edge_rows idf_edge_rows_c;
#if defined(__x86_64__)
extern const idf_edge_rows idf_edge_rows_avx2;
#endif

/* The best variant for this processor. */
const idf_edge_rows *idf_edge_rows_choose(void);

#ifdef __cplusplus
}
#endif
#endif
