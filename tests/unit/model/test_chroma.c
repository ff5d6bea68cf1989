/* Histograms of colours: shares that add up, grey in the middle, whatever the size and the turn of
 * the picture, and half of a cast taken out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "image/image.h"
#include "model/chroma.h"

enum { RED, GREEN, BLUE, CHANNELS };

/* Squares of the colour on grey ground; `gain` is the light on it. */
static idf_image squares(int side, int channel, const float gain[CHANNELS]) {
    idf_image image = {0};
    assert_int_equal(idf_image_new(&image, side, side, CHANNELS, NULL), IDF_OK);
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            for (int c = 0; c < CHANNELS; c++) {
                int painted = (x * 8 / side + y * 8 / side) % 2;
                float v = !painted ? 120 : c == channel ? 200 : 30;
                idf_image_row(&image, y)[CHANNELS * x + c] = (uint8_t)(v * gain[c]);
            }
    return image;
}

static const float white[CHANNELS] = {1, 1, 1}, warm[CHANNELS] = {1.2f, 1, 0.7f};

static double dot(const float *a, const float *b) {
    double sum = 0;
    for (int i = 0; i < IDF_CHROMA_DIM; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static void histogram_of(float *out, int side, int channel, const float gain[CHANNELS]) {
    idf_image image = squares(side, channel, gain);
    idf_chroma_histogram(&image, out);
    idf_image_release(&image);
}

static void shares_add_up_and_tell_colours_apart(void **state) {
    (void)state;
    float red[IDF_CHROMA_DIM], small[IDF_CHROMA_DIM], blue[IDF_CHROMA_DIM];
    histogram_of(red, 480, RED, white);
    histogram_of(small, 96, RED, white);
    histogram_of(blue, 480, BLUE, white);
    assert_true(fabs(dot(red, red) - 1) < 1e-5);
    assert_true(dot(red, small) > 0.999);
    assert_true(dot(red, blue) < 0.8); /* the ground is common */
}

static void grey_is_in_the_middle(void **state) {
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        idf_image image = {0};
        float out[IDF_CHROMA_DIM];
        assert_int_equal(idf_image_new(&image, 3, 2, channels, NULL), IDF_OK);
        for (int y = 0; y < 2; y++)
            for (int i = 0; i < 3 * channels; i++)
                idf_image_row(&image, y)[i] = (uint8_t)(100 * y);
        idf_chroma_histogram(&image, out);
        idf_image_release(&image);
        for (int i = 0; i < IDF_CHROMA_DIM; i++) {
            int u = i / IDF_CHROMA_SIDE, v = i % IDF_CHROMA_SIDE;
            float want = (u == 3 || u == 4) && (v == 3 || v == 4) ? 0.5f : 0;
            assert_true(fabsf(out[i] - want) < 1e-2f);
        }
    }
}

/* Warm light moves colours by less than it would were it not taken out by half. */
static void a_cast_is_taken_out_by_half(void **state) {
    (void)state;
    const float half[CHANNELS] = {1.2f / 1.1f, 1, 0.83f};
    float plain[IDF_CHROMA_DIM], lit[IDF_CHROMA_DIM], less[IDF_CHROMA_DIM];
    histogram_of(plain, 96, GREEN, white);
    histogram_of(lit, 96, GREEN, warm);
    histogram_of(less, 96, GREEN, half);
    assert_true(dot(plain, less) > dot(plain, lit));
    assert_true(dot(plain, lit) > 0.7);
}

static void vectors_are_unit_beside_the_average(void **state) {
    (void)state;
    idf_image image = squares(64, BLUE, white);
    float out[IDF_CHROMA_DIM];
    idf_chroma_encode(&image, out);
    idf_image_release(&image);
    assert_true(fabs(dot(out, out) - 1) < 1e-5);
    double mean = dot(idf_chroma_mean, idf_chroma_mean);
    assert_true(mean > 0.3 && mean < 1); /* means of unit vectors are shorter */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_add_up_and_tell_colours_apart),
        cmocka_unit_test(grey_is_in_the_middle),
        cmocka_unit_test(a_cast_is_taken_out_by_half),
        cmocka_unit_test(vectors_are_unit_beside_the_average),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
