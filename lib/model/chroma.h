/* chroma.h - which colours a picture has, whatever their places: a histogram over blueness and
 * redness, for what local features of grey pictures cannot see. */
#ifndef IDF_MODEL_CHROMA_H
#define IDF_MODEL_CHROMA_H

#include <identify/image.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_CHROMA_SIDE = 8, IDF_CHROMA_DIM = IDF_CHROMA_SIDE * IDF_CHROMA_SIDE };

/* The roots of the shares that the colours Cb, Cr (Rec. 601) have in the picture, IDF_CHROMA_DIM
 * of them; the middle of the picture counts for more. A cast of the light is taken out by half. A
 * grey picture has its colours in the middle. */
void idf_chroma_histogram(const idf_image *image, float *out);

/* The same less what pictures have on average, unit length; all zero for just that average. */
void idf_chroma_encode(const idf_image *image, float *out);

/* That average; written by tools/learn_builtin.c. */
extern const float idf_chroma_mean[IDF_CHROMA_DIM];

#ifdef __cplusplus
}
#endif
#endif
