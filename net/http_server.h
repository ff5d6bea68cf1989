/* http_server.h - an HTTP/1.1 server: connections in, exchanges to a handler, replies out.
 *
 * libmicrohttpd by epoll, with what it leaves to its user: raw targets, framing headers checked,
 * deadlines for headers, bodies and replies, answers from other threads, an end that finishes what
 * is under way. */
#ifndef IDF_NET_HTTP_SERVER_H
#define IDF_NET_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/status.h>

#include "base/bytes.h"
#include "net/listen.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_http_server idf_http_server;
typedef struct idf_http_exchange idf_http_exchange; /* one request and its reply */
typedef struct idf_http_reply idf_http_reply;

/* Called on the server's threads, one exchange by one thread at a time; none may block. */
typedef struct idf_http_handler {
    /* The headers are there. Returns what the others are handed; may answer at once, and then the
     * body, if there is one, is thrown away. */
    void *(*begin)(void *context, idf_http_exchange *exchange);
    /* A piece of the body. False closes the connection. */
    bool (*body)(void *state, const void *bytes, size_t n);
    /* The body is complete (or there is none). Answers now, or has any thread answer later. */
    void (*end)(void *state);
    /* The exchange is over, whether it was answered or the client left: `status` of the reply, 0
     * when there was none. After it the exchange is no more. Not called before an exchange that
     * `end` left open has been answered. */
    void (*done)(void *state, int status);
    void *context;
} idf_http_handler;

typedef struct idf_http_options {
    idf_listener listeners[IDF_LISTEN_MAX]; /* the server's after success */
    int n_listeners;
    int n_threads;       /* event loops a listener */
    int max_connections; /* a listener */
    uint64_t max_body_bytes;
    double idle_seconds;                   /* between requests */
    double header_seconds;                 /* from the request line to the end of the headers */
    double body_seconds;                   /* for a body, and a second more for each 32 KiB */
    const char *tls_certificate, *tls_key; /* PEM; NULL: no TLS */
    idf_http_handler handler;
} idf_http_options;

/* Serves from here on. *server is NULL after a failure. */
idf_status idf_http_server_new(idf_http_server **server, const idf_http_options *options,
                               idf_error *err);
/* No new connections; replies end theirs. Returns true when nothing has been under way for a
 * moment, false when that took more than `seconds`. */
bool idf_http_server_drain(idf_http_server *server, double seconds);
/* Every exchange must have been answered. NULL is allowed. */
void idf_http_server_free(idf_http_server *server);
/* Open connections; 0 for NULL. Any thread. */
int idf_http_server_connections(const idf_http_server *server);

/* --- of a request; within the handler's calls only, unless it says otherwise --- */

const char *idf_http_method(const idf_http_exchange *exchange);
/* As it was sent; lives as long as the exchange. */
const char *idf_http_target(const idf_http_exchange *exchange);
/* NULL when there is none; the first of several. */
const char *idf_http_header(const idf_http_exchange *exchange, const char *name);
/* Of the body; -1 when it is not known beforehand. */
int64_t idf_http_body_length(const idf_http_exchange *exchange);
/* The client's address as text to out, the port left out. Returns out. */
char *idf_http_peer(const idf_http_exchange *exchange, char *out, size_t out_bytes);
/* What is wrong with the headers that frame the body: 0 for nothing, else the status to answer
 * with and a sentence. Such a reply should close the connection. */
int idf_http_framing(const idf_http_exchange *exchange, const char **reason);

/* --- of a reply; each belongs to one thread until it is given --- */

/* NULL when memory is out. The first takes the bytes over (and empties `body`) in any case; those
 * of the second have to stay; the third closes `fd` in any case and sends len bytes from offset on.
 */
idf_http_reply *idf_http_reply_new(int status, const char *type, idf_bytes *body);
idf_http_reply *idf_http_reply_static(int status, const char *type, const void *body, size_t len);
idf_http_reply *idf_http_reply_file(int status, const char *type, int fd, uint64_t offset,
                                    uint64_t len);
/* Values with control characters in them are left out. `reply` may be NULL. */
void idf_http_reply_header(idf_http_reply *reply, const char *name, const char *value);

/* Gives the reply, once an exchange. NULL ends the connection. Any thread. */
void idf_http_answer(idf_http_exchange *exchange, idf_http_reply *reply);

#ifdef __cplusplus
}
#endif
#endif
