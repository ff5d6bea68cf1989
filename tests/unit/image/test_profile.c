/* Colour profiles: what other spaces become, what sRGB is known by, and what is let be. */
#include "pictures.h"

#include <math.h>

#include <zlib.h>

#include "image/encode.h"
#include "image/profile.h"

static void put_u32be(uint8_t *at, uint32_t v) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void put_fixed(uint8_t *at, double v) {
    put_u32be(at, (uint32_t)(int32_t)lrint(v * 65536));
}

/* Primaries adapted to D50. */
static const double p3[3][3] = {
    {0.5151, 0.2412, -0.0011}, {0.2919, 0.6922, 0.0419}, {0.1571, 0.0666, 0.7841}};
static const double srgb[3][3] = {
    {0.4361, 0.2225, 0.0139}, {0.3851, 0.7169, 0.0971}, {0.1431, 0.0606, 0.7141}};

typedef enum curve { CURVE_FORMULA, CURVE_TABLE, CURVE_GAMMA_22 } curve;
enum { TABLE = 1024 };

/* A profile of six tags, or of one curve for grey (`primaries` NULL). */
static idf_bytes make_profile(const double primaries[3][3], curve kind) {
    static const char names[6][5] = {"rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC"};
    enum { TAGS = 128, XYZ_AT = TAGS + 4 + 6 * 12, CURVE_AT = XYZ_AT + 60 };
    size_t curve_bytes = kind == CURVE_TABLE ? 12 + 2 * TABLE : kind == CURVE_FORMULA ? 32 : 16;
    idf_bytes out = {0};
    uint8_t *p = idf_bytes_grow(&out, CURVE_AT + curve_bytes);
    assert_non_null(p);
    memset(p, 0, out.len);
    put_u32be(p, (uint32_t)out.len);
    put_u32be(p + 8, 0x02400000);
    memcpy(p + 12, primaries == NULL ? "mntrGRAYXYZ " : "mntrRGB XYZ ", 12);
    memcpy(p + 36, "acsp", 4);
    const double d50[3] = {0.9642, 1, 0.8249};
    for (int i = 0; i < 3; i++)
        put_fixed(p + 68 + 4 * i, d50[i]);
    put_u32be(p + TAGS, primaries == NULL ? 1 : 6);
    for (int i = 0; i < 6; i++) {
        uint8_t *tag = p + TAGS + 4 + 12 * i;
        memcpy(tag, primaries == NULL ? "kTRC" : names[i], 4);
        bool is_curve = i > 2 || primaries == NULL;
        put_u32be(tag + 4, is_curve ? CURVE_AT : (uint32_t)(XYZ_AT + 20 * i));
        put_u32be(tag + 8, is_curve ? (uint32_t)curve_bytes : 20);
    }
    for (int i = 0; primaries != NULL && i < 3; i++) {
        memcpy(p + XYZ_AT + 20 * i, "XYZ ", 4);
        for (int k = 0; k < 3; k++)
            put_fixed(p + XYZ_AT + 20 * i + 8 + 4 * k, primaries[i][k]);
    }
    uint8_t *c = p + CURVE_AT;
    memcpy(c, kind == CURVE_FORMULA ? "para" : "curv", 4);
    if (kind == CURVE_FORMULA) {
        const double numbers[5] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
        c[9] = 3;
        for (int i = 0; i < 5; i++)
            put_fixed(c + 12 + 4 * i, numbers[i]);
    } else if (kind == CURVE_GAMMA_22) {
        put_u32be(c + 8, 1);
        c[12] = 2;
        c[13] = 51;
    } else {
        put_u32be(c + 8, TABLE);
        for (int i = 0; i < TABLE; i++) {
            double x = i / (TABLE - 1.0);
            double v = x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4);
            unsigned u = (unsigned)lrint(65535 * v);
            c[12 + 2 * i] = (uint8_t)(u >> 8);
            c[13 + 2 * i] = (uint8_t)u;
        }
    }
    return out;
}

static void srgb_is_known_by_its_numbers(void **state) {
    (void)state;
    const struct {
        const double (*primaries)[3];
        curve kind;
        bool is;
    } cases[] = {{srgb, CURVE_FORMULA, true},
                 {srgb, CURVE_TABLE, true},
                 {srgb, CURVE_GAMMA_22, false},
                 {p3, CURVE_FORMULA, false},
                 {NULL, CURVE_TABLE, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        idf_bytes icc = make_profile(cases[i].primaries, cases[i].kind);
        assert_int_equal(idf_icc_is_srgb(icc.data, icc.len), cases[i].is);
        for (size_t n = 0; n < icc.len; n += 7) { /* cut off anywhere: no read past the end */
            uint8_t *copy = exact_copy(icc.data, n);
            assert_false(n < 300 && idf_icc_is_srgb(copy, n));
            idf_colour_free(idf_colour_open(copy, n, 3));
            idf_free(copy);
        }
        idf_bytes_release(&icc);
    }
}

/* What Display P3's colours are in sRGB, by the standards' matrices. */
static void p3_in_srgb(const uint8_t in[3], uint8_t out[3]) {
    static const double m[3][3] = {{1.2249401, -0.2249404, 0},
                                   {-0.0420569, 1.0420571, 0},
                                   {-0.0196376, -0.0786361, 1.0982735}};
    for (int i = 0; i < 3; i++) {
        double sum = 0;
        for (int k = 0; k < 3; k++) {
            double x = in[k] / 255.0;
            sum += m[i][k] * (x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4));
        }
        sum = fmin(1, fmax(0, sum));
        sum = sum <= 0.0031308 ? 12.92 * sum : 1.055 * pow(sum, 1 / 2.4) - 0.055;
        out[i] = (uint8_t)lrint(255 * sum);
    }
}

static const uint8_t tried[][3] = {{200, 100, 50},  {60, 180, 90},   {255, 0, 0}, {30, 60, 200},
                                   {255, 255, 255}, {128, 128, 128}, {0, 0, 0},   {240, 200, 180}};
enum { N_TRIED = sizeof tried / sizeof tried[0], BLOCK = 16 };

/* Squares of the colours in a row. */
static idf_image colours(void) {
    idf_image image = new_picture(BLOCK * N_TRIED, BLOCK, 3);
    for (int y = 0; y < BLOCK; y++)
        for (int x = 0; x < image.width; x++)
            memcpy(idf_image_row(&image, y) + 3 * x, tried[x / BLOCK], 3);
    return image;
}

static void insert(idf_bytes *bytes, size_t at, const idf_bytes *piece) {
    size_t n = bytes->len;
    assert_non_null(idf_bytes_grow(bytes, piece->len));
    memmove(bytes->data + at + piece->len, bytes->data + at, n - at);
    memcpy(bytes->data + at, piece->data, piece->len);
}

/* The profile as a JPEG's APP2 segment, as a PNG's iCCP chunk. */
static void insert_profile(idf_bytes *file, const idf_bytes *icc) {
    idf_bytes piece = {0};
    if (file->data[0] == 0xff) {
        uint8_t head[18] = "\xff\xe2..ICC_PROFILE\0\x01";
        head[2] = (uint8_t)((icc->len + 16) >> 8);
        head[3] = (uint8_t)(icc->len + 16);
        idf_bytes_append(&piece, head, 17);
        idf_bytes_append(&piece, "\x01", 1);
        idf_bytes_append(&piece, icc->data, icc->len);
        insert(file, 2, &piece);
    } else {
        uint8_t packed[8192] = "....iCCPx\0", crc[4];
        uLongf n = sizeof packed - 11;
        assert_int_equal(compress(packed + 11, &n, icc->data, icc->len), Z_OK);
        put_u32be(packed, (uint32_t)n + 3);
        put_u32be(crc, (uint32_t)crc32(0, packed + 4, (unsigned)n + 7));
        idf_bytes_append(&piece, packed, n + 11);
        idf_bytes_append(&piece, crc, 4);
        insert(file, 33, &piece);
    }
    idf_bytes_release(&piece);
}

static bool have_lcms(void) {
    idf_bytes icc = make_profile(p3, CURVE_FORMULA);
    idf_colour *colour = idf_colour_open(icc.data, icc.len, 3);
    idf_colour_free(colour);
    idf_bytes_release(&icc);
    return colour != NULL;
}

static void other_spaces_become_srgb(void **state) {
    (void)state;
    idf_image image = colours(), found;
    for (int kind = 0; kind < 4; kind++) { /* JPEG or PNG, P3 or sRGB */
        idf_bytes file = {0}, icc = make_profile(kind < 2 ? p3 : srgb, CURVE_TABLE);
        idf_status status = kind % 2 == 0 ? idf_image_encode_jpeg(&file, &image, 100, NULL)
                                          : idf_image_encode_png(&file, &image, 1, NULL);
        assert_int_equal(status, IDF_OK);
        insert_profile(&file, &icc);
        for (int grey = 0; grey < 2; grey++) {
            idf_decode_options options = {.grey = grey};
            idf_error err = IDF_ERROR_INIT;
            if (idf_image_read_memory(&found, file.data, file.len, &options, NULL, &err) != IDF_OK)
                fail_msg("%s", err.message);
            assert_int_equal(found.channels, grey ? 1 : 3);
            for (int i = 0; i < N_TRIED; i++) {
                uint8_t wanted[3];
                memcpy(wanted, tried[i], 3);
                if (kind < 2 && have_lcms())
                    p3_in_srgb(tried[i], wanted);
                if (grey)
                    idf_row_luma(wanted, wanted, 1);
                for (int c = 0; c < found.channels; c++) {
                    int x = (BLOCK * i + BLOCK / 2) * found.channels + c;
                    int difference = idf_image_row(&found, BLOCK / 2)[x] - wanted[c];
                    if (abs(difference) > 3)
                        fail_msg("kind %d, colour %d, channel %d: %d off", kind, i, c, difference);
                }
            }
            idf_image_release(&found);
        }
        idf_bytes_release(&icc);
        idf_bytes_release(&file);
    }
    idf_image_release(&image);
}

static void a_grey_profile_is_a_table(void **state) {
    (void)state;
    idf_bytes icc = make_profile(NULL, CURVE_GAMMA_22);
    idf_colour *colour = idf_colour_open(icc.data, icc.len, 3);
    if (have_lcms()) {
        assert_non_null(colour);
        uint8_t pixels[9] = {0, 0, 0, 20, 20, 20, 255, 255, 255};
        idf_colour_row(colour, pixels, pixels, 3);
        assert_int_equal(pixels[0], 0);
        assert_in_range(pixels[3], 10, 14); /* 2.2 is darker than sRGB there: 20 is 12 */
        assert_int_equal(pixels[3], pixels[5]);
        assert_int_equal(pixels[8], 255);
    }
    idf_colour_free(colour);
    assert_null(idf_colour_open(icc.data, icc.len, 4)); /* not for ink */
    idf_bytes_release(&icc);
}

/* A damaged profile is no reason to refuse a picture. */
static void bad_profiles_are_let_be(void **state) {
    (void)state;
    idf_image image = colours();
    for (int kind = 0; kind < 2; kind++) {
        idf_bytes icc = make_profile(p3, CURVE_FORMULA);
        for (size_t at = 0; at < icc.len; at += 3) {
            idf_bytes file = {0};
            idf_image found;
            idf_status status = kind == 0 ? idf_image_encode_jpeg(&file, &image, 90, NULL)
                                          : idf_image_encode_png(&file, &image, 1, NULL);
            assert_int_equal(status, IDF_OK);
            icc.data[at] ^= 0xff;
            insert_profile(&file, &icc);
            icc.data[at] ^= 0xff;
            assert_int_equal(idf_image_read_memory(&found, file.data, file.len, NULL, NULL, NULL),
                             IDF_OK);
            idf_image_release(&found);
            idf_bytes_release(&file);
        }
        idf_bytes_release(&icc);
    }
    assert_null(idf_colour_open(NULL, 0, 3));
    idf_image_release(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(srgb_is_known_by_its_numbers),
        cmocka_unit_test(other_spaces_become_srgb),
        cmocka_unit_test(a_grey_profile_is_a_table),
        cmocka_unit_test(bad_profiles_are_let_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
