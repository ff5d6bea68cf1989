/* Sightings in one frame: what is one place, what covers what, what is said twice. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above */
#include <cmocka.h>

#include "match/sighting.h"

/* A card of 100 x 140 pixels with its upper left corner at (x, y). */
static idf_sighting card(size_t row, double evidence, double x, double y) {
    idf_sighting s = {.row = row, .evidence = evidence, .rival_row = SIZE_MAX};
    const double dx[4] = {0, 100, 100, 0}, dy[4] = {0, 0, 140, 140};
    for (int i = 0; i < 4; i++)
        s.corners[i] = (idf_point){x + dx[i], y + dy[i]};
    return s;
}

static void one_place_is_one_sighting(void **state) {
    (void)state;
    idf_sightings list = {.n = 0};
    const idf_sighting weak = card(3, 5, 10, 10), strong = card(4, 30, 14, 12);
    idf_sightings_add(&list, &weak);
    idf_sightings_add(&list, &strong);
    assert_int_equal(list.n, 1);
    assert_int_equal(list.items[0].row, 4);
    assert_int_equal(list.items[0].rival_row, 3);
    assert_true(list.items[0].rival_evidence == 5);
}

static void another_at_the_place_takes_it(void **state) {
    (void)state;
    const idf_thing_other other = {.row = 9, .score = 25, .shared = 0.8, .lead = -1};
    idf_sighting s = card(3, 30, 10, 10);
    idf_sighting_weigh(&s, &other, 2.5);
    assert_int_equal(s.row, 3);
    assert_int_equal(s.rival_row, 9);
    assert_true(s.lead == 1.5 && s.evidence == 30 && s.rival_evidence == 25);
    idf_sighting_weigh(&s, &other, 0); /* by features alone it is unsure, no more */
    assert_int_equal(s.row, 3);
    assert_true(s.lead == -1);
    idf_sighting_weigh(&s, &other, -2);
    assert_int_equal(s.row, 9);
    assert_int_equal(s.rival_row, 3);
    assert_true(s.lead == 2 && s.evidence == 25 && s.rival_evidence == 30);
}

static void a_row_is_not_repeated_where_it_is(void **state) {
    (void)state;
    idf_sightings list = {.n = 0};
    const idf_sighting all[] = {
        card(7, 5, 140, 150),   /* overlaps the strong one by a third, its middle inside: dropped */
        card(8, 5, 145, 155),   /* likewise, but another row */
        card(7, 200, 100, 100), /* the strong one */
        card(7, 6, 400, 100),   /* a second copy, elsewhere */
        card(7, 40, 130, 200),  /* a copy laid half over the strong one, itself beyond doubt */
    };
    for (int i = 0; i < 5; i++)
        list.items[list.n++] = all[i];
    idf_sightings_sort(&list);
    assert_int_equal(list.n, 4);
    const double evidence[] = {200, 40, 6, 5};
    for (int i = 0; i < 4; i++)
        assert_true(list.items[i].evidence == evidence[i]);
    assert_int_equal(list.items[3].row, 8);
}

static void only_what_is_beyond_doubt_covers(void **state) {
    (void)state;
    idf_sightings list = {.n = 0};
    const idf_sighting weak = card(1, 10, 100, 100), strong = card(1, 20, 100, 100);
    const idf_sighting within = card(2, 1, 105, 95);
    idf_sightings_add(&list, &weak);
    assert_false(idf_sightings_cover(&list, within.corners));
    idf_sightings_add(&list, &strong);
    assert_true(idf_sightings_cover(&list, within.corners));
    assert_true(idf_sightings_hold(&list, (idf_point){150, 170}));
    assert_false(idf_sightings_hold(&list, (idf_point){90, 170}));
    assert_true(fabs(idf_sightings_cover_part(&list, 200, 140) - 0.5) < 1e-9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_place_is_one_sighting),
        cmocka_unit_test(another_at_the_place_takes_it),
        cmocka_unit_test(a_row_is_not_repeated_where_it_is),
        cmocka_unit_test(only_what_is_beyond_doubt_covers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
