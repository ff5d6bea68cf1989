/* fuzz_http.c - any bytes as what a client sends over one connection, to the real server of
 * net/http_server.h: framing by length and by chunks, pipelines, what is cut off. Whatever comes,
 * the server ends the connection in time, everything it says are whole replies, a handler sees each
 * exchange begin and end once, and no request that two readers could read differently is taken. */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <netinet/in.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "net/http_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_BODY = 1 << 16, PATIENCE_SECONDS = 20, MAX_REPLY = 1 << 20 };

static idf_http_server *server;
static int port;
static atomic_int n_open, n_heads;
static atomic_size_t n_received;

/* --- a handler that says what it has read --- */

typedef struct exchange {
    idf_http_exchange *x;
    size_t n_bytes;
    bool answered, ended;
} exchange;

static void answer(exchange *e, int status, const char *text) {
    idf_bytes body = {0};
    if (e->answered || idf_bytes_append(&body, text, strlen(text)) != IDF_OK)
        abort();
    idf_http_reply *reply = idf_http_reply_new(status, "text/plain", &body);
    if (status != 200)
        idf_http_reply_header(reply, "Connection", "close");
    e->answered = true;
    idf_http_answer(e->x, reply);
}

static void *begin(void *context, idf_http_exchange *x) {
    const char *reason;
    exchange *e = idf_alloc_zero(1, sizeof *e);
    if (e == NULL || context != &n_open || idf_http_method(x) == NULL || idf_http_target(x) == NULL)
        abort();
    e->x = x;
    atomic_fetch_add(&n_open, 1);
    if (strcasecmp(idf_http_method(x), "HEAD") == 0)
        atomic_fetch_add(&n_heads, 1);
    int wrong = idf_http_framing(x, &reason);
    if (wrong != 0)
        answer(e, wrong, reason);
    else if (strcmp(idf_http_method(x), "CONNECT") == 0)
        answer(e, 405, "no tunnels"); /* as the service does: a 200 would open one */
    else if (idf_http_header(x, "Content-Length") != NULL &&
             idf_http_header(x, "Transfer-Encoding") != NULL)
        abort(); /* one reader goes by the one, another by the other */
    return e;
}

static bool body(void *state, const void *bytes, size_t n) {
    exchange *e = state;
    if (e->ended || bytes == NULL || (e->n_bytes += n) > MOST_BODY)
        abort();
    atomic_fetch_add(&n_received, n);
    return true;
}

static void end(void *state) {
    exchange *e = state;
    int64_t length = idf_http_body_length(e->x);
    if (e->ended || (length >= 0 && (uint64_t)length != e->n_bytes))
        abort();
    e->ended = true;
    if (!e->answered)
        answer(e, 200, "read");
}

static void done(void *state, int status) {
    exchange *e = state;
    if (status != 0 && !e->answered)
        abort();
    atomic_fetch_sub(&n_open, 1);
    idf_free(e);
}

/* --- the client --- */

static void end_server(void) {
    idf_http_server_free(server);
}

static void begin_server(void) {
    idf_http_options options = {.n_threads = 1,
                                .max_connections = 64,
                                .max_body_bytes = MOST_BODY,
                                .idle_seconds = 1,
                                .header_seconds = 0.3,
                                .body_seconds = 0.3,
                                .handler = {begin, body, end, done, &n_open}};
    idf_error err = IDF_ERROR_INIT;
    if (idf_listen(options.listeners, &options.n_listeners, "127.0.0.1", &port, &err) != IDF_OK ||
        idf_http_server_new(&server, &options, &err) != IDF_OK) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
    atexit(end_server);
}

static int dial(void) {
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
        abort();
    return fd;
}

static void send_all(int fd, const uint8_t *data, size_t n) {
    for (size_t at = 0; at < n;) {
        ssize_t sent = send(fd, data + at, n - at, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* it has had enough */
        at += (size_t)sent;
    }
}

/* The value of Content-Length in a reply's head, -1 when it has none. */
static long length_of(const char *head, const char *head_end) {
    static const char name[] = "content-length:";
    for (const char *line = head; line < head_end; line = strstr(line, "\r\n") + 2)
        if (strncasecmp(line, name, sizeof name - 1) == 0)
            return strtol(line + sizeof name - 1, NULL, 10);
    return -1;
}

/* Everything said is replies, one after another; a last one may be cut when a client that sends on
 * is reset. */
static void check_replies(const char *said, size_t n, bool was_reset) {
    const char *at = said, *last = said + n;
    while (at < last) {
        const char *head_end = strstr(at, "\r\n\r\n");
        int status = 0;
        if (head_end == NULL && was_reset)
            return;
        if (head_end == NULL || sscanf(at, "HTTP/1.%*1[01] %3d", &status) != 1 || status < 100 ||
            status > 599 || status == 500)
            abort();
        long length = length_of(at, head_end);
        at = head_end + 4;
        if (status < 200)
            continue; /* 100 Continue */
        if (length < 0)
            abort();
        if (atomic_load(&n_heads) > 0 && (at == last || strncmp(at, "HTTP/1.", 7) == 0))
            continue;
        /* What libmicrohttpd 0.9.75 refuses by itself has its head twice, within the length of its
         * text; the connection ends with it. */
        if (status >= 400 && last - at > length && strncmp(at, said, 12) == 0)
            return;
        if (last - at < length && !was_reset)
            abort();
        at = last - at < length ? last : at + length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char said[MAX_REPLY + 1];
    size_t n = 0, piece = size % 3 == 0 ? size / 2 : size;
    ssize_t got;
    const struct timespec moment = {.tv_nsec = 200000};
    if (server == NULL)
        begin_server();
    atomic_store(&n_heads, 0);
    atomic_store(&n_received, 0);
    int fd = dial();
    send_all(fd, data, piece);
    send_all(fd, data + piece, size - piece);
    shutdown(fd, SHUT_WR);
    double began = idf_clock_seconds();
    while ((got = recv(fd, said + n, MAX_REPLY - n, 0)) > 0)
        n += (size_t)got;
    if (idf_clock_seconds() - began > PATIENCE_SECONDS - 1 || n == MAX_REPLY)
        abort(); /* it is still there, or talks without end */
    said[n] = '\0';
    close(fd);
    while (atomic_load(&n_open) > 0 && idf_clock_seconds() - began < PATIENCE_SECONDS)
        nanosleep(&moment, NULL);
    if (atomic_load(&n_open) != 0 || atomic_load(&n_received) > size)
        abort();
    check_replies(said, n, got < 0);
    return 0;
}
