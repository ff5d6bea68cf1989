/* hosts.c - who may be asked when. */
#include "net/hosts.h"

#include <string.h>

#include "base/alloc.h"

idf_host *idf_hosts_get(idf_hosts *hosts, const char *key) {
    for (size_t i = 0; i < hosts->n; i++)
        if (strcmp(hosts->list[i]->key, key) == 0)
            return hosts->list[i];
    if (hosts->n == hosts->cap) {
        size_t cap = hosts->cap == 0 ? 16 : hosts->cap * 2;
        idf_host **list = idf_realloc(hosts->list, cap, sizeof *list);
        if (list == NULL)
            return NULL;
        hosts->list = list;
        hosts->cap = cap;
    }
    idf_host *host = idf_alloc_zero(1, sizeof *host);
    char *copy = idf_strdup(key);
    if (host == NULL || copy == NULL) {
        idf_free(host);
        idf_free(copy);
        return NULL;
    }
    host->key = copy;
    host->interval_s = hosts->interval_s;
    return hosts->list[hosts->n++] = host;
}

void idf_hosts_release(idf_hosts *hosts) {
    for (size_t i = 0; i < hosts->n; i++) {
        idf_free(hosts->list[i]->key);
        idf_free(hosts->list[i]);
    }
    idf_free(hosts->list);
    memset(hosts, 0, sizeof *hosts);
}

void idf_host_push(idf_host *host, idf_waiting *waiting, bool front) {
    waiting->next = front ? host->first : NULL;
    if (host->first == NULL)
        host->first = host->last = waiting;
    else if (front)
        host->first = waiting;
    else
        host->last = host->last->next = waiting;
}

static idf_waiting *pop(idf_host *host) {
    idf_waiting *waiting = host->first;
    host->first = waiting->next;
    if (host->first == NULL)
        host->last = NULL;
    waiting->next = NULL;
    return waiting;
}

idf_waiting *idf_hosts_take(idf_hosts *hosts, double now, int max_active, double *wait_s) {
    for (size_t i = 0; i < hosts->n; i++) {
        idf_host *host = hosts->list[(hosts->turn + i) % hosts->n];
        if (host->first == NULL || host->n_active >= max_active)
            continue;
        if (now < host->next_at && now >= host->shut_until) {
            *wait_s = host->next_at - now < *wait_s ? host->next_at - now : *wait_s;
            continue;
        }
        hosts->turn = (hosts->turn + i + 1) % hosts->n;
        host->next_at = now + host->interval_s;
        host->n_active++;
        return pop(host);
    }
    return NULL;
}

idf_waiting *idf_hosts_drain(idf_hosts *hosts) {
    for (size_t i = 0; i < hosts->n; i++)
        if (hosts->list[i]->first != NULL)
            return pop(hosts->list[i]);
    return NULL;
}

double idf_host_hold_back(idf_host *host, double now, double retry_after_s, double first_s) {
    bool held = host->backoff_s > 0 && now < host->next_at;
    if (!held) {
        host->backoff_s = host->backoff_s * 2 > first_s ? host->backoff_s * 2 : first_s;
        host->n_failed++;
    }
    double wait = retry_after_s > 0 ? retry_after_s : host->backoff_s;
    if (now + wait > host->next_at && (!held || retry_after_s > 0))
        host->next_at = now + wait;
    return wait;
}

void idf_host_is_well(idf_host *host) {
    host->backoff_s = 0;
    host->n_failed = 0;
}
