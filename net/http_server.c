/* http_server.c - libmicrohttpd and its traps.
 *
 * Its `url` argument is decoded and cut at a NUL: the raw target comes by the callback that is
 * meant for logging. It lets two Content-Lengths and any Transfer-Encoding through: looked at here.
 * Its timeout counts idleness only: watch.h. A suspended connection when it stops is a panic: see
 * idf_http_server_free. */
#include "net/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "net/mhd.h"
#include "net/watch.h"

enum {
    POOL_BYTES = 64 << 10, /* a connection's, its request's headers in it */
    POOL_STEP_BYTES = 4096,
    REPLY_SECONDS = 30, /* for taking a reply, and a second more for each RATE_BYTES */
    RATE_BYTES = 32 << 10,
    QUIET_MS = 150, /* without a request under way before a server counts as drained */
};

struct idf_http_server {
    idf_http_options options;
    struct MHD_Daemon *daemons[IDF_LISTEN_MAX];
    idf_watch *watch;
    atomic_bool stopping;
    atomic_int n_active, n_connections;
};

struct idf_http_reply {
    struct MHD_Response *response;
    int status;
    uint64_t len;
};

/* Who has the exchange: its handler is at work, it waits for an answer, or has one. */
enum phase { AT_WORK, WAITING, ANSWERED };

struct idf_http_exchange {
    idf_http_server *server;
    struct MHD_Connection *connection;
    idf_watched *watched;
    char *target;
    const char *method;
    void *state;
    idf_http_reply *reply;
    atomic_int phase;
    bool begun, ended;
    int status; /* of the reply given */
    uint64_t received;
    const char *framing_reason;
    int framing;
};

/* --- replies --- */

static idf_http_reply *wrap(struct MHD_Response *response, int status, const char *type,
                            uint64_t len) {
    idf_http_reply *reply = response == NULL ? NULL : idf_alloc_zero(1, sizeof *reply);
    if (reply == NULL) {
        if (response != NULL)
            idf_mhd.destroy_response(response);
        return NULL;
    }
    *reply = (idf_http_reply){response, status, len};
    if (type != NULL)
        idf_http_reply_header(reply, "Content-Type", type);
    return reply;
}

idf_http_reply *idf_http_reply_new(int status, const char *type, idf_bytes *body) {
    size_t len = body->len;
    if (len == 0) {
        idf_bytes_release(body);
        return idf_http_reply_static(status, type, "", 0);
    }
    struct MHD_Response *response =
        idf_mhd.create_response_from_buffer_with_free_callback(len, body->data, idf_free);
    if (response == NULL)
        idf_bytes_release(body);
    memset(body, 0, sizeof *body);
    return wrap(response, status, type, len);
}

idf_http_reply *idf_http_reply_static(int status, const char *type, const void *body, size_t len) {
    void *bytes = (void *)(uintptr_t)body; /* the library's type; it only reads */
    return wrap(idf_mhd.create_response_from_buffer(len, bytes, MHD_RESPMEM_PERSISTENT), status,
                type, len);
}

idf_http_reply *idf_http_reply_file(int status, const char *type, int fd, uint64_t offset,
                                    uint64_t len) {
    if (len == 0) {
        close(fd);
        return idf_http_reply_static(status, type, "", 0);
    }
    struct MHD_Response *response = idf_mhd.create_response_from_fd_at_offset64(len, fd, offset);
    if (response == NULL)
        close(fd);
    return wrap(response, status, type, len);
}

void idf_http_reply_header(idf_http_reply *reply, const char *name, const char *value) {
    if (reply == NULL)
        return;
    for (const char *c = value; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return;
    idf_mhd.add_response_header(reply->response, name, value);
}

static void reply_free(idf_http_reply *reply) {
    if (reply != NULL)
        idf_mhd.destroy_response(reply->response);
    idf_free(reply);
}

void idf_http_answer(idf_http_exchange *x, idf_http_reply *reply) {
    x->reply = reply;
    x->status = reply != NULL ? reply->status : 0;
    /* From the exchange on, x may be gone. */
    struct MHD_Connection *connection = x->connection;
    if (atomic_exchange(&x->phase, ANSWERED) == WAITING)
        idf_mhd.resume_connection(connection);
}

/* Hands the reply to the library. */
static enum MHD_Result send_reply(idf_http_exchange *x) {
    idf_http_reply *reply = x->reply;
    if (reply == NULL)
        return MHD_NO;
    x->reply = NULL;
    if (atomic_load(&x->server->stopping))
        idf_http_reply_header(reply, "Connection", "close");
    idf_watch_set(x->watched, REPLY_SECONDS + (double)reply->len / RATE_BYTES);
    enum MHD_Result result =
        idf_mhd.queue_response(x->connection, (unsigned)reply->status, reply->response);
    reply_free(reply);
    return result;
}

/* --- requests --- */

const char *idf_http_method(const idf_http_exchange *x) {
    return x->method;
}

const char *idf_http_target(const idf_http_exchange *x) {
    return x->target;
}

const char *idf_http_header(const idf_http_exchange *x, const char *name) {
    return idf_mhd.lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

int64_t idf_http_body_length(const idf_http_exchange *x) {
    const char *length = idf_http_header(x, "Content-Length");
    if (length != NULL)
        return strtoll(length, NULL, 10);
    return idf_http_header(x, "Transfer-Encoding") != NULL ? -1 : 0;
}

char *idf_http_peer(const idf_http_exchange *x, char *out, size_t out_bytes) {
    const union MHD_ConnectionInfo *info =
        idf_mhd.get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *a = info == NULL ? NULL : info->client_addr;
    out[0] = '\0';
    if (a != NULL && a->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr, out,
                  (socklen_t)out_bytes);
    else if (a != NULL && a->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, out,
                  (socklen_t)out_bytes);
    return out;
}

int idf_http_framing(const idf_http_exchange *x, const char **reason) {
    *reason = x->framing_reason;
    return x->framing;
}

typedef struct framing {
    int n_lengths, n_encodings;
    bool is_chunked, is_number;
} framing;

static enum MHD_Result look_at_header(void *context, enum MHD_ValueKind kind, const char *key,
                                      const char *value) {
    framing *f = context;
    (void)kind;
    if (strcasecmp(key, "Content-Length") == 0) {
        f->n_lengths++;
        f->is_number = value[0] != '\0' && value[strspn(value, "0123456789")] == '\0';
    } else if (strcasecmp(key, "Transfer-Encoding") == 0) {
        f->n_encodings++;
        f->is_chunked = strcasecmp(value, "chunked") == 0;
    }
    return MHD_YES;
}

/* What RFC 9112, 6, wants refused: two readers of one connection could see two requests. */
static void check_framing(idf_http_exchange *x, const char *version) {
    framing f = {0};
    idf_mhd.get_connection_values(x->connection, MHD_HEADER_KIND, look_at_header, &f);
    x->framing = 400;
    if (f.n_lengths > 1)
        x->framing_reason = "there is more than one Content-Length";
    else if (f.n_lengths == 1 && !f.is_number)
        x->framing_reason = "the Content-Length is no number";
    else if (f.n_lengths > 0 && f.n_encodings > 0)
        x->framing_reason = "there is a Content-Length and a Transfer-Encoding";
    else if (f.n_encodings > 0 && strcmp(version, "HTTP/1.1") != 0)
        x->framing_reason = "a Transfer-Encoding needs HTTP/1.1";
    else if (f.n_encodings > 1 || (f.n_encodings == 1 && !f.is_chunked))
        x->framing = 501, x->framing_reason = "of the Transfer-Encodings only chunked is known";
    else
        x->framing = 0;
}

static void begin_exchange(idf_http_exchange *x, const char *method, const char *version) {
    const idf_http_options *options = &x->server->options;
    x->begun = true;
    x->method = method;
    atomic_fetch_add(&x->server->n_active, 1);
    check_framing(x, version);
    int64_t length = idf_http_body_length(x);
    double size = length >= 0 && (uint64_t)length <= options->max_body_bytes
                      ? (double)length
                      : (double)options->max_body_bytes;
    idf_watch_set(x->watched, options->body_seconds + size / RATE_BYTES);
    x->state = options->handler.begin(options->handler.context, x);
}

/* The handler has the whole request; if it has not answered, the connection sleeps until then. */
static enum MHD_Result end_exchange(idf_http_exchange *x) {
    int at_work = AT_WORK;
    x->ended = true;
    idf_watch_set(x->watched, 0);
    x->server->options.handler.end(x->state);
    if (atomic_load(&x->phase) == ANSWERED)
        return send_reply(x);
    idf_mhd.suspend_connection(x->connection);
    if (!atomic_compare_exchange_strong(&x->phase, &at_work, WAITING))
        idf_mhd.resume_connection(x->connection); /* answered in between */
    return MHD_YES;
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *n_upload, void **of_request) {
    idf_http_server *server = context;
    idf_http_exchange *x = *of_request;
    (void)url, (void)connection;
    if (x == NULL)
        return MHD_NO;
    if (!x->begun) {
        begin_exchange(x, method, version);
        return atomic_load(&x->phase) == ANSWERED ? send_reply(x) : MHD_YES;
    }
    if (*n_upload > 0) {
        size_t n = *n_upload;
        *n_upload = 0;
        x->received += n;
        return x->received <= server->options.max_body_bytes &&
                       server->options.handler.body(x->state, upload, n)
                   ? MHD_YES
                   : MHD_NO;
    }
    if (!x->ended)
        return end_exchange(x);
    return atomic_load(&x->phase) == ANSWERED ? send_reply(x) : MHD_YES;
}

static void *on_target(void *context, const char *target, struct MHD_Connection *connection) {
    idf_http_server *server = context;
    const union MHD_ConnectionInfo *info =
        idf_mhd.get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    idf_watched *watched = info == NULL ? NULL : info->socket_context;
    idf_http_exchange *x = watched == NULL ? NULL : idf_alloc_zero(1, sizeof *x);
    if (x == NULL)
        return NULL;
    x->target = idf_strdup(target);
    if (x->target == NULL) {
        idf_free(x);
        return NULL;
    }
    x->server = server;
    x->connection = connection;
    x->watched = watched;
    idf_watch_set(watched, server->options.header_seconds);
    return x;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **of_request,
                         enum MHD_RequestTerminationCode code) {
    idf_http_server *server = context;
    idf_http_exchange *x = *of_request;
    (void)connection, (void)code;
    if (x == NULL)
        return;
    if (x->begun) {
        server->options.handler.done(x->state, x->status);
        atomic_fetch_sub(&server->n_active, 1);
    }
    idf_watch_idle(x->watched, server->options.idle_seconds);
    reply_free(x->reply);
    idf_free(x->target);
    idf_free(x);
    *of_request = NULL;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **of_socket,
                          enum MHD_ConnectionNotificationCode code) {
    idf_http_server *server = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            idf_mhd.get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        idf_watched *watched = idf_alloc_zero(1, sizeof *watched);
        if (watched != NULL)
            idf_watch_add(server->watch, watched, info->connect_fd, server->options.idle_seconds);
        *of_socket = watched;
        atomic_fetch_add(&server->n_connections, 1);
    } else {
        idf_watched *watched = *of_socket;
        if (watched != NULL)
            idf_watch_remove(server->watch, watched);
        idf_free(watched);
        *of_socket = NULL;
        atomic_fetch_sub(&server->n_connections, 1);
    }
}

/* --- the server --- */

static struct MHD_Daemon *start(idf_http_server *server, const idf_listener *listener) {
    const idf_http_options *o = &server->options;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)o->tls_certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)o->tls_key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };
    const struct MHD_OptionItem pool[] = {
        {o->n_threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, o->n_threads, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    flags |= listener->ipv6 ? MHD_USE_IPv6 : 0;
    flags |= o->tls_certificate != NULL ? MHD_USE_TLS : 0;
    return idf_mhd.start_daemon(
        flags, 0, NULL, NULL, on_access, server, MHD_OPTION_LISTEN_SOCKET, listener->fd,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
        MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)POOL_STEP_BYTES,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)o->max_connections, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_ARRAY, pool,
        MHD_OPTION_ARRAY, o->tls_certificate != NULL ? tls : none, MHD_OPTION_END);
}

idf_status idf_http_server_new(idf_http_server **server, const idf_http_options *options,
                               idf_error *err) {
    *server = NULL;
    idf_status status = idf_mhd_load(err);
    if (status != IDF_OK)
        return status;
    idf_http_server *s = idf_alloc_zero(1, sizeof *s);
    if (s == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a server");
    s->options = *options;
    status = idf_watch_new(&s->watch, err);
    for (int i = 0; status == IDF_OK && i < options->n_listeners; i++) {
        s->daemons[i] = start(s, &options->listeners[i]);
        if (s->daemons[i] == NULL)
            status = idf_error_set(err, IDF_ERR_IO, "the HTTP server does not start%s",
                                   options->tls_certificate != NULL
                                       ? ": the TLS certificate or its key may be wrong"
                                       : "");
    }
    if (status != IDF_OK) {
        for (int i = 0; i < options->n_listeners; i++)
            if (s->daemons[i] != NULL) /* the listeners stay the caller's */
                idf_mhd.quiesce_daemon(s->daemons[i]);
        atomic_store(&s->stopping, true);
        idf_http_server_free(s);
        return status;
    }
    *server = s;
    return IDF_OK;
}

bool idf_http_server_drain(idf_http_server *server, double seconds) {
    double end = idf_clock_seconds() + seconds, quiet = 0;
    const struct timespec tick = {0, 5 * 1000 * 1000};
    if (!atomic_exchange(&server->stopping, true))
        for (int i = 0; i < server->options.n_listeners; i++)
            if (idf_mhd.quiesce_daemon(server->daemons[i]) != MHD_INVALID_SOCKET)
                close(server->options.listeners[i].fd);
    for (;;) {
        double now = idf_clock_seconds();
        if (atomic_load(&server->n_active) > 0)
            quiet = 0;
        else if (quiet <= 0)
            quiet = now;
        else if (now - quiet > QUIET_MS / 1000.0)
            return true;
        if (now > end)
            return false;
        nanosleep(&tick, NULL);
    }
}

void idf_http_server_free(idf_http_server *server) {
    if (server == NULL)
        return;
    for (int i = 0; i < server->options.n_listeners; i++)
        if (server->daemons[i] != NULL)
            idf_mhd.stop_daemon(server->daemons[i]);
    idf_watch_free(server->watch);
    idf_free(server);
}

int idf_http_server_connections(const idf_http_server *server) {
    return server == NULL ? 0 : atomic_load(&server->n_connections);
}
