/* identify/pool.h - the thread pool that calls which can work in parallel are handed.
 *
 * A pool may be used by one caller at a time: idf_pool_for is not re-entrant and two threads must
 * not call it at once on one pool. Results of the library do not depend on the number of threads.
 */
#ifndef IDENTIFY_POOL_H
#define IDENTIFY_POOL_H

#include <stddef.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_pool idf_pool;

enum { IDF_POOL_MAX_THREADS = 256 };

/* A pool of `n_threads` workers, the caller of idf_pool_for counted as one of them. 0 takes the
 * number of processors this process may run on. *pool is NULL after a failure. */
IDF_API idf_status idf_pool_new(idf_pool **pool, int n_threads, idf_error *err);

/* Joins the workers. NULL is allowed. */
IDF_API void idf_pool_free(idf_pool *pool);

/* Number of workers including the caller, 1 for NULL. */
IDF_API int idf_pool_threads(const idf_pool *pool);

/* Runs task(context, item, worker) once for each item in [0, n_items), items handed out in rising
 * order, worker in [0, idf_pool_threads). Returns when all are done. A NULL pool runs everything on
 * the caller as worker 0. */
typedef void (*idf_pool_task)(void *context, size_t item, int worker);
IDF_API void idf_pool_for(idf_pool *pool, size_t n_items, idf_pool_task task, void *context);

#ifdef __cplusplus
}
#endif
#endif
