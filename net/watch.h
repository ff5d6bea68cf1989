/* watch.h - deadlines of connections: one thread shuts down those that have passed theirs.
 *
 * libmicrohttpd counts idleness only, so that a client of one byte a second would live for ever. */
#ifndef IDF_NET_WATCH_H
#define IDF_NET_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One connection; lives in memory of the caller's from add to remove. */
typedef struct idf_watched {
    struct idf_watched *next, *previous;
    int fd;
    _Atomic double deadline; /* by idf_clock_seconds; 0: none */
    atomic_bool idle;        /* no request is under way */
} idf_watched;

typedef struct idf_watch idf_watch;

idf_status idf_watch_new(idf_watch **watch, idf_error *err);
/* Nothing may be watched any more. NULL is allowed. */
void idf_watch_free(idf_watch *watch);

/* Idle to begin with. Any thread. The descriptor may be closed after idf_watch_remove only. */
void idf_watch_add(idf_watch *watch, idf_watched *watched, int fd, double seconds);
void idf_watch_remove(idf_watch *watch, idf_watched *watched);
/* The connection has `seconds` from now for what is under way; 0: as long as it likes. Any thread.
 */
void idf_watch_set(idf_watched *watched, double seconds);
/* Nothing is under way; it has `seconds` for the next request, and none when its client has left.
 */
void idf_watch_idle(idf_watched *watched, double seconds);

#ifdef __cplusplus
}
#endif
#endif
