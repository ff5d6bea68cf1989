/* workers.c - a queue and its threads. */
#include "server/workers.h"

#include <pthread.h>

#include "base/alloc.h"
#include "server/relay.h"

typedef struct seat {
    idf_workers *workers;
    pthread_t thread;
    idf_worker worker;
    const void *lane; /* of the job it is at */
} seat;

struct idf_workers {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    idf_job *first, **end;
    size_t n_queued, max_queued, n_in_work;
    bool stopping;
    int n_seats;
    seat *seats;
};

static bool lane_is_free(const idf_workers *workers, const void *lane) {
    for (int i = 0; lane != NULL && i < workers->n_seats; i++)
        if (workers->seats[i].lane == lane)
            return false;
    return true;
}

/* Takes the first job whose lane nobody is at out of the queue; NULL when there is none. */
static idf_job *take(idf_workers *workers) {
    for (idf_job **at = &workers->first; *at != NULL; at = &(*at)->next) {
        idf_job *job = *at;
        if (!lane_is_free(workers, job->lane))
            continue;
        *at = job->next;
        if (workers->end == &job->next)
            workers->end = at;
        workers->n_queued--;
        return job;
    }
    return NULL;
}

static void *run(void *context) {
    seat *own = context;
    idf_workers *workers = own->workers;
    pthread_mutex_lock(&workers->lock);
    for (;;) {
        idf_job *job = take(workers);
        if (job == NULL && workers->stopping && workers->first == NULL)
            break;
        if (job == NULL) {
            pthread_cond_wait(&workers->changed, &workers->lock);
            continue;
        }
        own->lane = job->lane;
        workers->n_in_work++;
        pthread_mutex_unlock(&workers->lock);
        job->run(job, &own->worker);
        pthread_mutex_lock(&workers->lock);
        workers->n_in_work--;
        if (own->lane != NULL || workers->stopping)
            pthread_cond_broadcast(&workers->changed);
        own->lane = NULL;
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

idf_status idf_workers_new(idf_workers **workers, int n_threads, size_t max_queued,
                           idf_error *err) {
    idf_workers *w = *workers = idf_alloc_zero(1, sizeof **workers);
    seat *seats = w == NULL ? NULL : idf_alloc_zero((size_t)n_threads, sizeof *seats);
    if (seats == NULL) {
        idf_free(w);
        *workers = NULL;
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for %d workers", n_threads);
    }
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    w->end = &w->first;
    w->max_queued = max_queued;
    w->seats = seats;
    idf_status status = IDF_OK;
    pthread_mutex_lock(&w->lock); /* nobody counts the seats before they are there */
    for (int i = 0; i < n_threads && status == IDF_OK; i++) {
        seats[i].workers = w;
        status = idf_scratch_new(&seats[i].worker.scratch, err);
        if (status == IDF_OK && pthread_create(&seats[i].thread, NULL, run, &seats[i]) != 0) {
            idf_scratch_free(seats[i].worker.scratch);
            status = idf_error_set(err, IDF_ERR_IO, "cannot start a worker thread");
        }
        w->n_seats += status == IDF_OK;
    }
    pthread_mutex_unlock(&w->lock);
    if (status != IDF_OK) {
        idf_workers_free(w);
        *workers = NULL;
    }
    return status;
}

void idf_workers_stop(idf_workers *workers) {
    if (workers == NULL)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->changed);
    pthread_mutex_unlock(&workers->lock);
    for (int i = 0; i < workers->n_seats; i++) {
        pthread_join(workers->seats[i].thread, NULL);
        idf_relay_free(workers->seats[i].worker.relay);
        idf_answer_release(&workers->seats[i].worker.answer);
        idf_scratch_free(workers->seats[i].worker.scratch);
    }
    workers->n_seats = 0;
}

void idf_workers_free(idf_workers *workers) {
    if (workers == NULL)
        return;
    idf_workers_stop(workers);
    pthread_mutex_destroy(&workers->lock);
    pthread_cond_destroy(&workers->changed);
    idf_free(workers->seats);
    idf_free(workers);
}

bool idf_workers_push(idf_workers *workers, idf_job *job) {
    pthread_mutex_lock(&workers->lock);
    bool takes = !workers->stopping && workers->n_queued < workers->max_queued;
    if (takes) {
        job->next = NULL;
        *workers->end = job;
        workers->end = &job->next;
        workers->n_queued++;
        pthread_cond_signal(&workers->changed);
    }
    pthread_mutex_unlock(&workers->lock);
    return takes;
}

void idf_workers_count(idf_workers *workers, size_t *n_queued, size_t *n_in_work) {
    pthread_mutex_lock(&workers->lock);
    *n_queued = workers->n_queued;
    *n_in_work = workers->n_in_work;
    pthread_mutex_unlock(&workers->lock);
}
