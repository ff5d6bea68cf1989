/* profile.c - to sRGB by lcms2, which is loaded with the first picture that needs it. Relative
 * colorimetric: white stays white, what sRGB can show is kept exactly. */
#include "image/profile.h"

#ifndef IDF_WITH_LCMS

idf_colour *idf_colour_open(const void *icc, size_t len_bytes, int channels) {
    (void)icc;
    (void)len_bytes;
    (void)channels;
    return NULL;
}
void idf_colour_free(idf_colour *colour) {
    (void)colour;
}
void idf_colour_row(const idf_colour *colour, uint8_t *out, const uint8_t *in, size_t n) {
    (void)colour;
    (void)out;
    (void)in;
    (void)n;
}
void idf_colour_apply(const idf_colour *colour, idf_image *image) {
    (void)colour;
    (void)image;
}

#else

#include <lcms2.h>

#include "base/alloc.h"
#include "base/late.h"
#include "image/image.h"

/* clang-format off */
#define LCMS_FUNCTIONS(X)                                                                          \
    X(OpenProfileFromMem)                                                                          \
    X(Create_sRGBProfile)                                                                          \
    X(CloseProfile)                                                                                \
    X(GetColorSpace)                                                                               \
    X(CreateTransform)                                                                             \
    X(DoTransform)                                                                                 \
    X(DeleteTransform)
/* clang-format on */

/* What is called of lcms2. */
typedef struct lcms_functions {
#define MEMBER(name) __typeof__(&cms##name) name;
    LCMS_FUNCTIONS(MEMBER)
} lcms_functions;

#define NAME(name) "cms" #name,
static lcms_functions lcms;
static const char *const names[] = {LCMS_FUNCTIONS(NAME)};
static idf_late liblcms = {IDF_LATE_NAME("lcms2", "2"), names, sizeof names / sizeof *names, &lcms,
                           false};

struct idf_colour {
    cmsHTRANSFORM transform; /* NULL: grey, by table */
    uint8_t table[256];
};

/* Fills colour for pixels of `channels` components; false when the profile is not for them. */
static bool prepare(idf_colour *colour, cmsHPROFILE from, cmsHPROFILE srgb, int channels) {
    const cmsUInt32Number flags = cmsFLAGS_NOCACHE; /* the cache is not safe with threads */
    cmsColorSpaceSignature space = lcms.GetColorSpace(from);
    bool grey = space == cmsSigGrayData && channels == 3;
    if (!grey && !(space == cmsSigRgbData && channels == 3) &&
        !(space == cmsSigCmykData && channels == 4))
        return false;
    cmsHTRANSFORM transform =
        lcms.CreateTransform(from,
                             grey            ? TYPE_GRAY_8
                             : channels == 3 ? TYPE_RGB_8
                                             : TYPE_CMYK_8_REV,
                             srgb, TYPE_RGB_8, INTENT_RELATIVE_COLORIMETRIC, flags);
    if (transform == NULL)
        return false;
    if (!grey) {
        colour->transform = transform;
        return true;
    }
    uint8_t greys[256], rgb[3 * 256];
    for (int i = 0; i < 256; i++)
        greys[i] = (uint8_t)i;
    lcms.DoTransform(transform, greys, rgb, 256);
    for (int i = 0; i < 256; i++)
        colour->table[i] = rgb[3 * i + 1];
    lcms.DeleteTransform(transform);
    return true;
}

idf_colour *idf_colour_open(const void *icc, size_t len_bytes, int channels) {
    if (icc == NULL || len_bytes < 128 || len_bytes > IDF_PROFILE_MAX_BYTES ||
        idf_icc_is_srgb(icc, len_bytes) || idf_late_load(&liblcms, NULL) != IDF_OK)
        return NULL;
    idf_colour *colour = idf_alloc_zero(1, sizeof *colour);
    cmsHPROFILE from =
        colour == NULL ? NULL : lcms.OpenProfileFromMem(icc, (cmsUInt32Number)len_bytes);
    cmsHPROFILE srgb = from == NULL ? NULL : lcms.Create_sRGBProfile();
    bool ready = srgb != NULL && prepare(colour, from, srgb, channels);
    if (srgb != NULL)
        lcms.CloseProfile(srgb);
    if (from != NULL)
        lcms.CloseProfile(from);
    if (ready)
        return colour;
    idf_free(colour);
    return NULL;
}

void idf_colour_free(idf_colour *colour) {
    if (colour == NULL)
        return;
    if (colour->transform != NULL)
        lcms.DeleteTransform(colour->transform);
    idf_free(colour);
}

void idf_colour_row(const idf_colour *colour, uint8_t *out, const uint8_t *in, size_t n) {
    if (colour->transform != NULL) {
        lcms.DoTransform(colour->transform, in, out, (cmsUInt32Number)n);
        return;
    }
    for (size_t i = 0; i < 3 * n; i++)
        out[i] = colour->table[in[i]];
}

void idf_colour_apply(const idf_colour *colour, idf_image *image) {
    for (int y = 0; colour != NULL && y < image->height; y++) {
        uint8_t *row = idf_image_row(image, y);
        idf_colour_row(colour, row, row, (size_t)image->width);
    }
}

#endif
