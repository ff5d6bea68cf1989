/* hosts.h - who may be asked when: a rate, a number of connections and a penalty for each host, and
 * the requests that wait for it. */
#ifndef IDF_NET_HOSTS_H
#define IDF_NET_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Something that waits for a host; the first member of what it really is. */
typedef struct idf_waiting {
    struct idf_waiting *next;
} idf_waiting;

typedef struct idf_host {
    char *key;         /* "https://api.example:443" */
    double interval_s; /* between requests */
    double penalty_s;  /* the first wait after a refusal, where that is more than the usual */
    double next_at;    /* clock: not before that */
    double backoff_s;  /* the last wait after a refusal; 0 since the last success */
    int n_active;
    double shut_until; /* clock: until then whoever waits is to be sent away */
    int n_failed;      /* in a row */
    idf_waiting *first, *last;
} idf_host;

/* Zero it before use. */
typedef struct idf_hosts {
    idf_host **list;
    size_t n, cap;
    double interval_s; /* of a new host */
    size_t turn;       /* whose turn it is */
} idf_hosts;

/* The host of that key, made when it is new; NULL when memory is out. */
idf_host *idf_hosts_get(idf_hosts *hosts, const char *key);
/* The waiting are not freed. */
void idf_hosts_release(idf_hosts *hosts);

/* Puts something at the end of a host's queue, or back at its front. */
void idf_host_push(idf_host *host, idf_waiting *waiting, bool front);

/* Takes the next thing whose host may be asked now, hosts in turn, and counts it as active. NULL
 * when there is none; *wait_s then is the time until there may be one (unchanged when that is no
 * matter of time). What waits for a host that is shut is given out at once. */
idf_waiting *idf_hosts_take(idf_hosts *hosts, double now, int max_active, double *wait_s);

/* Takes anything that waits, whenever it may be asked; NULL when nothing does. */
idf_waiting *idf_hosts_drain(idf_hosts *hosts);

/* The host refused or failed: it is left alone for retry_after_s (0: not said), else for first_s,
 * doubled each time in a row. Failures of requests that were under way together count once. Returns
 * the wait. */
double idf_host_hold_back(idf_host *host, double now, double retry_after_s, double first_s);
/* It answered as it should. */
void idf_host_is_well(idf_host *host);

#ifdef __cplusplus
}
#endif
#endif
