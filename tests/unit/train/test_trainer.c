/* test_trainer.c - the head that a training gives, and where training itself has got to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above */
#include <cmocka.h>

#include <math.h>

#include <identify/identify.h>

#include "base/alloc.h"
#include "format/tensors.h"
#include "support/painted.h"
#include "support/scratch.h"
#include "train/checkpoint.h"

enum { SIDE = 96, N_PICTURES = 4, STEPS = 6 };

static idf_encoder *encoder;

static int make(void **state) {
    if (scratch_make(state) != 0 || idf_encoder_open_builtin(&encoder, NULL) != IDF_OK)
        return -1;
    for (unsigned i = 0; i < N_PICTURES; i++) {
        char name[32];
        snprintf(name, sizeof name, "p%u.png", i);
        paint_file(scratch_path(name), SIDE, i);
    }
    return 0;
}

static int take_away(void **state) {
    idf_encoder_free(encoder);
    return scratch_remove(state);
}

/* Stops once the first epoch is over. */
static bool one_epoch(void *context, const idf_progress *progress) {
    (void)context;
    return strcmp(progress->stage, "train") != 0 || progress->done < progress->total / 2;
}

/* Trains for one epoch of two. The caller frees the arrays of *out. */
static idf_train_report train(double rate, uint64_t seed, idf_checkpoint *out) {
    idf_train_options o;
    idf_train_report report;
    idf_error err = IDF_ERROR_INIT;
    idf_tensors *file;
    idf_train_defaults(&o);
    o.refs_dir = scratch_folder;
    o.out_path = scratch_path("head.safetensors");
    o.encoder = encoder;
    o.epochs = 2;
    o.steps_per_epoch = STEPS;
    o.k_cards = N_PICTURES;
    o.m_views = 2;
    o.bank_views = 4;
    o.seed = seed;
    o.learning_rate = rate;
    o.progress = one_epoch;
    if (idf_train_head(&o, &report, &err) != IDF_OK)
        fail_msg("%s", err.message);
    assert_true(report.interrupted);
    const char *path = scratch_path("head.safetensors.resume");
    assert_int_equal(idf_checkpoint_open(&file, path, &err), IDF_OK);
    const idf_tensor *params = idf_tensors_find(file, "params");
    assert_non_null(params);
    size_t n = (size_t)params->shape[0];
    *out = (idf_checkpoint){.n_params = n};
    float **arrays[4] = {&out->params, &out->best, &out->mean, &out->square};
    for (int i = 0; i < 4; i++)
        assert_non_null(*arrays[i] = idf_alloc(n, sizeof(float)));
    assert_int_equal(idf_checkpoint_load(file, out, 2 * STEPS, path, &err), IDF_OK);
    idf_tensors_free(file);
    return report;
}

static void release(idf_checkpoint *c) {
    idf_free(c->params);
    idf_free(c->best);
    idf_free(c->mean);
    idf_free(c->square);
}

/* The head lies a quarter of the way from the start to where training is (docs/training.md). */
static void a_quarter_of_the_way(void **state) {
    (void)state;
    idf_checkpoint start, there;
    idf_train_report report = {0};
    uint64_t seed = 0;
    while (seed < 8 && report.best_epoch != 1) { /* until an epoch is better than the start */
        if (seed > 0)
            release(&there);
        report = train(3e-3, ++seed, &there);
    }
    assert_int_equal(report.best_epoch, 1);
    train(1e-30, seed, &start); /* goes nowhere */
    double way = 0, off = 0;
    for (size_t i = 0; i < there.n_params; i++) {
        double whole = (double)there.params[i] - (double)start.params[i];
        way += fabs(whole);
        off += fabs((double)there.best[i] - (double)start.params[i] - 0.25 * whole);
    }
    assert_true(way > 1);
    assert_true(off < 1e-3 * way); /* float arithmetic */
    release(&start);
    release(&there);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_quarter_of_the_way)};
    return cmocka_run_group_tests(tests, make, take_away);
}
