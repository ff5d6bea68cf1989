/* Looking at a frame: small cards by their outline, by tiles without one; nothing; no memory. */
#include "unit/match/scenes.h"

#include "collection/collection.h"
#include "local/extract.h"
#include "match/looker.h"

enum { WIDTH = 1600, HEIGHT = 900 };

static idf_extractor *extractor;
static idf_looker *looker;
static idf_sightings seen;
static idf_features whole;

static int open_looker(void **state) {
    if (scenes_setup(state) != 0)
        return -1;
    assert_int_equal(idf_extractor_new(&extractor, NULL), IDF_OK);
    return idf_looker_new(&looker, collection->words, collection->references, N_CARDS, NULL);
}

static int close_looker(void **state) {
    idf_looker_free(looker);
    idf_extractor_free(extractor);
    return scenes_teardown(state);
}

static idf_look look_of(const idf_image *frame) {
    assert_int_equal(idf_extract(extractor, frame, 1000, &whole, NULL), IDF_OK);
    return (idf_look){.frame = frame, .whole = &whole};
}

/* The most evidence for a card in the shrunken frame alone. */
static double in_the_whole(int card) {
    idf_finder *finder;
    idf_thing things[8];
    double most = 0;
    int n;
    assert_int_equal(idf_finder_new(&finder, collection->words, N_CARDS, NULL), IDF_OK);
    idf_finder_run(finder, &whole, NULL, things, 8, &n);
    for (int i = 0; i < n; i++)
        if (things[i].row == row_of(card))
            most = fmax(most, things[i].seen.score);
    idf_finder_free(finder);
    return most;
}

static const idf_sighting *sighting_of(int card) {
    for (int i = 0; i < seen.n; i++)
        if (seen.items[i].row == row_of(card))
            return &seen.items[i];
    return NULL;
}

static void small_card_by_its_outline(void **state) {
    (void)state;
    idf_image frame = table(WIDTH, HEIGHT, 0, 1);
    idf_point corners[4];
    card_corners(corners, &cards[EAGLE], (const double[2]){1200, 600}, 90, 20);
    put_card(&frame, &cards[EAGLE], corners);
    idf_look look = look_of(&frame);
    assert_true(in_the_whole(EAGLE) < 4);
    assert_int_equal(idf_looker_look(looker, &look, &seen, NULL), IDF_OK);
    const idf_sighting *eagle = sighting_of(EAGLE);
    assert_non_null(eagle);
    assert_true(eagle->evidence > 10);
    for (int i = 0; i < 4; i++)
        assert_true(hypot(eagle->corners[i].x - corners[i].x, eagle->corners[i].y - corners[i].y) <
                    4);
    idf_image_release(&frame);
}

/* Only an oval of it is seen: there is no outline, so the tile that holds it is enlarged. */
static void small_card_without_outline(void **state) {
    (void)state;
    idf_image frame = table(WIDTH, HEIGHT, 0, 1);
    put_oval(&frame, &cards[GOLDFISH], (const double[2]){400, 300}, 190, (const double[2]){62, 88});
    idf_look look = look_of(&frame);
    assert_true(in_the_whole(GOLDFISH) < 4);
    assert_int_equal(idf_looker_look(looker, &look, &seen, NULL), IDF_OK);
    assert_non_null(sighting_of(GOLDFISH));
    assert_true(sighting_of(GOLDFISH)->evidence > 5);
    idf_image_release(&frame);
}

/* The same in a frame of a webcam: each quarter of it is looked at once more and enlarged, since
 * nothing in it is clear, until something is; and what lies where they meet, closely then. */
static void small_card_in_a_small_frame(void **state) {
    (void)state;
    enum { W = 640, H = 480 };
    static const double at[5][2] = {{200, 180}, {440, 180}, {200, 300}, {440, 300}, {320, 240}};
    for (int k = 0; k < 5; k++) {
        idf_image frame = table(W, H, 0, 1);
        idf_point corners[4];
        put_oval(&frame, &cards[GOLDFISH], at[k], 130, (const double[2]){42, 60});
        idf_look look = look_of(&frame);
        assert_true(in_the_whole(GOLDFISH) < 6);
        long before = idf_looker_n_looks(looker);
        assert_int_equal(idf_looker_look(looker, &look, &seen, NULL), IDF_OK);
        assert_non_null(sighting_of(GOLDFISH));
        assert_true(sighting_of(GOLDFISH)->evidence > 6);
        assert_true(idf_looker_n_looks(looker) - before >= 1);

        card_corners(corners, &cards[OWL], (const double[2]){450, 240}, 400, 0);
        put_card(&frame, &cards[OWL], corners);
        look = look_of(&frame);
        before = idf_looker_n_looks(looker);
        assert_int_equal(idf_looker_look(looker, &look, &seen, NULL), IDF_OK);
        assert_non_null(sighting_of(OWL));
        assert_true(idf_looker_n_looks(looker) - before <= 1); /* it is clear: no quarters */
        idf_image_release(&frame);
    }
}

/* A card that fills the frame, of which an oval is in view: a tile shows 16.7 of evidence for it,
 * which is little enough for one more look at where it lies, and that shows 22.9. */
static void what_is_in_doubt_is_looked_at_closer(void **state) {
    (void)state;
    idf_image frame = table(WIDTH, HEIGHT, 0, 1);
    put_oval(&frame, &cards[GOLDFISH], (const double[2]){800, 450}, 700,
             (const double[2]){80, 104});
    idf_look look = look_of(&frame);
    assert_int_equal(idf_looker_look(looker, &look, &seen, NULL), IDF_OK);
    assert_non_null(sighting_of(GOLDFISH));
    assert_true(sighting_of(GOLDFISH)->evidence > 20);
    idf_image_release(&frame);
}

static void masked_and_empty(void **state) {
    (void)state;
    uint8_t masked[N_CARDS] = {0};
    idf_image frame = table(WIDTH, HEIGHT, 0, 1);
    idf_look look = look_of(&frame);
    seen.n = 3;
    assert_int_equal(idf_looker_look(looker, &look, &seen, NULL), IDF_OK);
    assert_int_equal(seen.n, 0);
    idf_point corners[4];
    card_corners(corners, &cards[OWL], (const double[2]){800, 450}, 500, 0);
    put_card(&frame, &cards[OWL], corners);
    look = look_of(&frame);
    assert_int_equal(idf_looker_look(looker, &look, &seen, NULL), IDF_OK);
    assert_non_null(sighting_of(OWL));
    masked[row_of(OWL)] = 1;
    look.masked = masked;
    assert_int_equal(idf_looker_look(looker, &look, &seen, NULL), IDF_OK);
    assert_null(sighting_of(OWL));
    idf_image_release(&frame);
}

static idf_status count_unseen(void *context, const idf_region *region,
                               const idf_features *features, idf_error *err) {
    (void)err;
    assert_int_equal(region->kind, IDF_REGION_QUAD);
    assert_true(features->width > 0 && features->n >= 0);
    return --*(int *)context == 0 ? IDF_ERR_CANCELLED : IDF_OK;
}

/* Without a word index every quadrilateral is unseen; the callback can end the look. */
static void unseen_quadrilaterals(void **state) {
    (void)state;
    idf_looker *blind;
    idf_image frame = table(WIDTH, HEIGHT, 0, 1);
    idf_point corners[4];
    card_corners(corners, &cards[OWL], (const double[2]){800, 450}, 500, 10);
    put_card(&frame, &cards[OWL], corners);
    int left = 100;
    idf_look look = look_of(&frame);
    look.unseen = count_unseen;
    look.context = &left;
    assert_int_equal(idf_looker_new(&blind, NULL, collection->references, N_CARDS, NULL), IDF_OK);
    assert_int_equal(idf_looker_look(blind, &look, &seen, NULL), IDF_OK);
    assert_true(left < 100);
    assert_int_equal(seen.n, 0);
    left = 1;
    assert_int_equal(idf_looker_look(blind, &look, &seen, NULL), IDF_ERR_CANCELLED);
    idf_looker_free(blind);
    idf_image_release(&frame);
}

/* Where it was, a card is seen again with one look; where nothing is, it is not. */
static void look_again(void **state) {
    (void)state;
    idf_image frame = table(WIDTH, HEIGHT, 30, 4);
    idf_place places[2] = {{.row = row_of(OWL)}, {.row = row_of(SWAN)}};
    idf_point corners[4];
    bool all;
    card_corners(corners, &cards[OWL], (const double[2]){500, 450}, 400, 30);
    put_card(&frame, &cards[OWL], corners);
    card_corners(places[0].corners, &cards[OWL], (const double[2]){525, 440}, 390, 26);
    card_corners(places[1].corners, &cards[SWAN], (const double[2]){1200, 450}, 400, 0);
    const idf_look look = {.frame = &frame};
    for (int n = 0; n <= 2; n++) {
        long before = idf_looker_n_looks(looker);
        assert_int_equal(idf_looker_look_again(looker, &look, places, n, &seen, &all, NULL),
                         IDF_OK);
        assert_int_equal(idf_looker_n_looks(looker) - before, n);
        assert_int_equal(all, n < 2);
        assert_int_equal(seen.n, n > 0);
    }
    assert_non_null(sighting_of(OWL));
    idf_image_release(&frame);
}

static void out_of_memory(void **state) {
    (void)state;
    idf_image frame = table(640, 480, 5, 4);
    idf_point corners[4];
    card_corners(corners, &cards[OWL], (const double[2]){320, 240}, 200, 30);
    put_card(&frame, &cards[OWL], corners);
    idf_look look = look_of(&frame);
    for (long n = 0;; n++) {
        idf_looker *l = NULL;
        idf_alloc_fail_after(n);
        idf_status status =
            idf_looker_new(&l, collection->words, collection->references, N_CARDS, NULL);
        if (status == IDF_OK)
            status = idf_looker_look(l, &look, &seen, NULL);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        idf_looker_free(l);
        if (!failed) {
            assert_int_equal(status, IDF_OK);
            assert_true(n > 10);
            break;
        }
        assert_int_equal(status, IDF_ERR_NO_MEMORY);
    }
    assert_non_null(sighting_of(OWL));
    idf_image_release(&frame);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_card_by_its_outline),
        cmocka_unit_test(small_card_without_outline),
        cmocka_unit_test(small_card_in_a_small_frame),
        cmocka_unit_test(what_is_in_doubt_is_looked_at_closer),
        cmocka_unit_test(masked_and_empty),
        cmocka_unit_test(unseen_quadrilaterals),
        cmocka_unit_test(look_again),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, open_looker, close_looker);
}
