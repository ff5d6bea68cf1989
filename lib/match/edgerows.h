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
    /* Sobel's gradient at the middle of three rows, 0 at both ends. */
    void (*differentiate)(const uint8_t *const rows[3], int n, int16_t *gx, int16_t *gy);
    /* Writes the x, 1 <= x < n - 1, at which |gx| + |gy| is at least `least`, in rising order, and
     * returns their number. */
    int (*strong)(const int16_t *gx, const int16_t *gy, int n, int least, uint16_t *out);
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
