/* start.h - first parameters of a head that lose nothing. */
#ifndef IDF_TRAIN_START_H
#define IDF_TRAIN_START_H

#include <stddef.h>
#include <stdint.h>

#include "model/head.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes the head a projection onto `out` directions of its input: first those that span the n rows
 * given (unit rows of head->in floats), then random ones, all at right angles. Rows keep their
 * cosines where there are at most `out` of them. Needs hidden >= 2 out, else the parameters are
 * random. Not packed. */
idf_status idf_head_start_principal(idf_head *head, const float *rows, size_t n, uint64_t seed,
                                    idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
