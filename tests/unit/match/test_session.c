/* Answers of a session: copies, printings, strangers, turned things, and how exact outlines are. */
#include "unit/match/scenes.h"

#include "image/augment.h"
#include "match/session.h"

enum { WIDTH = 1280, HEIGHT = 720 };

static idf_matcher *matcher;
static idf_session *session;
static idf_answer answer;

static int open_session(void **state) {
    if (scenes_setup(state) != 0)
        return -1;
    assert_int_equal(idf_matcher_new(&matcher, collection, encoder, NULL, NULL), IDF_OK);
    return idf_session_new(&session, matcher, NULL);
}

static int close_session(void **state) {
    idf_answer_release(&answer);
    idf_session_free(session);
    idf_matcher_free(matcher);
    return scenes_teardown(state);
}

static void ask(const idf_image *frame) {
    assert_int_equal(idf_session_match(session, frame, &answer, NULL), IDF_OK);
    assert_int_equal(answer.image_width, frame->width);
    assert_int_equal(answer.image_height, frame->height);
}

/* The largest distance of a detection's corners from the truth, pixels. */
static double off_by(const idf_detection *d, const idf_point truth[4]) {
    double most = 0;
    for (int i = 0; i < 4; i++)
        most = fmax(most, hypot((double)d->corners[i][0] * WIDTH - truth[i].x,
                                (double)d->corners[i][1] * HEIGHT - truth[i].y));
    return most;
}

static void copies_are_found_each(void **state) {
    (void)state;
    static const double at[3][2] = {{220, 250}, {640, 420}, {1050, 300}};
    static const double turn[3] = {5, 100, -140};
    idf_image frame = table(WIDTH, HEIGHT, 50, 7);
    idf_point corners[3][4];
    for (int i = 0; i < 3; i++) {
        card_corners(corners[i], &cards[GOLDFISH], at[i], 300, turn[i]);
        put_card(&frame, &cards[GOLDFISH], corners[i]);
    }
    ask(&frame);
    assert_int_equal(answer.n_detections, 3);
    int seen = 0;
    for (int k = 0; k < 3; k++) {
        const idf_detection *d = &answer.detections[k];
        assert_int_equal(d->row, row_of(GOLDFISH));
        assert_int_equal(d->method, IDF_METHOD_GEOMETRY);
        assert_true(d->confident);
        for (int i = 0; i < 3; i++)
            if (off_by(d, corners[i]) < 3) {
                seen |= 1 << i;
                assert_true(fabs((double)d->rotation_degrees - turn[i]) < 2);
            }
    }
    assert_int_equal(seen, 7);
    idf_image_release(&frame);
}

/* The part by which printings differ decides; where it is covered, both are named. */
static void printings(void **state) {
    (void)state;
    for (int covered = 0; covered < 2; covered++) {
        idf_image frame = table(WIDTH, HEIGHT, 10, 8);
        idf_point corners[4];
        card_corners(corners, &cards[WOLF], (const double[2]){600, 360}, 560, 0);
        put_card(&frame, &cards[WOLF], corners);
        for (int y = (int)(80 + WOLF_DIFFERS * 560); covered && y < HEIGHT; y++)
            memset(idf_image_row(&frame, y), 120, 3 * WIDTH);
        ask(&frame);
        assert_int_equal(answer.n_detections, 1);
        const idf_detection *d = &answer.detections[0];
        if (covered) {
            assert_true(d->variant_unsure);
            assert_false(d->confident);
            assert_true((d->row == row_of(WOLF) && d->variant_row == row_of(WOLF_TOO)) ||
                        (d->row == row_of(WOLF_TOO) && d->variant_row == row_of(WOLF)));
            assert_true(d->n_top >= 2 && d->top[0].row == d->row);
            assert_int_equal(d->top[1].row, d->variant_row);
            assert_true(d->evidence > 0 && d->variant_evidence > 0);
        } else {
            assert_int_equal(d->row, row_of(WOLF));
            assert_true(d->confident);
            assert_false(d->variant_unsure);
        }
        idf_image_release(&frame);
    }
}

static void strangers_are_nobody(void **state) {
    (void)state;
    for (int turn = 0; turn < 360; turn += 90) {
        idf_image frame = table(WIDTH, HEIGHT, 50, 9);
        idf_point corners[4];
        card_corners(corners, &stranger, (const double[2]){640, 360}, 500, turn + 7);
        put_card(&frame, &stranger, corners);
        ask(&frame);
        for (size_t k = 0; k < answer.n_detections; k++)
            assert_false(answer.detections[k].confident);
        assert_int_equal(answer.n_ranking, 3);
        idf_image_release(&frame);
    }
}

static void upside_down(void **state) {
    (void)state;
    idf_image frame = table(WIDTH, HEIGHT, 50, 10);
    idf_point corners[4];
    card_corners(corners, &cards[OWL], (const double[2]){640, 360}, 400, 178);
    put_card(&frame, &cards[OWL], corners);
    ask(&frame);
    assert_int_equal(answer.n_detections, 1);
    assert_int_equal(answer.detections[0].row, row_of(OWL));
    assert_true(fabs((double)answer.detections[0].rotation_degrees - 178) < 2);
    assert_true(off_by(&answer.detections[0], corners) < 3);
    idf_image_release(&frame);
}

/* Simulated photographs, by a camera that knows where it put things. */
static void outlines_are_exact(void **state) {
    (void)state;
    idf_camera camera = idf_camera_preset(IDF_DIFFICULTY_EASY, WIDTH, HEIGHT);
    for (int i = 0; i < 8; i++) {
        static const int shown[4] = {GOLDFISH, MEMORY, OWL, SWAN};
        const idf_image *card = &cards[shown[i % 4]];
        const idf_scene scene = {
            .references = &card, .n_references = 1, .key = {31, (uint64_t)i, 0}};
        idf_placement placed;
        idf_image frame = {0};
        idf_point truth[4];
        assert_int_equal(idf_augment_frame(&frame, &placed, &scene, &camera, NULL), IDF_OK);
        for (int k = 0; k < 4; k++)
            truth[k] =
                (idf_point){(double)placed.corners[2 * k], (double)placed.corners[2 * k + 1]};
        ask(&frame);
        assert_int_equal(answer.n_detections, 1);
        assert_int_equal(answer.detections[0].row, row_of(shown[i % 4]));
        if (off_by(&answer.detections[0], truth) >= 3)
            fail_msg("view %d is off by %.1f pixels", i, off_by(&answer.detections[0], truth));
        idf_image_release(&frame);
    }
}

static void frames_without_anything(void **state) {
    (void)state;
    static const int sizes[4][2] = {{1, 1}, {3, 200}, {640, 480}, {1280, 720}};
    for (int i = 0; i < 4; i++)
        for (int channels = 1; channels <= 3; channels += 2) {
            idf_image frame = {0};
            assert_int_equal(idf_image_new(&frame, sizes[i][0], sizes[i][1], channels, NULL),
                             IDF_OK);
            memset(frame.pixels, 77, frame.stride_bytes * (size_t)frame.height);
            ask(&frame);
            assert_int_equal(answer.n_detections, 0);
            idf_image_release(&frame);
        }
}

static void assert_same_answer(const idf_answer *a, const idf_answer *b) {
    assert_int_equal(a->n_ranking, b->n_ranking);
    for (size_t i = 0; i < a->n_ranking; i++) {
        assert_int_equal(a->ranking[i].row, b->ranking[i].row);
        assert_true(a->ranking[i].score == b->ranking[i].score);
    }
    assert_int_equal(a->n_detections, b->n_detections);
    for (size_t i = 0; i < a->n_detections; i++) {
        assert_int_equal(a->detections[i].row, b->detections[i].row);
        assert_true(a->detections[i].score == b->detections[i].score);
        assert_memory_equal(a->detections[i].corners, b->detections[i].corners,
                            sizeof a->detections[i].corners);
    }
}

/* A second look keeps what does not depend on the mask, and says what a first one would. */
static void a_frame_looked_at_again(void **state) {
    (void)state;
    idf_image frame = table(WIDTH, HEIGHT, 50, 7);
    idf_point corners[4];
    card_corners(corners, &cards[OWL], (const double[2]){600, 360}, 420, 12);
    put_card(&frame, &cards[OWL], corners);
    idf_session *anew, *plain;
    idf_matcher *by_embedding;
    idf_answer first = {0};
    uint8_t masked[N_CARDS] = {0};
    const idf_matcher_options no_geometry = {0, NAN, NAN, true, NULL};
    assert_int_equal(idf_session_new(&anew, matcher, NULL), IDF_OK);
    assert_int_equal(idf_matcher_new(&by_embedding, collection, encoder, &no_geometry, NULL),
                     IDF_OK);
    assert_int_equal(idf_session_new(&plain, by_embedding, NULL), IDF_OK);
    assert_int_equal(idf_session_match(anew, &frame, &first, NULL), IDF_OK);
    ask(&frame);
    assert_int_equal(answer.n_detections, 1);
    assert_int_equal(idf_session_match_again(session, &answer, NULL), IDF_OK);
    assert_same_answer(&answer, &first);
    masked[row_of(OWL)] = 1;
    idf_session_mask(session, masked);
    idf_session_mask(anew, masked);
    assert_int_equal(idf_session_match_again(session, &answer, NULL), IDF_OK);
    assert_int_equal(idf_session_match(anew, &frame, &first, NULL), IDF_OK);
    assert_same_answer(&answer, &first);
    assert_int_equal(answer.n_detections, 0);
    /* with the card out of the way, what the embedding says is what it says without geometry */
    assert_int_equal(idf_session_match(plain, &frame, &first, NULL), IDF_OK);
    for (size_t i = 0; i < first.n_ranking; i++) {
        size_t place;
        assert_int_equal(idf_session_rank_by_embedding(session, first.ranking[i].row, &place, NULL),
                         IDF_OK);
        assert_int_equal(place, i);
    }
    idf_session_mask(session, NULL);
    idf_session_free(anew);
    idf_session_free(plain);
    idf_matcher_free(by_embedding);
    idf_answer_release(&first);
    idf_image_release(&frame);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_found_each),   cmocka_unit_test(printings),
        cmocka_unit_test(strangers_are_nobody),    cmocka_unit_test(upside_down),
        cmocka_unit_test(outlines_are_exact),      cmocka_unit_test(frames_without_anything),
        cmocka_unit_test(a_frame_looked_at_again),
    };
    return cmocka_run_group_tests(tests, open_session, close_session);
}
