/* Loss, gradients and steps: against PyTorch (tools/golden_train.py) and finite differences; the
 * same to the last bit on any number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "format/tensors.h"
#include "support/scratch.h"
#include "train/learner.h"
#include "train/sampler.h"
#include "train/schedule.h"
#include "train/supcon.h"

static void random_fill(float *out, size_t n, uint64_t seed) {
    idf_rng rng;
    idf_rng_init(&rng, seed, n);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)idf_rng_normal(&rng);
}

/* The loss by its definition, in double. */
static double plain_loss(const double *rows, const uint32_t *classes, int n, int dim,
                         double temperature) {
    double total = 0;
    for (int i = 0; i < n; i++) {
        double sum = 0, alike = 0;
        int n_alike = 0;
        for (int a = 0; a < n; a++) {
            double dot = 0, x = 0, y = 0;
            for (int k = 0; k < dim; k++) {
                dot += rows[i * dim + k] * rows[a * dim + k];
                x += rows[i * dim + k] * rows[i * dim + k];
                y += rows[a * dim + k] * rows[a * dim + k];
            }
            double s = dot / sqrt(x * y) / temperature;
            sum += a == i ? 0 : exp(s);
            if (a != i && classes[a] == classes[i]) {
                alike += s;
                n_alike++;
            }
        }
        total += log(sum) - alike / n_alike;
    }
    return total / n;
}

static void loss_and_slopes_by_definition(void **state) {
    (void)state;
    enum { N = 9, DIM = 7 };
    static const uint32_t classes[N] = {4, 4, 1, 1, 1, 9, 9, 4, 9};
    float rows[N * DIM], gradient[N * DIM];
    double exact[N * DIM];
    random_fill(rows, N * DIM, 3);
    void *scratch = idf_alloc_aligned(idf_supcon_scratch_bytes(N, DIM), 1);
    assert_non_null(scratch);
    idf_supcon job = {N, DIM, rows, classes, 0.2f, gradient, scratch};
    double loss = idf_supcon_run(&job, NULL);
    for (int i = 0; i < N * DIM; i++)
        exact[i] = rows[i];
    assert_true(fabs(loss - plain_loss(exact, classes, N, DIM, 0.2)) < 1e-5);
    for (int i = 0; i < N * DIM; i++) {
        const double h = 1e-5;
        exact[i] = rows[i] + h;
        double above = plain_loss(exact, classes, N, DIM, 0.2);
        exact[i] = rows[i] - h;
        double below = plain_loss(exact, classes, N, DIM, 0.2);
        exact[i] = rows[i];
        assert_true(fabs(gradient[i] - (above - below) / (2 * h)) < 2e-6);
    }
    idf_free(scratch);
}

/* Whatever the temperature, nothing overflows. */
static void extremes_stay_finite(void **state) {
    (void)state;
    enum { N = 4, DIM = 3 };
    static const uint32_t classes[N] = {0, 0, 1, 1};
    float rows[N * DIM] = {1e15f, 0, 0, -1e-15f, 0, 0, 0, 0, 0, 0, 1, 0}, gradient[N * DIM];
    void *scratch = idf_alloc_aligned(idf_supcon_scratch_bytes(N, DIM), 1);
    idf_supcon job = {N, DIM, rows, classes, 1e-3f, gradient, scratch};
    assert_true(isfinite(idf_supcon_run(&job, NULL)));
    idf_free(scratch);
}

static idf_tensors *golden;

static float *floats(const char *name, size_t n) {
    const idf_tensor *tensor = idf_tensors_find(golden, name);
    assert_non_null(tensor);
    assert_int_equal(tensor->n_items, n);
    float *out = idf_alloc(n, sizeof *out);
    assert_int_equal(idf_tensor_to_f32(tensor, out, NULL), IDF_OK);
    return out;
}

enum { IN = 40, HIDDEN = 36, OUT = 20, ROWS = 12, STEPS = 50 };

/* The four parts of the parameters, in their order. */
typedef struct part {
    const char *name;
    size_t n;
} part;
static const part parts[] = {
    {"0.weight", HIDDEN *IN}, {"0.bias", HIDDEN}, {"2.weight", OUT *HIDDEN}, {"2.bias", OUT}};

static idf_head *head_of(const char *moment) {
    idf_head *head;
    assert_int_equal(idf_head_new(&head, IN, HIDDEN, OUT, NULL), IDF_OK);
    float *at = head->params;
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s.%s", moment, parts[i].name);
        float *values = floats(name, parts[i].n);
        memcpy(at, values, parts[i].n * sizeof *at);
        at += parts[i].n;
        idf_free(values);
    }
    idf_head_pack(head);
    return head;
}

static int open_golden(void **state) {
    (void)state;
    return idf_tensors_open(&golden, source_path("tests/golden/train/head.safetensors"), NULL);
}

static int close_golden(void **state) {
    (void)state;
    idf_tensors_free(golden);
    return 0;
}

/* Each part differs by at most `bound` of its largest number. */
static void assert_parts_near(const float *got, const float *want, double bound) {
    for (int i = 0; i < 4; i++) {
        double most = 0, off = 0;
        for (size_t k = 0; k < parts[i].n; k++) {
            most = fmax(most, fabs(want[k]));
            off = fmax(off, fabs((double)got[k] - want[k]));
        }
        if (!(off <= bound * most))
            fail_msg("%s is %g off, of %g", parts[i].name, off, most);
        got += parts[i].n;
        want += parts[i].n;
    }
}

static void equal_to_pytorch(void **state) {
    (void)state;
    idf_learner *l;
    idf_head *head = head_of("start"), *slopes = head_of("gradient"), *end = head_of("end");
    float *features = floats("features", STEPS * ROWS * IN), *losses = floats("losses", STEPS);
    float *rates = floats("rates", STEPS);
    const uint32_t *classes = (const uint32_t *)idf_tensors_find(golden, "classes")->data;
    assert_int_equal(idf_learner_new(&l, head, ROWS, NULL, NULL), IDF_OK);
    for (int step = 0; step < STEPS; step++) {
        uint32_t of[ROWS];
        memcpy(of, classes + step * ROWS, sizeof of);
        double loss = idf_learner_loss(l, features + step * ROWS * IN, of);
        double rate = idf_cosine_rate(2e-3, (uint64_t)step, STEPS);
        assert_true(fabs(rate - rates[step]) < 1e-9);
        assert_true(fabs(loss - losses[step]) < (step == 0 ? 1e-5 : 1e-4) * losses[step]);
        if (step == 0)
            assert_parts_near(l->gradient, slopes->params, 1e-5);
        idf_learner_update(l, rate);
    }
    assert_parts_near(head->params, end->params, 1e-4);
    idf_learner_free(l);
    idf_head_free(head);
    idf_head_free(slopes);
    idf_head_free(end);
    idf_free(features);
    idf_free(losses);
    idf_free(rates);
}

/* The slope along a random direction, for sizes that fill no panel. */
static void finite_differences(void **state) {
    (void)state;
    enum { N = 10, FROM = 33, MID = 45, TO = 19 };
    static const uint32_t classes[N] = {0, 0, 1, 1, 2, 2, 0, 1, 2, 2};
    idf_head *head;
    idf_learner *l;
    float x[N * FROM];
    assert_int_equal(idf_head_new(&head, FROM, MID, TO, NULL), IDF_OK);
    assert_int_equal(idf_learner_new(&l, head, N, NULL, NULL), IDF_OK);
    l->temperature = 0.5f;
    random_fill(x, N * FROM, 1);
    idf_head_randomise(head, 2);
    size_t n = head->n_params;
    float *way = idf_alloc(n, sizeof *way), *at = idf_alloc(n, sizeof *at);
    float *slope = idf_alloc(n, sizeof *slope);
    memcpy(at, head->params, n * sizeof *at);
    idf_head_pack(head);
    idf_learner_loss(l, x, classes);
    memcpy(slope, l->gradient, n * sizeof *slope);
    for (uint64_t trial = 0; trial < 5; trial++) {
        double along = 0, loss[2];
        const float h = 1e-3f;
        random_fill(way, n, 10 + trial);
        for (int side = 0; side < 2; side++) {
            for (size_t i = 0; i < n; i++)
                head->params[i] = at[i] + (side == 0 ? h : -h) * way[i];
            idf_head_pack(head);
            loss[side] = idf_learner_loss(l, x, classes);
        }
        for (size_t i = 0; i < n; i++)
            along += (double)slope[i] * way[i];
        double measured = (loss[0] - loss[1]) / (2 * h);
        assert_true(fabs(measured - along) < 2e-3 * (1 + fabs(along)));
    }
    idf_free(way);
    idf_free(at);
    idf_free(slope);
    idf_learner_free(l);
    idf_head_free(head);
}

/* Ten steps with `threads` workers. */
static idf_head *train_with(int threads) {
    enum { N = 64 };
    idf_pool *pool = NULL;
    idf_head *head;
    idf_learner *l;
    static float bank[10 * 8 * 96];
    float x[N * 96];
    uint32_t classes[N], order[18];
    uint64_t views[N];
    if (threads > 0)
        assert_int_equal(idf_pool_new(&pool, threads, NULL), IDF_OK);
    random_fill(bank, sizeof bank / sizeof *bank, 4);
    assert_int_equal(idf_head_new(&head, 96, 128, 64, NULL), IDF_OK);
    idf_head_randomise(head, 1);
    idf_head_pack(head);
    assert_int_equal(idf_learner_new(&l, head, N, pool, NULL), IDF_OK);
    idf_sampler sampler = {7, 10, 8, 8, 8, order};
    for (uint64_t step = 0; step < 10; step++) {
        idf_sampler_draw(&sampler, step, classes, views);
        for (size_t i = 0; i < N; i++)
            memcpy(x + i * 96, bank + (classes[i] * 8 + views[i]) * 96, 96 * sizeof *x);
        idf_learner_loss(l, x, classes);
        idf_learner_update(l, 1e-3);
    }
    idf_learner_free(l);
    idf_pool_free(pool);
    return head;
}

static void threads_change_nothing(void **state) {
    (void)state;
    idf_head *alone = train_with(0);
    for (int threads = 1; threads <= 4; threads++) {
        idf_head *together = train_with(threads);
        assert_memory_equal(alone->params, together->params, alone->n_params * sizeof(float));
        idf_head_free(together);
    }
    idf_head_free(alone);
}

/* One step with a decay and one without: they differ by rate x decay x the parameter, whatever the
 * gradient (AdamW decays apart from it). */
static void weights_decay_apart_from_the_gradient(void **state) {
    (void)state;
    enum { N = 16, WIDE = 24 };
    float x[N * WIDE], decay = 0.5f, rate = 0.01f;
    uint32_t classes[N];
    idf_head *heads[2], *start;
    random_fill(x, N * WIDE, 8);
    for (uint32_t i = 0; i < N; i++)
        classes[i] = i / 2;
    for (int k = 0; k < 2; k++) {
        idf_learner *l;
        assert_int_equal(idf_head_new(&heads[k], WIDE, 32, 16, NULL), IDF_OK);
        idf_head_randomise(heads[k], 1);
        idf_head_pack(heads[k]);
        assert_int_equal(idf_learner_new(&l, heads[k], N, NULL, NULL), IDF_OK);
        assert_float_equal(l->weight_decay, 1e-4, 1e-9); /* the original's */
        l->weight_decay = k * decay;
        idf_learner_loss(l, x, classes);
        idf_learner_update(l, rate);
        idf_learner_free(l);
    }
    assert_int_equal(idf_head_new(&start, WIDE, 32, 16, NULL), IDF_OK);
    idf_head_randomise(start, 1);
    for (size_t i = 0; i < start->n_params; i++)
        assert_float_equal(heads[0]->params[i] - heads[1]->params[i],
                           rate * decay * start->params[i], 1e-6);
    for (int k = 0; k < 2; k++)
        idf_head_free(heads[k]);
    idf_head_free(start);
}

static void draws_are_fair_and_replay(void **state) {
    (void)state;
    enum { CLASSES = 9, K = 4, M = 3, VIEWS = 5, DRAWS = 2000 };
    uint32_t order[CLASSES + VIEWS], classes[K * M], again[K * M];
    uint64_t views[K * M], views_again[K * M];
    int seen[CLASSES][VIEWS] = {{0}};
    idf_sampler s = {11, CLASSES, K, M, VIEWS, order};
    for (uint64_t step = 0; step < DRAWS; step++) {
        idf_sampler_draw(&s, step, classes, views);
        idf_sampler_draw(&s, step, again, views_again);
        assert_memory_equal(classes, again, sizeof classes);
        assert_memory_equal(views, views_again, sizeof views);
        for (int i = 0; i < K * M; i++) {
            assert_int_equal(classes[i], classes[i / M * M]);
            assert_true(i % M == 0 || (views[i] != views[i - 1] && views[i] != views[i / M * M]));
            for (int c = 0; c < i / M; c++)
                assert_int_not_equal(classes[i], classes[c * M]);
            seen[classes[i]][views[i]]++;
        }
    }
    double mean = (double)DRAWS * K * M / (CLASSES * VIEWS); /* 533, deviation under 23 */
    for (int i = 0; i < CLASSES * VIEWS; i++)
        assert_true(fabs(seen[i / VIEWS][i % VIEWS] - mean) < 120);
    s.n_views = 2; /* fewer than m: repeated */
    idf_sampler_draw(&s, 0, classes, views);
    assert_true(views[0] != views[1] && views[2] == views[0]);
    s.n_views = 0; /* every draw its own */
    idf_sampler_draw(&s, 7, classes, views);
    for (int i = 0; i < K * M; i++)
        assert_int_equal(views[i], 7 * M + i % M);
}

static void out_of_memory(void **state) {
    (void)state;
    idf_error err;
    for (long n = 0;; n++) {
        idf_head *head = NULL;
        idf_learner *l = NULL;
        idf_alloc_fail_after(n);
        idf_status status = idf_head_new(&head, 20, 30, 10, &err);
        if (status == IDF_OK)
            status = idf_learner_new(&l, head, 8, NULL, &err);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        assert_int_equal(status, failed ? IDF_ERR_NO_MEMORY : IDF_OK);
        assert_true((l == NULL) == (failed != 0));
        idf_learner_free(l);
        idf_head_free(head);
        if (!failed)
            return;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_and_slopes_by_definition),
        cmocka_unit_test(extremes_stay_finite),
        cmocka_unit_test_setup_teardown(equal_to_pytorch, open_golden, close_golden),
        cmocka_unit_test(finite_differences),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(weights_decay_apart_from_the_gradient),
        cmocka_unit_test(draws_are_fair_and_replay),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
