/* fuzz_request.c - any bytes as a request, through the whole service to its answer, without
 * sockets: what net/http_server.h promises stands here in place of libmicrohttpd (fuzz_http.c is
 * about that). Every request is answered just once; errors have their sentence, and JSON is JSON.
 * The service may be written to: requests have its token unless they bring another or say that they
 * are nobody's, and references are as many as the answers to changes say. */
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include <identify/identify.h>

#include "base/alloc.h"
#include "net/http_server.h"
#include "server/service.h"
#include "support/scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_HEADERS = 40, SIDE = 160, REFERENCES = 2, MAX_REFERENCES = 6 };
static const char TOKEN[] = "correct horse";

/* --- in place of the HTTP server --- */

struct idf_http_server {
    idf_http_options options;
};

struct idf_http_exchange {
    char *method, *target, *names[MAX_HEADERS], *values[MAX_HEADERS];
    int n_headers, n_answers, status;
    bool sent_json;
    idf_bytes body; /* of the reply */
    pthread_mutex_t lock;
    pthread_cond_t answered;
};

struct idf_http_reply {
    int status;
    bool is_json;
    idf_bytes body;
};

static idf_http_server the_server;

idf_status idf_http_server_new(idf_http_server **server, const idf_http_options *options,
                               idf_error *err) {
    (void)err;
    the_server.options = *options;
    *server = &the_server;
    return IDF_OK;
}

bool idf_http_server_drain(idf_http_server *server, double seconds) {
    return server != NULL && seconds >= 0;
}

void idf_http_server_free(idf_http_server *server) {
    (void)server;
}

int idf_http_server_connections(const idf_http_server *server) {
    return server != NULL;
}

idf_status idf_listen(idf_listener out[IDF_LISTEN_MAX], int *n, const char *host, int *port,
                      idf_error *err) {
    (void)out, (void)host, (void)port, (void)err;
    *n = 0;
    return IDF_OK;
}

int idf_listen_raise_limit(int n) {
    return n;
}

const char *idf_http_method(const idf_http_exchange *x) {
    return x->method;
}

const char *idf_http_target(const idf_http_exchange *x) {
    return x->target;
}

static const char *sent(const idf_http_exchange *x, const char *name) {
    for (int i = 0; i < x->n_headers; i++)
        if (strcasecmp(x->names[i], name) == 0)
            return x->values[i];
    return NULL;
}

const char *idf_http_header(const idf_http_exchange *x, const char *name) {
    const char *value = sent(x, name);
    if (value == NULL && strcasecmp(name, "Authorization") == 0 && sent(x, "X-Nobody") == NULL)
        return "Bearer correct horse";
    return value;
}

int64_t idf_http_body_length(const idf_http_exchange *x) {
    const char *length = idf_http_header(x, "Content-Length");
    return length == NULL ? -1 : strtoll(length, NULL, 10);
}

char *idf_http_peer(const idf_http_exchange *x, char *out, size_t out_bytes) {
    (void)x;
    snprintf(out, out_bytes, "127.0.0.1");
    return out;
}

int idf_http_framing(const idf_http_exchange *x, const char **reason) {
    *reason = "two lengths";
    return idf_http_header(x, "X-Framing") != NULL ? 400 : 0;
}

static idf_http_reply *reply_new(int status, const char *type) {
    idf_http_reply *reply = idf_alloc_zero(1, sizeof *reply);
    if (reply == NULL)
        abort();
    reply->status = status;
    reply->is_json = type != NULL && strcmp(type, "application/json") == 0;
    return reply;
}

idf_http_reply *idf_http_reply_new(int status, const char *type, idf_bytes *body) {
    idf_http_reply *reply = reply_new(status, type);
    reply->body = *body;
    memset(body, 0, sizeof *body);
    return reply;
}

idf_http_reply *idf_http_reply_static(int status, const char *type, const void *body, size_t len) {
    idf_http_reply *reply = reply_new(status, type);
    if (idf_bytes_append(&reply->body, body, len) != IDF_OK)
        abort();
    return reply;
}

idf_http_reply *idf_http_reply_file(int status, const char *type, int fd, uint64_t offset,
                                    uint64_t len) {
    char byte;
    if (len > 0 && pread(fd, &byte, 1, (off_t)(offset + len - 1)) != 1)
        abort(); /* the range is not of the file */
    close(fd);
    return reply_new(status, type);
}

void idf_http_reply_header(idf_http_reply *reply, const char *name, const char *value) {
    if (reply == NULL || name[strcspn(name, " \r\n:")] != '\0' || value == NULL)
        abort();
}

void idf_http_answer(idf_http_exchange *x, idf_http_reply *reply) {
    pthread_mutex_lock(&x->lock);
    if (reply == NULL || x->n_answers++ > 0)
        abort();
    x->status = reply->status;
    x->sent_json = reply->is_json;
    x->body = reply->body;
    idf_free(reply);
    pthread_cond_signal(&x->answered);
    pthread_mutex_unlock(&x->lock);
}

/* --- a service with two references --- */

static void paint(const char *name, uint32_t seed) {
    idf_image image;
    if (idf_image_new(&image, SIDE, SIDE * 7 / 5, 3, NULL) != IDF_OK)
        abort();
    for (int y = 0; y < image.height; y++)
        for (int x = 0; x < image.width; x++)
            for (int c = 0; c < 3; c++) {
                uint32_t cell = (uint32_t)(x / 11 * 31 + y / 13 * 17 + c * 7) + seed * 1009;
                cell = (cell ^ cell >> 3) * 2654435761u;
                image.pixels[(size_t)y * image.stride_bytes + (size_t)x * 3 + (size_t)c] =
                    (uint8_t)(cell >> 24);
            }
    if (idf_image_write_file(&image, scratch_path(name), 0, NULL) != IDF_OK)
        abort();
    idf_image_release(&image);
}

static idf_service *service;

static void end_service(void) {
    idf_service_free(service, 0);
    service = NULL;
    scratch_remove(NULL);
}

static void begin_service(void) {
    static const char prices[] = "{\"currency\":\"JPY\",\"prices\":{\"LOCH-JP001\":{\"median\":300,"
                                 "\"rarities\":{\"UR\":300}}}}";
    static char index[512], price_file[512];
    idf_build_report report;
    idf_encoder *encoder;
    idf_fx fx = {.n = 0};
    if (scratch_make(NULL) != 0 || idf_encoder_open_builtin(&encoder, NULL) != IDF_OK)
        abort();
    paint("LOCH-JP001_dark_mage_ur.png", 1);
    paint("red bird.png", 2);
    snprintf(index, sizeof index, "%s", scratch_path("index.npz"));
    snprintf(price_file, sizeof price_file, "%s", scratch_path("prices.json"));
    const idf_build_options build = {
        .refs_dir = scratch_folder, .out_path = index, .encoder = encoder, .calibration_views = -1};
    const idf_service_options options = {.index_path = index,
                                         .host = "127.0.0.1",
                                         .n_workers = 1,
                                         .writable = true,
                                         .token = TOKEN,
                                         .max_sessions = 4,
                                         .max_image_bytes = 1 << 20,
                                         .max_pixels = 1000000,
                                         .deadline_seconds = 3600,
                                         .prices_path = price_file,
                                         .fx = &fx,
                                         .log = IDF_LOG_NONE};
    if (idf_build_index(&build, &report, NULL) != IDF_OK || report.n_rows != REFERENCES ||
        idf_file_write(price_file, prices, sizeof prices - 1, NULL) != IDF_OK ||
        !idf_fx_set(&fx, "JPY", 150) || idf_service_new(&service, &options, NULL) != IDF_OK)
        abort();
    idf_encoder_free(encoder);
}

/* --- one request --- */

/* Cuts `text` after the first `c`; what follows, or NULL when there is none. */
static char *cut(char *text, char c) {
    char *at = strchr(text, c);
    if (at != NULL)
        *at++ = '\0';
    return at;
}

/* Reads the request line and the headers, which end with an empty line. */
static void read_head(idf_http_exchange *x, char *head) {
    char *lines = cut(head, '\n'), *version;
    x->method = head;
    x->target = cut(head, ' ');
    if (x->target == NULL)
        x->target = head + strlen(head);
    version = cut(x->target, ' ');
    if (version == NULL)
        x->target[strcspn(x->target, "\r")] = '\0';
    while (lines != NULL && x->n_headers < MAX_HEADERS) {
        char *line = lines, *value;
        lines = cut(line, '\n');
        value = cut(line, ':');
        if (value == NULL)
            continue;
        value += strspn(value, " \t");
        value[strcspn(value, "\r")] = '\0';
        x->names[x->n_headers] = line;
        x->values[x->n_headers++] = value;
    }
}

/* Anew after some changes, so that what an input does depends on few before it. */
static void renew_service(void) {
    static bool begun;
    size_t n = service == NULL ? 0 : idf_service_n_references(service);
    if (service != NULL && n >= REFERENCES && n <= MAX_REFERENCES)
        return;
    if (begun)
        end_service();
    else
        atexit(end_service);
    begun = true;
    begin_service();
}

/* What an answer says of a change is so. */
static void check_change(const idf_http_exchange *x, size_t before) {
    size_t now = idf_service_n_references(service);
    bool removed = x->status == 200 && strcmp(x->method, "DELETE") == 0;
    bool may_add = x->status == 201; /* or replaces */
    if (removed ? now != before - 1 : now != before && !(may_add && now == before + 1))
        abort();
}

static void check_answer(const idf_http_exchange *x) {
    if (x->n_answers != 1 || x->status < 200 || x->status > 599 || x->status == 500)
        abort();
    if (!x->sent_json)
        return;
    json_t *json = json_loadb((const char *)x->body.data, x->body.len, 0, NULL);
    const char *error = json_string_value(json_object_get(json, "error"));
    if (json == NULL ||
        (x->status >= 400 &&
         (error == NULL || error[0] == '\0' || json_object_get(json, "detail") == NULL)) ||
        (x->status == 200 && error != NULL))
        abort();
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char empty_line[] = "\r\n\r\n";
    idf_http_exchange x = {.n_answers = 0};
    size_t n_head = 0, piece = 1 + size * 31 % 5000;
    renew_service();
    size_t before = idf_service_n_references(service);
    while (n_head < size && (size - n_head < 4 || memcmp(data + n_head, empty_line, 4) != 0))
        n_head++;
    char *head = idf_alloc(n_head + 1, 1);
    if (head == NULL)
        abort();
    memcpy(head, data, n_head);
    head[n_head] = '\0';
    read_head(&x, head);
    pthread_mutex_init(&x.lock, NULL);
    pthread_cond_init(&x.answered, NULL);
    const idf_http_handler *handler = &the_server.options.handler;
    void *state = handler->begin(handler->context, &x);
    for (size_t at = n_head + 4; x.n_answers == 0 && at < size; at += piece)
        if (!handler->body(state, data + at, size - at < piece ? size - at : piece))
            abort();
    if (x.n_answers == 0)
        handler->end(state);
    pthread_mutex_lock(&x.lock);
    while (x.n_answers == 0)
        pthread_cond_wait(&x.answered, &x.lock);
    pthread_mutex_unlock(&x.lock);
    check_answer(&x);
    check_change(&x, before);
    handler->done(state, x.status);
    idf_bytes_release(&x.body);
    pthread_mutex_destroy(&x.lock);
    pthread_cond_destroy(&x.answered);
    idf_free(head);
    return 0;
}
