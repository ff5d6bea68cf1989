/* workers.h - a fixed set of threads that take jobs from a queue with a limit.
 *
 * Jobs of one lane (a client's stream) run one after another, in order; others as they come. */
#ifndef IDF_SERVER_WORKERS_H
#define IDF_SERVER_WORKERS_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/identify.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_workers idf_workers;

typedef struct idf_worker {
    idf_scratch *scratch;
    idf_answer answer; /* reused */
    void *relay;       /* of relay.h */
} idf_worker;

/* Lives in memory of the caller's until `run` is called with it, which may free it. */
typedef struct idf_job {
    struct idf_job *next;
    const void *lane; /* NULL: none */
    void (*run)(struct idf_job *job, idf_worker *worker);
} idf_job;

idf_status idf_workers_new(idf_workers **workers, int n_threads, size_t max_queued, idf_error *err);
/* Runs what is queued, takes nothing more, and ends the threads. NULL is allowed. */
void idf_workers_stop(idf_workers *workers);
/* Stops, and frees. NULL is allowed. */
void idf_workers_free(idf_workers *workers);

/* False when the queue is full. Any thread. */
bool idf_workers_push(idf_workers *workers, idf_job *job);
/* Any thread. */
void idf_workers_count(idf_workers *workers, size_t *n_queued, size_t *n_in_work);

#ifdef __cplusplus
}
#endif
#endif
