/* Surfaces: a drawn print in a frame against its own small picture and against others of the same
 * layout, in light of any strength and colour. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs the four above */
#include <cmocka.h>

#include "match/surface.h"
#include "unit/match/prints.h"

/* Matched places all over the print, or over its upper left part. */
static idf_laid laid(double part) {
    idf_laid out = {.width = WIDE, .height = HIGH, .h = laid_so};
    for (int i = 0; i < 36; i++) {
        double x = part * (WIDE - 1) * (i % 6) / 5, y = part * (HIGH - 1) * (i / 6) / 5;
        idf_point at = idf_homography_apply(&laid_so, x, y);
        out.pairs[out.n_pairs++] =
            (idf_point_pair){(float)x, (float)y, (float)at.x, (float)at.y, 1};
    }
    return out;
}

static idf_surface *surface;

static double share_alike(const idf_windows *w) {
    return 1 - (double)(w->n_different + w->n_beyond_different) / (w->n + w->n_beyond);
}

static idf_windows compare(const idf_image *frame, const idf_image *print, double part) {
    uint8_t picture[IDF_SMALL_BYTES];
    const idf_laid how = laid(part);
    assert_int_equal(idf_surface_picture(picture, print, NULL), IDF_OK);
    assert_true(idf_surface_bend(surface, &how, frame, picture));
    return idf_surface_compare(surface, 0, NULL);
}

static void own_surface_agrees_in_any_light(void **state) {
    (void)state;
    static const double lights[][3] = {{1, 1, 1}, {0.4, 0.4, 0.4}, {1, 0.8, 0.5}, {0.6, 0.7, 1}};
    idf_image print = print_of(1, orange, blue);
    for (size_t i = 0; i < 4; i++) {
        idf_image frame = frame_of(&print, lights[i]);
        idf_windows w = compare(&frame, &print, 1);
        assert_in_range(w.n, 150, 225); /* windows of an eighth */
        assert_true(share_alike(&w) > 0.9);
        double evidence = idf_windows_evidence(&w); /* a part of what they were worth one by one */
        assert_true(evidence > 6 && evidence < 0.06 * w.n);
        w = compare(&frame, &print, 0.5); /* the rest of it is where the map says */
        assert_true(w.n_beyond > w.n && share_alike(&w) > 0.9);
        idf_image_release(&frame);
    }
    idf_image_release(&print);
}

static void another_print_differs(void **state) {
    (void)state;
    static const double light[3] = {1, 1, 1};
    idf_image print = print_of(1, orange, blue), other = print_of(2, orange, blue);
    idf_image frame = frame_of(&print, light);
    idf_windows w = compare(&frame, &other, 1);
    assert_true(w.n > 30);
    assert_true(share_alike(&w) < 0.4);
    assert_true(idf_windows_evidence(&w) < -3);
    idf_image_release(&print), idf_image_release(&other), idf_image_release(&frame);
}

/* In a clear view a part that agrees less than the rest does is another's, though it agrees. */
static void a_part_that_agrees_less_is_apart(void **state) {
    (void)state;
    static const double light[3] = {1, 1, 1};
    idf_image print = print_of(1, orange, blue), other = print_of(2, orange, blue);
    idf_image frame = frame_of(&print, light), second = frame_of(&other, light);
    assert_int_equal(compare(&frame, &print, 1).n_apart, 0);
    for (int y = frame.height / 2; y < frame.height; y++)
        for (int x = 0; x < 3 * frame.width; x++) {
            uint8_t *at = idf_image_row(&frame, y) + x;
            *at = (uint8_t)((11 * *at + 9 * idf_image_row(&second, y)[x]) / 20);
        }
    idf_windows w = compare(&frame, &print, 1);
    assert_true(w.n_apart > w.n_different + w.n_beyond_different + 10);
    idf_image_release(&print), idf_image_release(&other);
    idf_image_release(&frame), idf_image_release(&second);
}

/* What lies outside of the frame is taken from nowhere else: not from what was bent before. */
static void what_came_before_does_not_count(void **state) {
    (void)state;
    static const double light[3] = {1, 1, 1};
    idf_image print = print_of(1, orange, blue), other = print_of(2, red, blue);
    idf_image frame = frame_of(&print, light), before = frame_of(&other, light);
    idf_image third = print_of(4, orange, blue); /* unlike: many windows are near the bar */
    for (int less = 20; less <= 300; less += 3) {
        idf_image part = idf_image_view(&frame, 0, 0, frame.width - less, frame.height - less);
        idf_surface *fresh = NULL, *used = surface;
        assert_int_equal(idf_surface_new(&fresh, NULL), IDF_OK);
        surface = fresh;
        idf_windows alone = compare(&part, &third, 1);
        surface = used;
        compare(&before, &other, 1);
        idf_windows after = compare(&part, &third, 1);
        assert_memory_equal(&alone, &after, sizeof alone);
        idf_surface_free(fresh);
    }
    idf_image_release(&print), idf_image_release(&other), idf_image_release(&third);
    idf_image_release(&frame), idf_image_release(&before);
}

/* A light that shows itself in a sixth of it, and grey cameras, take nothing away. */
static void glare_and_grey_are_allowed_for(void **state) {
    (void)state;
    static const double light[3] = {1, 1, 1};
    idf_image print = print_of(3, blue, red), frame = frame_of(&print, light), grey = {0};
    for (int y = 150; y < 250; y++)
        memset(idf_image_row(&frame, y) + 3 * 120, 255, 3 * 100);
    idf_windows w = compare(&frame, &print, 1);
    assert_true(idf_windows_evidence(&w) > 3);
    assert_int_equal(idf_image_convert(&grey, &frame, 1, NULL), IDF_OK);
    w = compare(&grey, &print, 1);
    assert_true(idf_windows_evidence(&w) > 3);
    idf_surface_rank rank;
    idf_surface_get_rank(surface, 0, &rank);
    for (int i = 0; i < IDF_SMALL_SIDE * IDF_SMALL_SIDE; i++)
        assert_true(rank.cost[i] < 0);
    idf_image_release(&print), idf_image_release(&frame), idf_image_release(&grey);
}

/* What others show too is left out; all of it leaves nothing. */
static void shared_parts_are_left_out(void **state) {
    (void)state;
    static const double light[3] = {1, 1, 1};
    idf_image print = print_of(1, orange, blue), frame = frame_of(&print, light);
    idf_windows all = compare(&frame, &print, 1);
    idf_windows lower =
        idf_surface_compare(surface, 0xFFFFFFFF, NULL); /* of it the upper half is shared */
    idf_windows none = idf_surface_compare(surface, ~(idf_cells)0, NULL);
    assert_in_range(lower.n, all.n / 3, all.n * 2 / 3);
    assert_int_equal(none.n + none.n_beyond, 0);
    idf_image_release(&print), idf_image_release(&frame);
}

static void too_few_places_say_nothing(void **state) {
    (void)state;
    static const double light[3] = {1, 1, 1};
    uint8_t picture[IDF_SMALL_BYTES];
    idf_image print = print_of(1, orange, blue), frame = frame_of(&print, light);
    idf_laid how = laid(1);
    assert_int_equal(idf_surface_picture(picture, &print, NULL), IDF_OK);
    how.n_pairs = 7;
    assert_false(idf_surface_bend(surface, &how, &frame, picture));
    how = laid(0.1); /* a logo */
    assert_false(idf_surface_bend(surface, &how, &frame, picture));
    const idf_windows none = {0};
    assert_true(idf_windows_evidence(&none) == 0);
    assert_true(idf_windows_same_printing(&none) == 0);
    assert_true(idf_windows_same_printing(&(idf_windows){.n = 75, .n_beyond = 75, .n_apart = 22}) >
                0.3);
    assert_true(idf_windows_same_printing(&(idf_windows){.n = 75, .n_beyond = 75, .n_apart = 60}) <
                -1);
    idf_image_release(&print), idf_image_release(&frame);
}

static idf_surface_rank rank_of(const idf_image *frame, const idf_image *print, uint8_t *picture) {
    idf_surface_rank rank;
    const idf_laid how = {.width = WIDE, .height = HIGH, .h = laid_so};
    assert_int_equal(idf_surface_picture(picture, print, NULL), IDF_OK);
    assert_true(idf_surface_bend(surface, &how, frame, picture));
    idf_surface_get_rank(surface, 0, &rank);
    return rank;
}

/* One print in two colours: the frame's decide, in daylight and by a lamp. */
static void colours_decide_between_prints(void **state) {
    (void)state;
    static const double lights[][3] = {
        {1, 1, 1}, {0.5, 0.5, 0.5}, {1, 0.85, 0.65}, {0.7, 0.8, 0.9}};
    idf_image prints[2] = {print_of(4, orange, red), print_of(4, blue, red)};
    uint8_t picture[2][IDF_SMALL_BYTES];
    for (int shown = 0; shown < 2; shown++)
        for (size_t i = 0; i < 4; i++) {
            idf_image frame = frame_of(&prints[shown], lights[i]);
            idf_surface_rank a = rank_of(&frame, &prints[shown], picture[0]);
            idf_surface_rank b = rank_of(&frame, &prints[1 - shown], picture[1]);
            assert_true(idf_surface_coloured_apart(picture[0], picture[1]));
            assert_true(idf_surface_lead(&a, &b, true) > 2);
            assert_true(idf_surface_lead(&b, &a, true) < -2);
            idf_image_release(&frame);
        }
    idf_image_release(&prints[0]), idf_image_release(&prints[1]);
}

/* Two printings of one artwork whose inks differ as inks do are not told apart by them. */
static void shades_do_not(void **state) {
    (void)state;
    static const double light[3] = {1, 1, 1};
    idf_image prints[2] = {print_of(4, orange, red), print_of(4, sand, red)};
    uint8_t picture[2][IDF_SMALL_BYTES];
    idf_image frame = frame_of(&prints[0], light);
    idf_surface_rank a = rank_of(&frame, &prints[0], picture[0]);
    idf_surface_rank b = rank_of(&frame, &prints[1], picture[1]);
    assert_false(idf_surface_coloured_apart(picture[0], picture[1]));
    assert_true(idf_surface_lead(&a, &b, false) == 0);
    idf_image_release(&frame), idf_image_release(&prints[0]), idf_image_release(&prints[1]);
}

static int setup(void **state) {
    (void)state;
    return idf_surface_new(&surface, NULL);
}

static int teardown(void **state) {
    (void)state;
    idf_surface_free(surface);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_surface_agrees_in_any_light),
        cmocka_unit_test(another_print_differs),
        cmocka_unit_test(a_part_that_agrees_less_is_apart),
        cmocka_unit_test(what_came_before_does_not_count),
        cmocka_unit_test(glare_and_grey_are_allowed_for),
        cmocka_unit_test(shared_parts_are_left_out),
        cmocka_unit_test(too_few_places_say_nothing),
        cmocka_unit_test(colours_decide_between_prints),
        cmocka_unit_test(shades_do_not),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
