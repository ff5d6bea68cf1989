/* Tracks: ids stay, labels do not flicker, things that are gone are dropped. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above */
#include <cmocka.h>

#include "match/track.h"

static idf_tracker tracker;
static idf_sighting things[80];

static void put(idf_sighting *t, size_t row, double score, double x, double y) {
    *t = (idf_sighting){.row = row,
                        .evidence = score,
                        .coverage = 1,
                        .rival_row = SIZE_MAX,
                        .own_evidence = INFINITY,
                        .lead = INFINITY};
    const double dx[4] = {0, 100, 100, 0}, dy[4] = {0, 0, 140, 140};
    for (int i = 0; i < 4; i++)
        t->corners[i] = (idf_point){x + dx[i], y + dy[i]};
}

static void ids_stay_while_things_move(void **state) {
    (void)state;
    tracker = (idf_tracker){.n = 0};
    int of[2];
    for (int frame = 0; frame < 50; frame++) {
        put(&things[0], 7, 30, 10 + 8 * frame, 20);
        put(&things[1], 7, 20, 500 - 3 * frame, 300);
        idf_tracker_update(&tracker, things, 2, of);
        assert_int_equal(tracker.n, 2);
        assert_int_equal(tracker.tracks[of[0]].id, 1);
        assert_int_equal(tracker.tracks[of[1]].id, 2);
        assert_int_equal(tracker.tracks[of[0]].n_seen, frame + 1);
    }
}

static void one_wrong_frame_does_not_change_a_label(void **state) {
    (void)state;
    tracker = (idf_tracker){.n = 0};
    int changes = 0, of;
    for (int frame = 0; frame < 60; frame++) {
        put(&things[0], frame % 6 == 5 ? 8 : 7, 30, 10, 20);
        idf_tracker_update(&tracker, things, 1, &of);
        changes += tracker.tracks[of].row != 7;
    }
    assert_int_equal(changes, 0);
    for (int frame = 0; frame < 10; frame++) { /* but it follows when the evidence turns */
        put(&things[0], 8, 30, 10, 20);
        idf_tracker_update(&tracker, things, 1, &of);
    }
    assert_int_equal(tracker.tracks[of].row, 8);
    assert_int_equal(tracker.tracks[of].id, 1);
    size_t rows[4];
    assert_int_equal(idf_tracker_rows(&tracker, rows, 4), 2);
    assert_int_equal(idf_tracker_rows(&tracker, rows, 1), 1);
}

/* Two printings that take turns at being likelier: one name, never sure. */
static void a_doubt_stays_a_doubt(void **state) {
    (void)state;
    tracker = (idf_tracker){.n = 0};
    int of;
    for (int frame = 0; frame < 40; frame++) {
        put(&things[0], frame % 2 == 0 ? 7 : 8, 30, 10, 20);
        things[0].rival_row = frame % 2 == 0 ? 8 : 7;
        things[0].rival_evidence = 28;
        things[0].lead = 1;
        idf_tracker_update(&tracker, things, 1, &of);
        idf_track_steady(&tracker.tracks[of], &things[0]);
        assert_int_equal(things[0].row, 7);
        assert_int_equal(things[0].rival_row, 8);
        assert_int_equal(things[0].track_id, 1);
        if (frame >= 10)
            assert_true(fabs(things[0].lead) < 0.2);
    }
}

/* A frame in which little is seen, or another reference, is carried by those before it. */
static void weak_frames_are_carried(void **state) {
    (void)state;
    tracker = (idf_tracker){.n = 0};
    int of;
    for (int frame = 0; frame < 5; frame++) {
        put(&things[0], 7, 30, 10, 20);
        idf_tracker_update(&tracker, things, 1, &of);
    }
    put(&things[0], 7, 3, 15, 20);
    things[0].coverage = 0.1;
    assert_true(idf_tracker_expects(&tracker, &things[0]));
    idf_tracker_update(&tracker, things, 1, &of);
    idf_track_steady(&tracker.tracks[of], &things[0]);
    assert_in_range(things[0].evidence, 20, 29);
    assert_true(things[0].coverage > 0.6 && things[0].coverage < 1);
    put(&things[0], 9, 12, 15, 20);
    assert_false(idf_tracker_expects(&tracker, &things[0]));
    idf_tracker_update(&tracker, things, 1, &of);
    idf_track_steady(&tracker.tracks[of], &things[0]);
    assert_int_equal(things[0].row, 7);
    assert_int_equal(things[0].rival_row, 9);
    assert_true(things[0].lead > 0 && things[0].lead < 3);
    put(&things[1], 7, 30, 900, 700); /* far away */
    assert_false(idf_tracker_expects(&tracker, &things[1]));
}

static void what_is_gone_is_dropped(void **state) {
    (void)state;
    tracker = (idf_tracker){.n = 0};
    put(&things[0], 7, 30, 10, 20);
    idf_tracker_update(&tracker, things, 1, NULL);
    for (int frame = 0; frame < IDF_TRACK_PATIENCE; frame++) {
        idf_tracker_update(&tracker, NULL, 0, NULL);
        assert_int_equal(tracker.n, 1);
        assert_int_equal(tracker.tracks[0].n_unseen, frame + 1);
    }
    idf_tracker_update(&tracker, NULL, 0, NULL);
    assert_int_equal(tracker.n, 0);
    idf_tracker_update(&tracker, things, 1, NULL);
    assert_int_equal(tracker.tracks[0].id, 2);
}

static void more_things_than_room(void **state) {
    (void)state;
    tracker = (idf_tracker){.n = 0};
    int of[80], without = 0;
    for (int i = 0; i < 80; i++)
        put(&things[i], (size_t)i, 10, 200 * i, 0);
    idf_tracker_update(&tracker, things, 80, of);
    assert_int_equal(tracker.n, IDF_TRACKS_MAX);
    for (int i = 0; i < 80; i++)
        without += of[i] < 0;
    assert_int_equal(without, 80 - IDF_TRACKS_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_stay_while_things_move),
        cmocka_unit_test(one_wrong_frame_does_not_change_a_label),
        cmocka_unit_test(a_doubt_stays_a_doubt),
        cmocka_unit_test(weak_frames_are_carried),
        cmocka_unit_test(what_is_gone_is_dropped),
        cmocka_unit_test(more_things_than_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
