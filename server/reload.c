/* reload.c - looks after the files: a new index or price file is opened beside the old one and
 * swapped in when it is whole; until then, and when it is broken, the old one answers. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "server/inside.h"

enum { LOOK_MS = 1000 };

/* What a file looked like; all zero when it is not there. */
typedef struct looks {
    idf_file_stat index, manifest, prices;
} looks;

struct idf_reloader {
    idf_service *service;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wakes;
    bool asked, stopping;
    looks last;
};

static void look_at(idf_file_stat *out, const char *path) {
    if (path == NULL || idf_file_get_stat(out, path, NULL) != IDF_OK)
        memset(out, 0, sizeof *out);
}

static looks look(const idf_service *s) {
    looks now;
    memset(&now, 0, sizeof now);
    look_at(&now.index, s->options.index_path);
    if (now.index.is_dir) { /* a collection in a folder changes by its manifest */
        char *path = idf_path_join(s->options.index_path, "manifest.json");
        memset(&now.index, 0, sizeof now.index);
        look_at(&now.manifest, path);
        idf_free(path);
    }
    look_at(&now.prices, s->options.prices_path);
    return now;
}

static bool same(const idf_file_stat *a, const idf_file_stat *b) {
    return a->size_bytes == b->size_bytes && a->mtime_ns == b->mtime_ns && a->device == b->device &&
           a->inode == b->inode && a->is_file == b->is_file;
}

static void set_rates(idf_service *s, const idf_fx *fx) {
    pthread_mutex_lock(&s->lock);
    s->fx = *fx;
    pthread_mutex_unlock(&s->lock);
}

/* Reads the price file; *prices is NULL when there is none. */
static idf_status open_prices(idf_service *s, idf_prices **prices, idf_error *err) {
    const idf_fx fx = idf_service_rates(s);
    const idf_prices_options options = {&fx, s->options.home_currency};
    *prices = NULL;
    if (s->options.prices_path == NULL)
        return IDF_OK;
    idf_prices *p = idf_alloc_zero(1, sizeof *p);
    if (p == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for prices");
    atomic_store(&p->n_users, 1);
    idf_status status = idf_prices_open(&p->table, s->options.prices_path, &options, err);
    if (status != IDF_OK) {
        idf_prices_release(p);
        return status;
    }
    *prices = p;
    return IDF_OK;
}

/* Opens what is said to have changed, takes the rest from the snapshot of now, and swaps. */
static idf_status renew_alone(idf_service *s, bool index, bool prices, idf_error *err) {
    idf_snapshot *old = idf_service_snapshot(s), *made = NULL;
    idf_collection *collection = NULL;
    idf_prices *table = NULL;
    idf_collection_options options = {.clip_model = s->options.clip_model,
                                      .like = old != NULL ? old->collection : NULL,
                                      .no_geometry = s->options.no_geometry};
    idf_status status = IDF_OK;
    if (index || old == NULL)
        status = idf_collection_open(&collection, s->options.index_path, &options, err);
    else
        collection = idf_collection_retain(old->collection);
    if (status == IDF_OK && (prices || old == NULL))
        status = open_prices(s, &table, err);
    else if (status == IDF_OK)
        table = idf_prices_retain(old->prices);
    if (status == IDF_OK)
        status = idf_snapshot_new(&made, collection, table, s->options.refs_dir,
                                  s->options.index_path, err);
    else
        idf_collection_release(collection);
    if (status == IDF_OK && old != NULL)
        idf_collection_warm(made->collection); /* nobody waits for what its first frames read */
    if (status == IDF_OK && old != NULL && atomic_load(&old->folded) != NULL)
        (void)idf_snapshot_folded(made); /* nor for what its first search makes */
    if (status == IDF_OK)
        idf_service_swap(s, made);
    idf_snapshot_release(old);
    return status;
}

static idf_status renew(idf_service *s, bool index, bool prices, idf_error *err) {
    pthread_mutex_lock(&s->renewing);
    idf_status status = renew_alone(s, index, prices, err);
    pthread_mutex_unlock(&s->renewing);
    return status;
}

idf_status idf_service_set_rates(idf_service *service, const idf_fx *fx, idf_error *err) {
    pthread_mutex_lock(&service->renewing);
    const idf_fx before = idf_service_rates(service);
    set_rates(service, fx);
    idf_status status =
        service->options.index_path == NULL ? IDF_OK : renew_alone(service, false, true, err);
    if (status != IDF_OK)
        set_rates(service, &before);
    pthread_mutex_unlock(&service->renewing);
    if (status == IDF_OK)
        idf_log_event(service->options.log, "exchange rates of %s are in use", fx->source);
    return status;
}

idf_status idf_service_open_collection(idf_service *service, idf_error *err) {
    return renew(service, true, false, err);
}

/* Looks, and acts on what has changed. `asked`: also when nothing seems to have. */
static void look_after(idf_reloader *r, bool asked) {
    idf_service *s = r->service;
    idf_error err = IDF_ERROR_INIT;
    looks now = look(s);
    bool index =
        asked || !same(&now.index, &r->last.index) || !same(&now.manifest, &r->last.manifest);
    bool prices = asked || !same(&now.prices, &r->last.prices);
    r->last = now;
    if (!index && !prices)
        return;
    double began = idf_clock_seconds();
    if (renew(s, index, prices, &err) == IDF_OK) {
        atomic_fetch_add(&s->metrics.swaps, 1);
        idf_log_event(s->options.log, "%s read again: %zu references, %.0f ms",
                      index ? "the collection was" : "the prices were", idf_service_n_references(s),
                      (idf_clock_seconds() - began) * 1000);
    } else {
        atomic_fetch_add(&s->metrics.failed_swaps, 1);
        idf_log_event(s->options.log, "what was there stays in use: %s", err.message);
    }
}

/* What is opened must not take the processors from what is answered. */
static void step_back(void) {
#ifdef __linux__ /* where this is about the thread alone */
    (void)setpriority(PRIO_PROCESS, 0, 10);
#endif
}

static void *run(void *context) {
    idf_reloader *r = context;
    step_back();
    idf_snapshot *first = idf_service_snapshot(r->service);
    if (first != NULL)
        idf_collection_warm(first->collection);
    idf_snapshot_release(first);
    pthread_mutex_lock(&r->lock);
    while (!r->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += LOOK_MS / 1000;
        if (!r->asked)
            pthread_cond_timedwait(&r->wakes, &r->lock, &until);
        bool asked = r->asked, stopping = r->stopping;
        r->asked = false;
        pthread_mutex_unlock(&r->lock);
        idf_service_forget_retired(r->service);
        if (!stopping)
            idf_service_tidy(r->service);
        if (!stopping)
            look_after(r, asked);
        pthread_mutex_lock(&r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

idf_status idf_reloader_new(idf_reloader **reloader, idf_service *service, idf_error *err) {
    idf_reloader *r = *reloader = idf_alloc_zero(1, sizeof **reloader);
    if (r == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a service");
    r->service = service;
    r->last = look(service);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->wakes, NULL);
    if (pthread_create(&r->thread, NULL, run, r) == 0)
        return IDF_OK;
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->wakes);
    idf_free(r);
    *reloader = NULL;
    return idf_error_set(err, IDF_ERR_IO, "cannot start a thread");
}

void idf_reloader_free(idf_reloader *reloader) {
    if (reloader == NULL)
        return;
    pthread_mutex_lock(&reloader->lock);
    reloader->stopping = true;
    pthread_cond_signal(&reloader->wakes);
    pthread_mutex_unlock(&reloader->lock);
    pthread_join(reloader->thread, NULL);
    pthread_mutex_destroy(&reloader->lock);
    pthread_cond_destroy(&reloader->wakes);
    idf_free(reloader);
}

void idf_reloader_look(idf_reloader *reloader) {
    pthread_mutex_lock(&reloader->lock);
    reloader->asked = true;
    pthread_cond_signal(&reloader->wakes);
    pthread_mutex_unlock(&reloader->lock);
}
