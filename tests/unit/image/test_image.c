/* Making, viewing, copying, turning, and the round trip through our own encoders. */
#include "pictures.h"

#include "image/encode.h"
#include "image/image.h"
#include "kernel/cpu.h"

static void new_refuses_bad_sizes(void **state) {
    (void)state;
    static const int bad[][3] = {{0, 5, 3}, {5, 0, 3}, {-1, 5, 3},
                                 {5, 5, 2}, {5, 5, 4}, {1 << 21, 1, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        idf_image image;
        idf_error err = IDF_ERROR_INIT;
        assert_int_equal(idf_image_new(&image, bad[i][0], bad[i][1], bad[i][2], &err),
                         IDF_ERR_ARGUMENT);
        assert_null(image.pixels);
        assert_true(strlen(err.message) > 10);
    }
    idf_image_release(NULL);
}

static void png_round_trip_is_exact(void **state) {
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        idf_image image = new_noise(37, 21, channels, 5), back;
        idf_bytes bytes = {0};
        idf_decode_options options = {.grey = channels == 1};
        idf_image_info info;
        assert_int_equal(idf_image_encode_png(&bytes, &image, 6, NULL), IDF_OK);
        assert_int_equal(idf_image_read_memory(&back, bytes.data, bytes.len, &options, &info, NULL),
                         IDF_OK);
        assert_same_picture(&image, &back);
        assert_int_equal(info.codec, IDF_CODEC_PNG);
        assert_int_equal(info.orientation, 1);
        idf_image_release(&image);
        idf_image_release(&back);
        idf_bytes_release(&bytes);
    }
}

static void jpeg_round_trip_is_close(void **state) {
    (void)state;
    idf_image image, back;
    assert_int_equal(idf_image_new(&image, 50, 40, 3, NULL), IDF_OK);
    for (int y = 0; y < 40; y++)
        for (int x = 0; x < 50; x++)
            memcpy(idf_image_row(&image, y) + 3 * x,
                   (uint8_t[]){(uint8_t)(4 * x), (uint8_t)(6 * y), 90}, 3);
    idf_bytes bytes = {0};
    assert_int_equal(idf_image_encode_jpeg(&bytes, &image, 95, NULL), IDF_OK);
    assert_int_equal(idf_image_read_memory(&back, bytes.data, bytes.len, NULL, NULL, NULL), IDF_OK);
    for (size_t i = 0; i < 50 * 40 * 3; i++)
        assert_in_range(image.pixels[i] - back.pixels[i] + 8, 0, 16);
    idf_image_release(&image);
    idf_image_release(&back);
    idf_bytes_release(&bytes);
}

static void orientations_form_a_group(void **state) {
    (void)state;
    /* inverse[o] undoes o; only the two quarter turns are not their own. */
    static const int inverse[9] = {0, 1, 2, 3, 4, 5, 8, 7, 6};
    for (int o = 1; o <= 8; o++) {
        idf_image image = new_noise(41, 67, o % 2 ? 3 : 1, 7), turned;
        assert_int_equal(idf_image_convert(&turned, &image, image.channels, NULL), IDF_OK);
        assert_int_equal(idf_image_orient(&turned, o, NULL), IDF_OK);
        assert_int_equal(turned.width, o >= 5 ? 67 : 41);
        assert_int_equal(idf_image_orient(&turned, inverse[o], NULL), IDF_OK);
        assert_same_picture(&image, &turned);
        idf_image_release(&image);
        idf_image_release(&turned);
    }
}

static void crop_is_cut_to_the_picture(void **state) {
    (void)state;
    idf_image image = new_noise(20, 10, 3, 9), part;
    const int rect[4] = {15, -3, 100, 8}, outside[4] = {20, 0, 5, 5},
              huge[4] = {-2147483647, 0, 2147483647, 2147483647};
    assert_int_equal(idf_image_crop(&part, &image, rect, NULL), IDF_OK);
    idf_image view = idf_image_view(&image, 15, 0, 5, 5);
    assert_same_picture(&part, &view);
    idf_image_release(&part);
    assert_int_equal(idf_image_crop(&part, &image, outside, NULL), IDF_ERR_ARGUMENT);
    assert_int_equal(idf_image_crop(&part, &image, huge, NULL), IDF_ERR_ARGUMENT);
    idf_image_release(&image);
}

static void luma_of_grey_is_grey(void **state) {
    (void)state;
    uint8_t rgb[3], grey;
    for (int v = 0; v < 256; v++) {
        rgb[0] = rgb[1] = rgb[2] = (uint8_t)v;
        idf_row_luma(&grey, rgb, 1);
        assert_int_equal(grey, v);
    }
}

/* Every processor's loop gives the formula's bytes, for rows of any length, in place too. */
static void luma_is_the_same_on_every_processor(void **state) {
    (void)state;
    enum { LONGEST = 150 };
    uint8_t in[3 * LONGEST], row[3 * LONGEST], want[LONGEST];
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = i < 96 ? 255 : (uint8_t)(i * i * 7 + i / 3);
    for (size_t i = 0; i < LONGEST; i++)
        want[i] = (uint8_t)((19595u * in[3 * i] + 38470u * in[3 * i + 1] + 7471u * in[3 * i + 2] +
                             32768) >>
                            16);
    const unsigned levels[] = {0, ~0u};
    for (int level = 0; level < 2; level++)
        for (size_t n = 0; n <= LONGEST; n++) {
            memcpy(row, in, sizeof row);
            idf_cpu_restrict(levels[level]);
            idf_row_luma(row, row, n);
            idf_cpu_restrict(~0u);
            assert_memory_equal(row, want, n);
            assert_memory_equal(row + n, in + n, sizeof row - n);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_refuses_bad_sizes),
        cmocka_unit_test(png_round_trip_is_exact),
        cmocka_unit_test(jpeg_round_trip_is_close),
        cmocka_unit_test(orientations_form_a_group),
        cmocka_unit_test(crop_is_cut_to_the_picture),
        cmocka_unit_test(luma_of_grey_is_grey),
        cmocka_unit_test(luma_is_the_same_on_every_processor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
