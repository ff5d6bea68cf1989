/* pattern.h - which pixels a descriptor compares, and angles in 256 steps to a turn. */
#ifndef IDF_LOCAL_PATTERN_H
#define IDF_LOCAL_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#include "local/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_ANGLES = 256 };

/* Pairs (x0, y0, x1, y1) in pixels from the keypoint at angle 0, inside the disc of radius
 * IDF_PATCH_RADIUS; learnt by tools/learn_builtin.sh. */
extern const int8_t idf_pattern[IDF_DESCRIPTOR_POINTS / 2][4];

/* round(16384 cos(2 pi i / 256)) for i = 0..64. */
extern const int16_t idf_quarter_wave[IDF_ANGLES / 4 + 1];

/* 16384 cos and sin of an angle. */
int idf_cos256(int angle);
int idf_sin256(int angle);

/* The angle of (x, y), 0..255; 0 for (0, 0). Exact to the nearest step but for ties. */
uint8_t idf_angle256(int32_t y, int32_t x);

/* Fills table[angle][point] with y * stride + x of `pattern` turned by each angle. */
void idf_pattern_turn(int16_t table[IDF_ANGLES][IDF_DESCRIPTOR_POINTS],
                      const int8_t pattern[IDF_DESCRIPTOR_POINTS / 2][4], int stride);

#ifdef __cplusplus
}
#endif
#endif
