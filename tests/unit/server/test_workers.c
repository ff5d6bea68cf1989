/* test_workers.c - the queue: a limit, lanes in order and alone, everything run before the end. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/workers.h"

enum { N_JOBS = 400, N_LANES = 3 };

typedef struct numbered_job {
    idf_job job; /* first */
    int lane, number;
} numbered_job;

static atomic_int inside[N_LANES], last[N_LANES], n_run, n_wrong;

static void note(idf_job *job, idf_worker *worker) {
    numbered_job *j = (numbered_job *)(void *)job;
    if (worker->scratch == NULL)
        atomic_fetch_add(&n_wrong, 1);
    if (j->lane >= 0) {
        if (atomic_fetch_add(&inside[j->lane], 1) != 0) /* somebody else is in the lane */
            atomic_fetch_add(&n_wrong, 1);
        if (atomic_exchange(&last[j->lane], j->number) > j->number) /* out of order */
            atomic_fetch_add(&n_wrong, 1);
        atomic_fetch_sub(&inside[j->lane], 1);
    }
    atomic_fetch_add(&n_run, 1);
}

static void lanes_run_alone_and_in_order(void **state) {
    (void)state;
    static numbered_job jobs[N_JOBS];
    static const char lanes[N_LANES];
    idf_workers *workers;
    assert_int_equal(idf_workers_new(&workers, 4, N_JOBS, NULL), IDF_OK);
    for (int i = 0; i < N_JOBS; i++) {
        int lane = i % 5 < N_LANES ? i % 5 : -1;
        jobs[i] = (numbered_job){{NULL, lane >= 0 ? &lanes[lane] : NULL, note}, lane, i};
        assert_true(idf_workers_push(workers, &jobs[i].job));
    }
    idf_workers_stop(workers);
    assert_int_equal(atomic_load(&n_run), N_JOBS);
    assert_int_equal(atomic_load(&n_wrong), 0);
    assert_false(idf_workers_push(workers, &jobs[0].job));
    idf_workers_free(workers);
    idf_workers_free(NULL);
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void wait_at_gate(idf_job *job, idf_worker *worker) {
    (void)job, (void)worker;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

static void a_full_queue_refuses(void **state) {
    (void)state;
    idf_workers *workers;
    idf_job jobs[4] = {{NULL, NULL, wait_at_gate},
                       {NULL, NULL, wait_at_gate},
                       {NULL, NULL, wait_at_gate},
                       {NULL, NULL, wait_at_gate}};
    size_t n_queued = 1, n_in_work = 0;
    pthread_mutex_lock(&gate);
    assert_int_equal(idf_workers_new(&workers, 1, 2, NULL), IDF_OK);
    assert_true(idf_workers_push(workers, &jobs[0]));
    while (n_in_work == 0)
        idf_workers_count(workers, &n_queued, &n_in_work);
    assert_int_equal(n_queued, 0);
    assert_true(idf_workers_push(workers, &jobs[1]));
    assert_true(idf_workers_push(workers, &jobs[2]));
    assert_false(idf_workers_push(workers, &jobs[3]));
    pthread_mutex_unlock(&gate);
    idf_workers_free(workers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lanes_run_alone_and_in_order),
        cmocka_unit_test(a_full_queue_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
