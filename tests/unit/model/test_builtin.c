/* The built-in encoder: unit vectors, the same on every processor and for any number of threads,
 * its tables whole, damaged tables refused, and running out of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "kernel/cpu.h"
#include "model/builtin.h"
#include "model/vlad.h"

/* Random rectangles. */
static idf_image scene(int width, int height, int channels, uint64_t seed) {
    idf_image image = {0};
    assert_int_equal(idf_image_new(&image, width, height, channels, NULL), IDF_OK);
    memset(image.pixels, 200, image.stride_bytes * (size_t)height);
    idf_rng rng;
    idf_rng_init(&rng, seed, 1);
    for (int shape = 0; shape < 250; shape++) {
        int w = 4 + (int)idf_rng_below(&rng, 60), h = 4 + (int)idf_rng_below(&rng, 60);
        int x = (int)idf_rng_below(&rng, (uint32_t)(width - w));
        int y = (int)idf_rng_below(&rng, (uint32_t)(height - h));
        int value = (int)idf_rng_below(&rng, 256);
        for (int i = y; i < y + h; i++)
            memset(image.pixels + (size_t)i * image.stride_bytes + (size_t)(x * channels), value,
                   (size_t)(w * channels));
    }
    return image;
}

static double dot(const float *a, const float *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static void vectors_are_unit_and_tell_pictures_apart(void **state) {
    (void)state;
    idf_encoder *encoder = NULL;
    assert_int_equal(idf_encoder_open_builtin(&encoder, NULL), IDF_OK);
    int dim = idf_encoder_dim(encoder);
    assert_in_range(dim, 64, 512);
    assert_string_equal(idf_encoder_identity(encoder), "builtin/4");
    idf_image images[4] = {
        scene(700, 500, 3, 1), scene(700, 500, 3, 2), scene(300, 400, 1, 3), {0}};
    idf_image_new(&images[3], 100, 100, 3, NULL);
    memset(images[3].pixels, 77, images[3].stride_bytes * 100);
    float *out = calloc((size_t)dim * 4, sizeof *out);
    assert_int_equal(idf_encoder_encode(encoder, images, 4, out, NULL, NULL), IDF_OK);
    for (int i = 0; i < 3; i++)
        assert_true(fabs(dot(out + i * dim, out + i * dim, dim) - 1) < 1e-5);
    assert_true(dot(out + 3 * dim, out + 3 * dim, dim) == 0); /* nothing to see */
    assert_true(dot(out, out + dim, dim) < 0.6); /* both are grey, which is a little alike */
    for (size_t i = 0; i < images[0].stride_bytes * 500; i++)
        images[0].pixels[i] = (uint8_t)(images[0].pixels[i] * 0.7 + 20);
    float *dimmed = calloc((size_t)dim, sizeof *dimmed);
    assert_int_equal(idf_encoder_encode(encoder, images, 1, dimmed, NULL, NULL), IDF_OK);
    assert_true(dot(out, dimmed, dim) > 0.8);
    for (int i = 0; i < 4; i++)
        idf_image_release(&images[i]);
    free(out), free(dimmed);
    idf_encoder_free(encoder);
    idf_encoder_free(NULL);
}

/* Pictures of one grey and of different colours have vectors that differ; one that has no features
 * has none, whatever its colour. */
static void colours_tell_pictures_of_one_shape_apart(void **state) {
    (void)state;
    idf_encoder *encoder = NULL;
    assert_int_equal(idf_encoder_open_builtin(&encoder, NULL), IDF_OK);
    int dim = idf_encoder_dim(encoder);
    idf_image images[3] = {scene(400, 300, 3, 8), scene(400, 300, 3, 8), {0}};
    assert_int_equal(idf_image_new(&images[2], 100, 100, 3, NULL), IDF_OK);
    for (int i = 0; i < 400 * 300; i++) { /* two paints that are equally bright */
        uint8_t *red = images[0].pixels + 3 * i, *green = images[1].pixels + 3 * i;
        red[0] = (uint8_t)(red[0] / 2), red[1] = red[2] = 0;
        green[1] = (uint8_t)(green[1] / 2 * 299 / 587), green[0] = green[2] = 0;
    }
    for (int i = 0; i < 3 * 100 * 100; i++)
        images[2].pixels[i] = i % 3 ? 20 : 200;
    float *out = calloc((size_t)dim * 3, sizeof *out);
    assert_int_equal(idf_encoder_encode(encoder, images, 3, out, NULL, NULL), IDF_OK);
    for (int i = 0; i < 2; i++)
        assert_true(fabs(dot(out + i * dim, out + i * dim, dim) - 1) < 1e-5);
    print_message("%f %f\n", dot(out, out + dim, dim), dot(out, out, dim));
    assert_true(dot(out, out + dim, dim) < 0.9);
    assert_true(dot(out + 2 * dim, out + 2 * dim, dim) == 0);
    for (int i = 0; i < 3; i++)
        idf_image_release(&images[i]);
    free(out);
    idf_encoder_free(encoder);
}

static void the_same_on_every_processor_and_thread_count(void **state) {
    (void)state;
    enum { N = 6 };
    idf_image images[N];
    for (int i = 0; i < N; i++)
        images[i] = scene(320 + 31 * i, 300, 1, (uint64_t)i);
    idf_encoder *encoder = NULL;
    assert_int_equal(idf_encoder_open_builtin(&encoder, NULL), IDF_OK);
    size_t n = N * (size_t)idf_encoder_dim(encoder);
    float *want = calloc(n, sizeof *want), *got = calloc(n, sizeof *got);
    assert_int_equal(idf_encoder_encode(encoder, images, N, want, NULL, NULL), IDF_OK);
    for (int threads = 1; threads <= 5; threads += 2) {
        idf_pool *pool = NULL;
        assert_int_equal(idf_pool_new(&pool, threads, NULL), IDF_OK);
        assert_int_equal(idf_encoder_encode(encoder, images, N, got, pool, NULL), IDF_OK);
        assert_memory_equal(got, want, n * sizeof *want);
        idf_pool_free(pool);
    }
    const unsigned levels[] = {0, IDF_CPU_AVX2, IDF_CPU_NEON};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        idf_cpu_restrict(levels[i]);
        assert_int_equal(idf_encoder_encode(encoder, images, N, got, NULL, NULL), IDF_OK);
        idf_cpu_restrict(~0u);
        assert_memory_equal(got, want, n * sizeof *want);
    }
    for (int i = 0; i < N; i++)
        idf_image_release(&images[i]);
    free(want), free(got);
    idf_encoder_free(encoder);
}

static void tables_are_small_and_damage_is_refused(void **state) {
    (void)state;
    size_t len;
    const uint8_t *tables = idf_builtin_tables(&len);
    assert_in_range(len, 1000, 3 * 1000 * 1000);
    uint8_t *copy = idf_alloc_aligned(len, 1);
    memcpy(copy, tables, len);
    idf_vlad vlad;
    idf_error err = IDF_ERROR_INIT;
    assert_int_equal(idf_vlad_open(&vlad, copy, len, &err), IDF_OK);
    assert_int_equal(idf_vlad_lay_out(vlad.depth, vlad.n_words, vlad.dim).len_bytes, len);
    for (size_t i = 0; i < len; i += i < 28 ? 1 : len / 9) {
        if (i >= 20 && i < 24)
            continue; /* a word that is not read */
        copy[i] ^= 0x10;
        assert_int_not_equal(idf_vlad_open(&vlad, copy, len, &err), IDF_OK);
        copy[i] ^= 0x10;
    }
    assert_int_equal(idf_vlad_open(&vlad, copy, len - 1, &err), IDF_ERR_TRUNCATED);
    assert_int_equal(idf_vlad_open(&vlad, copy, 3, &err), IDF_ERR_TRUNCATED);
    idf_free(copy);
}

static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    idf_image image = scene(400, 300, 3, 5);
    long n = 0;
    for (;; n++) {
        idf_encoder *encoder = NULL;
        idf_error err = IDF_ERROR_INIT;
        float out[IDF_VLAD_MAX_DIM];
        idf_alloc_fail_after(n);
        idf_status status = idf_encoder_open_builtin(&encoder, &err);
        if (!status)
            status = idf_encoder_encode(encoder, &image, 1, out, NULL, &err);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        idf_encoder_free(encoder);
        if (!failed) {
            assert_int_equal(status, IDF_OK);
            break;
        }
        assert_int_equal(status, IDF_ERR_NO_MEMORY);
        assert_true(err.message[0] != 0);
    }
    assert_true(n >= 6);
    idf_image_release(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_unit_and_tell_pictures_apart),
        cmocka_unit_test(colours_tell_pictures_of_one_shape_apart),
        cmocka_unit_test(the_same_on_every_processor_and_thread_count),
        cmocka_unit_test(tables_are_small_and_damage_is_refused),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
