/* sessions.h - the streams of clients by the names that they give them; the least recently used
 * go first. Any thread. */
#ifndef IDF_SERVER_SESSIONS_H
#define IDF_SERVER_SESSIONS_H

#include <stddef.h>

#include <identify/identify.h>

#include "server/still.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_SESSION_KEY_BYTES = 129 };

typedef struct idf_sessions idf_sessions;

/* One client's stream. Stream and still belong to whoever runs in its lane (workers.h). */
typedef struct idf_session_entry {
    struct idf_session_entry *newer, *older;
    idf_stream *stream;
    idf_still still;
    size_t n_users;
    char key[IDF_SESSION_KEY_BYTES];
} idf_session_entry;

idf_status idf_sessions_new(idf_sessions **sessions, size_t max_kept, idf_error *err);
/* NULL is allowed. Nobody may use one any more. */
void idf_sessions_free(idf_sessions *sessions);

/* The session of that name, a new one when there is none; NULL when memory is out. It stays until
 * it is put back. */
idf_session_entry *idf_sessions_get(idf_sessions *sessions, const char *key);
/* NULL is allowed. */
void idf_sessions_put(idf_sessions *sessions, idf_session_entry *entry);

size_t idf_sessions_n(idf_sessions *sessions);

#ifdef __cplusplus
}
#endif
#endif
