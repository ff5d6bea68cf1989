/* The curves through what right answers and strangers reach. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka.h needs the four before stdlib */
#include <cmocka.h>

#include <math.h>

#include "base/rng.h"
#include "build/calibrate.h"

static double score(const idf_calibration *c, double evidence) {
    return idf_geometry_score(&c->scale, evidence);
}

static void strangers_set_the_threshold(void **state) {
    (void)state;
    double right[50], quiet[50], loud[50];
    idf_calibration a, b, strict;
    for (int i = 0; i < 50; i++) {
        right[i] = 20 + i;
        quiet[i] = 0;
        loud[i] = i < 10 ? 1 + 0.5 * i : 0;
    }
    idf_calibrate_evidence(&a, right, quiet, 50, 0.001);
    idf_calibrate_evidence(&b, right, loud, 50, 0.001);
    idf_calibrate_evidence(&strict, right, quiet, 50, 0.00001);
    /* what strangers reach is not enough, what right ones reach is */
    assert_true(score(&b, 5.5) < b.sim_threshold);
    assert_true(score(&b, 20) > b.sim_threshold);
    assert_true(b.geometry_recall == 1.0);
    /* 4 is enough where strangers are quiet, and not where they are loud or the rate is stricter */
    assert_true(score(&a, 4) > a.sim_threshold);
    assert_true(score(&b, 4) < b.sim_threshold);
    assert_true(score(&strict, 4) < strict.sim_threshold);
    assert_true(score(&a, 3) < score(&a, 4) && score(&a, 4) < score(&a, 8));
}

static void cosines_meet_the_same_threshold(void **state) {
    (void)state;
    double right[200], strangers[200];
    idf_rng rng;
    idf_calibration c = {.sim_threshold = 0.9};
    idf_rng_init(&rng, 5, 0);
    for (int i = 0; i < 200; i++) {
        strangers[i] = 0.2 + 0.04 * idf_rng_normal(&rng);
        right[i] = 0.5 + 0.05 * idf_rng_normal(&rng);
    }
    const idf_strangers own = {.own = strangers, .n_own = 200};
    idf_calibrate_cosine(&c, right, 200, &own, 0.001);
    /* one normal value in a thousand lies 3.09 deviations up */
    double enough = 0.2 + 3.09 * 0.04;
    assert_true(idf_embedding_score(&c.scale, enough - 0.02) < 0.9);
    assert_true(idf_embedding_score(&c.scale, enough + 0.02) > 0.9);
    assert_true(fabs(idf_embedding_score(&c.scale, 0.2) - 0.02) < 0.01);
    assert_true(c.embedding_recall > 0.98);
}

/* However many strangers may pass, the more alike two things are the higher the score. */
static void scores_rise_at_every_rate(void **state) {
    (void)state;
    const double rates[] = {0.9999, 0.5, 0.3, 0.16, 0.01, 1e-9};
    double right[20], strangers[20], few = 0.1;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        idf_calibration c = {.scale = idf_scale_default};
        for (int k = 0; k < 20; k++) {
            right[k] = 5 + k;
            strangers[k] = 0.1 + 0.01 * k;
        }
        idf_calibrate_evidence(&c, right, strangers, 20, rates[i]);
        for (int known = 0; known < 2; known++) {
            const idf_strangers s = {
                .own = known ? strangers : &few, .n_own = known ? 20 : 1, .unknown = 0.25};
            idf_calibrate_cosine(&c, right, 20, &s, rates[i]);
            assert_true(c.scale.cosine_slope > 0 && c.scale.cosine_slope < 1000);
            assert_true(idf_embedding_score(&c.scale, 0.1) < idf_embedding_score(&c.scale, 0.4));
        }
    }
}

/* However far right answers reach, what is accepted is as likely right as not. */
static void what_is_accepted_is_likely(void **state) {
    (void)state;
    double right[20], strangers[20];
    idf_calibration c = {.scale = idf_scale_default};
    for (int i = 0; i < 20; i++) {
        right[i] = 900 + i;
        strangers[i] = i % 2 ? 3 : 0;
    }
    idf_calibrate_evidence(&c, right, strangers, 20, 0.5);
    assert_true(c.sim_threshold >= 0.5);
    assert_true(score(&c, 6) >= 0.5);
}

/* Strangers of the collection and of no collection: the threshold is above both. */
static void the_nearer_strangers_count(void **state) {
    (void)state;
    double right[8] = {0.9}, near[50], far[50];
    for (int which = 0; which < 2; which++) {
        idf_calibration c = {.sim_threshold = 0.9};
        for (int i = 0; i < 50; i++) {
            near[i] = 0.5 + 0.002 * i;
            far[i] = 0.1 + 0.002 * i;
        }
        const idf_strangers strangers = {.own = which == 0 ? near : far,
                                         .background = which == 0 ? far : near,
                                         .n_own = 50,
                                         .n_background = 50};
        idf_calibrate_cosine(&c, right, 8, &strangers, 0.001);
        assert_true(idf_embedding_score(&c.scale, 0.6) < 0.9);
        assert_true(idf_embedding_score(&c.scale, 0.7) > 0.9);
    }
}

static void nothing_known_is_safe(void **state) {
    (void)state;
    idf_calibration c = {.scale = idf_scale_default};
    double none = 0;
    idf_calibrate_evidence(&c, &none, &none, 0, 0.001);
    const idf_strangers nobody = {.unknown = 0.25};
    idf_calibrate_cosine(&c, &none, 0, &nobody, 0.001);
    assert_true(idf_embedding_score(&c.scale, 0.24) < c.sim_threshold);
    assert_true(c.sim_threshold > 0 && c.sim_threshold < 1);
    assert_true(isfinite(c.scale.cosine_slope) && c.scale.cosine_slope > 0);
    assert_true(score(&c, 0) < c.sim_threshold);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_set_the_threshold),
        cmocka_unit_test(cosines_meet_the_same_threshold),
        cmocka_unit_test(scores_rise_at_every_rate),
        cmocka_unit_test(what_is_accepted_is_likely),
        cmocka_unit_test(the_nearer_strangers_count),
        cmocka_unit_test(nothing_known_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
