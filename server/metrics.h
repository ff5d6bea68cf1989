/* metrics.h - what the service counts, as Prometheus text. Counting is safe from any thread. */
#ifndef IDF_SERVER_METRICS_H
#define IDF_SERVER_METRICS_H

#include <stdatomic.h>
#include <stddef.h>

#include <identify/status.h>

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_METRICS_ROUTES = 40, IDF_METRICS_STATUSES = 28, IDF_METRICS_BUCKETS = 12 };

typedef struct idf_route_counts {
    atomic_ulong by_status[IDF_METRICS_STATUSES];
    atomic_ulong buckets[IDF_METRICS_BUCKETS + 1]; /* of times; the last: all others */
    atomic_ulong microseconds;
} idf_route_counts;

/* Zero it before use. */
typedef struct idf_metrics {
    idf_route_counts routes[IDF_METRICS_ROUTES];
    atomic_ulong swaps, failed_swaps, refused; /* refused: for want of room in the queue */
    atomic_ulong detections, frames, still_frames;
} idf_metrics;

/* What is so just now. */
typedef struct idf_gauges {
    size_t n_references, n_queued, n_in_work, n_connections, n_sessions;
    double uptime_seconds;
} idf_gauges;

void idf_metrics_count(idf_metrics *metrics, size_t route, int status, double seconds);

/* Appends the text; route_name(i) names route i. */
idf_status idf_metrics_print(idf_bytes *out, idf_metrics *metrics, size_t n_routes,
                             const char *(*route_name)(size_t route), const idf_gauges *gauges);

#ifdef __cplusplus
}
#endif
#endif
