/* Where a training stands, written and read back: every number to the last bit, damage of any byte
 * noticed, other runs told apart. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "support/jansson_alloc.h"
#include "support/scratch.h"
#include "train/checkpoint.h"

enum { N = 13, STEPS = 100 };

/* A state of its own memory. */
typedef struct holder {
    float params[N], best[N], mean[N], square[N];
    idf_checkpoint state;
} holder;

static void hold(holder *h, uint64_t seed) {
    float *const arrays[4] = {h->params, h->best, h->mean, h->square};
    idf_rng rng;
    idf_rng_init(&rng, seed, 1);
    for (int a = 0; a < 4; a++)
        for (int i = 0; i < N; i++)
            arrays[a][i] = (float)idf_rng_normal(&rng);
    h->state = (idf_checkpoint){
        .step = 42,
        .best_epoch = 3,
        .best_held = {800, 123, 123 / 800.0, -1 / 3.0, 0.1},
        .loss_sum = 1 / 7.0,
        .last_loss = 2.5,
        .n_params = N,
        .params = h->params,
        .best = h->best,
        .mean = h->mean,
        .square = h->square,
    };
}

static idf_run_facts some_facts(void) {
    idf_run_facts facts = {"0.1.0",   "builtin/4", "ViT-B/32",  "12",     "80",
                           "16",      "4",         "5e-4",      "0.1",    "1",
                           "bank:32", "mixed",     "principal", "0123abc"};
    return facts;
}

static idf_status read_back(holder *into, const char *path, idf_error *err) {
    idf_tensors *file;
    const idf_run_facts facts = some_facts();
    idf_status status = idf_checkpoint_open(&file, path, err);
    if (status != IDF_OK)
        return status;
    status = idf_checkpoint_compare(file, &facts, path, err);
    if (status == IDF_OK)
        status = idf_checkpoint_load(file, &into->state, STEPS, path, err);
    idf_tensors_free(file);
    return status;
}

static void what_is_written_is_read(void **state) {
    (void)state;
    holder there, back;
    const idf_run_facts facts = some_facts();
    const char *path = scratch_path("x.resume");
    hold(&there, 1);
    hold(&back, 2);
    back.state.step = 0;
    back.state.best_held = (idf_separation){0};
    back.state.loss_sum = 0;
    assert_int_equal(idf_checkpoint_write(&there.state, &facts, path, NULL), IDF_OK);
    assert_int_equal(read_back(&back, path, NULL), IDF_OK);
    assert_memory_equal(there.params, back.params, sizeof there.params);
    assert_memory_equal(there.best, back.best, sizeof there.best);
    assert_memory_equal(there.mean, back.mean, sizeof there.mean);
    assert_memory_equal(there.square, back.square, sizeof there.square);
    assert_true(back.state.step == 42 && back.state.best_epoch == 3);
    assert_memory_equal(&there.state.best_held, &back.state.best_held, sizeof(idf_separation));
    assert_true(back.state.loss_sum == 1 / 7.0 && back.state.last_loss == 2.5);
}

static void other_runs_are_told_apart(void **state) {
    (void)state;
    holder h;
    idf_tensors *file;
    idf_error err;
    const char *path = scratch_path("x.resume");
    idf_run_facts facts = some_facts();
    char *const texts[] = {facts.version, facts.encoder,   facts.model,       facts.epochs,
                           facts.steps,   facts.k_cards,   facts.m_augs,      facts.rate,
                           facts.seed,    facts.views,     facts.temperature, facts.recipe,
                           facts.start,   facts.references};
    hold(&h, 1);
    assert_int_equal(idf_checkpoint_write(&h.state, &facts, path, NULL), IDF_OK);
    assert_int_equal(idf_checkpoint_open(&file, path, NULL), IDF_OK);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char was = texts[i][0];
        texts[i][0] = '7';
        assert_int_equal(idf_checkpoint_compare(file, &facts, path, &err), IDF_ERR_MISMATCH);
        assert_non_null(strstr(err.message, "start anew"));
        if (i != 13) /* the references are but a hash */
            assert_non_null(strstr(err.message, texts[i]));
        texts[i][0] = was;
    }
    facts.references[0] = '\0'; /* not known yet */
    assert_int_equal(idf_checkpoint_compare(file, &facts, path, &err), IDF_OK);
    idf_tensors_free(file);
}

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    holder h, back;
    const idf_run_facts facts = some_facts();
    const char *path = scratch_path("x.resume");
    hold(&back, 2);
    for (int wrong = 0; wrong < 5; wrong++) {
        hold(&h, 1);
        if (wrong == 0)
            h.state.step = STEPS + 1;
        if (wrong == 1)
            h.mean[4] = NAN;
        if (wrong == 2)
            h.state.best_held.n_top1 = 801;
        if (wrong == 3)
            h.state.loss_sum = INFINITY;
        if (wrong == 4)
            h.state.n_params = N - 1;
        assert_int_equal(idf_checkpoint_write(&h.state, &facts, path, NULL), IDF_OK);
        assert_int_equal(read_back(&back, path, NULL), IDF_ERR_FORMAT);
    }
    assert_int_equal(read_back(&back, scratch_path("none"), NULL), IDF_ERR_NOT_FOUND);
    /* weights are no checkpoint */
    assert_int_equal(read_back(&back, source_path("tests/golden/train/head.safetensors"), NULL),
                     IDF_ERR_FORMAT);
}

static void damage_is_noticed(void **state) {
    (void)state;
    holder h, back;
    idf_bytes whole = {0};
    const idf_run_facts facts = some_facts();
    const char *path = scratch_path("x.resume"), *bad = scratch_path("bad.resume");
    hold(&h, 1);
    hold(&back, 2);
    assert_int_equal(idf_checkpoint_write(&h.state, &facts, path, NULL), IDF_OK);
    assert_int_equal(idf_file_read(&whole, path, 0, NULL), IDF_OK);
    for (size_t n = 0; n < whole.len; n += 7) {
        assert_int_equal(idf_file_write(bad, whole.data, n, NULL), IDF_OK);
        assert_int_not_equal(read_back(&back, bad, NULL), IDF_OK);
    }
    for (size_t i = 0; i < whole.len; i += 3) {
        whole.data[i] ^= 1;
        assert_int_equal(idf_file_write(bad, whole.data, whole.len, NULL), IDF_OK);
        assert_int_not_equal(read_back(&back, bad, NULL), IDF_OK);
        whole.data[i] ^= 1;
    }
    idf_bytes_release(&whole);
}

static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    holder h;
    const idf_run_facts facts = some_facts();
    const char *path = scratch_path("x.resume");
    hold(&h, 1);
    for (int run = 0; run < 4; run++) {
        bool reading = run % 2 == 1, jansson_too = run >= 2;
        jansson_alloc_fails(jansson_too);
        for (long n = 0;; n++) {
            idf_alloc_fail_after(n);
            idf_status status = reading ? read_back(&h, path, NULL)
                                        : idf_checkpoint_write(&h.state, &facts, path, NULL);
            bool failed = idf_alloc_failed();
            idf_alloc_fail_after(-1);
            assert_int_equal(status != IDF_OK, failed);
            assert_true(jansson_too || !failed || status == IDF_ERR_NO_MEMORY);
            if (!failed)
                break;
        }
    }
    jansson_alloc_fails(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),     cmocka_unit_test(other_runs_are_told_apart),
        cmocka_unit_test(what_cannot_be_is_refused),   cmocka_unit_test(damage_is_noticed),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
