/* A stream that is followed: one id a thing, labels that stay, less work than frame by frame.
 */
#include "unit/match/scenes.h"

#include "match/stream.h"

enum { WIDTH = 960, HEIGHT = 540, FRAMES = 20 };

static idf_scratch *scratch;
static idf_stream *stream;
static idf_answer answer;

static int open_stream(void **state) {
    (void)state;
    assert_int_equal(idf_stream_new(&stream, NULL), IDF_OK);
    return idf_scratch_new(&scratch, NULL);
}

static int close_stream(void **state) {
    (void)state;
    idf_answer_release(&answer);
    idf_scratch_free(scratch);
    idf_stream_free(stream);
    return 0;
}

static idf_status follow(const idf_image *frame) {
    return idf_match(collection, scratch, stream, frame, NULL, &answer, NULL);
}

static long n_looks(void) {
    idf_scratch_counters count;
    idf_scratch_count(scratch, &count);
    return (long)count.n_looks;
}

/* Frame i of a card that is moved across the table and turned. */
static idf_image moving(int card, int i) {
    idf_image frame = table(WIDTH, HEIGHT, 40, 5);
    idf_point corners[4];
    card_corners(corners, &cards[card], (const double[2]){300 + 12.0 * i, 250 + 3.0 * i}, 260,
                 -10 + 2.0 * i);
    put_card(&frame, &cards[card], corners);
    return frame;
}

static int compare_longs(const void *a, const void *b) {
    long x = *(const long *)a, y = *(const long *)b;
    return (x > y) - (x < y);
}

static long median(long *values, int n) {
    qsort(values, (size_t)n, sizeof *values, compare_longs);
    return values[n / 2];
}

static void one_id_one_label_less_work(void **state) {
    (void)state;
    long alone[FRAMES], followed[FRAMES];
    unsigned id = 0;
    for (int i = 0; i < FRAMES; i++) {
        idf_image frame = moving(EAGLE, i);
        long before = n_looks();
        assert_int_equal(idf_match(collection, scratch, NULL, &frame, NULL, &answer, NULL), IDF_OK);
        assert_int_equal(answer.n_detections, 1);
        assert_int_equal(answer.detections[0].track_id, 0);
        alone[i] = n_looks() - before;
        before = n_looks();
        assert_int_equal(follow(&frame), IDF_OK);
        followed[i] = n_looks() - before;
        idf_image_release(&frame);
        assert_int_equal(answer.n_detections, 1);
        assert_int_equal(answer.detections[0].row, row_of(EAGLE));
        assert_true(answer.detections[0].confident);
        assert_true(answer.n_ranking > 0 && answer.ranking[0].row == row_of(EAGLE));
        if (i == 0)
            id = answer.detections[0].track_id;
        assert_int_not_equal(id, 0);
        assert_int_equal(answer.detections[0].track_id, id);
    }
    assert_true(followed[1] < followed[0]);
    assert_true(median(followed, FRAMES) < median(alone, FRAMES));
}

/* A second card is laid down, is found within four frames, and gets an id of its own. */
static void what_comes_is_found(void **state) {
    (void)state;
    unsigned id[2] = {0, 0};
    int since = -1;
    idf_stream_forget(stream);
    for (int i = 0; i < 10; i++) {
        idf_image frame = moving(GOLDFISH, i);
        if (i >= 2) {
            idf_point corners[4];
            card_corners(corners, &cards[OWL], (const double[2]){760, 300}, 280, 180);
            put_card(&frame, &cards[OWL], corners);
        }
        assert_int_equal(follow(&frame), IDF_OK);
        idf_image_release(&frame);
        for (size_t k = 0; k < answer.n_detections; k++) {
            bool owl = answer.detections[k].row == row_of(OWL);
            assert_int_equal(answer.detections[k].row, row_of(owl ? OWL : GOLDFISH));
            since = owl && since < 0 ? i : since;
            if (id[owl] == 0)
                id[owl] = answer.detections[k].track_id;
            assert_int_equal(answer.detections[k].track_id, id[owl]);
        }
    }
    assert_in_range(since, 2, 5);
    assert_int_equal(answer.n_detections, 2);
    assert_int_not_equal(id[0], id[1]);
}

/* Once it is taken away nothing is said to be there; the ranking of the embedding goes on. */
static void what_goes_is_gone(void **state) {
    (void)state;
    idf_stream_forget(stream);
    for (int i = 0; i < 12; i++) {
        idf_image frame = i < 4 ? moving(SWAN, i) : table(WIDTH, HEIGHT, 40, 5);
        assert_int_equal(follow(&frame), IDF_OK);
        idf_image_release(&frame);
        assert_int_equal(answer.n_detections, i < 4);
        assert_true(answer.n_ranking > 0);
    }
}

/* A frame of another size, and a forgotten stream, start anew. */
static void another_stream(void **state) {
    (void)state;
    idf_image frame = moving(SWAN, 0), small = {0};
    assert_int_equal(idf_image_resize(&small, &frame, WIDTH * 3 / 4, HEIGHT * 3 / 4,
                                      IDF_FILTER_BICUBIC, NULL, NULL),
                     IDF_OK);
    unsigned last = 0;
    for (int i = 0; i < 3; i++) {
        if (i == 2)
            idf_stream_forget(stream);
        assert_int_equal(follow(i == 0 ? &frame : &small), IDF_OK);
        assert_int_equal(answer.n_detections, 1);
        assert_true(answer.detections[0].track_id > last);
        last = answer.detections[0].track_id;
    }
    idf_image_release(&frame);
    idf_image_release(&small);
}

static void out_of_memory(void **state) {
    (void)state;
    idf_image frames[2] = {moving(MEMORY, 0), moving(MEMORY, 1)};
    for (long n = 0;; n++) {
        idf_stream_forget(stream);
        idf_status status = IDF_OK;
        idf_alloc_fail_after(n);
        for (int i = 0; i < 2 && status == IDF_OK; i++)
            status = follow(&frames[i]);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        if (!failed) {
            assert_int_equal(status, IDF_OK);
            assert_true(n > 5);
            break;
        }
        assert_int_equal(status, IDF_ERR_NO_MEMORY);
    }
    assert_int_equal(answer.n_detections, 1);
    assert_int_equal(answer.detections[0].row, row_of(MEMORY));
    idf_image_release(&frames[0]);
    idf_image_release(&frames[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_id_one_label_less_work, open_stream, close_stream),
        cmocka_unit_test_setup_teardown(what_comes_is_found, open_stream, close_stream),
        cmocka_unit_test_setup_teardown(what_goes_is_gone, open_stream, close_stream),
        cmocka_unit_test_setup_teardown(another_stream, open_stream, close_stream),
        cmocka_unit_test_setup_teardown(out_of_memory, open_stream, close_stream),
    };
    return cmocka_run_group_tests(tests, scenes_setup, scenes_teardown);
}
