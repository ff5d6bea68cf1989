/* font.h - the letters that pictures are labelled with. */
#ifndef IDF_IMAGE_FONT_H
#define IDF_IMAGE_FONT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A glyph lives in a cell of 10 x 16 units: capitals reach from 2 down to the baseline at 12, small
 * letters from 5, descenders to 15; strokes span 0 to 8 across. */
enum { IDF_FONT_ADVANCE = 10, IDF_FONT_HEIGHT = 16 };

/* The strokes of a character: points of two digits each, x and y in base 16, joined in the order in
 * which they come; a comma begins a new stroke. "" for the space; "?" for what is not there. */
const char *idf_font_glyph(uint32_t code_point);

#ifdef __cplusplus
}
#endif
#endif
