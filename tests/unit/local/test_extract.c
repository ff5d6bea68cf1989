/* Extraction: what a picture's features keep when it is turned, brightened or shrunk, determinism,
 * pictures with nothing in them, and running out of memory. */
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
#include "local/extract.h"
#include "match/scene.h"

static void picture_new(idf_image *image, int width, int height, int channels) {
    size_t stride = (size_t)(width * channels);
    *image = (idf_image){malloc(stride * (size_t)height), width, height, channels, stride};
    assert_non_null(image->pixels);
}

static void picture_free(idf_image *image) {
    free(image->pixels);
}

/* Overlapping rectangles and discs of random greys: corners of every kind, none of them noise. */
static idf_image scene(int width, int height, int channels, uint64_t seed) {
    idf_image image = {0};
    picture_new(&image, width, height, channels);
    memset(image.pixels, 128, image.stride_bytes * (size_t)height);
    idf_rng rng;
    idf_rng_init(&rng, seed, 0);
    int side = width < height ? width : height;
    for (int shape = 0; shape < 300; shape++) {
        int cx = (int)idf_rng_below(&rng, (uint32_t)width);
        int cy = (int)idf_rng_below(&rng, (uint32_t)height);
        int r = 3 + (int)idf_rng_below(&rng, (uint32_t)side / 8 + 1);
        int s = 3 + (int)idf_rng_below(&rng, (uint32_t)side / 8 + 1);
        unsigned is_disc = idf_rng_below(&rng, 2), value = idf_rng_below(&rng, 200) + 20;
        for (int y = cy - s < 0 ? 0 : cy - s; y < height && y <= cy + s; y++)
            for (int x = cx - r < 0 ? 0 : cx - r; x < width && x <= cx + r; x++)
                if (!is_disc || (x - cx) * (x - cx) + (y - cy) * (y - cy) < r * r)
                    memset(image.pixels + (size_t)y * image.stride_bytes + (size_t)(x * channels),
                           (int)value, (size_t)channels);
    }
    return image;
}

typedef struct copied {
    idf_features features;
    idf_keypoint keypoints[IDF_FEATURES_MAX];
    idf_descriptor descriptors[IDF_FEATURES_MAX];
} copied;

static copied *extract(const idf_image *image, int max_features) {
    idf_extractor *extractor = NULL;
    idf_error err = IDF_ERROR_INIT;
    assert_int_equal(idf_extractor_new(&extractor, &err), IDF_OK);
    copied *c = calloc(1, sizeof *c);
    assert_int_equal(idf_extract(extractor, image, max_features, &c->features, &err), IDF_OK);
    assert_in_range(c->features.n, 0, max_features);
    memcpy(c->keypoints, c->features.keypoints, sizeof *c->keypoints * (size_t)c->features.n);
    memcpy(c->descriptors, c->features.descriptors, sizeof *c->descriptors * (size_t)c->features.n);
    c->features.keypoints = c->keypoints;
    c->features.descriptors = c->descriptors;
    idf_extractor_free(extractor);
    return c;
}

static int distance(const idf_descriptor *a, const idf_descriptor *b) {
    int n = 0;
    for (int i = 0; i < IDF_DESCRIPTOR_BYTES; i++)
        n += __builtin_popcount((unsigned)(a->bits[i] ^ b->bits[i]));
    return n;
}

/* Where a keypoint of the first picture lies in the second, and how its angle turns. */
typedef struct map {
    double xx, xy, x0, yx, yy, y0;
    int turn; /* of 256 */
} map;

/* Of a's features, the share that b has at the mapped place with a descriptor within `bits` and an
 * angle within `steps`. */
static double repeated(const copied *a, const copied *b, const map *m, int bits, int steps) {
    int found = 0;
    for (int i = 0; i < a->features.n; i++) {
        double ax = a->keypoints[i].x / 32.0, ay = a->keypoints[i].y / 32.0;
        double x = m->xx * ax + m->xy * ay + m->x0, y = m->yx * ax + m->yy * ay + m->y0;
        double reach = 1.5 * pow(IDF_LOCAL_SCALE, a->keypoints[i].level);
        for (int j = 0; j < b->features.n; j++) {
            int turn = (int8_t)(b->keypoints[j].angle - a->keypoints[i].angle - m->turn);
            if (fabs(b->keypoints[j].x / 32.0 - x) <= reach &&
                fabs(b->keypoints[j].y / 32.0 - y) <= reach && abs(turn) <= steps &&
                distance(&a->descriptors[i], &b->descriptors[j]) <= bits) {
                found++;
                break;
            }
        }
    }
    return found / (double)(a->features.n > 0 ? a->features.n : 1);
}

static void turned_pictures_have_the_same_features(void **state) {
    (void)state;
    /* 600 x 480 is a multiple of 6^2: turning moves the first levels' sampling least */
    idf_image image = scene(600, 480, 1, 1), quarter = {0}, half = {0};
    picture_new(&quarter, 480, 600, 1);
    picture_new(&half, 600, 480, 1);
    for (int y = 0; y < 480; y++)
        for (int x = 0; x < 600; x++) {
            uint8_t v = image.pixels[(size_t)y * image.stride_bytes + (size_t)x];
            quarter.pixels[(size_t)x * quarter.stride_bytes + (size_t)(479 - y)] = v;
            half.pixels[(size_t)(479 - y) * half.stride_bytes + (size_t)(599 - x)] = v;
        }
    copied *a = extract(&image, 500), *b = extract(&quarter, 1000), *c = extract(&half, 1000);
    assert_int_equal(a->features.n, 500);
    map by_quarter = {0, -1, 479, 1, 0, 0, 64}, by_half = {-1, 0, 599, 0, -1, 479, 128};
    /* not all: levels whose sides are no multiple of 6 are sampled from their upper left corner;
     * 56 bits are what confirmation takes for alike */
    assert_true(repeated(a, b, &by_quarter, 56, 12) > 0.8);
    assert_true(repeated(a, c, &by_half, 56, 12) > 0.8);
    map wrong = {1, 0, 0, 0, 1, 0, 64}; /* the measure itself can fail */
    assert_true(repeated(a, b, &wrong, 56, 12) < 0.2);
    picture_free(&image), picture_free(&quarter), picture_free(&half);
    free(a), free(b), free(c);
}

static void brightness_and_contrast_do_not_matter(void **state) {
    (void)state;
    idf_image image = scene(500, 400, 1, 2);
    copied *a = extract(&image, 500);
    for (size_t i = 0; i < image.stride_bytes * 400; i++)
        image.pixels[i] = (uint8_t)(image.pixels[i] * 0.8 + 30);
    copied *b = extract(&image, 800);
    map identity = {1, 0, 0, 0, 1, 0, 0};
    assert_true(repeated(a, b, &identity, 16, 4) > 0.9);
    picture_free(&image);
    free(a), free(b);
}

static void smaller_pictures_share_features(void **state) {
    (void)state;
    idf_image image = scene(640, 480, 1, 3), small = {0};
    picture_new(&small, 320, 240, 1);
    for (int y = 0; y < 240; y++)
        for (int x = 0; x < 320; x++) {
            const uint8_t *p = image.pixels + (size_t)(2 * y) * image.stride_bytes + 2 * x;
            small.pixels[(size_t)y * small.stride_bytes + (size_t)x] =
                (uint8_t)((p[0] + p[1] + p[image.stride_bytes] + p[image.stride_bytes + 1]) / 4);
        }
    copied *a = extract(&small, 300), *b = extract(&image, 1500);
    map doubled = {2, 0, 0.5, 0, 2, 0.5, 0};
    assert_true(repeated(a, b, &doubled, 60, 12) > 0.6);
    picture_free(&image), picture_free(&small);
    free(a), free(b);
}

static void same_bytes_every_time_and_on_every_processor(void **state) {
    (void)state;
    idf_image image = scene(901, 703, 3, 4);
    copied *a = extract(&image, 1000), *b = extract(&image, 1000);
    assert_int_equal(a->features.n, 1000);
    const unsigned levels[] = {0, IDF_CPU_AVX2, IDF_CPU_AVX2 | IDF_CPU_AVX512, IDF_CPU_NEON};
    for (size_t i = 0; i <= sizeof levels / sizeof *levels; i++) {
        assert_int_equal(b->features.n, a->features.n);
        assert_memory_equal(a->keypoints, b->keypoints, sizeof a->keypoints);
        assert_memory_equal(a->descriptors, b->descriptors, sizeof a->descriptors);
        free(b);
        b = NULL;
        if (i == sizeof levels / sizeof *levels)
            break;
        idf_cpu_restrict(levels[i]);
        b = extract(&image, 1000);
        idf_cpu_restrict(~0u);
    }
    picture_free(&image);
    free(a);
}

static void an_extractor_forgets_the_last_picture(void **state) {
    (void)state;
    idf_image large = scene(640, 640, 1, 5), small = scene(200, 120, 1, 6);
    copied *want = extract(&small, 400);
    idf_extractor *extractor = NULL;
    idf_features got;
    assert_int_equal(idf_extractor_new(&extractor, NULL), IDF_OK);
    assert_int_equal(idf_extract(extractor, &large, 2000, &got, NULL), IDF_OK);
    assert_int_equal(idf_extract(extractor, &small, 400, &got, NULL), IDF_OK);
    assert_int_equal(got.n, want->features.n);
    assert_memory_equal(got.keypoints, want->keypoints, sizeof *got.keypoints * (size_t)got.n);
    assert_memory_equal(got.descriptors, want->descriptors,
                        sizeof *got.descriptors * (size_t)got.n);
    idf_extractor_free(extractor);
    picture_free(&large), picture_free(&small);
    free(want);
}

/* Every prefix covers the picture: of 6 x 5 cells most have one of the first 150 features. */
/* Small pictures, when an extractor was told so: twice as large or IDF_LOCAL_SIDE, with features
 * where they were. */
static void small_pictures_are_enlarged(void **state) {
    (void)state;
    static const int sizes[][4] = {/* width, height, of the working picture */
                                   {150, 100, 300, 200},
                                   {400, 200, 640, 320},
                                   {401, 200, 401, 200},
                                   {900, 600, 640, 427}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int *size = sizes[i];
        idf_image image = scene(size[0], size[1], 1, 7);
        copied *plain = extract(&image, 1000);
        idf_extractor *extractor = NULL;
        idf_features got;
        assert_int_equal(idf_extractor_new(&extractor, NULL), IDF_OK);
        idf_extractor_enlarge(extractor, 400);
        assert_int_equal(idf_extract(extractor, &image, 1000, &got, NULL), IDF_OK);
        assert_int_equal(got.width, size[2]);
        assert_int_equal(got.height, size[3]);
        double scale = (double)got.width / plain->features.width;
        int n_near = 0;
        for (int a = 0; a < plain->features.n && a < 50; a++) /* the strongest */
            for (int b = 0; b < got.n; b++)
                if (hypot(idf_feature_x(&plain->features, a) * scale - idf_feature_x(&got, b),
                          idf_feature_y(&plain->features, a) * scale - idf_feature_y(&got, b)) <
                    3 * scale) {
                    n_near++;
                    break;
                }
        assert_true(n_near > 40);
        idf_extractor_free(extractor);
        picture_free(&image);
        free(plain);
    }
}

static void prefixes_are_spread(void **state) {
    (void)state;
    idf_image image = scene(600, 500, 1, 7);
    copied *c = extract(&image, 1000);
    int cells[30] = {0}, n_filled = 0;
    for (int i = 0; i < 150; i++)
        cells[c->keypoints[i].y / 32 / 100 * 6 + c->keypoints[i].x / 32 / 100]++;
    for (int i = 0; i < 30; i++) {
        n_filled += cells[i] > 0;
        assert_true(cells[i] < 30);
    }
    assert_true(n_filled >= 25);
    picture_free(&image);
    free(c);
}

static void fill(idf_image *image, unsigned (*value)(int, int)) {
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width * image->channels; x++)
            image->pixels[(size_t)y * image->stride_bytes + (size_t)x] =
                (uint8_t)value(x / image->channels, y);
}

static unsigned black(int x, int y) {
    return (void)x, (void)y, 0;
}
static unsigned white(int x, int y) {
    return (void)x, (void)y, 255;
}
static unsigned chessboard(int x, int y) {
    return (x / 20 + y / 20) % 2 ? 255 : 0;
}
static unsigned hash(int x, int y) {
    return ((unsigned)x * 2654435761u ^ (unsigned)y * 2246822519u) >> 13 & 255;
}

static void degenerate_pictures_succeed(void **state) {
    (void)state;
    const int sizes[][2] = {{1, 1},   {1, 640},  {640, 1},   {1, 9000}, {5000, 3},    {24, 24},
                            {25, 25}, {31, 200}, {640, 640}, {641, 17}, {8000, 6000}, {2, 2}};
    unsigned (*const fills[])(int, int) = {black, white, chessboard, hash};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t f = 0; f < sizeof fills / sizeof *fills; f++)
            for (int channels = 1; channels <= 3; channels += 2) {
                if (sizes[i][0] == 8000 && (f != 3 || channels != 1))
                    continue;
                idf_image image = {0};
                picture_new(&image, sizes[i][0], sizes[i][1], channels);
                fill(&image, fills[f]);
                copied *c = extract(&image, 1000);
                if (f < 2 || sizes[i][0] < 24 || sizes[i][1] < 24)
                    assert_int_equal(c->features.n, 0);
                else if (sizes[i][0] == 640)
                    assert_true(c->features.n > 500);
                for (int k = 0; k < c->features.n; k++) {
                    assert_true(c->keypoints[k].x <= (c->features.width - 1) * 32);
                    assert_true(c->keypoints[k].y <= (c->features.height - 1) * 32);
                    assert_true(c->keypoints[k].level < IDF_LOCAL_LEVELS);
                }
                picture_free(&image);
                free(c);
            }
}

static void limits_are_kept(void **state) {
    (void)state;
    idf_image image = scene(640, 480, 1, 8);
    for (int max = 1; max <= IDF_FEATURES_MAX; max = max * 3 + 1) {
        copied *c = extract(&image, max);
        assert_true(c->features.n == max || max > 1000);
        free(c);
    }
    idf_extractor *extractor = NULL;
    idf_features got;
    idf_error err = IDF_ERROR_INIT;
    assert_int_equal(idf_extractor_new(&extractor, NULL), IDF_OK);
    assert_int_equal(idf_extract(extractor, &image, 0, &got, &err), IDF_ERR_ARGUMENT);
    assert_int_equal(idf_extract(extractor, &image, IDF_FEATURES_MAX + 1, &got, &err),
                     IDF_ERR_ARGUMENT);
    idf_image empty = {0};
    assert_int_equal(idf_extract(extractor, &empty, 10, &got, &err), IDF_ERR_ARGUMENT);
    idf_extractor_free(extractor);
    idf_extractor_free(NULL);
    picture_free(&image);
}

static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    idf_image image = scene(700, 500, 3, 9);
    int n_failures = 0;
    for (long n = 0;; n++, n_failures++) {
        idf_extractor *extractor = NULL;
        idf_features got;
        idf_error err = IDF_ERROR_INIT;
        idf_alloc_fail_after(n);
        idf_status status = idf_extractor_new(&extractor, &err);
        if (!status)
            status = idf_extract(extractor, &image, 500, &got, &err);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        if (failed) {
            assert_int_equal(status, IDF_ERR_NO_MEMORY);
            assert_true(err.message[0] != 0);
            if (extractor) { /* usable again */
                assert_int_equal(idf_extract(extractor, &image, 500, &got, &err), IDF_OK);
                assert_int_equal(got.n, 500);
            }
        }
        idf_extractor_free(extractor);
        if (!failed) {
            assert_int_equal(status, IDF_OK);
            break;
        }
    }
    assert_true(n_failures >= 4);
    picture_free(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turned_pictures_have_the_same_features),
        cmocka_unit_test(brightness_and_contrast_do_not_matter),
        cmocka_unit_test(smaller_pictures_share_features),
        cmocka_unit_test(same_bytes_every_time_and_on_every_processor),
        cmocka_unit_test(an_extractor_forgets_the_last_picture),
        cmocka_unit_test(small_pictures_are_enlarged),
        cmocka_unit_test(prefixes_are_spread),
        cmocka_unit_test(degenerate_pictures_succeed),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
