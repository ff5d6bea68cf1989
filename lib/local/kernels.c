/* kernels.c - the plain C inner loops of corner extraction, and the choice between the variants.
 *
 * FAST (Rosten & Drummond 2006) is computed densely and as a score at once: the run of 9 of least
 * contrast decides, so score = max over the 16 runs of (min of the run - centre), and the same
 * downwards. The minimum over a run of 9 pixels of the circle itself serves every centre, and two
 * runs share 8 of their pixels, so there are no branches and it vectorises over the row. */
#include "local/kernels.h"

#include <string.h>

#include "kernel/cpu.h"

const uint8_t idf_disc_half_width[IDF_PATCH_RADIUS + 1] = {15, 15, 15, 15, 14, 14, 14, 13,
                                                           13, 12, 11, 10, 9,  7,  5,  0};

const int8_t idf_fast_circle[16][2] = {{0, -3}, {1, -3},  {2, -2},  {3, -1}, {3, 0},  {3, 1},
                                       {2, 2},  {1, 3},   {0, 3},   {-1, 3}, {-2, 2}, {-3, 1},
                                       {-3, 0}, {-3, -1}, {-2, -2}, {-1, -3}};

/* 1.2 x + 0.1 for x = 0..4 is 0.1, 1.3, 2.5, 3.7, 4.9. */
const uint8_t idf_shrink_weights[5] = {115, 90, 64, 38, 13};

const uint8_t idf_blur_weights[4] = {56, 49, 33, 18};

static inline uint8_t min_u8(uint8_t a, uint8_t b) {
    return a < b ? a : b;
}

static inline uint8_t max_u8(uint8_t a, uint8_t b) {
    return a > b ? a : b;
}

static void shrink_row_c(uint8_t *out, const uint8_t *above, const uint8_t *below, int phase,
                         int n) {
    int wa = idf_shrink_weights[phase], wb = 128 - wa;
    for (int x = 0, j = 0; x < n; x++) {
        int at = x / 5 * 6 + j;
        int left = (above[at] * wa + below[at] * wb + 64) >> 7;
        int right = (above[at + 1] * wa + below[at + 1] * wb + 64) >> 7;
        int w = idf_shrink_weights[j];
        out[x] = (uint8_t)((left * w + right * (128 - w) + 64) >> 7);
        j = j == 4 ? 0 : j + 1;
    }
}

static void blur_row_c(uint8_t *out, const uint8_t *in, ptrdiff_t stride, int n) {
    enum { CHUNK = 128 };
    const int w0 = idf_blur_weights[0], w1 = idf_blur_weights[1], w2 = idf_blur_weights[2],
              w3 = idf_blur_weights[3];
    uint8_t columns[CHUNK + 6];
    for (int x = 0; x < n; x += CHUNK) {
        int m = n - x < CHUNK ? n - x : CHUNK;
        const uint8_t *p = in + x - 3;
        for (int i = 0; i < m + 6; i++)
            columns[i] = (uint8_t)((p[i] * w0 + (p[i - stride] + p[i + stride]) * w1 +
                                    (p[i - 2 * stride] + p[i + 2 * stride]) * w2 +
                                    (p[i - 3 * stride] + p[i + 3 * stride]) * w3 + 128) >>
                                   8);
        for (int i = 0; i < m; i++) {
            const uint8_t *c = columns + i + 3;
            out[x + i] = (uint8_t)((c[0] * w0 + (c[-1] + c[1]) * w1 + (c[-2] + c[2]) * w2 +
                                    (c[-3] + c[3]) * w3 + 128) >>
                                   8);
        }
    }
}

/* lo[i] = the largest minimum and hi[i] = the smallest maximum over the 16 runs of 9. */
enum { FAST_CHUNK = 64 };
static void fast_runs(uint8_t *lo, uint8_t *hi, const uint8_t ring[16][FAST_CHUNK]) {
    memset(lo, 0, FAST_CHUNK);
    memset(hi, 255, FAST_CHUNK);
    for (int k = 1; k < 16; k += 2) {
        const uint8_t *r0 = ring[k - 1], *r9 = ring[(k + 8) & 15];
        const uint8_t *r[8];
        for (int i = 0; i < 8; i++)
            r[i] = ring[(k + i) & 15];
        for (int x = 0; x < FAST_CHUNK; x++) {
            uint8_t low = min_u8(min_u8(min_u8(r[0][x], r[1][x]), min_u8(r[2][x], r[3][x])),
                                 min_u8(min_u8(r[4][x], r[5][x]), min_u8(r[6][x], r[7][x])));
            uint8_t high = max_u8(max_u8(max_u8(r[0][x], r[1][x]), max_u8(r[2][x], r[3][x])),
                                  max_u8(max_u8(r[4][x], r[5][x]), max_u8(r[6][x], r[7][x])));
            /* the runs k-1..k+7 and k..k+8 */
            lo[x] = max_u8(lo[x], min_u8(low, max_u8(r0[x], r9[x])));
            hi[x] = min_u8(hi[x], max_u8(high, min_u8(r0[x], r9[x])));
        }
    }
}

static void fast_row_c(uint8_t *score, const uint8_t *in, ptrdiff_t stride, int n) {
    uint8_t ring[16][FAST_CHUNK], lo[FAST_CHUNK], hi[FAST_CHUNK];
    memset(ring, 0, sizeof ring);
    for (int x = 0; x < n; x += FAST_CHUNK) {
        int m = n - x < FAST_CHUNK ? n - x : FAST_CHUNK;
        for (int k = 0; k < 16; k++)
            memcpy(ring[k], in + x + idf_fast_circle[k][0] + stride * idf_fast_circle[k][1],
                   (size_t)m);
        fast_runs(lo, hi, (const uint8_t(*)[FAST_CHUNK])ring);
        for (int i = 0; i < m; i++) {
            int up = lo[i] - in[x + i], down = in[x + i] - hi[i];
            int best = up > down ? up : down;
            score[x + i] = (uint8_t)(best > 0 ? best : 0);
        }
    }
}

static int peaks_row_c(uint16_t *xs, const uint8_t *const rows[3], int n, int threshold) {
    int count = 0;
    for (int x = 0; x < n; x++) {
        const uint8_t *a = rows[0] + x, *s = rows[1] + x, *b = rows[2] + x;
        if (*s < threshold)
            continue;
        uint8_t before = max_u8(max_u8(a[-1], a[0]), max_u8(a[1], s[-1]));
        uint8_t after = max_u8(max_u8(b[-1], b[0]), max_u8(b[1], s[1]));
        if (*s > before && *s >= after)
            xs[count++] = (uint16_t)x;
    }
    return count;
}

static float harris_c(const uint8_t *at, ptrdiff_t stride) {
    int32_t xx = 0, yy = 0, xy = 0;
    for (int y = -3; y <= 3; y++) {
        const uint8_t *p = at + y * stride, *a = p - stride, *b = p + stride;
        for (int x = -3; x <= 3; x++) {
            int dx = a[x + 1] - a[x - 1] + 2 * (p[x + 1] - p[x - 1]) + b[x + 1] - b[x - 1];
            int dy = b[x - 1] + 2 * b[x] + b[x + 1] - a[x - 1] - 2 * a[x] - a[x + 1];
            xx += dx * dx;
            yy += dy * dy;
            xy += dx * dy;
        }
    }
    return idf_harris_measure(xx, yy, xy);
}

static void moments_c(const uint8_t *at, ptrdiff_t stride, int32_t m[2]) {
    int32_t mx = 0, my = 0;
    for (int y = -IDF_PATCH_RADIUS; y <= IDF_PATCH_RADIUS; y++) {
        const uint8_t *row = at + y * stride;
        int w = idf_disc_half_width[y < 0 ? -y : y], sum = 0;
        for (int x = -w; x <= w; x++) {
            sum += row[x];
            mx += x * row[x];
        }
        my += y * sum;
    }
    m[0] = mx;
    m[1] = my;
}

static void describe_c(uint8_t bits[32], const uint8_t *at,
                       const int16_t offsets[IDF_DESCRIPTOR_POINTS]) {
    for (int i = 0; i < 32; i++, offsets += 16) {
        unsigned byte = 0;
        for (int b = 0; b < 8; b++)
            byte |= (unsigned)(at[offsets[2 * b]] < at[offsets[2 * b + 1]]) << b;
        bits[i] = (uint8_t)byte;
    }
}

static float nearest_c(const float *xs, const float *ys, int n, float x, float y) {
    float best = 1e30f;
    for (int i = 0; i < n; i++) {
        float dx = xs[i] - x, dy = ys[i] - y, d = dx * dx + dy * dy;
        best = d < best ? d : best;
    }
    return best;
}

const idf_local_kernels idf_local_kernels_c = {
    .shrink_row = shrink_row_c,
    .blur_row = blur_row_c,
    .fast_row = fast_row_c,
    .peaks_row = peaks_row_c,
    .harris = harris_c,
    .moments = moments_c,
    .describe = describe_c,
    .nearest = nearest_c,
};

const idf_local_kernels *idf_local_kernels_choose(void) {
#if defined(__x86_64__)
    unsigned features = idf_cpu_features();
    if (features & IDF_CPU_AVX512)
        return &idf_local_kernels_avx512;
    if (features & IDF_CPU_AVX2)
        return &idf_local_kernels_avx2;
#elif defined(__aarch64__)
    if (idf_cpu_features() & IDF_CPU_NEON)
        return &idf_local_kernels_neon;
#endif
    return &idf_local_kernels_c;
}
