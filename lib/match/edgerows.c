/* edgerows.c - the loops in plain C, and the choice. */
#include "match/edgerows.h"

#include <stdlib.h>

#include "kernel/cpu.h"

static void smooth(const uint8_t *const rows[3], int n, int16_t *sums, uint8_t *out) {
    for (int x = 0; x < n; x++)
        sums[x] = (int16_t)(rows[0][x] + 2 * rows[1][x] + rows[2][x]);
    for (int x = 1; x < n - 1; x++)
        out[x] = (uint8_t)((sums[x - 1] + 2 * sums[x] + sums[x + 1] + 8) >> 4);
    out[0] = (uint8_t)((3 * sums[0] + sums[1] + 8) >> 4);
    out[n - 1] = (uint8_t)((3 * sums[n - 1] + sums[n - 2] + 8) >> 4);
}

static void differentiate(const uint8_t *const rows[3], int n, int16_t *gx, int16_t *gy) {
    const uint8_t *a = rows[0], *b = rows[1], *c = rows[2];
    gx[0] = gy[0] = gx[n - 1] = gy[n - 1] = 0;
    for (int x = 1; x < n - 1; x++) {
        gx[x] = (int16_t)(a[x + 1] - a[x - 1] + 2 * (b[x + 1] - b[x - 1]) + c[x + 1] - c[x - 1]);
        gy[x] = (int16_t)(c[x - 1] + 2 * c[x] + c[x + 1] - a[x - 1] - 2 * a[x] - a[x + 1]);
    }
}

static int strong(const int16_t *gx, const int16_t *gy, int n, int least, uint16_t *out) {
    int found = 0;
    for (int x = 1; x < n - 1; x++)
        if (abs(gx[x]) + abs(gy[x]) >= least)
            out[found++] = (uint16_t)x;
    return found;
}

const idf_edge_rows idf_edge_rows_c = {smooth, differentiate, strong};

const idf_edge_rows *idf_edge_rows_choose(void) {
#if defined(__x86_64__)
    if (idf_cpu_features() & IDF_CPU_AVX2)
        return &idf_edge_rows_avx2;
#endif
    return &idf_edge_rows_c;
}
