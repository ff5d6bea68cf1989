/* What a head is worth: top-1, margin and separation of known scores, the verdict, and the start
 * that loses nothing. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "train/measure.h"
#include "train/start.h"

static void known_scores(void **state) {
    (void)state;
    /* Three references along the axes; the third counts as the second. */
    static const float refs[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    static const float views[12] = {0.9f, 0.1f, 0.2f, 0.5f, 0.6f, 0, 0, 0.3f, 0.8f, 0.7f, 0.2f, 0};
    static const uint32_t classes[3] = {0, 1, 1}, of[4] = {0, 0, 1, 0};
    const idf_view_test test = {refs, views, 3, 4, 3, classes, of};
    idf_separation s;
    uint8_t right[4];
    assert_int_equal(idf_view_test_run(&s, right, &test, NULL, NULL), IDF_OK);
    /* right: .9 .5 .8 .7, wrong: .2 .6 0 .2 */
    assert_int_equal(s.n_top1, 3);
    assert_memory_equal(right, "\1\0\1\1", 4);
    assert_true(fabs(s.top1 - 0.75) < 1e-9);
    assert_true(fabs(s.margin - 0.6) < 1e-6);
    assert_true(fabs(s.separation - 15.0 / 16) < 1e-9);
}

static void verdicts(void **state) {
    (void)state;
    enum { N = 100 };
    uint8_t before[N] = {0}, after[N] = {0};
    idf_separation a = {.n_views = N, .separation = 0.8}, b = a;
    assert_int_equal(idf_verdict_of(&a, before, &b, after), IDF_VERDICT_SAME);
    memset(after, 1, 4); /* 4 won of 4: as likely as not by chance */
    assert_int_equal(idf_verdict_of(&a, before, &b, after), IDF_VERDICT_SAME);
    memset(after, 1, 9);
    assert_int_equal(idf_verdict_of(&a, before, &b, after), IDF_VERDICT_HELPS);
    assert_int_equal(idf_verdict_of(&a, after, &b, before), IDF_VERDICT_HURTS);
    memset(before + 50, 1, 9); /* as many lost */
    assert_int_equal(idf_verdict_of(&a, before, &b, after), IDF_VERDICT_SAME);
    b.separation = 0.85;
    assert_int_equal(idf_verdict_of(&a, before, &b, after), IDF_VERDICT_HELPS);
    b.separation = 0.75;
    assert_int_equal(idf_verdict_of(&a, before, &b, after), IDF_VERDICT_HURTS);
}

static double cosine(const float *a, const float *b, int n) {
    double dot = 0, x = 0, y = 0;
    for (int i = 0; i < n; i++) {
        dot += (double)a[i] * b[i];
        x += (double)a[i] * a[i];
        y += (double)b[i] * b[i];
    }
    return dot / sqrt(x * y);
}

/* Up to `out` rows keep their cosines; two equal ones are no obstacle. */
static void the_start_loses_nothing(void **state) {
    (void)state;
    enum { IN = 60, OUT = 24, N = 20 };
    float rows[N * IN], projected[N * OUT];
    idf_head *head;
    idf_rng rng;
    idf_rng_init(&rng, 3, 3);
    for (int i = 0; i < N * IN; i++)
        rows[i] = 0.2f + (float)idf_rng_normal(&rng) * 0.3f;
    memcpy(rows + 7 * IN, rows, IN * sizeof *rows);
    assert_int_equal(idf_head_new(&head, IN, 2 * OUT, OUT, NULL), IDF_OK);
    assert_int_equal(idf_head_start_principal(head, rows, N, 1, NULL), IDF_OK);
    idf_head_pack(head);
    void *scratch = idf_alloc_aligned(idf_head_scratch_bytes(head), 1);
    idf_head_apply(head, rows, N, projected, scratch, NULL);
    for (int a = 0; a < N; a++)
        for (int b = 0; b < N; b++)
            assert_true(fabs(cosine(rows + a * IN, rows + b * IN, IN) -
                             cosine(projected + a * OUT, projected + b * OUT, OUT)) < 1e-5);
    idf_free(scratch);
    idf_head_free(head);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_scores),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(the_start_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
