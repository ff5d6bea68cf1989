/* orient.c - angles in 256 steps to a turn, and the test pattern turned by each.
 *
 * A keypoint's angle is that of the intensity centroid of its disc (Rosin 1999; Rublee 2011). All
 * of it is integer arithmetic on one table of cosines, so that results are the same with every
 * compiler and C library. */
#include "local/pattern.h"

/* clang-format off */
const int16_t idf_quarter_wave[IDF_ANGLES / 4 + 1] = {
    16384, 16379, 16364, 16340, 16305, 16261, 16207, 16143, 16069, 15986, 15893, 15791, 15679,
    15557, 15426, 15286, 15137, 14978, 14811, 14635, 14449, 14256, 14053, 13842, 13623, 13395,
    13160, 12916, 12665, 12406, 12140, 11866, 11585, 11297, 11003, 10702, 10394, 10080, 9760,
    9434, 9102, 8765, 8423, 8076, 7723, 7366, 7005, 6639, 6270, 5897, 5520, 5139,
    4756, 4370, 3981, 3590, 3196, 2801, 2404, 2006, 1606, 1205, 804, 402, 0,
};
/* clang-format on */

int idf_cos256(int angle) {
    int a = angle & 255;
    if (a > 128)
        a = 256 - a;
    return a <= 64 ? idf_quarter_wave[a] : -idf_quarter_wave[128 - a];
}

int idf_sin256(int angle) {
    return idf_cos256(angle - 64);
}

/* Bisection over the first octants: the turned vector's cross product with each step's half-way
 * direction tells on which side it lies. Doubled angles (512 steps) are taken from the chord. */
uint8_t idf_angle256(int32_t y, int32_t x) {
    if (x == 0 && y == 0)
        return 0;
    int64_t ax = x < 0 ? -(int64_t)x : x, ay = y < 0 ? -(int64_t)y : y;
    int low = 0, high = 64; /* the angle of (ax, ay) is in [low, high] */
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (ay * idf_cos256(middle) >= ax * idf_sin256(middle))
            low = middle;
        else
            high = middle;
    }
    /* the bisector of two unit vectors is their sum */
    int64_t c = idf_cos256(low) + idf_cos256(high), s = idf_sin256(low) + idf_sin256(high);
    int angle = ay * c >= ax * s ? high : low;
    if (x < 0)
        angle = 128 - angle;
    if (y < 0)
        angle = -angle;
    return (uint8_t)(angle & 255);
}

static int rounded(int v) { /* v / 16384 to the nearest, halves away from zero */
    return v >= 0 ? (v + 8192) / 16384 : -((8192 - v) / 16384);
}

void idf_pattern_turn(int16_t table[IDF_ANGLES][IDF_DESCRIPTOR_POINTS],
                      const int8_t pattern[IDF_DESCRIPTOR_POINTS / 2][4], int stride) {
    int x[IDF_DESCRIPTOR_POINTS], y[IDF_DESCRIPTOR_POINTS]; /* so that the compiler uses vectors */
    for (int i = 0; i < IDF_DESCRIPTOR_POINTS; i++) {
        x[i] = pattern[i / 2][i % 2 * 2];
        y[i] = pattern[i / 2][i % 2 * 2 + 1];
    }
    for (int angle = 0; angle < IDF_ANGLES; angle++) {
        int c = idf_cos256(angle), s = idf_sin256(angle);
        for (int i = 0; i < IDF_DESCRIPTOR_POINTS; i++)
            table[angle][i] =
                (int16_t)(rounded(x[i] * s + y[i] * c) * stride + rounded(x[i] * c - y[i] * s));
    }
}
