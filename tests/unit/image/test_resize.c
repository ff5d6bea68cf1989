/* Resampling: Pillow's bytes, variants against plain C, and what must hold for any picture. */
#include "pictures.h"

#include <zlib.h>

#include "image/resize.h"
#include "image/resize_kernel.h"
#include "kernel/cpu.h"

/* The picture that tools/golden_image.py makes under this name. */
static idf_image make_pattern(const char *kind, int width, int height, int channels) {
    idf_image image = new_picture(width, height, channels);
    size_t n = (size_t)width * (size_t)height * (size_t)channels;
    uint32_t state = 12345;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        uint8_t noise = (uint8_t)(state >> 24);
        size_t x = i / (size_t)channels % (size_t)width;
        image.pixels[i] = kind[0] == 'n'   ? noise
                          : kind[0] == 'b' ? (noise > 127 ? 255 : 0)
                                           : (uint8_t)(x * 200 / (size_t)width + (noise >> 3));
    }
    return image;
}

/* The masks to try: plain C and every variant that this processor has. */
static const unsigned masks[] = {0, IDF_CPU_AVX2, IDF_CPU_AVX2 | IDF_CPU_AVX512, ~0u};
enum { N_MASKS = sizeof masks / sizeof masks[0] };

static idf_filter filter_named(const char *name) {
    return name[1] == 'o'   ? IDF_FILTER_BOX
           : name[2] == 'l' ? IDF_FILTER_BILINEAR
                            : IDF_FILTER_BICUBIC;
}

static void check_golden_line(const char *line) {
    char kind[16], filter[16];
    int w, h, channels, ow, oh, at;
    unsigned wanted;
    float box[4];
    assert_int_equal(
        sscanf(line, "%15s %d %d %d %15s %d %d%n", kind, &w, &h, &channels, filter, &ow, &oh, &at),
        7);
    int boxed = sscanf(line + at, "%f %f %f %f %x", &box[0], &box[1], &box[2], &box[3], &wanted);
    if (boxed != 5)
        assert_int_equal(sscanf(line + at, " - %x", &wanted), 1);
    idf_image in = make_pattern(kind, w, h, channels), out;
    for (int m = 0; m < N_MASKS; m++) {
        idf_cpu_restrict(masks[m]);
        assert_int_equal(idf_image_resize(&out, &in, ow, oh, filter_named(filter),
                                          boxed == 5 ? box : NULL, NULL),
                         IDF_OK);
        unsigned crc =
            (unsigned)crc32(0, out.pixels, (uInt)((size_t)ow * (size_t)oh * (size_t)channels));
        if (crc != wanted)
            fail_msg("%s: %08x with features %x", line, crc, masks[m]);
        idf_image_release(&out);
    }
    idf_cpu_restrict(~0u);
    idf_image_release(&in);
}

static void bytes_are_pillows(void **state) {
    (void)state;
    idf_bytes text = read_golden("resize.txt");
    int n = 0;
    assert_int_equal(idf_bytes_append(&text, "", 1), IDF_OK);
    for (char *line = strtok((char *)text.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        check_golden_line(line);
        n++;
    }
    assert_true(n > 50);
    idf_bytes_release(&text);
}

static void variants_agree_on_large_pictures(void **state) {
    (void)state;
    static const int sizes[][4] = {{331, 203, 64, 64}, {130, 257, 200, 100}, {64, 33, 63, 32},
                                   {3, 500, 2, 90},    {500, 3, 90, 2},      {129, 65, 129, 20}};
    for (int s = 0; s < 6; s++) {
        for (int channels = 1; channels <= 3; channels += 2) {
            idf_image whole = new_noise(sizes[s][0] + 3, sizes[s][1] + 2, channels, 3), plain, fast;
            idf_image in = idf_image_view(&whole, 2, 1, sizes[s][0], sizes[s][1]);
            idf_cpu_restrict(0);
            assert_int_equal(idf_image_resize(&plain, &in, sizes[s][2], sizes[s][3],
                                              IDF_FILTER_BICUBIC, NULL, NULL),
                             IDF_OK);
            for (int m = 1; m < N_MASKS; m++) {
                idf_cpu_restrict(masks[m]);
                assert_int_equal(idf_image_resize(&fast, &in, sizes[s][2], sizes[s][3],
                                                  IDF_FILTER_BICUBIC, NULL, NULL),
                                 IDF_OK);
                assert_same_picture(&plain, &fast);
                idf_image_release(&fast);
            }
            idf_cpu_restrict(~0u);
            idf_image_release(&plain);
            idf_image_release(&whole);
        }
    }
}

/* Sums n_taps rows of n bytes in exact-size buffers that begin at `shift`. */
static void check_sum(const idf_resize_kernel *kernel, size_t n, int n_taps, size_t shift,
                      idf_rng *rng) {
    enum { MAX_TAPS = 9 };
    int32_t weights[MAX_TAPS + 1] = {0}, pairs[MAX_TAPS + 1] = {0};
    for (int t = 0; t < n_taps; t++)
        weights[t] = (int32_t)(idf_rng_u32(rng) % 2000000) - 700000;
    for (int t = 0; t < n_taps; t += 2) {
        for (int k = 0; k < 2; k++) {
            uint32_t low = (uint16_t)weights[t + k];
            uint32_t high = ((uint32_t)weights[t + k] + 0x8000u) >> 16;
            pairs[t] = (int32_t)((uint32_t)pairs[t] | low << (16 * k));
            pairs[t + 1] = (int32_t)((uint32_t)pairs[t + 1] | (high & 0xffff) << (16 * k));
        }
    }
    idf_resize_taps taps = {0, n_taps, weights, pairs};
    size_t n_in = shift + n * (size_t)n_taps;
    uint8_t *in = idf_alloc(n_in, 1), *plain = idf_alloc(n, 1), *fast = idf_alloc(n + shift, 1);
    for (size_t i = 0; i < n_in; i++)
        in[i] = (uint8_t)idf_rng_u32(rng);
    idf_resize_sum_c(plain, n, in + shift, n, &taps);
    kernel->sum(fast + shift, n, in + shift, n, &taps);
    assert_memory_equal(plain, fast + shift, n);
    idf_free(in);
    idf_free(plain);
    idf_free(fast);
}

static void check_transpose(const idf_resize_kernel *kernel, size_t n, idf_rng *rng) {
    enum { STRIDE = 19 };
    uint8_t *rows_of = idf_alloc(16 * n, 1), *out = idf_alloc((n - 1) * STRIDE + 16, 1);
    const uint8_t *rows[16];
    for (size_t i = 0; i < 16 * n; i++)
        rows_of[i] = (uint8_t)idf_rng_u32(rng);
    for (size_t r = 0; r < 16; r++)
        rows[r] = rows_of + r * n;
    kernel->transpose(out, STRIDE, rows, n);
    for (size_t c = 0; c < n; c++)
        for (size_t r = 0; r < 16; r++)
            assert_int_equal(out[c * STRIDE + r], rows[r][c]);
    idf_free(rows_of);
    idf_free(out);
}

static void kernels_agree_on_every_tail(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 11, 0);
    for (int m = 1; m < N_MASKS; m++) {
        idf_cpu_restrict(masks[m]);
        const idf_resize_kernel *kernel = idf_resize_kernel_choose();
        for (size_t n = 1; n <= 200; n++)
            check_sum(kernel, n, (int)(n % 9) + 1, n % 5, &rng);
        for (int taps = 1; taps <= 9; taps++)
            check_sum(kernel, 131, taps, 3, &rng);
        for (size_t n = 1; n <= 100 && kernel->transpose != NULL; n++)
            check_transpose(kernel, n, &rng);
    }
    idf_cpu_restrict(~0u);
}

static void flat_stays_flat_and_same_size_is_a_copy(void **state) {
    (void)state;
    for (int filter = 0; filter < 3; filter++) {
        idf_image in = new_picture(37, 29, 3), out;
        memset(in.pixels, 173, in.stride_bytes * 29);
        assert_int_equal(idf_image_resize(&out, &in, 11, 60, (idf_filter)filter, NULL, NULL),
                         IDF_OK);
        for (size_t i = 0; i < out.stride_bytes * 60; i++)
            assert_int_equal(out.pixels[i], 173);
        idf_image_release(&in);
        idf_image_release(&out);
        in = new_noise(40, 31, 1, 2);
        assert_int_equal(idf_image_resize(&out, &in, 40, 31, (idf_filter)filter, NULL, NULL),
                         IDF_OK);
        assert_same_picture(&in, &out);
        idf_image_release(&in);
        idf_image_release(&out);
    }
}

static void mirrored_in_is_mirrored_out(void **state) {
    (void)state;
    idf_image in = new_noise(90, 50, 3, 4), mirrored, a, b;
    assert_int_equal(idf_image_convert(&mirrored, &in, 3, NULL), IDF_OK);
    assert_int_equal(idf_image_orient(&mirrored, 2, NULL), IDF_OK);
    assert_int_equal(idf_image_resize(&a, &in, 30, 20, IDF_FILTER_BICUBIC, NULL, NULL), IDF_OK);
    assert_int_equal(idf_image_resize(&b, &mirrored, 30, 20, IDF_FILTER_BICUBIC, NULL, NULL),
                     IDF_OK);
    assert_int_equal(idf_image_orient(&b, 2, NULL), IDF_OK);
    assert_true(largest_difference(&a, &b) <= 1); /* weights may round the other way */
    idf_image_release(&in);
    idf_image_release(&mirrored);
    idf_image_release(&a);
    idf_image_release(&b);
}

static void shrink_fits_and_never_enlarges(void **state) {
    (void)state;
    static const int cases[][5] = {{1000, 700, 640, 640, 448},
                                   {700, 1000, 640, 448, 640},
                                   {640, 200, 640, 640, 200},
                                   {3000, 1, 100, 100, 1},
                                   {10, 9, 640, 10, 9}};
    for (int i = 0; i < 5; i++) {
        idf_image in = new_noise(cases[i][0], cases[i][1], 1, 1), out;
        assert_int_equal(idf_image_shrink(&out, &in, cases[i][2], NULL), IDF_OK);
        assert_int_equal(out.width, cases[i][3]);
        assert_int_equal(out.height, cases[i][4]);
        idf_image_release(&in);
        idf_image_release(&out);
    }
}

static void bad_arguments_are_refused(void **state) {
    (void)state;
    idf_image in = new_noise(10, 8, 3, 1), out;
    static const float boxes[][4] = {
        {0, 0, 11, 8}, {-1, 0, 5, 5}, {3, 3, 3, 5}, {5, 5, 4, 6}, {0, 0, 10, 8.5f}};
    for (int i = 0; i < 5; i++)
        assert_int_equal(idf_image_resize(&out, &in, 5, 5, IDF_FILTER_BOX, boxes[i], NULL),
                         IDF_ERR_ARGUMENT);
    float not_a_number[4] = {0, 0, strtof("nan", NULL), 5};
    assert_int_equal(idf_image_resize(&out, &in, 5, 5, IDF_FILTER_BOX, not_a_number, NULL),
                     IDF_ERR_ARGUMENT);
    assert_int_equal(idf_image_resize(&out, &in, 0, 5, IDF_FILTER_BOX, NULL, NULL),
                     IDF_ERR_ARGUMENT);
    assert_int_equal(idf_image_resize(&out, NULL, 5, 5, IDF_FILTER_BOX, NULL, NULL),
                     IDF_ERR_ARGUMENT);
    idf_image_release(&in);
}

static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    idf_image in = new_noise(100, 80, 3, 1), out;
    for (long n = 0;; n++) {
        idf_alloc_fail_after(n);
        idf_status status = idf_image_resize(&out, &in, 30, 30, IDF_FILTER_BICUBIC, NULL, NULL);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        idf_image_release(&out);
        assert_int_equal(status, failed ? IDF_ERR_NO_MEMORY : IDF_OK);
        if (!failed)
            break;
    }
    idf_image_release(&in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_pillows),
        cmocka_unit_test(variants_agree_on_large_pictures),
        cmocka_unit_test(kernels_agree_on_every_tail),
        cmocka_unit_test(flat_stays_flat_and_same_size_is_a_copy),
        cmocka_unit_test(mirrored_in_is_mirrored_out),
        cmocka_unit_test(shrink_fits_and_never_enlarges),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
