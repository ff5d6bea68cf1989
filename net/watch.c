/* watch.c - deadlines of connections. */
#include "net/watch.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"

enum { TICK_MS = 250 };

struct idf_watch {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stops;
    bool stopping;
    idf_watched *first;
};

/* Whether the client will send nothing more. */
static bool has_left(int fd) {
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void shut_down_late(idf_watch *watch) {
    double now = idf_clock_seconds();
    for (idf_watched *w = watch->first; w != NULL; w = w->next) {
        double deadline = atomic_load(&w->deadline);
        bool late = deadline > 0 && now > deadline;
        if (late || (deadline > 0 && atomic_load(&w->idle) && has_left(w->fd))) {
            atomic_store(&w->deadline, 0);
            shutdown(w->fd, SHUT_RDWR); /* whose connection it is sees that it has ended */
        }
    }
}

static void *run(void *context) {
    idf_watch *watch = context;
    pthread_mutex_lock(&watch->lock);
    while (!watch->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TICK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&watch->stops, &watch->lock, &until);
        shut_down_late(watch);
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

idf_status idf_watch_new(idf_watch **watch, idf_error *err) {
    idf_watch *w = *watch = idf_alloc_zero(1, sizeof **watch);
    if (w == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a server");
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->stops, NULL);
    if (pthread_create(&w->thread, NULL, run, w) == 0)
        return IDF_OK;
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->stops);
    idf_free(w);
    *watch = NULL;
    return idf_error_set(err, IDF_ERR_IO, "cannot start a thread for a server's deadlines");
}

void idf_watch_free(idf_watch *watch) {
    if (watch == NULL)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->stopping = true;
    pthread_cond_signal(&watch->stops);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    pthread_mutex_destroy(&watch->lock);
    pthread_cond_destroy(&watch->stops);
    idf_free(watch);
}

void idf_watch_set(idf_watched *watched, double seconds) {
    atomic_store(&watched->idle, false);
    atomic_store(&watched->deadline, seconds > 0 ? idf_clock_seconds() + seconds : 0);
}

void idf_watch_add(idf_watch *watch, idf_watched *watched, int fd, double seconds) {
    watched->fd = fd;
    idf_watch_idle(watched, seconds);
    pthread_mutex_lock(&watch->lock);
    watched->previous = NULL;
    watched->next = watch->first;
    if (watch->first != NULL)
        watch->first->previous = watched;
    watch->first = watched;
    pthread_mutex_unlock(&watch->lock);
}

void idf_watch_remove(idf_watch *watch, idf_watched *watched) {
    pthread_mutex_lock(&watch->lock);
    if (watched->previous != NULL)
        watched->previous->next = watched->next;
    else
        watch->first = watched->next;
    if (watched->next != NULL)
        watched->next->previous = watched->previous;
    pthread_mutex_unlock(&watch->lock);
}

void idf_watch_idle(idf_watched *watched, double seconds) {
    idf_watch_set(watched, seconds);
    atomic_store(&watched->idle, true);
}
