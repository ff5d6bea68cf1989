/* edgerows.c - the loops in plain C, and the choice. */
#include "match/edgerows.h"

#include "kernel/cpu.h"
#include "match/edgerows_loops.h"

static void smooth(const uint8_t *const rows[3], int n, int16_t *sums, uint8_t *out) {
    for (int x = 0; x < n; x++)
        sums[x] = (int16_t)(rows[0][x] + 2 * rows[1][x] + rows[2][x]);
    for (int x = 1; x < n - 1; x++)
        out[x] = (uint8_t)((sums[x - 1] + 2 * sums[x] + sums[x + 1] + 8) >> 4);
    out[0] = (uint8_t)((3 * sums[0] + sums[1] + 8) >> 4);
    out[n - 1] = (uint8_t)((3 * sums[n - 1] + sums[n - 2] + 8) >> 4);
}

static void differentiate(const uint8_t *const rows[3], int n, int16_t *gx, int16_t *gy,
                          int16_t *strength) {
    gx[0] = gy[0] = strength[0] = gx[n - 1] = gy[n - 1] = strength[n - 1] = 0;
    for (int x = 1; x < n - 1; x++)
        idf_edge_differentiate(rows, x, gx, gy, strength);
}

static int crests(const int16_t *const strength[3], const int16_t *const gradient[2], int n,
                  int least, uint16_t *out) {
    int found = 0;
    for (int x = 1; x < n - 1; x++)
        if (idf_edge_is_crest(strength, gradient, x, least))
            out[found++] = (uint16_t)x;
    return found;
}

const idf_edge_rows idf_edge_rows_c = {smooth, differentiate, crests};

const idf_edge_rows *idf_edge_rows_choose(void) {
#if defined(__x86_64__)
    if (idf_cpu_features() & IDF_CPU_AVX2)
        return &idf_edge_rows_avx2;
#endif
    return &idf_edge_rows_c;
}
