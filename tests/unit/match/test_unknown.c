/* What is plainly a thing and none of the collection: its outline, and that nothing else gets one.
 */
#include "unit/match/asking.h"

#include "match/stream.h"

enum { WIDTH = 960, HEIGHT = 540 };

static void ask(const idf_image *frame, idf_stream *of) {
    assert_int_equal(idf_match(collection, scratch, of, frame, NULL, &answer, NULL), IDF_OK);
}

static idf_image show(const idf_image *card, double x, double tall, idf_point corners[4]) {
    idf_image frame = table(WIDTH, HEIGHT, 0, 5);
    card_corners(corners, card, (const double[2]){x, 270}, tall, 9);
    put_card(&frame, card, corners);
    return frame;
}

static void assert_outlines(const idf_unknown *u, const idf_point corners[4]) {
    idf_point p[4];
    for (int i = 0; i < 4; i++)
        p[i] = (idf_point){(double)u->corners[i][0] * WIDTH, (double)u->corners[i][1] * HEIGHT};
    assert_true(idf_outline_overlap(p, corners) > 0.9);
    assert_true(u->x1 < u->x2 && u->y1 < u->y2);
    assert_true(fabs((double)u->area_fraction) < (double)((u->x2 - u->x1) * (u->y2 - u->y1)));
}

static void a_stranger_has_an_outline(void **state) {
    (void)state;
    for (int tall = 220; tall <= 440; tall += 110) {
        idf_point corners[4];
        idf_image frame = show(&stranger, 480, tall, corners);
        ask(&frame, NULL);
        assert_int_equal(answer.n_detections, 0);
        assert_int_equal(answer.n_unknown, 1);
        assert_outlines(&answer.unknown[0], corners);
        idf_image_release(&frame);
    }
}

static void what_has_a_name_is_not_unknown(void **state) {
    (void)state;
    idf_point corners[4], beside[4];
    for (int card = 0; card < N_CARDS; card++) {
        idf_image frame = show(&cards[card], 480, 400, corners);
        ask(&frame, NULL);
        assert_int_equal(answer.n_detections, 1);
        assert_int_equal(answer.n_unknown, 0);
        idf_image_release(&frame);
    }
    idf_image frame = show(&cards[EAGLE], 260, 400, corners);
    card_corners(beside, &stranger, (const double[2]){700, 270}, 360, -6);
    put_card(&frame, &stranger, beside);
    ask(&frame, NULL);
    assert_int_equal(answer.n_detections, 1);
    assert_int_equal(answer.n_unknown, 1);
    assert_outlines(&answer.unknown[0], beside);
    /* much smaller than what is held up: something that lies about */
    idf_image_release(&frame);
    frame = show(&cards[EAGLE], 260, 470, corners);
    card_corners(beside, &stranger, (const double[2]){700, 270}, 190, -6);
    put_card(&frame, &stranger, beside);
    ask(&frame, NULL);
    assert_int_equal(answer.n_detections, 1);
    assert_int_equal(answer.n_unknown, 0);
    idf_image_release(&frame);
}

static void what_may_have_a_name_is_not_unknown(void **state) {
    (void)state;
    idf_point corners[4], beside[4];
    idf_image frame = show(&cards[EAGLE], 260, 400, corners);
    card_corners(beside, &cards[OWL], (const double[2]){700, 270}, 360, -6);
    put_card(&frame, &cards[OWL], beside);
    const idf_match_options one = {.max_detections = 1}, none = {.sim_threshold = 1};
    assert_int_equal(idf_match(collection, scratch, NULL, &frame, &one, &answer, NULL), IDF_OK);
    assert_int_equal(answer.n_detections, 1);
    assert_int_equal(answer.n_unknown, 0);
    assert_int_equal(idf_match(collection, scratch, NULL, &frame, &none, &answer, NULL), IDF_OK);
    assert_int_equal(answer.n_detections, 0);
    assert_int_equal(answer.n_unknown, 0);
    idf_image_release(&frame);
}

static void fill(idf_image *frame, int x0, int y0, int size[2], int grey) {
    for (int y = y0; y < y0 + size[1]; y++)
        memset(idf_image_row(frame, y) + 3 * x0, grey, 3 * (size_t)size[0]);
}

static void a_table_holds_nothing(void **state) {
    (void)state;
    idf_image frame = table(WIDTH, HEIGHT, 0, 5);
    ask(&frame, NULL);
    assert_int_equal(answer.n_unknown, 0);
    fill(&frame, 300, 120, (int[2]){220, 300}, 235); /* blank paper */
    ask(&frame, NULL);
    assert_int_equal(answer.n_unknown, 0);
    idf_image_release(&frame);
    for (uint64_t seed = 0; seed < 6; seed++) {
        frame = table(WIDTH, HEIGHT, 60, seed);
        ask(&frame, NULL);
        assert_int_equal(answer.n_unknown, 0);
        idf_image_release(&frame);
    }
    idf_point corners[4]; /* part of it lies outside */
    frame = show(&stranger, 60, 400, corners);
    ask(&frame, NULL);
    assert_int_equal(answer.n_unknown, 0);
    idf_image_release(&frame);
    frame = table(WIDTH, HEIGHT, 0, 5); /* a ruler, say */
    const idf_point ruler[4] = {{100, 200}, {700, 200}, {700, 350}, {100, 350}};
    put_card(&frame, &stranger, ruler);
    ask(&frame, NULL);
    assert_int_equal(answer.n_unknown, 0);
    idf_image_release(&frame);
    frame = show(&stranger, 480, 110, corners); /* far away */
    ask(&frame, NULL);
    assert_int_equal(answer.n_unknown, 0);
    idf_image_release(&frame);
}

static void a_stream_keeps_it_between_looks(void **state) {
    (void)state;
    idf_point corners[4], beside[4];
    idf_image frame = show(&cards[EAGLE], 260, 400, corners);
    card_corners(beside, &stranger, (const double[2]){700, 270}, 360, -6);
    put_card(&frame, &stranger, beside);
    idf_scratch_counters count;
    for (int i = 0; i < 8; i++) {
        ask(&frame, stream);
        assert_int_equal(answer.n_unknown, 1);
        assert_outlines(&answer.unknown[0], beside);
    }
    idf_scratch_count(scratch, &count);
    assert_true(count.n_quick_frames >= 4);
    idf_image_release(&frame);
    frame = show(&cards[EAGLE], 260, 400, corners);
    for (int i = 0; i < 4; i++) /* three may be quick ones */
        ask(&frame, stream);
    assert_int_equal(answer.n_unknown, 0);
    idf_image_release(&frame);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stranger_has_an_outline),
        cmocka_unit_test(what_has_a_name_is_not_unknown),
        cmocka_unit_test(what_may_have_a_name_is_not_unknown),
        cmocka_unit_test(a_table_holds_nothing),
        cmocka_unit_test(a_stream_keeps_it_between_looks),
    };
    return cmocka_run_group_tests(tests, open_scratch, close_scratch);
}
