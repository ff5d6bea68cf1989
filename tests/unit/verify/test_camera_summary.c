/* What camera views come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs the four before stdlib */
#include <cmocka.h>

#include <math.h>

#include "base/alloc.h"
#include "verify/camera_summary.h"

enum { ROWS = 4, VIEWS = 3, N = ROWS * VIEWS };

/* Row 0 always right, row 1 once taken for row 2, row 2 never seen, row 3 twice taken for row 0. */
static idf_camera_test made(idf_camera_view views[N], idf_camera_reference references[ROWS]) {
    for (size_t i = 0; i < N; i++) {
        size_t row = i % ROWS, view = i / ROWS;
        bool right = row == 0 || (row == 1 && view > 0) || (row == 3 && view == 2);
        views[i] = (idf_camera_view){.row = row,
                                     .view = (int)view,
                                     .looked = row != 2,
                                     .rank = right ? 0 : 3,
                                     .rival = row == 3 && view < 2 ? 0 : 2,
                                     .score = right ? 0.9f : 0.1f,
                                     .margin = right ? 0.5f : -0.3f,
                                     .cosine_margin = 0.1f,
                                     .accepted = right,
                                     .right = right,
                                     .reach = right ? 0.9 : 0,
                                     .tried = row != 2 && view == 0,
                                     .plain_rank = row == 0 ? 4 : SIZE_MAX,
                                     .stranger_reach = row == 3 ? 0.4 : 0.1,
                                     .stranger_taken = row == 3};
    }
    return (idf_camera_test){.n_references = ROWS,
                             .n_views_asked = N,
                             .n_unreadable = 1,
                             .used_false_accepts = 0.001,
                             .views = views,
                             .references = references};
}

static void counts_and_order(void **state) {
    (void)state;
    idf_camera_view views[N];
    idf_camera_reference references[ROWS];
    idf_camera_test t = made(views, references);
    assert_int_equal(idf_camera_summarise(&t, &idf_scale_default, NULL), IDF_OK);
    assert_int_equal(t.n_views, 9);
    assert_int_equal(t.n_top1, 6);
    assert_int_equal(t.n_top5, 9);
    assert_int_equal(t.n_accepted_right, 6);
    assert_int_equal(t.n_accepted_wrong, 0);
    assert_int_equal(t.n_tried, 3);
    assert_int_equal(t.n_plain_top1, 0);
    assert_int_equal(t.n_plain_top5, 1);
    assert_int_equal(t.n_strangers_taken, 1);
    assert_false(t.out_of_time); /* the picture that is missing has no views */
    assert_true(t.median_margin == 0.5 && fabs(t.median_cosine_margin - 0.1) < 1e-6);
    const size_t order[] = {3, 1, 0, 2}; /* the weakest first, what was not seen last */
    for (int i = 0; i < ROWS; i++)
        assert_int_equal(references[i].row, order[i]);
    assert_int_equal(references[0].n_top1, 1);
    assert_int_equal(references[0].rival, 0);
    assert_int_equal(references[0].n_rival, 2);
    assert_int_equal(references[1].rival, 2);
    assert_int_equal(references[1].n_rival, 1);
    assert_int_equal(references[2].n_rival, 0);
    assert_int_equal(references[3].n_views, 0);
}

static void curves(void **state) {
    (void)state;
    idf_camera_view views[N];
    idf_camera_reference references[ROWS];
    idf_camera_test t = made(views, references);
    idf_roc_point roc[N];
    assert_int_equal(idf_camera_summarise(&t, &idf_scale_default, NULL), IDF_OK);
    /* At 0.9: two thirds recognised, no stranger. Just over 0.1: a third of either. */
    assert_true(fabs(t.equal_error_rate - 1.0 / 3) < 1e-9);
    assert_true(t.equal_error_threshold > 0.1 && t.equal_error_threshold < 0.9);
    size_t n = idf_camera_test_roc(&t, roc, N, NULL);
    assert_int_equal(n, 4);
    assert_true(roc[0].threshold == 0.9 && fabs(roc[0].recall - 2.0 / 3) < 1e-9);
    assert_true(roc[0].false_accepts == 0);
    assert_true(roc[1].threshold == 0.4 && fabs(roc[1].false_accepts - 1.0 / 3) < 1e-9);
    assert_true(roc[n - 1].recall == 1 && roc[n - 1].false_accepts == 1);
    for (size_t i = 1; i < n; i++)
        assert_true(roc[i].recall >= roc[i - 1].recall &&
                    roc[i].false_accepts >= roc[i - 1].false_accepts);
}

static void out_of_memory(void **state) {
    (void)state;
    for (long n = 0;; n++) {
        idf_camera_view views[N];
        idf_camera_reference references[ROWS];
        idf_camera_test t = made(views, references);
        idf_alloc_fail_after(n);
        idf_status status = idf_camera_summarise(&t, &idf_scale_default, NULL);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        assert_int_equal(status, failed ? IDF_ERR_NO_MEMORY : IDF_OK);
        if (!failed)
            return;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_order),
        cmocka_unit_test(curves),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
