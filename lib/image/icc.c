/* icc.c - recognises sRGB among ICC profiles (ICC.1:2010), so that the usual picture pays nothing.
 *
 * Hundreds of profiles of that name are about; what they have in common is the numbers: three
 * primaries adapted to D50 and one curve, as a formula or a table. */
#include <math.h>
#include <string.h>

#include "image/profile.h"

enum { HEADER_BYTES = 128, TAG_BYTES = 12, MAX_TAGS = 100 };

typedef struct icc_tag {
    const uint8_t *data;
    size_t len;
} icc_tag;

static uint32_t load_u32be(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static double load_fixed(const uint8_t *p) {
    return (int32_t)load_u32be(p) / 65536.0;
}

/* The data of a tag; len 0 when there is none. */
static icc_tag find_tag(const uint8_t *icc, size_t len, const char *name) {
    uint32_t n = load_u32be(icc + HEADER_BYTES);
    for (uint32_t i = 0; i < n && i < MAX_TAGS; i++) {
        size_t at = HEADER_BYTES + 4 + (size_t)i * TAG_BYTES;
        if (at + TAG_BYTES > len)
            break;
        size_t offset = load_u32be(icc + at + 4), size = load_u32be(icc + at + 8);
        if (memcmp(icc + at, name, 4) == 0)
            return offset > len || size > len - offset ? (icc_tag){0}
                                                       : (icc_tag){icc + offset, size};
    }
    return (icc_tag){0};
}

static bool is_primary(icc_tag tag, const double xyz[3]) {
    if (tag.len < 20 || memcmp(tag.data, "XYZ ", 4) != 0)
        return false;
    for (int i = 0; i < 3; i++)
        if (fabs(load_fixed(tag.data + 8 + 4 * i) - xyz[i]) > 0.003)
            return false;
    return true;
}

/* 'para': one of five shapes, all of them (a x + b)^g + e from d on and c x + f below. */
static double formula_at(icc_tag tag, double x) {
    static const size_t counts[5] = {1, 3, 4, 5, 7};
    unsigned kind = tag.len < 12 ? 5u : (unsigned)(tag.data[8] << 8 | tag.data[9]);
    if (kind > 4 || tag.len < 12 + 4 * counts[kind])
        return -1;
    double p[7] = {0}; /* g a b c d e f */
    for (size_t i = 0; i < counts[kind]; i++)
        p[i] = load_fixed(tag.data + 12 + 4 * i);
    double a = kind == 0 ? 1 : p[1], b = p[2], below = p[3] * x + p[6], from = p[4], add = p[5];
    if (kind == 0 || kind == 1 || kind == 2) {
        add = below = kind == 2 ? p[3] : 0;
        from = kind == 0 || a == 0 ? 0 : -b / a;
    }
    return x >= from ? pow(a * x + b, p[0]) + add : below;
}

/* 'curv': nothing (identity), a gamma, or a table. */
static double table_at(icc_tag tag, double x) {
    size_t n = tag.len < 12 ? 0 : load_u32be(tag.data + 8);
    if (tag.len < 12 || n > (tag.len - 12) / 2)
        return -1;
    const uint8_t *values = tag.data + 12;
    if (n == 0)
        return x;
    if (n == 1)
        return pow(x, (values[0] << 8 | values[1]) / 256.0);
    size_t at = (size_t)(x * (double)(n - 1) + 0.5);
    return (values[2 * at] << 8 | values[2 * at + 1]) / 65535.0;
}

static bool is_srgb_curve(icc_tag tag) {
    if (tag.len < 8)
        return false;
    bool formula = memcmp(tag.data, "para", 4) == 0, table = memcmp(tag.data, "curv", 4) == 0;
    for (int i = 1; i < 16; i++) {
        double x = i / 15.0, wanted = x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4);
        double found = formula ? formula_at(tag, x) : table ? table_at(tag, x) : -1;
        if (!(fabs(found - wanted) < 0.004)) /* a plain gamma of 2.2 is off by 0.008 */
            return false;
    }
    return true;
}

bool idf_icc_is_srgb(const void *icc, size_t len_bytes) {
    static const double red[3] = {0.4361, 0.2225, 0.0139}, green[3] = {0.3851, 0.7169, 0.0971},
                        blue[3] = {0.1431, 0.0606, 0.7141};
    const uint8_t *p = icc;
    if (len_bytes < HEADER_BYTES + 4 || memcmp(p + 16, "RGB XYZ ", 8) != 0 ||
        find_tag(p, len_bytes, "A2B0").len > 0)
        return false;
    return is_primary(find_tag(p, len_bytes, "rXYZ"), red) &&
           is_primary(find_tag(p, len_bytes, "gXYZ"), green) &&
           is_primary(find_tag(p, len_bytes, "bXYZ"), blue) &&
           is_srgb_curve(find_tag(p, len_bytes, "rTRC")) &&
           is_srgb_curve(find_tag(p, len_bytes, "gTRC")) &&
           is_srgb_curve(find_tag(p, len_bytes, "bTRC"));
}
