/* codes.h - vectors in bytes, each row with a scale of its own: a quarter of what a search reads.
 *
 * Number i of a row is about scale * code[i]. What is found by them is compared again exactly. */
#ifndef IDF_INDEX_CODES_H
#define IDF_INDEX_CODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Codes of a vector of dim numbers; returns the scale, 0 for one of zeroes alone. */
float idf_codes_make(int8_t *codes, const float *vector, size_t dim);

/* Whether codes are those of the vector. */
bool idf_codes_fit(const int8_t *codes, float scale, const float *vector, size_t dim);

/* A query in steps of which `most` (idf_dot_i8_most) is the largest number. */
void idf_codes_query(int16_t *codes, const float *query, size_t dim, int most);

#ifdef __cplusplus
}
#endif
#endif
