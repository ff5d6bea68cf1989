/* pool.c - a fork-join thread pool: one job at a time, items claimed from a shared counter.
 *
 * A waiting thread spins for a few microseconds, then sleeps: on a contended machine a long spin
 * takes the core from the thread it waits for. A worker that the system has not woken by the time
 * all items are claimed is not waited for: it finds the job closed and sleeps on. */
#define _GNU_SOURCE /* sched_getaffinity */
#include <identify/pool.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/alloc.h"

enum { SPIN_ROUNDS = 2000 };

struct idf_pool {
    int n_threads; /* caller included */
    pthread_t *threads;
    pthread_mutex_t lock;
    pthread_cond_t wake, finished;
    atomic_uint generation; /* counts jobs; written under the lock */
    atomic_uint n_inside;   /* workers in the current job; raised under the lock while it is open */
    bool open;              /* under the lock: workers may still join the current job */
    bool stop;
    idf_pool_task task;
    void *context;
    size_t n_items;
    atomic_size_t next_item;
};

typedef struct worker_start {
    idf_pool *pool;
    int worker;
} worker_start;

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void run_items(idf_pool *pool, int worker) {
    for (;;) {
        size_t item = atomic_fetch_add_explicit(&pool->next_item, 1, memory_order_relaxed);
        if (item >= pool->n_items)
            return;
        pool->task(pool->context, item, worker);
    }
}

static void spin_while(const atomic_uint *value, unsigned same) {
    for (int i = 0; i < SPIN_ROUNDS; i++) {
        if (atomic_load_explicit(value, memory_order_acquire) != same)
            return;
        relax();
    }
}

/* Waits for an open job newer than `seen`, enters it, and sets `seen` to its number. Returns false
 * when the pool is to end. */
static bool enter_job(idf_pool *pool, unsigned *seen) {
    bool stop, entered = false;
    do {
        spin_while(&pool->generation, *seen);
        pthread_mutex_lock(&pool->lock);
        while (atomic_load_explicit(&pool->generation, memory_order_relaxed) == *seen)
            pthread_cond_wait(&pool->wake, &pool->lock);
        *seen = atomic_load_explicit(&pool->generation, memory_order_relaxed);
        stop = pool->stop;
        entered = pool->open && !stop;
        if (entered)
            atomic_fetch_add_explicit(&pool->n_inside, 1, memory_order_relaxed);
        pthread_mutex_unlock(&pool->lock);
    } while (!entered && !stop);
    return entered;
}

static void *worker_main(void *argument) {
    worker_start start = *(worker_start *)argument;
    idf_free(argument);
    idf_pool *pool = start.pool;
    unsigned seen = 0;
    while (enter_job(pool, &seen)) {
        run_items(pool, start.worker);
        if (atomic_fetch_sub_explicit(&pool->n_inside, 1, memory_order_acq_rel) == 1) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->finished);
            pthread_mutex_unlock(&pool->lock);
        }
    }
    return NULL;
}

/* Opens a job, or tells the workers to end. */
static void post(idf_pool *pool, bool stop) {
    pthread_mutex_lock(&pool->lock);
    pool->open = !stop;
    pool->stop = stop;
    atomic_fetch_add_explicit(&pool->generation, 1, memory_order_release);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

/* Lets no more workers in, and waits for those inside. */
static void close_job(idf_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->open = false;
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < SPIN_ROUNDS; i++) {
        if (atomic_load_explicit(&pool->n_inside, memory_order_acquire) == 0)
            return;
        relax();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load_explicit(&pool->n_inside, memory_order_acquire) != 0)
        pthread_cond_wait(&pool->finished, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

static int processors_allowed(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        n = CPU_COUNT(&set);
#endif
    return n < 1 ? 1 : n > IDF_POOL_MAX_THREADS ? IDF_POOL_MAX_THREADS : (int)n;
}

idf_status idf_pool_new(idf_pool **out, int n_threads, idf_error *err) {
    *out = NULL;
    if (n_threads < 0 || n_threads > IDF_POOL_MAX_THREADS)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "%d threads asked for; 0 to %d are possible",
                             n_threads, IDF_POOL_MAX_THREADS);
    idf_pool *pool = idf_alloc_zero(1, sizeof *pool);
    if (pool == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a thread pool");
    int wanted = n_threads == 0 ? processors_allowed() : n_threads;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->finished, NULL);
    pool->n_threads = 1;
    pool->threads = idf_alloc_zero((size_t)wanted, sizeof *pool->threads);
    idf_status status = pool->threads == NULL ? idf_error_set(err, IDF_ERR_NO_MEMORY,
                                                              "out of memory for a thread pool")
                                              : IDF_OK;
    while (status == IDF_OK && pool->n_threads < wanted) {
        worker_start *start = idf_alloc(1, sizeof *start);
        if (start == NULL) {
            status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a thread pool");
            break;
        }
        *start = (worker_start){pool, pool->n_threads};
        if (pthread_create(&pool->threads[pool->n_threads], NULL, worker_main, start) != 0) {
            idf_free(start);
            status = idf_error_set(err, IDF_ERR_IO, "cannot start thread %d", pool->n_threads + 1);
            break;
        }
        pool->n_threads++;
    }
    if (status != IDF_OK) {
        idf_pool_free(pool);
        return status;
    }
    *out = pool;
    return IDF_OK;
}

void idf_pool_free(idf_pool *pool) {
    if (pool == NULL)
        return;
    post(pool, true);
    for (int i = 1; i < pool->n_threads; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->finished);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    idf_free(pool->threads);
    idf_free(pool);
}

int idf_pool_threads(const idf_pool *pool) {
    return pool == NULL ? 1 : pool->n_threads;
}

void idf_pool_for(idf_pool *pool, size_t n_items, idf_pool_task task, void *context) {
    if (pool == NULL || pool->n_threads == 1 || n_items <= 1) {
        for (size_t i = 0; i < n_items; i++)
            task(context, i, 0);
        return;
    }
    pool->task = task;
    pool->context = context;
    pool->n_items = n_items;
    atomic_store_explicit(&pool->next_item, 0, memory_order_relaxed);
    post(pool, false);
    run_items(pool, 0);
    close_job(pool);
}
