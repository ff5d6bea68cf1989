/* Frames and collections at the ends of what there is: nothing may be taken for something, and
 * nothing may fail. Everything by the public interface. */
#include "unit/match/asking.h"

#include "image/draw.h"
#include "index/index.h"

static idf_image filled(int width, int height, int channels, int grey) {
    idf_image frame = {0};
    assert_int_equal(idf_image_new(&frame, width, height, channels, NULL), IDF_OK);
    memset(frame.pixels, grey, frame.stride_bytes * (size_t)height);
    return frame;
}

/* Asks, as one picture and as two frames of a stream: nobody is there. */
static void expect_nobody(idf_image *frame) {
    for (int way = 0; way < 3; way++) {
        idf_status status =
            idf_match(collection, scratch, way == 0 ? NULL : stream, frame, NULL, &answer, NULL);
        assert_int_equal(status, IDF_OK);
        for (size_t i = 0; i < answer.n_detections; i++)
            assert_false(answer.detections[i].confident);
    }
    idf_stream_forget(stream);
    idf_image_release(frame);
}

static void black_and_white(void **state) {
    (void)state;
    for (int grey = 0; grey <= 255; grey += 255)
        for (int channels = 1; channels <= 3; channels += 2) {
            idf_image frame = filled(1280, 720, channels, grey);
            expect_nobody(&frame);
        }
}

static void noise(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        idf_image frame = filled(1280, 720, 3, 0);
        idf_rng rng;
        idf_rng_init(&rng, seed, 4);
        for (int y = 0; y < frame.height; y++)
            for (int x = 0; x < 3 * frame.width; x++)
                idf_image_row(&frame, y)[x] = (uint8_t)idf_rng_u32(&rng);
        expect_nobody(&frame);
    }
}

static void chessboard(void **state) {
    (void)state;
    for (int side = 8; side <= 64; side *= 2) {
        idf_image frame = filled(1280, 720, 1, 20);
        for (int y = 0; y < frame.height; y++)
            for (int x = 0; x < frame.width; x++)
                if ((x / side + y / side) % 2 == 0)
                    idf_image_row(&frame, y)[x] = 235;
        expect_nobody(&frame);
    }
}

static void full_of_text(void **state) {
    (void)state;
    static const char *const words[8] = {"creature", "when", "draw a card", "blocked",
                                         "MIGHT 12", "of",   "the tide",    "WARD 15."};
    for (int height = 14; height <= 44; height += 15) {
        idf_image frame = filled(1280, 720, 3, 240);
        const idf_pen ink = {{20, 20, 30}, 255, 0};
        idf_rng rng;
        idf_rng_init(&rng, (uint64_t)height, 5);
        for (int y = 4; y + height < 720; y += height + 3)
            for (float x = 6; x < 1270;) {
                const char *word = words[idf_rng_below(&rng, 8)];
                const float at[2] = {x, (float)y};
                idf_draw_text(&frame, at, (float)height, word, &ink);
                x += idf_text_width((float)height, word) + (float)height / 2;
            }
        expect_nobody(&frame);
    }
}

static void tiny_and_thin(void **state) {
    (void)state;
    static const int sizes[6][2] = {{1, 1}, {2, 1}, {1, 500}, {4000, 1}, {31, 31}, {17, 900}};
    for (int i = 0; i < 6; i++) {
        idf_image frame = filled(sizes[i][0], sizes[i][1], i % 2 ? 1 : 3, 77);
        for (int x = 0; x < sizes[i][0]; x += 2)
            frame.pixels[x] = 255;
        expect_nobody(&frame);
    }
}

/* A picture of 48 million pixels with one thing in it is answered like any other. */
static void huge(void **state) {
    (void)state;
    enum { WIDTH = 8000, HEIGHT = 6000 };
    idf_image frame = filled(WIDTH, HEIGHT, 1, 110), small = {0}, grey = {0};
    const idf_image *card = &cards[EAGLE];
    assert_int_equal(idf_image_to_grey(&grey, card, NULL), IDF_OK);
    int h = 3600, w = h * card->width / card->height;
    assert_int_equal(idf_image_resize(&small, &grey, w, h, IDF_FILTER_BICUBIC, NULL, NULL), IDF_OK);
    for (int y = 0; y < h; y++)
        memcpy(idf_image_row(&frame, 900 + y) + 2500, idf_image_row(&small, y), (size_t)w);
    assert_int_equal(idf_match(collection, scratch, NULL, &frame, NULL, &answer, NULL), IDF_OK);
    assert_int_equal(answer.n_detections, 1);
    const idf_detection *d = &answer.detections[0];
    assert_true(d->confident && d->row == row_of(EAGLE));
    assert_true(fabs((double)d->x1 * WIDTH - 2500) < 30);
    assert_true(fabs((double)d->y2 * HEIGHT - 900 - h) < 30);
    idf_image_release(&frame);
    idf_image_release(&small);
    idf_image_release(&grey);
}

/* --- collections --- */

enum { PLAIN, TWIN, TWIN_TOO, N_ODD };
static const char *const odd_files[N_ODD] = {"plain.png", "twin.png", "twin_too.png"};

/* Builds an index of a picture without corners and of one picture under two names, asks it for
 * `frame`, and leaves the index open for the caller to free. */
static idf_index *ask_odd(const idf_image *frame, idf_answer *out) {
    char folder[64] = "/tmp/identify-odd-XXXXXX", path[128];
    idf_index *index = NULL;
    idf_collection *c = NULL;
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < N_ODD; i++) {
        idf_image flat = filled(300, 400, 3, 180);
        snprintf(path, sizeof path, "%s/%s", folder, odd_files[i]);
        assert_int_equal(idf_image_write_file(i == PLAIN ? &flat : &cards[OWL], path, 0, NULL),
                         IDF_OK);
        idf_image_release(&flat);
    }
    snprintf(path, sizeof path, "%s/index.npz", folder);
    const idf_build_options options = {.refs_dir = folder, .out_path = path, .encoder = encoder};
    assert_int_equal(idf_build_index(&options, NULL, NULL), IDF_OK);
    assert_int_equal(idf_index_open(&index, path, NULL), IDF_OK);
    assert_int_equal(idf_index_n_rows(index), N_ODD);
    assert_int_equal(idf_collection_new(&c, index, encoder, NULL, NULL), IDF_OK);
    assert_int_equal(idf_match(c, scratch, NULL, frame, NULL, out, NULL), IDF_OK);
    idf_collection_release(c);
    unlink(path);
    for (int i = 0; i < N_ODD; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, odd_files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
    return index;
}

/* Of two references that are one picture the answer names both and is sure of neither. */
static void identical_references(void **state) {
    (void)state;
    idf_answer a = {0};
    idf_image frame = table(1280, 720, 30, 21);
    idf_point corners[4];
    card_corners(corners, &cards[OWL], (const double[2]){640, 360}, 500, 12);
    put_card(&frame, &cards[OWL], corners);
    idf_index *index = ask_odd(&frame, &a);
    assert_int_equal(a.n_detections, 1);
    const idf_detection *d = &a.detections[0];
    assert_true(d->variant_unsure && !d->confident);
    assert_true(d->row != PLAIN && d->variant_row != PLAIN && d->row != d->variant_row);
    assert_true(d->variant_row != SIZE_MAX);
    assert_int_equal(d->method, IDF_METHOD_GEOMETRY);
    idf_image_release(&frame);
    idf_answer_release(&a);
    idf_index_free(index);
}

/* What has no corners is in the index and in nobody's way. */
static void a_reference_without_corners(void **state) {
    (void)state;
    idf_answer a = {0};
    idf_image frames[2] = {table(800, 600, 60, 22), filled(800, 600, 3, 180)};
    for (int i = 0; i < 2; i++) {
        idf_index *index = ask_odd(&frames[i], &a);
        for (size_t k = 0; k < a.n_detections; k++)
            assert_false(a.detections[k].confident);
        idf_index_free(index);
        idf_image_release(&frames[i]);
    }
    idf_answer_release(&a);
}

/* An index of cards[of[0..n)], under the names given, opened. */
static idf_collection *small_collection(const int *of, const char *const *names, int n) {
    char folder[64] = "/tmp/identify-small-XXXXXX", path[160];
    idf_collection *made = NULL;
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        assert_int_equal(idf_image_write_file(&cards[of[i]], path, 0, NULL), IDF_OK);
    }
    snprintf(path, sizeof path, "%s/index.npz", folder);
    const idf_build_options options = {.refs_dir = folder, .out_path = path, .encoder = encoder};
    assert_int_equal(idf_build_index(&options, NULL, NULL), IDF_OK);
    assert_int_equal(idf_collection_open(&made, path, NULL, NULL), IDF_OK);
    unlink(path);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
    return made;
}

/* A collection of one knows strangers too: its one reference is not the answer to everything. */
static void one_reference(void **state) {
    (void)state;
    static const char *const name[1] = {"owl.png"};
    idf_collection *one = small_collection((const int[1]){OWL}, name, 1);
    idf_image frames[4] = {filled(640, 480, 3, 0), table(640, 480, 40, 3), table(640, 480, 0, 3),
                           table(640, 480, 20, 4)};
    idf_point corners[4];
    card_corners(corners, &stranger, (const double[2]){320, 240}, 400, 5);
    put_card(&frames[2], &stranger, corners);
    card_corners(corners, &cards[OWL], (const double[2]){320, 240}, 400, 5);
    put_card(&frames[3], &cards[OWL], corners);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(idf_match(one, scratch, NULL, &frames[i], NULL, &answer, NULL), IDF_OK);
        assert_int_equal(answer.n_detections, i == 3);
        assert_true(answer.n_ranking == 0 || (i == 3) == ((double)answer.ranking[0].score >=
                                                          idf_collection_sim_threshold(one)));
        idf_image_release(&frames[i]);
    }
    idf_collection_release(one);
}

/* Two files of one name are one thing, and sure; under two names they are in doubt. */
static void copies_of_one_label(void **state) {
    (void)state;
    static const char *const names[2][3] = {
        {"LOCH-JP001_owl.png", "LOCH-JP002_owl.png", "eagle.png"},
        {"owl.png", "night_bird.png", "eagle.png"}};
    for (int two = 0; two < 2; two++) {
        idf_collection *c = small_collection((const int[3]){OWL, OWL, EAGLE}, names[two], 3);
        idf_image frame = table(640, 480, 20, 4);
        idf_point corners[4];
        card_corners(corners, &cards[OWL], (const double[2]){320, 240}, 400, 5);
        put_card(&frame, &cards[OWL], corners);
        assert_int_equal(idf_match(c, scratch, NULL, &frame, NULL, &answer, NULL), IDF_OK);
        assert_int_equal(answer.n_detections, 1);
        assert_int_equal(answer.detections[0].confident, two == 0);
        assert_int_equal(answer.detections[0].variant_unsure, two == 1);
        idf_image_release(&frame);
        idf_collection_release(c);
    }
}

static void an_empty_index(void **state) {
    (void)state;
    idf_index *index = NULL;
    idf_collection *c = NULL;
    idf_answer a = {0};
    idf_image frame = table(1280, 720, 30, 23);
    char path[128];
    snprintf(path, sizeof path, "%s/empty.npz", scenes_folder);
    const idf_index_meta meta = {.encoder = idf_encoder_identity(encoder), .projection = ""};
    assert_int_equal(idf_index_write(path, NULL, 0, idf_encoder_dim(encoder), &meta, NULL), IDF_OK);
    assert_int_equal(idf_index_open(&index, path, NULL), IDF_OK);
    unlink(path);
    for (int no_geometry = 0; no_geometry < 2; no_geometry++) {
        const idf_collection_options options = {.no_geometry = no_geometry == 1};
        assert_int_equal(idf_collection_new(&c, index, encoder, &options, NULL), IDF_OK);
        for (int way = 0; way < 2; way++) {
            assert_int_equal(
                idf_match(c, scratch, way == 0 ? NULL : stream, &frame, NULL, &a, NULL), IDF_OK);
            assert_int_equal(a.n_detections + a.n_ranking, 0);
        }
        idf_collection_release(c);
    }
    idf_image_release(&frame);
    idf_answer_release(&a);
    idf_index_free(index);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(black_and_white),      cmocka_unit_test(noise),
        cmocka_unit_test(chessboard),           cmocka_unit_test(full_of_text),
        cmocka_unit_test(tiny_and_thin),        cmocka_unit_test(huge),
        cmocka_unit_test(identical_references), cmocka_unit_test(a_reference_without_corners),
        cmocka_unit_test(an_empty_index),       cmocka_unit_test(one_reference),
        cmocka_unit_test(copies_of_one_label),
    };
    return cmocka_run_group_tests(tests, open_scratch, close_scratch);
}
