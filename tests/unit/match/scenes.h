/* scenes.h - an index of some of the example cards, and made-up frames that show them. */
#ifndef TESTS_UNIT_MATCH_SCENES_H
#define TESTS_UNIT_MATCH_SCENES_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <identify/identify.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "image/image.h"
#include "image/resize.h"
#include "image/warp.h"
#include "local/homography.h"

/* What is in the collection; WOLF_TOO is made: a printing of WOLF that differs from
 * WOLF_DIFFERS of its height on. */
#define WOLF_DIFFERS 0.75
enum { GOLDFISH, WOLF, WOLF_TOO, EAGLE, MEMORY, SWAN, OWL, N_CARDS };
static const char *const card_files[] = {
    "LOCH-JP009_lantern_goldfish_ur.jpg", "LOCH-JP002_thornwood_wolf_sr.jpg",
    "LOCH-JP002_thornwood_wolf_cr.png",   "LOCH-JP012_high_eagle.jpg",
    "LOCH-JP017_old_memory.jpg",          "LOCH-JP004_silver_swan_scr.jpg",
    "LOCH-JP011_harvest_owl_scr.jpg",
};
static const char *const stranger_file = "MOOR-EN022_rose_flamingo.jpg";

static idf_image cards[N_CARDS], stranger;
static idf_encoder *encoder;
static idf_index *scene_index;
static idf_collection *collection; /* of it */
static char scenes_folder[64], scenes_index[96];

static const char *example_path(const char *file) {
    static char path[1024];
    const char *root = getenv("IDENTIFY_SOURCE_DIR");
    int n = snprintf(path, sizeof path, "%s/data/example/%s", root == NULL ? "." : root, file);
    assert_in_range(n, 1, sizeof path - 1);
    return path;
}

static void make_printing(void) {
    idf_image *made = &cards[WOLF_TOO];
    char *path = idf_path_join(scenes_folder, card_files[WOLF_TOO]);
    assert_int_equal(idf_image_convert(made, &cards[WOLF], 3, NULL), IDF_OK);
    assert_true(stranger.width >= made->width && stranger.height >= made->height);
    for (int y = (int)(WOLF_DIFFERS * made->height); y < made->height; y++)
        memcpy(idf_image_row(made, y), idf_image_row(&stranger, made->height - 1 - y),
               3 * (size_t)made->width);
    assert_int_equal(idf_image_write_file(made, path, 0, NULL), IDF_OK);
    idf_free(path);
}

/* For cmocka_run_group_tests. */
static int scenes_setup(void **state) {
    (void)state;
    idf_bytes bytes = {0};
    snprintf(scenes_folder, sizeof scenes_folder, "/tmp/identify-scenes-XXXXXX");
    assert_non_null(mkdtemp(scenes_folder));
    snprintf(scenes_index, sizeof scenes_index, "%s/index.npz", scenes_folder);
    assert_int_equal(idf_image_read_file(&stranger, example_path(stranger_file), NULL, NULL, NULL),
                     IDF_OK);
    for (int i = 0; i < N_CARDS; i++) {
        if (i == WOLF_TOO)
            continue;
        const char *from = example_path(card_files[i]);
        char *to = idf_path_join(scenes_folder, card_files[i]);
        idf_bytes_clear(&bytes);
        assert_int_equal(idf_file_read(&bytes, from, 0, NULL), IDF_OK);
        assert_int_equal(idf_file_write(to, bytes.data, bytes.len, NULL), IDF_OK);
        assert_int_equal(idf_image_read_file(&cards[i], from, NULL, NULL, NULL), IDF_OK);
        idf_free(to);
    }
    idf_bytes_release(&bytes);
    make_printing();
    assert_int_equal(idf_encoder_open_builtin(&encoder, NULL), IDF_OK);
    const idf_build_options options = {
        .refs_dir = scenes_folder, .out_path = scenes_index, .encoder = encoder};
    assert_int_equal(idf_build_index(&options, NULL, NULL), IDF_OK);
    assert_int_equal(idf_index_open(&scene_index, scenes_index, NULL), IDF_OK);
    assert_int_equal(idf_index_n_rows(scene_index), N_CARDS);
    assert_int_equal(idf_collection_new(&collection, scene_index, encoder, NULL, NULL), IDF_OK);
    return 0;
}

static int scenes_teardown(void **state) {
    (void)state;
    for (int i = 0; i < N_CARDS; i++) {
        char *path = idf_path_join(scenes_folder, card_files[i]);
        idf_image_release(&cards[i]);
        unlink(path);
        idf_free(path);
    }
    idf_image_release(&stranger);
    idf_collection_release(collection);
    idf_index_free(scene_index);
    idf_encoder_free(encoder);
    unlink(scenes_index);
    return rmdir(scenes_folder);
}

static inline size_t row_of(int card) {
    for (size_t row = 0; row < idf_index_n_rows(scene_index); row++)
        if (strcmp(idf_index_filename(scene_index, row), card_files[card]) == 0)
            return row;
    fail();
    return SIZE_MAX;
}

/* A table with boxes of many greys on it; RGB. */
static inline idf_image table(int width, int height, int n_boxes, uint64_t seed) {
    idf_image frame = {0};
    idf_rng rng;
    idf_rng_init(&rng, seed, 3);
    assert_int_equal(idf_image_new(&frame, width, height, 3, NULL), IDF_OK);
    memset(frame.pixels, 110, frame.stride_bytes * (size_t)height);
    for (int k = 0; k < n_boxes; k++) {
        int x0 = (int)idf_rng_below(&rng, (uint32_t)width);
        int y0 = (int)idf_rng_below(&rng, (uint32_t)height);
        int w = 30 + (int)idf_rng_below(&rng, 150), h = 30 + (int)idf_rng_below(&rng, 150);
        int grey = 50 + (int)idf_rng_below(&rng, 150);
        for (int y = y0; y < y0 + h && y < height; y++)
            memset(idf_image_row(&frame, y) + 3 * x0, grey,
                   3 * (size_t)(x0 + w < width ? w : width - x0));
    }
    return frame;
}

/* The corners of a card `tall` pixels high, its middle at (x, y), turned clockwise. */
static inline void card_corners(idf_point out[4], const idf_image *card, const double xy[2],
                                double tall, double degrees) {
    double wide = tall * card->width / card->height;
    double c = cos(degrees * 3.14159265358979 / 180), s = sin(degrees * 3.14159265358979 / 180);
    const double sx[4] = {-0.5, 0.5, 0.5, -0.5}, sy[4] = {-0.5, -0.5, 0.5, 0.5};
    for (int i = 0; i < 4; i++)
        out[i] = (idf_point){xy[0] + sx[i] * wide * c - sy[i] * tall * s,
                             xy[1] + sx[i] * wide * s + sy[i] * tall * c};
}

static inline void put_card(idf_image *frame, const idf_image *card, const idf_point corners[4]) {
    idf_image small = {0}, seen = {0};
    idf_homography to_card;
    double tall = hypot(corners[3].x - corners[0].x, corners[3].y - corners[0].y);
    int h = (int)fmin(card->height, tall), w = (int)lrint((double)h * card->width / card->height);
    assert_int_equal(idf_image_resize(&small, card, w, h, IDF_FILTER_BICUBIC, NULL, NULL), IDF_OK);
    const idf_point flat[4] = {{0, 0}, {w, 0}, {w, h}, {0, h}};
    assert_true(idf_homography_from_4(&to_card, corners, flat));
    idf_warp warp = {.border = IDF_BORDER_REPLICATE};
    memcpy(warp.matrix, &to_card, sizeof warp.matrix);
    assert_int_equal(idf_image_warp(&seen, &small, frame->width, frame->height, &warp, NULL),
                     IDF_OK);
    for (int y = 0; y < frame->height; y++)
        for (int x = 0; x < frame->width; x++) {
            idf_point p = idf_homography_apply(&to_card, x + 0.5, y + 0.5);
            if (p.x >= 0 && p.y >= 0 && p.x < w && p.y < h)
                memcpy(idf_image_row(frame, y) + 3 * x, idf_image_row(&seen, y) + 3 * x, 3);
        }
    idf_image_release(&small);
    idf_image_release(&seen);
}

/* Lays of a card of that height an oval: nothing has an outline then. */
static inline void put_oval(idf_image *frame, const idf_image *card, const double middle[2],
                            double height, const double radii[2]) {
    idf_image with = table(frame->width, frame->height, 0, 1);
    idf_point corners[4];
    card_corners(corners, card, middle, height, 0);
    put_card(&with, card, corners);
    for (int y = 0; y < frame->height; y++)
        for (int x = 0; x < frame->width; x++)
            if (hypot((x - middle[0]) / radii[0], (y - middle[1]) / radii[1]) < 1)
                memcpy(idf_image_row(frame, y) + 3 * x, idf_image_row(&with, y) + 3 * x, 3);
    idf_image_release(&with);
}

#endif
