/* Marks: pictures that share a part and are different otherwise, and those that are not. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs the four above */
#include <cmocka.h>

#include "image/image.h"
#include "match/mark.h"
#include "match/surface.h"

enum { SIDE = IDF_SMALL_SIDE, WORKING = 480, PLACES = 64 };

static const idf_homography in_place = {{1, 0, 0, 0, 1, 0, 0, 0, 1}};
static idf_keypoint places[PLACES];
static idf_features features; /* one in the middle of each of 8 x 8 cells */

static int make_features(void **state) {
    (void)state;
    for (int i = 0; i < PLACES; i++) {
        places[i].x = (uint16_t)((30 + 60 * (i % 8)) * IDF_LOCAL_COORD_UNIT);
        places[i].y = (uint16_t)((30 + 60 * (i / 8)) * IDF_LOCAL_COORD_UNIT);
    }
    features =
        (idf_features){.width = WORKING, .height = WORKING, .n = PLACES, .keypoints = places};
    return 0;
}

/* Soft colours that rise another way for every seed, and stripes of a mark over them. */
static void paint(uint8_t picture[IDF_SMALL_BYTES], int seed) {
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            double along = cos(seed * 1.3) * (x - SIDE / 2) + sin(seed * 1.3) * (y - SIDE / 2);
            uint8_t *rgb = picture + 3 * (y * SIDE + x);
            for (int k = 0; k < 3; k++)
                rgb[k] = (uint8_t)(80 + (k == seed % 3 ? -1.6 : 0.8) * along +
                                   ((x + y) % 6 < 3 ? 90 : 0));
        }
}

typedef struct company {
    uint8_t pictures[IDF_BEARERS_MAX + 1][IDF_SMALL_BYTES]; /* the bearer's first */
    idf_bearer others[IDF_BEARERS_MAX];
    idf_shown own, shown[IDF_BEARERS_MAX];
} company;

static void gather(company *c, const int seeds[IDF_BEARERS_MAX], idf_cells cells) {
    paint(c->pictures[0], 0);
    c->own = (idf_shown){&features, c->pictures[0]};
    for (int i = 0; i < IDF_BEARERS_MAX; i++) {
        paint(c->pictures[i + 1], seeds[i]);
        c->others[i] = (idf_bearer){(size_t)i, in_place, cells};
        c->shown[i] = (idf_shown){&features, c->pictures[i + 1]};
    }
}

static const idf_cells all_cells = ~(idf_cells)0, half = 0xFFFFFFFF;

static void three_different_others_make_a_mark(void **state) {
    (void)state;
    static company c;
    static idf_mark mark;
    gather(&c, (const int[]){1, 2, 3, 4}, all_cells);
    assert_true(idf_mark_find(&mark, &c.own, c.others, c.shown, 3));
    assert_true(mark.cells == all_cells);
    assert_false(idf_mark_find(&mark, &c.own, c.others, c.shown, 2));
    assert_true(mark.is_most);
    gather(&c, (const int[]){1, 2, 3, 4}, half); /* the other half speaks for itself */
    assert_true(idf_mark_find(&mark, &c.own, c.others, c.shown, 4));
    assert_false(mark.is_most);
    gather(&c, (const int[]){1, 2, 3, 4}, half & 0xFFFFFF);
    assert_false(idf_mark_find(&mark, &c.own, c.others, c.shown, 4));
}

static void printings_of_one_picture_make_none(void **state) {
    (void)state;
    static company c;
    static idf_mark mark;
    gather(&c, (const int[]){0, 0, 0, 0}, all_cells); /* it is all of them */
    assert_false(idf_mark_find(&mark, &c.own, c.others, c.shown, 4));
    gather(&c, (const int[]){1, 1, 1, 1}, all_cells); /* there are two */
    assert_false(idf_mark_find(&mark, &c.own, c.others, c.shown, 4));
    gather(&c, (const int[]){0, 1, 2, 3}, all_cells); /* another printing of it beside three */
    assert_true(idf_mark_find(&mark, &c.own, c.others, c.shown, 4));
    gather(&c, (const int[]){1, 2, 3, 3}, all_cells);
    c.shown[1].picture = NULL;
    assert_false(idf_mark_find(&mark, &c.own, c.others, c.shown, 4));
}

/* What the mark looks like is taken out: what is left of two pictures under it is unlike. */
static void what_a_mark_explains_is_left_out(void **state) {
    (void)state;
    static company c;
    static idf_mark mark;
    uint8_t stranger[IDF_SMALL_BYTES];
    idf_surface *surface = NULL;
    const idf_laid as_it_is = {.width = SIDE, .height = SIDE, .h = in_place};
    gather(&c, (const int[]){1, 2, 3, 4}, all_cells);
    paint(stranger, 12);
    assert_int_equal(idf_surface_new(&surface, NULL), IDF_OK);
    assert_true(idf_mark_find(&mark, &c.own, c.others, c.shown, 4));
    const uint8_t *shown[] = {c.pictures[0], stranger};
    for (int other = 0; other < 2; other++) {
        idf_image frame = {0};
        assert_int_equal(idf_image_new(&frame, SIDE, SIDE, 3, NULL), IDF_OK);
        for (int y = 0; y < SIDE; y++)
            memcpy(idf_image_row(&frame, y), shown[other] + 3 * SIDE * y, 3 * SIDE);
        assert_true(idf_surface_bend(surface, &as_it_is, &frame, c.pictures[0]));
        idf_windows as_seen = idf_surface_compare(surface, 0, NULL);
        idf_windows beneath = idf_surface_compare(surface, 0, (const float(*)[3])mark.looks);
        assert_true(as_seen.n > 60 && as_seen.n_different * 10 < as_seen.n);
        assert_true(beneath.n > 60);
        assert_true(other == 0 ? beneath.n_different == 0
                               : beneath.n_different * 10 > beneath.n * 9);
        idf_image_release(&frame);
    }
    idf_surface_free(surface);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_different_others_make_a_mark),
        cmocka_unit_test(printings_of_one_picture_make_none),
        cmocka_unit_test(what_a_mark_explains_is_left_out),
    };
    return cmocka_run_group_tests(tests, make_features, NULL);
}
