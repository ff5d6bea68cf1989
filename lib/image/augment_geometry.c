/* augment_geometry.c - matrices, quadrilaterals and seeded chances of simulated photographs. */
#include <math.h>
#include <string.h>

#include "image/augment_parts.h"

/* The finaliser of splitmix64 (Steele, Lea, Flood 2014): every input bit changes half the output.
 */
static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void idf_view_rng(idf_rng *rng, idf_view_key key) {
    const uint64_t golden = 0x9e3779b97f4a7c15u;
    uint64_t item = mix(mix(key.seed + golden) ^ (key.item + golden));
    uint64_t view = mix(item ^ (key.view + golden));
    idf_rng_init(rng, view, mix(view + golden));
}

int idf_rng_chance(idf_rng *rng, double chance) {
    return idf_rng_unit(rng) < chance;
}

void idf_matrix_multiply(double out[9], const double a[9], const double b[9]) {
    double product[9];
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++)
            product[3 * r + c] =
                a[3 * r] * b[c] + a[3 * r + 1] * b[3 + c] + a[3 * r + 2] * b[6 + c];
    memcpy(out, product, sizeof product);
}

int idf_matrix_invert(double out[9], const double m[9]) {
    double adjoint[9] = {
        m[4] * m[8] - m[5] * m[7], m[2] * m[7] - m[1] * m[8], m[1] * m[5] - m[2] * m[4],
        m[5] * m[6] - m[3] * m[8], m[0] * m[8] - m[2] * m[6], m[2] * m[3] - m[0] * m[5],
        m[3] * m[7] - m[4] * m[6], m[1] * m[6] - m[0] * m[7], m[0] * m[4] - m[1] * m[3],
    };
    double determinant = m[0] * adjoint[0] + m[1] * adjoint[3] + m[2] * adjoint[6];
    if (determinant == 0 || !isfinite(determinant))
        return 0;
    for (int i = 0; i < 9; i++)
        out[i] = adjoint[i] / determinant;
    return 1;
}

void idf_matrix_apply(const double m[9], const double xy[2], double out[2]) {
    double w = m[6] * xy[0] + m[7] * xy[1] + m[8];
    double x = (m[0] * xy[0] + m[1] * xy[1] + m[2]) / w;
    double y = (m[3] * xy[0] + m[4] * xy[1] + m[5]) / w;
    out[0] = x;
    out[1] = y;
}

/* Heckbert, "Fundamentals of Texture Mapping and Image Warping", 1989, section 2.2.3. */
int idf_matrix_from_quad(double out[9], const double corners[8]) {
    const double *p0 = corners, *p1 = corners + 2, *p2 = corners + 4, *p3 = corners + 6;
    double dx1 = p1[0] - p2[0], dx2 = p3[0] - p2[0], dy1 = p1[1] - p2[1], dy2 = p3[1] - p2[1];
    double sx = p0[0] - p1[0] + p2[0] - p3[0], sy = p0[1] - p1[1] + p2[1] - p3[1];
    double determinant = dx1 * dy2 - dx2 * dy1;
    if (determinant == 0)
        return 0;
    double g = (sx * dy2 - dx2 * sy) / determinant, h = (dx1 * sy - sx * dy1) / determinant;
    const double m[9] = {p1[0] - p0[0] + g * p1[0],
                         p3[0] - p0[0] + h * p3[0],
                         p0[0],
                         p1[1] - p0[1] + g * p1[1],
                         p3[1] - p0[1] + h * p3[1],
                         p0[1],
                         g,
                         h,
                         1};
    memcpy(out, m, sizeof m);
    return 1;
}

void idf_quad_init(idf_quad *quad, const double corners[8], const idf_image *frame) {
    const int sides[2] = {frame->width, frame->height};
    double twice_area = 0;
    for (int i = 0; i < 4; i++) {
        const double *a = corners + 2 * i, *b = corners + 2 * ((i + 1) % 4);
        twice_area += a[0] * b[1] - b[0] * a[1];
    }
    double sign = twice_area < 0 ? -1 : 1;
    quad->area = fabs(twice_area) / 2;
    for (int i = 0; i < 4; i++) {
        const double *a = corners + 2 * i, *b = corners + 2 * ((i + 1) % 4);
        double nx = -(b[1] - a[1]) * sign, ny = (b[0] - a[0]) * sign, length = hypot(nx, ny);
        length = length > 0 ? length : 1;
        quad->edge[i][0] = (float)(nx / length);
        quad->edge[i][1] = (float)(ny / length);
        quad->edge[i][2] = (float)(-(nx * a[0] + ny * a[1]) / length);
    }
    for (int axis = 0; axis < 2; axis++) {
        double low = corners[axis], high = low;
        for (int i = 1; i < 4; i++) {
            low = fmin(low, corners[2 * i + axis]);
            high = fmax(high, corners[2 * i + axis]);
        }
        int *range = axis == 0 ? quad->columns : quad->rows;
        range[0] = (int)fmin(fmax(floor(low - 1), 0), sides[axis]);
        range[1] = (int)fmin(fmax(ceil(high + 1), 0), sides[axis]);
    }
}
