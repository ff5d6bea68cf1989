/* test_pool.c - every item once, whatever the number of threads, for large and small jobs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <identify/pool.h>

#include "base/alloc.h"

typedef struct counting {
    size_t n;
    int n_threads;
    unsigned char *seen;                     /* n */
    size_t per_worker[IDF_POOL_MAX_THREADS]; /* each written by its worker only */
    size_t out_of_range;
} counting;

static void count_item(void *context, size_t item, int worker) {
    counting *c = context;
    if (item >= c->n || worker < 0 || worker >= c->n_threads) {
        c->out_of_range++;
        return;
    }
    c->seen[item]++; /* no other thread has this item */
    c->per_worker[worker]++;
}

static void run(idf_pool *pool, size_t n) {
    counting *c = idf_alloc_zero(1, sizeof *c);
    c->n = n;
    c->n_threads = idf_pool_threads(pool);
    c->seen = idf_alloc_zero(n, 1);
    idf_pool_for(pool, n, count_item, c);
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(c->seen[i], 1);
    for (int w = 0; w < IDF_POOL_MAX_THREADS; w++)
        total += c->per_worker[w];
    assert_int_equal(total, n);
    assert_int_equal(c->out_of_range, 0);
    idf_free(c->seen);
    idf_free(c);
}

static void every_item_once(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 1000, 50000};
    for (int threads = 1; threads <= 8; threads++) {
        idf_pool *pool;
        assert_int_equal(idf_pool_new(&pool, threads, NULL), IDF_OK);
        assert_int_equal(idf_pool_threads(pool), threads);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            run(pool, sizes[i]);
        idf_pool_free(pool);
    }
    run(NULL, 100);
    assert_int_equal(idf_pool_threads(NULL), 1);
}

static void many_small_jobs(void **state) {
    (void)state;
    idf_pool *pool;
    assert_int_equal(idf_pool_new(&pool, 4, NULL), IDF_OK);
    for (size_t i = 0; i < 3000; i++)
        run(pool, i % 6);
    idf_pool_free(pool);
}

static void put_square(void *context, size_t item, int worker) {
    (void)worker;
    ((uint64_t *)context)[item] = (uint64_t)item * item;
}

/* What tasks wrote is there when the call returns, without any locking of the caller's. */
static void results_are_visible(void **state) {
    (void)state;
    enum { N = 2000 };
    uint64_t out[N];
    idf_pool *pool;
    assert_int_equal(idf_pool_new(&pool, 3, NULL), IDF_OK);
    for (int round = 0; round < 50; round++) {
        memset(out, 0xff, sizeof out);
        idf_pool_for(pool, N, put_square, out);
        for (size_t i = 0; i < N; i++)
            assert_true(out[i] == (uint64_t)i * i);
    }
    idf_pool_free(pool);
}

static void made_and_freed(void **state) {
    (void)state;
    for (int i = 0; i < 100; i++) { /* freed at once, while workers are still starting */
        idf_pool *pool;
        assert_int_equal(idf_pool_new(&pool, 1 + i % 5, NULL), IDF_OK);
        idf_pool_free(pool);
    }
    idf_pool *pool;
    assert_int_equal(idf_pool_new(&pool, 0, NULL), IDF_OK); /* what the machine has */
    assert_in_range(idf_pool_threads(pool), 1, IDF_POOL_MAX_THREADS);
    run(pool, 100);
    idf_pool_free(pool);
    idf_pool_free(NULL);
}

static void wrong_numbers(void **state) {
    (void)state;
    static const int wrong[] = {-1, IDF_POOL_MAX_THREADS + 1, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        idf_pool *pool;
        idf_error err = IDF_ERROR_INIT;
        assert_int_equal(idf_pool_new(&pool, wrong[i], &err), IDF_ERR_ARGUMENT);
        assert_null(pool);
        assert_true(err.message[0] != '\0');
    }
}

static void out_of_memory(void **state) {
    (void)state;
    for (long n = 0;; n++) {
        idf_pool *pool;
        idf_error err = IDF_ERROR_INIT;
        idf_alloc_fail_after(n);
        idf_status status = idf_pool_new(&pool, 4, &err);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        assert_int_equal(status, failed ? IDF_ERR_NO_MEMORY : IDF_OK);
        assert_true((pool == NULL) == failed);
        idf_pool_free(pool);
        if (!failed)
            return;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_once),     cmocka_unit_test(many_small_jobs),
        cmocka_unit_test(results_are_visible), cmocka_unit_test(made_and_freed),
        cmocka_unit_test(wrong_numbers),       cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
