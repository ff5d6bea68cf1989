/* Warping: exact cases, agreement of the variants, borders. */
#include "pictures.h"

#include <math.h>

#include "image/warp.h"
#include "image/warp_kernel.h"
#include "kernel/cpu.h"

static const idf_warp identity = {.matrix = {1, 0, 0, 0, 1, 0, 0, 0, 1}};

static void identity_copies_and_whole_shifts_shift(void **state) {
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        idf_image in = new_noise(53, 31, channels, 1), out;
        assert_int_equal(idf_image_warp(&out, &in, 53, 31, &identity, NULL), IDF_OK);
        assert_same_picture(&in, &out);
        idf_image_release(&out);
        idf_warp shift = identity;
        shift.matrix[2] = 7; /* output x shows input x + 7 */
        shift.matrix[5] = -4;
        memcpy(shift.colour, (uint8_t[]){9, 8, 7}, 3);
        assert_int_equal(idf_image_warp(&out, &in, 53, 31, &shift, NULL), IDF_OK);
        for (int y = 0; y < 31; y++) {
            for (int x = 0; x < 53; x++) {
                const uint8_t *got = idf_image_row(&out, y) + x * channels;
                int inside = x + 7 < 53 && y - 4 >= 0;
                const uint8_t *wanted =
                    inside ? idf_image_row(&in, y - 4) + (x + 7) * channels : shift.colour;
                assert_memory_equal(got, wanted, channels);
            }
        }
        idf_image_release(&out);
        idf_image_release(&in);
    }
}

static void quarter_turn_is_the_orientation(void **state) {
    (void)state;
    idf_image in = new_noise(40, 23, 3, 2), out;
    idf_warp turn = {.matrix = {0, 1, 0, -1, 0, 23, 0, 0, 1}}; /* u = y, v = 23 - x */
    assert_int_equal(idf_image_warp(&out, &in, 23, 40, &turn, NULL), IDF_OK);
    assert_int_equal(idf_image_orient(&in, 6, NULL), IDF_OK);
    assert_same_picture(&in, &out);
    idf_image_release(&in);
    idf_image_release(&out);
}

static void scale_of_the_matrix_does_not_matter(void **state) {
    (void)state;
    idf_image in = new_noise(60, 50, 1, 3), a, b;
    idf_warp warp = {.matrix = {1.1, 0.2, -3, -0.1, 0.9, 5, 0.001, -0.002, 1}};
    assert_int_equal(idf_image_warp(&a, &in, 70, 60, &warp, NULL), IDF_OK);
    for (int i = 0; i < 9; i++)
        warp.matrix[i] *= 4;
    assert_int_equal(idf_image_warp(&b, &in, 70, 60, &warp, NULL), IDF_OK);
    assert_same_picture(&a, &b);
    idf_image_release(&a);
    idf_image_release(&b);
    idf_image_release(&in);
}

/* A linear ramp is what bilinear interpolation reproduces: compare with the exact position. */
static void a_ramp_is_sampled_where_the_matrix_says(void **state) {
    (void)state;
    idf_image in = new_picture(120, 120, 1), out;
    for (int y = 0; y < 120; y++)
        for (int x = 0; x < 120; x++)
            idf_image_row(&in, y)[x] = (uint8_t)(x + y);
    idf_warp warp = {.matrix = {0.8, 0.1, 8, -0.15, 0.7, 25, 0.0004, 0.0007, 1}};
    assert_int_equal(idf_image_warp(&out, &in, 100, 100, &warp, NULL), IDF_OK);
    const double *m = warp.matrix;
    for (int y = 0; y < 100; y++) {
        for (int x = 0; x < 100; x++) {
            double w = m[6] * (x + 0.5) + m[7] * (y + 0.5) + m[8];
            double u = (m[0] * (x + 0.5) + m[1] * (y + 0.5) + m[2]) / w - 0.5;
            double v = (m[3] * (x + 0.5) + m[4] * (y + 0.5) + m[5]) / w - 0.5;
            if (u >= 0 && v >= 0 && u <= 119 && v <= 119)
                assert_true(fabs(idf_image_row(&out, y)[x] - (u + v)) < 0.52);
        }
    }
    idf_image_release(&in);
    idf_image_release(&out);
}

static void variants_agree(void **state) {
    (void)state;
    static const double matrices[][9] = {
        {1.3, 0.4, -20, -0.3, 0.8, 10, 0, 0, 1}, {1.1, 0.2, -3, -0.1, 0.9, 5, 0.002, -0.001, 1},
        {1, 0, 0, 0, 1, 0, 0.05, -0.04, 0.3}, /* part of it behind the viewer */
        {1000, 0, -5000, 0, 1000, 0, 0, 0, 1},   {0, 0, 0, 0, 0, 0, 0, 0, 0},
    };
    static const int sizes[][2] = {{80, 60}, {5, 5}, {3, 2}, {1, 1}, {4, 90}};
    for (int channels = 1; channels <= 3; channels += 2) {
        for (int s = 0; s < 5; s++) {
            idf_image in = new_noise(sizes[s][0], sizes[s][1], channels, 6), plain, fast;
            for (int k = 0; k < 10; k++) {
                idf_warp warp = {.border = k % 2 ? IDF_BORDER_REPLICATE : IDF_BORDER_CONSTANT,
                                 .colour = {1, 2, 3}};
                memcpy(warp.matrix, matrices[k / 2], sizeof warp.matrix);
                idf_cpu_restrict(0);
                assert_int_equal(idf_image_warp(&plain, &in, 61 + k, 40, &warp, NULL), IDF_OK);
                idf_cpu_restrict(~0u);
                assert_int_equal(idf_image_warp(&fast, &in, 61 + k, 40, &warp, NULL), IDF_OK);
                assert_same_picture(&plain, &fast);
                idf_image_release(&plain);
                idf_image_release(&fast);
            }
            idf_image_release(&in);
        }
    }
}

static void replicate_shows_the_edge(void **state) {
    (void)state;
    idf_image in = new_noise(9, 7, 3, 8), out;
    idf_warp warp = {.matrix = {1, 0, -5, 0, 1, -5, 0, 0, 1}, .border = IDF_BORDER_REPLICATE};
    assert_int_equal(idf_image_warp(&out, &in, 19, 17, &warp, NULL), IDF_OK);
    for (int y = 0; y < 17; y++) {
        for (int x = 0; x < 19; x++) {
            int u = x < 5 ? 0 : x > 13 ? 8 : x - 5, v = y < 5 ? 0 : y > 11 ? 6 : y - 5;
            assert_memory_equal(idf_image_row(&out, y) + 3 * x, idf_image_row(&in, v) + 3 * u, 3);
        }
    }
    idf_image_release(&in);
    idf_image_release(&out);
}

static void bad_arguments_are_refused(void **state) {
    (void)state;
    idf_image in = new_noise(9, 7, 3, 8), out;
    idf_warp bad = identity;
    bad.matrix[4] = NAN;
    assert_int_equal(idf_image_warp(&out, &in, 5, 5, &bad, NULL), IDF_ERR_ARGUMENT);
    assert_int_equal(idf_image_warp(&out, NULL, 5, 5, &identity, NULL), IDF_ERR_ARGUMENT);
    assert_int_equal(idf_image_warp(&out, &in, 0, 5, &identity, NULL), IDF_ERR_ARGUMENT);
    idf_alloc_fail_after(0);
    assert_int_equal(idf_image_warp(&out, &in, 5, 5, &identity, NULL), IDF_ERR_NO_MEMORY);
    idf_alloc_fail_after(-1);
    assert_null(out.pixels);
    idf_image_release(&in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity_copies_and_whole_shifts_shift),
        cmocka_unit_test(quarter_turn_is_the_orientation),
        cmocka_unit_test(scale_of_the_matrix_does_not_matter),
        cmocka_unit_test(a_ramp_is_sampled_where_the_matrix_says),
        cmocka_unit_test(variants_agree),
        cmocka_unit_test(replicate_shows_the_edge),
        cmocka_unit_test(bad_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
