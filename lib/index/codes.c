/* codes.c - vectors in bytes: the largest number of a row becomes 127. */
#include "index/codes.h"

#include <math.h>

static float largest(const float *vector, size_t dim) {
    float most = 0;
    for (size_t i = 0; i < dim; i++)
        most = fabsf(vector[i]) > most ? fabsf(vector[i]) : most;
    return most;
}

float idf_codes_make(int8_t *codes, const float *vector, size_t dim) {
    float most = largest(vector, dim), scale = most / 127;
    for (size_t i = 0; i < dim; i++)
        codes[i] = (int8_t)(most > 0 ? lrintf(vector[i] / most * 127) : 0);
    return scale;
}

/* Half a step, and what scaling a vector to the length 1 may have moved it by. */
bool idf_codes_fit(const int8_t *codes, float scale, const float *vector, size_t dim) {
    float most = 0.65F * scale + 1e-6F;
    for (size_t i = 0; i < dim; i++)
        if (!(fabsf(vector[i] - scale * (float)codes[i]) <= most))
            return false;
    return true;
}

void idf_codes_query(int16_t *codes, const float *query, size_t dim, int most) {
    float top = largest(query, dim);
    for (size_t i = 0; i < dim; i++) {
        float code = top > 0 ? query[i] / top * (float)most : 0;
        codes[i] = (int16_t)(code == code ? lrintf(code) : 0); /* not a number: nothing */
    }
}
