/* convert.h - other floating-point formats to and from float.
 *
 * Sources are bytes as files have them: little-endian, of any alignment. Any thread. */
#ifndef IDF_KERNEL_CONVERT_H
#define IDF_KERNEL_CONVERT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Exact, subnormals, infinities and NaNs included. */
float idf_f16_to_f32(uint16_t half);
float idf_bf16_to_f32(uint16_t half);

/* Nearest, ties to even; too large becomes infinity, NaN stays NaN. */
uint16_t idf_f32_to_f16(float value);
uint16_t idf_f32_to_bf16(float value);

/* n values each; `out` has n places and does not overlap `from`. f64 rounds to nearest. */
void idf_convert_f16_to_f32(const void *from, size_t n, float *out);
void idf_convert_bf16_to_f32(const void *from, size_t n, float *out);
void idf_convert_f64_to_f32(const void *from, size_t n, float *out);

#ifdef __cplusplus
}
#endif
#endif
