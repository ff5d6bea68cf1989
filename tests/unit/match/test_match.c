/* Answers to a frame: copies, printings, strangers, turned things, and how exact outlines are. */
#include "unit/match/scenes.h"

#include "image/augment.h"
#include "match/scratch.h"

enum { WIDTH = 1280, HEIGHT = 720 };

static idf_scratch *scratch;
static idf_answer answer;

static int open_scratch(void **state) {
    if (scenes_setup(state) != 0)
        return -1;
    return idf_scratch_new(&scratch, NULL);
}

static int close_scratch(void **state) {
    idf_answer_release(&answer);
    idf_scratch_free(scratch);
    return scenes_teardown(state);
}

static void ask(const idf_image *frame) {
    assert_int_equal(idf_match(collection, scratch, NULL, frame, NULL, &answer, NULL), IDF_OK);
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
        assert_int_equal(answer.ranking[0].row, d->row); /* the answer is first in its ranking */
        assert_true(answer.ranking[0].score == d->score && answer.ranking[1].score < d->score);
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
        for (size_t k = 0; k < answer.n_ranking; k++) /* one scale: none of them is under the bar */
            assert_true((double)answer.ranking[k].score < idf_collection_sim_threshold(collection));
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
    idf_scratch *anew;
    idf_call call, first_look;
    idf_collection *by_embedding;
    idf_answer first = {0};
    uint8_t masked[N_CARDS] = {0};
    const idf_collection_options no_geometry = {.no_geometry = true};
    assert_int_equal(idf_scratch_new(&anew, NULL), IDF_OK);
    assert_int_equal(idf_collection_new(&by_embedding, scene_index, encoder, &no_geometry, NULL),
                     IDF_OK);
    assert_int_equal(idf_call_begin(&call, collection, scratch, NULL, NULL), IDF_OK);
    assert_int_equal(idf_call_begin(&first_look, collection, anew, NULL, NULL), IDF_OK);
    assert_int_equal(idf_call_match(&first_look, &frame, &first, NULL), IDF_OK);
    ask(&frame);
    assert_int_equal(answer.n_detections, 1);
    assert_int_equal(idf_call_match_again(&call, &frame, &answer, NULL), IDF_OK);
    assert_same_answer(&answer, &first);
    masked[row_of(OWL)] = 1;
    call.masked = first_look.masked = masked;
    assert_int_equal(idf_call_match_again(&call, &frame, &answer, NULL), IDF_OK);
    assert_int_equal(idf_call_match(&first_look, &frame, &first, NULL), IDF_OK);
    assert_same_answer(&answer, &first);
    assert_int_equal(answer.n_detections, 0);
    /* with the card out of the way, what the embedding says is what it says without geometry */
    assert_int_equal(idf_match(by_embedding, anew, NULL, &frame, NULL, &first, NULL), IDF_OK);
    for (size_t i = 0; i < first.n_ranking; i++) {
        size_t place;
        assert_int_equal(idf_call_rank_by_embedding(&call, first.ranking[i].row, &place, NULL),
                         IDF_OK);
        assert_int_equal(place, i);
    }
    idf_scratch_free(anew);
    idf_collection_release(by_embedding);
    idf_answer_release(&first);
    idf_image_release(&frame);
}

/* Parts of a frame that is matched again are made once; those of the frame before are not taken. */
static void parts_of_a_frame_are_kept(void **state) {
    (void)state;
    static const double at[2] = {200, 180};
    static const int shown[2] = {OWL, GOLDFISH};
    idf_image frames[2];
    idf_scratch *anew;
    idf_call call, fresh;
    idf_answer first = {0};
    uint8_t masked[N_CARDS] = {0};
    for (int i = 0; i < 2; i++) {
        frames[i] = table(640, 480, 0, 1);
        put_oval(&frames[i], &cards[shown[i]], at, 130, (const double[2]){42, 60});
    }
    assert_int_equal(idf_scratch_new(&anew, NULL), IDF_OK);
    assert_int_equal(idf_call_begin(&call, collection, scratch, NULL, NULL), IDF_OK);
    assert_int_equal(idf_call_begin(&fresh, collection, anew, NULL, NULL), IDF_OK);
    assert_int_equal(idf_call_match(&fresh, &frames[1], &first, NULL), IDF_OK);
    assert_true(idf_call_reach(&fresh, &frames[1], row_of(GOLDFISH)) > 0);
    call.keeps = true;
    assert_int_equal(idf_call_match(&call, &frames[0], &answer, NULL), IDF_OK);
    assert_int_equal(idf_call_match(&call, &frames[1], &answer, NULL), IDF_OK);
    assert_same_answer(&answer, &first);
    long made = idf_looker_n_looks(scratch->looker);
    assert_int_equal(idf_call_match_again(&call, &frames[1], &answer, NULL), IDF_OK);
    assert_int_equal(idf_looker_n_looks(scratch->looker), made);
    assert_same_answer(&answer, &first);
    assert_true(idf_call_reach(&call, &frames[1], row_of(GOLDFISH)) ==
                idf_call_reach(&fresh, &frames[1], row_of(GOLDFISH)));
    masked[row_of(GOLDFISH)] = 1;
    call.masked = fresh.masked = masked;
    assert_int_equal(idf_call_match_again(&call, &frames[1], &answer, NULL), IDF_OK);
    assert_int_equal(idf_call_match(&fresh, &frames[1], &first, NULL), IDF_OK);
    assert_same_answer(&answer, &first);
    idf_scratch_free(anew);
    idf_answer_release(&first);
    for (int i = 0; i < 2; i++)
        idf_image_release(&frames[i]);
}

/* Options of a call: rankings, thresholds and a most of detections. */
static void options_of_a_call(void **state) {
    (void)state;
    idf_image frame = table(WIDTH, HEIGHT, 50, 7);
    static const double at[2][2] = {{300, 300}, {900, 400}};
    idf_point corners[4];
    for (int i = 0; i < 2; i++) {
        card_corners(corners, &cards[i == 0 ? OWL : SWAN], at[i], 340, 10);
        put_card(&frame, &cards[i == 0 ? OWL : SWAN], corners);
    }
    ask(&frame);
    assert_int_equal(answer.n_detections, 2);
    assert_int_equal(answer.n_ranking, 3);
    const idf_match_options one = {.top_k = 5, .max_detections = 1};
    assert_int_equal(idf_match(collection, scratch, NULL, &frame, &one, &answer, NULL), IDF_OK);
    assert_int_equal(answer.n_detections, 1);
    assert_int_equal(answer.n_ranking, 5);
    idf_image_release(&frame);
}

/* Zero is the collection's threshold; whoever asks for next to nothing gets an answer to anything.
 */
static void thresholds_of_a_call(void **state) {
    (void)state;
    idf_image frame = table(WIDTH, HEIGHT, 0, 9);
    idf_point corners[4];
    card_corners(corners, &stranger, (const double[2]){640, 360}, 500, 7);
    put_card(&frame, &stranger, corners);
    ask(&frame);
    assert_int_equal(answer.n_detections, 0);
    const idf_match_options lenient = {.sim_threshold = 1e-12, .margin_threshold = 1e-12};
    assert_int_equal(idf_match(collection, scratch, NULL, &frame, &lenient, &answer, NULL), IDF_OK);
    assert_true(answer.n_detections > 0);
    idf_image_release(&frame);
}

static bool at_once(void *context) {
    ++*(int *)context;
    return true;
}

static bool later(void *context) {
    return ++*(int *)context > 3;
}

/* A call that is ended leaves an empty answer, and the next one is as any other. */
static void a_call_that_is_ended(void **state) {
    (void)state;
    idf_image frame = table(WIDTH, HEIGHT, 50, 7);
    idf_point corners[4];
    int asked = 0;
    card_corners(corners, &cards[OWL], (const double[2]){600, 360}, 320, 12);
    put_card(&frame, &cards[OWL], corners);
    const idf_match_options calls[3] = {{.cancelled = at_once, .context = &asked},
                                        {.cancelled = later, .context = &asked},
                                        {.time_limit_s = 1e-9}};
    for (int i = 0; i < 3; i++) {
        asked = 0;
        assert_int_equal(idf_match(collection, scratch, NULL, &frame, &calls[i], &answer, NULL),
                         i < 2 ? IDF_ERR_CANCELLED : IDF_ERR_TIMEOUT);
        assert_int_equal(answer.n_detections + answer.n_ranking, 0);
        assert_int_equal(asked, i == 0 ? 1 : i == 1 ? 4 : 0);
    }
    ask(&frame);
    assert_int_equal(answer.n_detections, 1);
    idf_image_release(&frame);
}

static void arguments_that_cannot_be(void **state) {
    (void)state;
    idf_image frame = table(64, 48, 3, 7), hollow = {.width = 3, .height = 3, .channels = 3};
    idf_image four = frame;
    four.channels = 4;
    const idf_match_options wrong[] = {
        {.top_k = -1},          {.top_k = IDF_TOP_K_MAX + 1},
        {.max_detections = -1}, {.max_detections = IDF_DETECTIONS_MAX + 1},
        {.sim_threshold = 1.5}, {.margin_threshold = 2}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(idf_match(collection, scratch, NULL, &frame, &wrong[i], &answer, NULL),
                         IDF_ERR_ARGUMENT);
    assert_int_equal(idf_match(NULL, scratch, NULL, &frame, NULL, &answer, NULL), IDF_ERR_ARGUMENT);
    assert_int_equal(idf_match(collection, NULL, NULL, &frame, NULL, &answer, NULL),
                     IDF_ERR_ARGUMENT);
    assert_int_equal(idf_match(collection, scratch, NULL, NULL, NULL, &answer, NULL),
                     IDF_ERR_ARGUMENT);
    assert_int_equal(idf_match(collection, scratch, NULL, &hollow, NULL, &answer, NULL),
                     IDF_ERR_ARGUMENT);
    assert_int_equal(idf_match(collection, scratch, NULL, &four, NULL, &answer, NULL),
                     IDF_ERR_ARGUMENT);
    assert_int_equal(idf_match(collection, scratch, NULL, &frame, NULL, NULL, NULL),
                     IDF_ERR_ARGUMENT);
    idf_image_release(&frame);
    idf_answer_release(NULL);
}

/* An answer keeps what it is about, when everybody else has let go of it. */
static void an_answer_holds_its_collection(void **state) {
    (void)state;
    idf_collection *other;
    idf_answer kept = {0};
    idf_image frame = table(WIDTH, HEIGHT, 50, 10);
    idf_point corners[4];
    card_corners(corners, &cards[OWL], (const double[2]){640, 360}, 400, 178);
    put_card(&frame, &cards[OWL], corners);
    assert_int_equal(idf_collection_open(&other, scenes_index, NULL, NULL), IDF_OK);
    assert_int_equal(idf_match(other, scratch, NULL, &frame, NULL, &kept, NULL), IDF_OK);
    assert_true(idf_collection_id(other) != idf_collection_id(collection));
    idf_collection_release(other);
    idf_scratch_clear(scratch);
    assert_int_equal(kept.n_detections, 1);
    assert_string_equal(
        idf_index_filename(idf_collection_index(kept.collection), kept.detections[0].row),
        card_files[OWL]);
    idf_answer_release(&kept);
    ask(&frame); /* the scratch goes on with another */
    assert_int_equal(answer.n_detections, 1);
    idf_image_release(&frame);
}

/* One collection, one frame after another, many threads: the answers of one thread. */
typedef struct shared {
    idf_scratch *scratches[4];
    idf_answer answers[4];
    idf_image frames[8];
    size_t rows[8];
} shared;

static void ask_shared(void *context, size_t i, int worker) {
    shared *s = context;
    idf_answer *a = &s->answers[worker];
    s->rows[i] = idf_match(collection, s->scratches[worker], NULL, &s->frames[i % 8], NULL, a,
                           NULL) == IDF_OK &&
                         a->n_detections == 1 && a->detections[0].confident
                     ? a->detections[0].row
                     : SIZE_MAX;
}

static void one_collection_many_threads(void **state) {
    (void)state;
    static const int shown[8] = {OWL, SWAN, EAGLE, MEMORY, GOLDFISH, OWL, SWAN, EAGLE};
    shared s = {.rows = {0}};
    idf_pool *pool;
    idf_point corners[4];
    assert_int_equal(idf_pool_new(&pool, 4, NULL), IDF_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(idf_scratch_new(&s.scratches[i], NULL), IDF_OK);
    for (int i = 0; i < 8; i++) {
        s.frames[i] = table(640, 480, 20, (uint64_t)i);
        card_corners(corners, &cards[shown[i]], (const double[2]){320, 240}, 300, 20 * i);
        put_card(&s.frames[i], &cards[shown[i]], corners);
    }
    idf_pool_for(pool, 8, ask_shared, &s);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(s.rows[i], row_of(shown[i]));
        idf_image_release(&s.frames[i]);
    }
    for (int i = 0; i < 4; i++) {
        idf_scratch_free(s.scratches[i]);
        idf_answer_release(&s.answers[i]);
    }
    idf_pool_free(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_found_each),
        cmocka_unit_test(printings),
        cmocka_unit_test(strangers_are_nobody),
        cmocka_unit_test(upside_down),
        cmocka_unit_test(outlines_are_exact),
        cmocka_unit_test(frames_without_anything),
        cmocka_unit_test(a_frame_looked_at_again),
        cmocka_unit_test(parts_of_a_frame_are_kept),
        cmocka_unit_test(options_of_a_call),
        cmocka_unit_test(thresholds_of_a_call),
        cmocka_unit_test(a_call_that_is_ended),
        cmocka_unit_test(arguments_that_cannot_be),
        cmocka_unit_test(an_answer_holds_its_collection),
        cmocka_unit_test(one_collection_many_threads),
    };
    return cmocka_run_group_tests(tests, open_scratch, close_scratch);
}
