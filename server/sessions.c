/* sessions.c - streams, in a list by use. A list is looked through by a scan: some hundred short
 * strings, next to frames that take milliseconds. */
#include "server/sessions.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

struct idf_sessions {
    pthread_mutex_t lock;
    size_t n, max_kept;
    idf_session_entry *newest, *oldest;
};

static void take_out(idf_sessions *s, idf_session_entry *e) {
    *(e->newer != NULL ? &e->newer->older : &s->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &s->oldest) = e->newer;
    e->newer = e->older = NULL;
}

static void put_first(idf_sessions *s, idf_session_entry *e) {
    e->older = s->newest;
    *(s->newest != NULL ? &s->newest->newer : &s->oldest) = e;
    s->newest = e;
}

static void discard(idf_sessions *s, idf_session_entry *e) {
    take_out(s, e);
    idf_stream_free(e->stream);
    idf_still_release(&e->still);
    idf_free(e);
    s->n--;
}

/* Makes room down to `most`, as far as sessions are not in use. */
static void trim(idf_sessions *s, size_t most) {
    idf_session_entry *next = NULL;
    for (idf_session_entry *e = s->oldest; e != NULL && s->n > most; e = next) {
        next = e->newer;
        if (e->n_users == 0)
            discard(s, e);
    }
}

idf_status idf_sessions_new(idf_sessions **sessions, size_t max_kept, idf_error *err) {
    *sessions = idf_alloc_zero(1, sizeof **sessions);
    if (*sessions == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for sessions");
    pthread_mutex_init(&(*sessions)->lock, NULL);
    (*sessions)->max_kept = max_kept;
    return IDF_OK;
}

void idf_sessions_free(idf_sessions *sessions) {
    if (sessions == NULL)
        return;
    trim(sessions, 0);
    pthread_mutex_destroy(&sessions->lock);
    idf_free(sessions);
}

idf_session_entry *idf_sessions_get(idf_sessions *sessions, const char *key) {
    pthread_mutex_lock(&sessions->lock);
    idf_session_entry *e = sessions->newest;
    while (e != NULL && strcmp(e->key, key) != 0)
        e = e->older;
    if (e != NULL) {
        take_out(sessions, e);
        put_first(sessions, e);
    } else {
        trim(sessions, sessions->max_kept > 0 ? sessions->max_kept - 1 : 0);
        e = idf_alloc_zero(1, sizeof *e);
        if (e != NULL && idf_stream_new(&e->stream, NULL) == IDF_OK) {
            snprintf(e->key, sizeof e->key, "%s", key);
            put_first(sessions, e);
            sessions->n++;
        } else {
            idf_free(e);
            e = NULL;
        }
    }
    if (e != NULL)
        e->n_users++;
    pthread_mutex_unlock(&sessions->lock);
    return e;
}

void idf_sessions_put(idf_sessions *sessions, idf_session_entry *entry) {
    if (entry == NULL)
        return;
    pthread_mutex_lock(&sessions->lock);
    entry->n_users--;
    trim(sessions, sessions->max_kept);
    pthread_mutex_unlock(&sessions->lock);
}

size_t idf_sessions_n(idf_sessions *sessions) {
    pthread_mutex_lock(&sessions->lock);
    size_t n = sessions->n;
    pthread_mutex_unlock(&sessions->lock);
    return n;
}
