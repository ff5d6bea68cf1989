/* Drawing an answer: colours where the outline is, labels that stay apart, bad input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <identify/identify.h>

#include "base/alloc.h"
#include "image/image.h"

enum { WIDTH = 640, HEIGHT = 480 };

static char folder[64], index_path[96], beside_folder[96], picture_path[128];
static idf_index *collection;

/* An index of one picture: labels need a name. */
static int make_index(void **state) {
    (void)state;
    char path[96];
    idf_image image = {0};
    idf_encoder *encoder = NULL;
    snprintf(folder, sizeof folder, "/tmp/identify-annotate-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(index_path, sizeof index_path, "%s/index.npz", folder);
    snprintf(path, sizeof path, "%s/thing.png", folder);
    assert_int_equal(idf_image_new(&image, 64, 64, 1, NULL), IDF_OK);
    for (int i = 0; i < 64 * 64; i++)
        image.pixels[(size_t)(i / 64) * image.stride_bytes + (size_t)(i % 64)] =
            (uint8_t)(i * i / 7);
    assert_int_equal(idf_image_write_file(&image, path, 0, NULL), IDF_OK);
    idf_image_release(&image);
    assert_int_equal(idf_encoder_open_builtin(&encoder, NULL), IDF_OK);
    const idf_build_options options = {
        .refs_dir = folder, .out_path = index_path, .encoder = encoder};
    assert_int_equal(idf_build_index(&options, NULL, NULL), IDF_OK);
    idf_encoder_free(encoder);
    assert_int_equal(idf_index_open(&collection, index_path, NULL), IDF_OK);
    snprintf(beside_folder, sizeof beside_folder, "%s/moved", folder);
    snprintf(picture_path, sizeof picture_path, "%s/thing.png", beside_folder);
    assert_int_equal(mkdir(beside_folder, 0700), 0);
    assert_int_equal(rename(path, picture_path), 0);
    return 0;
}

static int remove_index(void **state) {
    (void)state;
    idf_index_free(collection);
    unlink(index_path);
    unlink(picture_path);
    rmdir(beside_folder);
    return rmdir(folder);
}

static idf_detection upright(float x1, float y1, float x2, float y2, bool confident) {
    return (idf_detection){.x1 = x1,
                           .y1 = y1,
                           .x2 = x2,
                           .y2 = y2,
                           .corners = {{x1, y1}, {x2, y1}, {x2, y2}, {x1, y2}},
                           .score = 0.5f,
                           .confident = confident};
}

static idf_image plain(int channels) {
    idf_image image = {0};
    assert_int_equal(idf_image_new(&image, WIDTH, HEIGHT, channels, NULL), IDF_OK);
    memset(image.pixels, 100, image.stride_bytes * HEIGHT);
    return image;
}

static bool has_colour(const idf_image *image, int x, int y, const uint8_t colour[3]) {
    return memcmp(image->pixels + (size_t)y * image->stride_bytes + 3 * (size_t)x, colour, 3) == 0;
}

static const uint8_t green[3] = IDF_COLOUR_CONFIDENT, amber[3] = IDF_COLOUR_UNSURE;

static void colours_say_how_sure(void **state) {
    (void)state;
    idf_detection found[2] = {upright(0.1f, 0.2f, 0.4f, 0.8f, true),
                              upright(0.6f, 0.2f, 0.9f, 0.8f, false)};
    const idf_answer answer = {
        .image_width = WIDTH, .image_height = HEIGHT, .n_detections = 2, .detections = found};
    for (int channels = 1; channels <= 3; channels += 2) {
        idf_image frame = plain(channels);
        assert_int_equal(idf_annotate(&frame, &answer, collection, NULL), IDF_OK);
        assert_int_equal(frame.channels, 3);
        assert_true(has_colour(&frame, 64, 240, green));  /* left side of the first */
        assert_true(has_colour(&frame, 160, 384, green)); /* its lower side */
        assert_true(has_colour(&frame, 576, 240, amber)); /* right side of the second */
        const uint8_t untouched[3] = {100, 100, 100};
        assert_true(has_colour(&frame, 160, 240, untouched));
        assert_true(has_colour(&frame, 320, 240, untouched));
        idf_image_release(&frame);
    }
}

static int rows_of(const idf_image *frame, int x, const uint8_t colour[3]) {
    int n = 0;
    for (int y = 0; y < frame->height; y++)
        n += has_colour(frame, x, y, colour);
    return n;
}

/* Things that leave no room for their labels above, at one place: every label is still seen. */
static void labels_stay_in_the_frame_and_apart(void **state) {
    (void)state;
    idf_detection found[60];
    idf_answer answer = {
        .image_width = WIDTH, .image_height = HEIGHT, .n_detections = 1, .detections = found};
    for (int i = 0; i < 60; i++)
        found[i] = upright(0, 0, 1, 1, true);
    idf_image one = plain(3), three = plain(3), many = plain(3);
    assert_int_equal(idf_annotate(&one, &answer, collection, NULL), IDF_OK);
    answer.n_detections = 3;
    assert_int_equal(idf_annotate(&three, &answer, collection, NULL), IDF_OK);
    int line = rows_of(&one, 320, green); /* of the outline alone, the label is narrow */
    int height = rows_of(&one, 3, green) - line;
    assert_true(height >= 10);
    assert_in_range(rows_of(&three, 3, green) - line, 3 * height - 2, 3 * height + 2 * line + 2);
    answer.n_detections = 60; /* more than fit */
    assert_int_equal(idf_annotate(&many, &answer, collection, NULL), IDF_OK);
    idf_image_release(&one);
    idf_image_release(&three);
    idf_image_release(&many);
}

static void tiny_frames_and_wild_outlines(void **state) {
    (void)state;
    idf_detection found[1] = {upright(-1e9f, -3, 1e9f, 7, false)};
    idf_answer answer = {
        .image_width = 1, .image_height = 1, .n_detections = 1, .detections = found};
    for (int side = 1; side < 12; side += 5)
        for (size_t n = 0; n < 2; n++) {
            idf_image frame = {0};
            assert_int_equal(idf_image_new(&frame, side, side, 3, NULL), IDF_OK);
            memset(frame.pixels, 1, frame.stride_bytes * (size_t)side);
            answer.image_width = answer.image_height = side;
            answer.n_detections = n;
            assert_int_equal(idf_annotate(&frame, &answer, collection, NULL), IDF_OK);
            idf_image_release(&frame);
        }
}

static void nothing_found_is_said(void **state) {
    (void)state;
    const idf_answer answer = {.image_width = WIDTH, .image_height = HEIGHT};
    const uint8_t black[3] = {0, 0, 0};
    idf_image frame = plain(3);
    assert_int_equal(idf_annotate(&frame, &answer, collection, NULL), IDF_OK);
    assert_true(has_colour(&frame, 1, 1, black));
    idf_image_release(&frame);
}

/* One, two, seven and fifty things: the picture stays where it is, the references get columns. */
static void references_stand_beside(void **state) {
    (void)state;
    static const size_t n_things[4] = {1, 2, 7, 50};
    static idf_detection found[50];
    idf_answer answer = {.image_width = WIDTH, .image_height = HEIGHT, .detections = found};
    for (int i = 0; i < 50; i++)
        found[i] = upright(0.3f, 0.3f, 0.6f, 0.6f, i % 2 == 0);
    for (int i = 0; i < 4; i++) {
        idf_image frame = plain(3), alone = plain(3);
        answer.n_detections = n_things[i];
        assert_int_equal(idf_annotate(&alone, &answer, collection, NULL), IDF_OK);
        assert_int_equal(idf_annotate_beside(&frame, &answer, collection, beside_folder, NULL),
                         IDF_OK);
        assert_int_equal(frame.height, HEIGHT);
        assert_true(frame.width > WIDTH + 50 && frame.width < 2 * WIDTH);
        for (int y = 0; y < HEIGHT; y++)
            assert_memory_equal(idf_image_row(&frame, y), idf_image_row(&alone, y), 3 * WIDTH);
        int bordered = 0;
        for (int x = WIDTH; x < frame.width; x++)
            bordered += has_colour(&frame, x, HEIGHT / 4 / (i > 1 ? 3 : 1), green);
        assert_true(bordered > 1);
        idf_image_release(&frame);
        idf_image_release(&alone);
    }
}

static void nothing_stands_beside_what_is_too_small_or_empty(void **state) {
    (void)state;
    idf_detection found[1] = {upright(0, 0, 1, 1, true)};
    idf_answer answer = {
        .image_width = 20, .image_height = 20, .n_detections = 1, .detections = found};
    idf_image small = {0}, frame = plain(3);
    assert_int_equal(idf_image_new(&small, 20, 20, 1, NULL), IDF_OK);
    memset(small.pixels, 9, small.stride_bytes * 20);
    assert_int_equal(idf_annotate_beside(&small, &answer, collection, NULL, NULL), IDF_OK);
    assert_int_equal(small.width, 20);
    answer = (idf_answer){.image_width = WIDTH, .image_height = HEIGHT};
    assert_int_equal(idf_annotate_beside(&frame, &answer, collection, NULL, NULL), IDF_OK);
    assert_int_equal(frame.width, WIDTH);
    idf_image_release(&small);
    idf_image_release(&frame);
}

static void beside_without_memory(void **state) {
    (void)state;
    idf_detection found[1] = {upright(0.1f, 0.1f, 0.5f, 0.5f, true)};
    const idf_answer answer = {
        .image_width = WIDTH, .image_height = HEIGHT, .n_detections = 1, .detections = found};
    int n_failed = 0;
    for (long n = 0;; n++) {
        idf_image frame = plain(3);
        idf_alloc_fail_after(n);
        idf_status status = idf_annotate_beside(&frame, &answer, collection, beside_folder, NULL);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        assert_int_equal(frame.width > WIDTH, status == IDF_OK);
        idf_image_release(&frame);
        if (!failed) {
            assert_int_equal(status, IDF_OK);
            break;
        }
        assert_int_equal(status, IDF_ERR_NO_MEMORY);
        n_failed++;
    }
    assert_true(n_failed > 2);
}

static void another_frame_and_no_memory(void **state) {
    (void)state;
    idf_answer answer = {.image_width = WIDTH, .image_height = HEIGHT + 1};
    idf_error err = IDF_ERROR_INIT;
    idf_image frame = plain(1);
    assert_int_equal(idf_annotate(&frame, &answer, collection, &err), IDF_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "640 x 481"));
    answer.image_height = HEIGHT;
    idf_alloc_fail_after(0);
    assert_int_equal(idf_annotate(&frame, &answer, collection, NULL), IDF_ERR_NO_MEMORY);
    idf_alloc_fail_after(-1);
    assert_int_equal(frame.channels, 1);
    assert_int_equal(frame.pixels[0], 100);
    idf_image_release(&frame);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colours_say_how_sure),
        cmocka_unit_test(labels_stay_in_the_frame_and_apart),
        cmocka_unit_test(tiny_frames_and_wild_outlines),
        cmocka_unit_test(nothing_found_is_said),
        cmocka_unit_test(references_stand_beside),
        cmocka_unit_test(nothing_stands_beside_what_is_too_small_or_empty),
        cmocka_unit_test(beside_without_memory),
        cmocka_unit_test(another_frame_and_no_memory),
    };
    return cmocka_run_group_tests(tests, make_index, remove_index);
}
