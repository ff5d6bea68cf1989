/* What becomes of a sighting: its parts, its place among others, its score. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "match/decide.h"
#include "match/parts.h"
#include "unit/match/synthetic.h"

enum { SIDE = 400 };

static synthetic mine, other;
static idf_confirmation seen;
static const int frame_size[2] = {SIDE, SIDE};

/* --- parts --- */

/* `other` shows the upper half of `mine` and has a lower half of its own. */
static int make_halves(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 3, 1);
    synthetic_init(&mine, SIDE, SIDE);
    synthetic_init(&other, SIDE, SIDE);
    synthetic_noise(&mine, 400, &rng);
    for (int i = 0; i < mine.features.n; i++) {
        const idf_keypoint *k = &mine.keypoints[i];
        double x = idf_rng_range(&rng, 0, SIDE - 1), y = idf_rng_range(&rng, SIDE / 2, SIDE - 1);
        idf_descriptor d = synthetic_descriptor(&rng);
        if (k->y < SIDE / 2 * IDF_LOCAL_COORD_UNIT)
            synthetic_add(&other, (double)k->x / IDF_LOCAL_COORD_UNIT,
                          (double)k->y / IDF_LOCAL_COORD_UNIT, k->angle, k->level,
                          &mine.descriptors[i]);
        else
            synthetic_add(&other, x, y, k->angle, k->level, &d);
    }
    return 0;
}

static idf_cells common(const synthetic *a, const synthetic *b) {
    idf_confirmer *confirmer;
    idf_confirmation scratch;
    assert_int_equal(idf_confirmer_new(&confirmer, NULL, NULL), IDF_OK);
    idf_confirmer_set_frame(confirmer, &a->features);
    idf_confirm(confirmer, &b->features, &scratch);
    idf_common cells = idf_common_cells(&a->features, &b->features, &scratch);
    idf_confirmer_free(confirmer);
    return cells.a;
}

static int bits(idf_cells cells) {
    int n = 0;
    for (; cells != 0; cells &= cells - 1)
        n++;
    return n;
}

static void the_common_half_is_found(void **state) {
    (void)state;
    static synthetic noise;
    idf_rng rng;
    idf_rng_init(&rng, 99, 1);
    synthetic_init(&noise, SIDE, SIDE);
    synthetic_noise(&noise, 400, &rng);
    idf_cells cells = common(&mine, &other);
    assert_in_range(bits(cells & 0xffffffffu), 26, 32); /* of 32 in the upper half */
    assert_int_equal(bits(cells >> 32), 0);
    assert_true(common(&mine, &noise) == 0);
    assert_int_equal(bits(common(&mine, &mine)), 64);
}

/* A sighting in which the features inside of a box were found. */
static void see_box(const synthetic *s, double left, double top, double right, double bottom) {
    memset(&seen, 0, sizeof seen);
    seen.h = idf_homography_identity;
    for (int i = 0; i < s->features.n; i++) {
        double x = (double)s->keypoints[i].x / IDF_LOCAL_COORD_UNIT;
        double y = (double)s->keypoints[i].y / IDF_LOCAL_COORD_UNIT;
        if (x >= left && x < right && y >= top && y < bottom)
            seen.pairs[seen.n_pairs++].reference = (uint16_t)i;
    }
}

static void the_own_half_decides(void **state) {
    (void)state;
    idf_parts parts;
    idf_cells shared = common(&mine, &other);
    see_box(&mine, 0, 0, SIDE, SIDE);
    idf_parts_divide(&parts, &mine.features, shared, &seen, frame_size);
    assert_int_equal(parts.n_shared + parts.n_own, mine.features.n);
    assert_int_equal(parts.found_shared, parts.n_shared);
    assert_int_equal(parts.found_own, parts.n_own);
    assert_true(parts.own_evidence > 20);
    see_box(&mine, 0, 0, SIDE, SIDE / 2.0);
    idf_parts_divide(&parts, &mine.features, shared, &seen, frame_size);
    assert_true(parts.own_evidence < -1);
    idf_parts_divide(&parts, &mine.features, ~(idf_cells)0, &seen, frame_size);
    assert_int_equal(parts.n_own, 0);
    assert_true(parts.own_evidence == 0);
}

/* The frame shows `mine` without what lies below `bottom`, and features of its own there when
 * `other_things`. */
static double coverage_above(double bottom, bool other_things) {
    static synthetic frame;
    idf_rng rng;
    idf_rng_init(&rng, 8, 1);
    synthetic_init(&frame, SIDE, SIDE);
    for (int i = 0; i < mine.features.n; i++) {
        double y = (double)mine.keypoints[i].y / IDF_LOCAL_COORD_UNIT;
        idf_descriptor d = y < bottom ? mine.descriptors[i] : synthetic_descriptor(&rng);
        if (y < bottom || other_things)
            synthetic_add(&frame, (double)mine.keypoints[i].x / IDF_LOCAL_COORD_UNIT, y, 0, 0, &d);
    }
    see_box(&mine, 0, 0, SIDE, bottom);
    return idf_coverage(&mine.features, &seen, &frame.features);
}

static void coverage_is_how_evenly(void **state) {
    (void)state;
    static synthetic poor;
    see_box(&mine, 0, 0, SIDE / 4.0, SIDE / 4.0); /* a logo */
    assert_true(idf_coverage(&mine.features, &seen, &mine.features) < 0.3);
    see_box(&mine, 0, 0, SIDE, SIDE);
    assert_true(idf_coverage(&mine.features, &seen, &mine.features) > 0.99);
    /* so few features that no cell has four of them: all are found */
    idf_rng rng;
    idf_rng_init(&rng, 5, 1);
    synthetic_init(&poor, SIDE, SIDE);
    for (int i = 0; i < 25; i++) {
        idf_descriptor d = synthetic_descriptor(&rng);
        synthetic_add(&poor, 40 + i % 5 * 80, 40 + i / 5 * 80, 0, 0, &d);
    }
    see_box(&poor, 0, 0, SIDE, SIDE);
    assert_true(idf_coverage(&poor.features, &seen, &poor.features) > 0.99);
    see_box(&poor, 0, 0, 0, 0);
    assert_true(idf_coverage(&poor.features, &seen, &poor.features) == 0);
}

/* Where the frame shows nothing (glare, a finger) the thing may be; where it shows something else
 * it is not. Only a part is excused. */
static void what_is_hidden_is_excused(void **state) {
    (void)state;
    double contradicted = coverage_above(SIDE * 0.8, true);
    double hidden = coverage_above(SIDE * 0.8, false);
    assert_true(contradicted > 0.7 && contradicted < 0.88);
    assert_true(hidden > 0.97);
    double half = coverage_above(SIDE * 0.4, false);
    assert_true(half > 0.5 && half < 0.65);
}

/* --- sightings --- */

static idf_sighting box(size_t row, double evidence, double x, double y, double side) {
    return (idf_sighting){.row = row,
                          .evidence = evidence,
                          .coverage = 1,
                          .rival_row = SIZE_MAX,
                          .own_evidence = INFINITY,
                          .lead = INFINITY,
                          .corners = {{x, y}, {x + side, y}, {x + side, y + side}, {x, y + side}}};
}

static void one_sighting_a_place(void **state) {
    (void)state;
    static idf_sightings list;
    idf_sighting a = box(1, 20, 0, 0, 100), b = box(2, 30, 5, 5, 100), c = box(3, 40, 300, 0, 100);
    list.n = 0;
    idf_sightings_add(&list, &a);
    idf_sightings_add(&list, &b); /* the same place: it takes it, the other is its rival */
    idf_sightings_add(&list, &c);
    assert_int_equal(list.n, 2);
    idf_sightings_sort(&list);
    assert_int_equal(list.items[0].row, 3);
    assert_int_equal(list.items[1].row, 2);
    assert_int_equal(list.items[1].rival_row, 1);
    assert_true(list.items[1].rival_evidence == 20);
    for (int i = 0; i < 2 * IDF_SIGHTINGS_MAX; i++) {
        a = box(9, 10, 1000.0 * i, 5000, 100);
        idf_sightings_add(&list, &a);
    }
    assert_int_equal(list.n, IDF_SIGHTINGS_MAX);
}

static void what_is_sure_covers(void **state) {
    (void)state;
    static idf_sightings list;
    idf_sighting sure = box(1, 50, 100, 100, 200), weak = box(2, 3, 500, 100, 200);
    idf_sighting inside = box(0, 0, 150, 150, 40), beside = box(0, 0, 310, 100, 60);
    list.n = 0;
    idf_sightings_add(&list, &sure);
    idf_sightings_add(&list, &weak);
    assert_true(idf_sightings_cover(&list, sure.corners));
    assert_true(idf_sightings_cover(&list, inside.corners));
    assert_false(idf_sightings_cover(&list, beside.corners));
    assert_false(idf_sightings_cover(&list, weak.corners));
    assert_true(idf_sightings_hold(&list, (idf_point){150, 250}));
    assert_false(idf_sightings_hold(&list, (idf_point){99, 250}));
    assert_false(idf_sightings_hold(&list, (idf_point){550, 150}));
    assert_true(fabs(idf_sightings_cover_part(&list, 800, 400) - 0.125) < 1e-9);
}

static void a_thing_is_mapped_to_the_frame(void **state) {
    (void)state;
    const idf_features working = {.width = 320, .height = 180};
    idf_homography back = idf_working_to_frame(&working, 1280, 720);
    static idf_thing thing;
    idf_sighting out;
    const idf_point corners[4] = {{-0.5, -0.5}, {319.5, -0.5}, {319.5, 179.5}, {-0.5, 179.5}};
    for (int turn = 0; turn < 4; turn++) {
        static const double degrees[4] = {0, 90, 180, -90};
        thing = (idf_thing){.row = 4, .rival_row = SIZE_MAX};
        for (int i = 0; i < 4; i++)
            thing.seen.corners[i] = corners[(i + turn) & 3];
        assert_true(idf_sighting_from_thing(&out, &thing, &back));
        idf_point first = {turn == 1 || turn == 2 ? 1280 : 0, turn >= 2 ? 720 : 0};
        assert_true(hypot(out.corners[0].x - first.x, out.corners[0].y - first.y) < 1e-6);
        assert_true(fabs(fabs(out.rotation_degrees) - fabs(degrees[turn])) < 1e-6);
        assert_true(turn == 2 || out.rotation_degrees * degrees[turn] >= 0);
    }
    back.m[0] = NAN;
    assert_false(idf_sighting_from_thing(&out, &thing, &back));
}

/* --- the decision --- */

static void scores_rise_with_evidence(void **state) {
    (void)state;
    const idf_scale *s = &idf_scale_default;
    assert_true(idf_geometry_score(s, 0) == 0 && idf_geometry_score(s, -5) == 0);
    for (double e = 0.5; e < 30; e += 0.5) {
        assert_true(idf_geometry_score(s, e + 0.5) >= idf_geometry_score(s, e));
        assert_true(idf_geometry_score(s, e) > 0 && idf_geometry_score(s, e) <= 1);
    }
    assert_true(fabs(idf_geometry_score(s, s->evidence_middle) - 0.5) < 1e-9);
    const idf_scale lax = {1, 0.12, 0.35,
                           20}; /* strangers reach far: next to nothing is still that */
    assert_true(idf_geometry_score(&lax, 0.01) < 0.01 && idf_geometry_score(&lax, 0.001) < 0.001);
    assert_true(fabs(idf_geometry_score(&lax, 1 - 1e-9) - idf_geometry_score(&lax, 1)) < 1e-6);
    assert_true(fabs(idf_embedding_score(s, s->cosine_middle) - 0.5) < 1e-9);
    assert_true(idf_embedding_score(s, 0.9) > idf_embedding_score(s, 0.5));
}

static void evidence_that_counts(void **state) {
    (void)state;
    idf_sighting a = box(1, 40, 0, 0, 100);
    assert_true(idf_effective_evidence(&a) == 40);
    a.coverage = 0.1; /* a logo */
    assert_true(idf_effective_evidence(&a) < 4);
    a.coverage = 1;
    a.rival_row = 2;
    a.rival_shared = 0.2; /* a frame in common: the own part has to speak */
    a.own_evidence = 6;
    assert_false(idf_is_variant(&a));
    assert_true(idf_effective_evidence(&a) == 40);
    a.own_evidence = 2; /* it hardly does */
    assert_true(idf_effective_evidence(&a) == 20);
    a.own_evidence = -1;
    assert_true(idf_effective_evidence(&a) == 0);
    a.rival_shared = 0.95; /* printings: sure of the artwork */
    a.own_evidence = INFINITY;
    assert_true(idf_is_variant(&a));
    assert_true(idf_effective_evidence(&a) == 40);
}

/* Where the surface was compared it has its say. */
static void surfaces_count(void **state) {
    (void)state;
    idf_sighting a = box(1, 40, 0, 0, 100);
    a.coverage = 0.575; /* half way: the square of a half of it */
    assert_true(fabs(idf_effective_evidence(&a) - 10) < 1e-9);
    a = box(1, 1000, 0, 0, 100);
    a.n_windows = 40;
    a.coverage = 0.375; /* half way, where the surface is known */
    assert_true(fabs(idf_effective_evidence(&a) - (6 + 3 * (3 * log10(250) - 5.75))) < 1e-9);
    a.coverage = 0.25;
    assert_true(idf_effective_evidence(&a) == 0);
    a.evidence = 5;
    a.surface = 4.5; /* it agrees almost everywhere: the features are few, the thing is there */
    assert_true(fabs(idf_effective_evidence(&a) - 3.75) < 1e-9);
    a.surface = 6;
    assert_true(idf_effective_evidence(&a) == 5);
    a.surface = 9;
    assert_true(idf_effective_evidence(&a) == 5);
    a.marked = true; /* the mark may be what agrees */
    assert_true(idf_effective_evidence(&a) == 0);
}

/* Of what carries a mark only what is beside the mark speaks. */
static void beside_a_mark(void **state) {
    (void)state;
    idf_sighting a = box(1, 300, 0, 0, 100);
    a.marked = true;
    a.n_windows = 150;
    a.surface = 4;
    a.own_evidence = 2;
    assert_true(fabs(idf_effective_evidence(&a) - 6) < 1e-9);
    a.own_evidence = 9; /* 4 of it count */
    assert_true(fabs(idf_effective_evidence(&a) - 12) < 1e-9);
    a.surface = 1;
    a.own_evidence = -9;
    assert_true(idf_effective_evidence(&a) == 0);
}

/* Where next to nothing of a surface shows something, features decide as if there were none. */
static void few_windows_say_nothing(void **state) {
    (void)state;
    idf_sighting a = box(1, 36, 0, 0, 60); /* a plain thing: few features, all of them its own */
    a.own_evidence = 4.5;
    a.surface = 0.4;
    for (a.n_windows = 0; a.n_windows < 20; a.n_windows++)
        assert_true(idf_effective_evidence(&a) == 36);
    assert_true(idf_effective_evidence(&a) < 3);
    a.n_windows = 19;
    a.coverage = 0.4; /* and a part of it is no more than that */
    assert_true(idf_effective_evidence(&a) == 0);
}

/* A thing of the same design has many of its features, too. */
static void lookalikes_are_told_apart(void **state) {
    (void)state;
    idf_sighting a = box(1, 60, 0, 0, 100);
    a.n_windows = 80;
    a.surface = 1;
    double whole = idf_effective_evidence(&a);
    assert_true(whole > 6);
    a.surface = -3; /* the print is there, what lies between it is another's */
    assert_true(idf_effective_evidence(&a) < 3);
    a.surface = 1;
    a.coverage = 0.35; /* a part of it */
    assert_true(idf_effective_evidence(&a) < 3);
    a.coverage = 1;
    a.own_evidence = -1; /* nothing is found where it differs from others */
    double common = idf_effective_evidence(&a);
    assert_true(common < whole);
    a.own_evidence = 6;
    double own = idf_effective_evidence(&a);
    assert_true(own > common && own < whole); /* where there are some, there may be more */
    assert_true(fabs(own - (6 + 3 * (3 * log10(60) + 1.4 + 0.6 - 7))) < 1e-9);
    a.own_evidence = 60; /* and that is not all there is to say */
    assert_true(idf_effective_evidence(&a) == own);
    a.own_evidence = -30; /* something may cover it */
    double covered = idf_effective_evidence(&a);
    a.evidence = 1000;
    assert_true(covered < 1 && idf_effective_evidence(&a) > 3);
    a = box(1, 1000, 0, 0, 100); /* so much is not lost to glare and dye */
    a.n_windows = 80;
    a.surface = -2;
    assert_true(idf_effective_evidence(&a) > 6);
    a = box(1, 4, 0, 0, 100); /* little is not made much by it */
    a.n_windows = 80;
    a.surface = 9;
    assert_true(idf_effective_evidence(&a) == 4);
}

/* What is too little for an answer still has an order, and is little whatever is enough. */
static void too_little_has_an_order(void **state) {
    (void)state;
    idf_sighting a = box(1, 10, 0, 0, 100);
    double before = 6;
    a.n_windows = 80;
    for (int k = 0; k < 6; k++) { /* 3 against the 5.75 that are asked for */
        a.surface = -0.5 * k;
        double now = idf_effective_evidence(&a);
        assert_true(fabs(log10(now / 6) - (3 - 5.75 + 1.4 * a.surface)) < 1e-9);
        assert_true(now > 0 && now < before);
        before = now;
    }
}

static void leads(void **state) {
    (void)state;
    idf_sighting a = box(1, 40, 0, 0, 100);
    assert_true(idf_lead_over_rival(&a) == 1);
    a.lead = 0;
    assert_true(idf_lead_over_rival(&a) == 0);
    a.lead = -3;
    assert_true(idf_lead_over_rival(&a) == 0);
    a.lead = 1;
    double one = idf_lead_over_rival(&a);
    a.lead = 2;
    assert_true(one > 0.5 && idf_lead_over_rival(&a) > one && idf_lead_over_rival(&a) < 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_common_half_is_found),
        cmocka_unit_test(the_own_half_decides),
        cmocka_unit_test(coverage_is_how_evenly),
        cmocka_unit_test(what_is_hidden_is_excused),
        cmocka_unit_test(one_sighting_a_place),
        cmocka_unit_test(what_is_sure_covers),
        cmocka_unit_test(a_thing_is_mapped_to_the_frame),
        cmocka_unit_test(scores_rise_with_evidence),
        cmocka_unit_test(evidence_that_counts),
        cmocka_unit_test(surfaces_count),
        cmocka_unit_test(beside_a_mark),
        cmocka_unit_test(few_windows_say_nothing),
        cmocka_unit_test(lookalikes_are_told_apart),
        cmocka_unit_test(too_little_has_an_order),
        cmocka_unit_test(leads),
    };
    return cmocka_run_group_tests(tests, make_halves, NULL);
}
