/* profile.h - colour profiles: pictures of another colour space become sRGB, by lcms2. */
#ifndef IDF_IMAGE_PROFILE_H
#define IDF_IMAGE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/image.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_PROFILE_MAX_BYTES = 4 << 20 };

/* The way from one profile's colours to sRGB. Belongs to one thread. */
typedef struct idf_colour idf_colour;

/* For an ICC profile and pixels of `channels` components: 3 for RGB or grey, 4 for ink (CMYK, 255
 * is none). NULL when the pixels are to be taken as they are: the profile is sRGB, damaged, over
 * IDF_PROFILE_MAX_BYTES, of another colour model, or this build or machine is without lcms2. A
 * profile is advice: a picture with a bad one is still a picture. `icc` may be NULL and need not
 * stay. Free with idf_colour_free. */
idf_colour *idf_colour_open(const void *icc, size_t len_bytes, int channels);
void idf_colour_free(idf_colour *colour); /* NULL is allowed */

/* n pixels; `out` is RGB, `in` has the components of idf_colour_open. In place is fine for RGB. */
void idf_colour_row(const idf_colour *colour, uint8_t *out, const uint8_t *in, size_t n);

/* The whole of an RGB picture in place. NULL changes nothing. */
void idf_colour_apply(const idf_colour *colour, idf_image *image);

/* True for a profile that says what sRGB says (IEC 61966-2-1): its three primaries and its curve,
 * within what rounding in profiles differs by. Reads nothing past len_bytes. */
bool idf_icc_is_srgb(const void *icc, size_t len_bytes);

#ifdef __cplusplus
}
#endif
#endif
