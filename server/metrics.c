/* metrics.c - counters. */
#include "server/metrics.h"

/* Statuses that have a counter; the first stands for all others and for clients that left. */
static const int statuses[IDF_METRICS_STATUSES] = {0,   200, 201, 204, 206, 302, 303, 304, 307, 400,
                                                   401, 403, 404, 405, 408, 409, 411, 413, 414, 416,
                                                   422, 429, 500, 501, 502, 503, 504, 507};
static const double bounds[IDF_METRICS_BUCKETS] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                   0.1,   0.25,   0.5,   1,    2.5,   10};

void idf_metrics_count(idf_metrics *metrics, size_t route, int status, double seconds) {
    idf_route_counts *r = &metrics->routes[route < IDF_METRICS_ROUTES ? route : 0];
    size_t s = 0, b = 0;
    for (size_t i = 1; i < IDF_METRICS_STATUSES; i++)
        s = statuses[i] == status ? i : s;
    while (b < IDF_METRICS_BUCKETS && seconds > bounds[b])
        b++;
    atomic_fetch_add(&r->by_status[s], 1);
    atomic_fetch_add(&r->buckets[b], 1);
    atomic_fetch_add(&r->microseconds, (unsigned long)(seconds * 1e6));
}

static void head(idf_bytes *out, const char *name, const char *type, const char *text) {
    idf_bytes_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, text, name, type);
}

static void one(idf_bytes *out, const char *name, const char *type, const char *text,
                unsigned long value) {
    head(out, name, type, text);
    idf_bytes_printf(out, "%s %lu\n", name, value);
}

static void print_requests(idf_bytes *out, idf_metrics *m, size_t n,
                           const char *(*name)(size_t route)) {
    head(out, "identify_requests_total", "counter",
         "Requests by route and status; 0: the client left.");
    for (size_t i = 0; i < n; i++)
        for (size_t s = 0; s < IDF_METRICS_STATUSES; s++) {
            unsigned long count = atomic_load(&m->routes[i].by_status[s]);
            if (count > 0)
                idf_bytes_printf(out, "identify_requests_total{route=\"%s\",status=\"%d\"} %lu\n",
                                 name(i), statuses[s], count);
        }
}

/* Milliseconds as digits, so that no locale can write a comma. */
static void print_seconds(idf_bytes *out, double seconds) {
    unsigned long us = (unsigned long)(seconds * 1e6 + 0.5);
    idf_bytes_printf(out, "%lu.%06lu", us / 1000000, us % 1000000);
}

static void print_times(idf_bytes *out, idf_metrics *m, size_t n,
                        const char *(*name)(size_t route)) {
    head(out, "identify_request_seconds", "histogram", "Time from a request's headers to its end.");
    for (size_t i = 0; i < n; i++) {
        unsigned long sum = 0;
        idf_route_counts *r = &m->routes[i];
        for (size_t b = 0; b <= IDF_METRICS_BUCKETS; b++)
            sum += atomic_load(&r->buckets[b]);
        if (sum == 0)
            continue;
        sum = 0;
        for (size_t b = 0; b < IDF_METRICS_BUCKETS; b++) {
            sum += atomic_load(&r->buckets[b]);
            idf_bytes_printf(out, "identify_request_seconds_bucket{route=\"%s\",le=\"", name(i));
            print_seconds(out, bounds[b]);
            idf_bytes_printf(out, "\"} %lu\n", sum);
        }
        sum += atomic_load(&r->buckets[IDF_METRICS_BUCKETS]);
        idf_bytes_printf(out,
                         "identify_request_seconds_bucket{route=\"%s\",le=\"+Inf\"} %lu\n"
                         "identify_request_seconds_sum{route=\"%s\"} ",
                         name(i), sum, name(i));
        print_seconds(out, (double)atomic_load(&r->microseconds) / 1e6);
        idf_bytes_printf(out, "\nidentify_request_seconds_count{route=\"%s\"} %lu\n", name(i), sum);
    }
}

idf_status idf_metrics_print(idf_bytes *out, idf_metrics *m, size_t n_routes,
                             const char *(*route_name)(size_t route), const idf_gauges *g) {
    print_requests(out, m, n_routes, route_name);
    print_times(out, m, n_routes, route_name);
    one(out, "identify_frames_total", "counter", "Frames answered.", atomic_load(&m->frames));
    one(out, "identify_still_frames_total", "counter",
        "Of those, frames of sessions that showed what they showed before.",
        atomic_load(&m->still_frames));
    one(out, "identify_detections_total", "counter", "Things found in them.",
        atomic_load(&m->detections));
    one(out, "identify_refused_total", "counter",
        "Requests turned away because the queue was full.", atomic_load(&m->refused));
    one(out, "identify_swaps_total", "counter", "Times the collection was replaced.",
        atomic_load(&m->swaps));
    one(out, "identify_failed_swaps_total", "counter",
        "Times a new collection could not be read and the old one stayed.",
        atomic_load(&m->failed_swaps));
    one(out, "identify_references", "gauge", "References of the collection.", g->n_references);
    one(out, "identify_queue", "gauge", "Requests that wait for a worker.", g->n_queued);
    one(out, "identify_in_work", "gauge", "Requests that a worker has.", g->n_in_work);
    one(out, "identify_connections", "gauge", "Open connections.", g->n_connections);
    one(out, "identify_sessions", "gauge", "Streams that are kept.", g->n_sessions);
    head(out, "identify_uptime_seconds", "gauge", "Since the start.");
    idf_bytes_printf(out, "identify_uptime_seconds ");
    print_seconds(out, g->uptime_seconds);
    return idf_bytes_printf(out, "\n");
}
