/* service.c - starts and ends the service. */
#include "server/service.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "server/form.h"
#include "server/inside.h"
#include "server/references.h"

enum {
    QUEUED = 64,
    SESSIONS = 256,
    CONNECTIONS = 4096,
    SPARE_DESCRIPTORS = 128,
    LEAST_CONNECTIONS = 16,
    DEADLINE_SECONDS = 30,
    IDLE_SECONDS = 60,
    HEADER_SECONDS = 15,
    MAX_WORKERS = IDF_POOL_MAX_THREADS,
};

idf_snapshot *idf_service_snapshot(idf_service *service) {
    pthread_mutex_lock(&service->lock);
    idf_snapshot *now = idf_snapshot_retain(service->now);
    pthread_mutex_unlock(&service->lock);
    return now;
}

idf_fx idf_service_rates(idf_service *service) {
    pthread_mutex_lock(&service->lock);
    idf_fx fx = service->fx;
    pthread_mutex_unlock(&service->lock);
    return fx;
}

void idf_service_swap(idf_service *service, idf_snapshot *snapshot) {
    pthread_mutex_lock(&service->lock);
    idf_snapshot *older = service->retired;
    service->retired = service->now;
    service->now = snapshot;
    pthread_mutex_unlock(&service->lock);
    idf_snapshot_release(older);
}

void idf_service_forget_retired(idf_service *service) {
    pthread_mutex_lock(&service->lock);
    idf_snapshot *old = service->retired;
    service->retired = NULL;
    pthread_mutex_unlock(&service->lock);
    idf_snapshot_release(old);
}

size_t idf_service_n_references(idf_service *service) {
    idf_snapshot *now = idf_service_snapshot(service);
    size_t n = now == NULL ? 0 : idf_index_n_rows(now->index);
    idf_snapshot_release(now);
    return n;
}

int idf_service_port(const idf_service *service) {
    return service->port;
}

int idf_service_https_port(const idf_service *service) {
    return service->https != NULL ? service->https_port : 0;
}

void idf_service_reload(idf_service *service) {
    if (service->reloader != NULL)
        idf_reloader_look(service->reloader);
}

/* Puts the defaults in. */
static void set_defaults(idf_service_options *o) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (o->n_workers <= 0)
        o->n_workers = processors > 0 && processors < MAX_WORKERS ? (int)processors : 1;
    o->max_queued = o->max_queued > 0 ? o->max_queued : QUEUED;
    o->max_sessions = o->max_sessions > 0 ? o->max_sessions : SESSIONS;
    o->max_connections = o->max_connections > 0 ? o->max_connections : CONNECTIONS;
    o->max_image_bytes = o->max_image_bytes > 0 ? o->max_image_bytes : (size_t)16 << 20;
    o->max_pixels = o->max_pixels > 0 ? o->max_pixels : 40 * 1000 * 1000;
    o->deadline_seconds = o->deadline_seconds > 0 ? o->deadline_seconds : DEADLINE_SECONDS;
    o->home_currency = o->home_currency != NULL ? o->home_currency : "USD";
}

/* Opens a door: listens at host and *port, and serves. */
static idf_status open_door(idf_service *s, idf_http_server **server, int door, const char *host,
                            int *port, const char *const pem[2], idf_error *err) {
    const idf_service_options *o = &s->options;
    double header = o->deadline_seconds < HEADER_SECONDS ? o->deadline_seconds : HEADER_SECONDS;
    idf_http_options http = {
        .n_threads = o->n_workers > 4 ? 4 : o->n_workers,
        .max_body_bytes = idf_form_max_body(o),
        .idle_seconds = IDLE_SECONDS,
        .header_seconds = header,
        .body_seconds = o->deadline_seconds,
        .tls_certificate = pem[0],
        .tls_key = pem[1],
        .handler = idf_request_handler,
    };
    int may = idf_listen_raise_limit(o->max_connections + SPARE_DESCRIPTORS) - SPARE_DESCRIPTORS;
    http.max_connections = may < o->max_connections ? may : o->max_connections;
    if (http.max_connections < LEAST_CONNECTIONS)
        return idf_error_set(err, IDF_ERR_LIMIT,
                             "this process may open too few files (ulimit -n) for a service");
    s->doors[door] = (struct idf_door){s, pem[0] != NULL};
    http.handler.context = &s->doors[door];
    idf_status status = idf_listen(http.listeners, &http.n_listeners, host, port, err);
    if (status != IDF_OK)
        return status;
    status = idf_http_server_new(server, &http, err);
    for (int i = 0; status != IDF_OK && i < http.n_listeners; i++)
        close(http.listeners[i].fd);
    return status;
}

static idf_status open_doors(idf_service *s, idf_error *err) {
    const idf_service_options *o = &s->options;
    const char *const plain[2] = {o->tls_certificate, o->tls_key};
    const char *const tls[2] = {o->https_certificate, o->https_key};
    s->port = o->port;
    s->https_port = o->https_port;
    idf_status status = open_door(s, &s->http, 0, o->host, &s->port, plain, err);
    if (status == IDF_OK && o->https_certificate != NULL)
        status = open_door(s, &s->https, 1, o->https_host, &s->https_port, tls, err);
    return status;
}

/* A service that may write begins with the index as its folder wants it. */
static idf_status recover(idf_service *s, idf_error *err) {
    const idf_reference_folder where = {s->now->refs_dir, s->options.index_path,
                                        idf_collection_encoder(s->now->collection)};
    idf_status status = idf_reference_recover(&where, err);
    return status == IDF_OK ? idf_service_open_collection(s, err) : status;
}

idf_status idf_service_new(idf_service **service, const idf_service_options *options,
                           idf_error *err) {
    idf_service *s = *service = idf_alloc_zero(1, sizeof **service);
    if (s == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a service");
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->renewing, NULL);
    s->options = *options;
    s->started = idf_clock_seconds();
    atomic_store(&s->changed, s->started); /* whoever wrote before may have left something */
    if (options->fx != NULL)
        s->fx = *options->fx;
    set_defaults(&s->options);
    idf_status status = IDF_OK;
    if (options->token != NULL && (s->cookie = idf_access_cookie(options->token)) == NULL)
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a service");
    if (status == IDF_OK && options->index_path != NULL)
        status = idf_service_open_collection(s, err);
    if (status == IDF_OK && options->index_path != NULL && options->writable)
        status = recover(s, err);
    if (status == IDF_OK)
        status = idf_sessions_new(&s->sessions, (size_t)s->options.max_sessions, err);
    if (status == IDF_OK)
        status =
            idf_workers_new(&s->workers, s->options.n_workers, (size_t)s->options.max_queued, err);
    if (status == IDF_OK && options->index_path != NULL)
        status = idf_reloader_new(&s->reloader, s, err);
    if (status == IDF_OK)
        status = open_doors(s, err);
    if (status != IDF_OK) {
        idf_service_free(s, 0);
        *service = NULL;
    }
    return status;
}

void idf_service_free(idf_service *service, double seconds) {
    if (service == NULL)
        return;
    bool finished = service->http == NULL || idf_http_server_drain(service->http, seconds);
    if (service->https != NULL)
        finished = idf_http_server_drain(service->https, seconds) && finished;
    if (!finished)
        idf_log_event(service->options.log, "some clients did not finish in %.0f s", seconds);
    idf_reloader_free(service->reloader);
    idf_workers_stop(service->workers); /* answers what waits: nothing is suspended after it */
    idf_http_server_free(service->http);
    idf_http_server_free(service->https);
    idf_workers_free(service->workers);
    idf_sessions_free(service->sessions);
    idf_snapshot_release(service->retired);
    idf_snapshot_release(service->now);
    pthread_mutex_destroy(&service->lock);
    pthread_mutex_destroy(&service->renewing);
    idf_free(service->last_query);
    idf_free(service->cookie);
    idf_free(service);
}
