/* request.c - from an exchange to a route and back: targets, forms, errors, the log. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "net/fields.h"
#include "server/form.h"
#include "server/inside.h"
#include "server/relay.h"

#define JSON_TYPE "application/json"

/* --- answers --- */

void idf_request_answer(idf_request *r, idf_http_reply *reply) {
    char id[24];
    snprintf(id, sizeof id, "%llu", (unsigned long long)r->id);
    idf_http_reply_header(reply, "X-Content-Type-Options", "nosniff");
    idf_http_reply_header(reply, "X-Request-Id", id);
    idf_access_cors(r, reply);
    r->answered = true;
    idf_http_answer(r->exchange, reply);
}

static idf_http_reply *json_reply(int status, json_t *json) {
    idf_bytes body = {0};
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(json);
    if (text == NULL)
        return NULL;
    body.data = (uint8_t *)text; /* jansson's memory is malloc's, as ours is */
    body.len = body.cap = strlen(text);
    idf_http_reply *reply = idf_http_reply_new(status, JSON_TYPE, &body);
    idf_http_reply_header(reply, "Cache-Control", "no-store");
    return reply;
}

void idf_request_json(idf_request *r, int status, json_t *json) {
    idf_request_answer(r, json_reply(status, json));
}

/* `detail` is what clients of the original read, `error` what those of mac_tensor do. */
static void answer_error(idf_request *r, int status, json_t *detail, const char *error,
                         const char *header, const char *value) {
    json_t *json = json_pack("{s:o, s:s}", "detail", detail, "error", error);
    if (r->route != NULL && r->route->flags & IDF_ROUTE_PROXY)
        json_object_set_new(json, "ok", json_false());
    idf_http_reply *reply = json_reply(status, json);
    if (header != NULL)
        idf_http_reply_header(reply, header, value);
    if (status == 503)
        idf_http_reply_header(reply, "Retry-After", "1");
    if (status == 401)
        idf_http_reply_header(reply, "WWW-Authenticate", "Bearer");
    idf_request_answer(r, reply);
}

void idf_request_error(idf_request *r, int status, const char *format, ...) {
    char said[IDF_ERROR_MESSAGE_BYTES], shown[IDF_ERROR_MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(said, sizeof said, format, args);
    va_end(args);
    idf_text_printable(shown, sizeof shown, said);
    answer_error(r, status, json_string(shown), shown, NULL, NULL);
}

void idf_request_missing(idf_request *r, const char *field) {
    char said[96];
    bool proxy = r->route->flags & IDF_ROUTE_PROXY;
    snprintf(said, sizeof said, "the form has no field '%s'", field);
    answer_error(r, proxy ? 400 : 422,
                 json_pack("[{s:s, s:[s, s], s:s, s:n}]", "type", "missing", "loc", "body", field,
                           "msg", "Field required", "input"),
                 said, NULL, NULL);
}

double idf_request_seconds_left(const idf_request *r) {
    return r->began + r->service->options.deadline_seconds - idf_clock_seconds();
}

void idf_request_base(const idf_request *r, char *out, size_t out_bytes) {
    const char *host = r->host;
    bool plain = host[0] != '\0' && host[strspn(host, "abcdefghijklmnopqrstuvwxyz"
                                                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                      "0123456789.-:[]")] == '\0';
    const char *scheme = !plain ? "" : r->tls ? "https://" : "http://";
    snprintf(out, out_bytes, "%s%s", scheme, plain ? host : "");
}

static bool is_relayed(const idf_request *r) {
    return r->service->options.upstream != NULL && r->route->flags & IDF_ROUTE_RELAYED;
}

static void run_job(idf_job *job, idf_worker *worker) {
    idf_request *r = (idf_request *)(void *)job;
    if (idf_request_seconds_left(r) <= 0)
        idf_request_error(r, 503, "the request waited for longer than it may take");
    else if (is_relayed(r))
        idf_relay(r, worker);
    else
        r->route->work(r, worker);
}

void idf_request_enqueue(idf_request *r) {
    r->job.run = run_job;
    r->job.lane = r->job.lane != NULL ? r->job.lane : r->session;
    if (!idf_workers_push(r->service->workers, &r->job)) {
        atomic_fetch_add(&r->service->metrics.refused, 1);
        idf_request_error(r, 503, "the service is busy: %d requests wait already",
                          r->service->options.max_queued);
    }
}

bool idf_request_number(idf_request *r, idf_form_field field, const char *name, long min, long max,
                        long *value) {
    char text[32] = "";
    size_t n = 0;
    const char *form = r->form == NULL ? "" : idf_form_text(r, field, &n);
    int found = 1;
    if (n > 0)
        snprintf(text, sizeof text, "%s", n < sizeof text ? form : "?");
    else
        found = idf_query_get(text, sizeof text, r->target.query, name);
    if (found == 0)
        return true;
    char *end = text;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (found < 0 || end == text || *end != '\0' || errno != 0 || number < min || number > max) {
        char said[128];
        snprintf(said, sizeof said, "%s has to be a whole number from %ld to %ld", name, min, max);
        answer_error(r, 422,
                     json_pack("[{s:s, s:[s, s], s:s}]", "type", "int_parsing", "loc",
                               n > 0 ? "body" : "query", name, "msg", said),
                     said, NULL, NULL);
        return false;
    }
    *value = number;
    return true;
}

/* --- how a request begins --- */

static bool takes_form(const idf_route *route) {
    for (const idf_route_param *p = route->params; p != NULL && p->name != NULL; p++)
        if (strcmp(p->in, "form") == 0)
            return true;
    return false;
}

/* Prepares for the body; answers when it cannot be one. */
static void begin_form(idf_request *r) {
    const idf_service_options *o = &r->service->options;
    idf_error err = IDF_ERROR_INIT;
    int64_t length = idf_http_body_length(r->exchange);
    const char *type = idf_http_header(r->exchange, "Content-Type");
    if (length > (int64_t)idf_form_max_body(o)) {
        idf_request_error(r, 413, "the body is %lld bytes; %llu are possible", (long long)length,
                          (unsigned long long)idf_form_max_body(o));
        return;
    }
    idf_status status = idf_form_new(&r->form, r->service, type, length, &err);
    if (status == IDF_ERR_UNSUPPORTED) /* as FastAPI: what is no form lacks its fields */
        idf_request_missing(r, "image");
    else if (status == IDF_ERR_NO_MEMORY)
        idf_request_error(r, 503, "%s", err.message);
    else if (status != IDF_OK)
        idf_request_error(r, 400, "%s", err.message);
}

/* No route: another method, a slash too many, or nothing. */
static void answer_unknown(idf_request *r, const char *path, const char *allow) {
    char other[IDF_TARGET_MAX_BYTES + 1], none[64];
    size_t n = strlen(path);
    if (allow[0] != '\0') {
        answer_error(r, 405, json_string("Method Not Allowed"), "Method Not Allowed", "Allow",
                     allow);
        return;
    }
    snprintf(other, sizeof other, "%s", path);
    if (n > 1 && path[n - 1] == '/' && strcmp(path, r->target.raw) == 0 && n < sizeof other) {
        other[n - 1] = '\0';
        if (idf_route_find("GET", other, none, sizeof none) != NULL || none[0] != '\0') {
            idf_http_reply *reply = idf_http_reply_static(307, NULL, "", 0);
            idf_http_reply_header(reply, "Location", other);
            idf_request_answer(r, reply);
            return;
        }
    }
    answer_error(r, 404, json_string("Not Found"), "Not Found", NULL, NULL);
}

/* What stands in the headers. False when the request has been answered. */
static bool read_headers(idf_request *r) {
    const char *reason, *origin = idf_http_header(r->exchange, "Origin");
    idf_error err = IDF_ERROR_INIT;
    snprintf(r->origin, sizeof r->origin, "%s", origin != NULL ? origin : "");
    const char *host = idf_http_header(r->exchange, "Host");
    snprintf(r->host, sizeof r->host, "%s", host != NULL ? host : "");
    r->has_cookie = idf_http_header(r->exchange, "Cookie") != NULL;
    idf_http_peer(r->exchange, r->peer, sizeof r->peer);
    int framing = idf_http_framing(r->exchange, &reason);
    if (framing != 0) {
        answer_error(r, framing, json_string(reason), reason, "Connection", "close");
        return false;
    }
    idf_status status = idf_target_parse(&r->target, idf_http_target(r->exchange), &err);
    if (status == IDF_OK)
        return true;
    idf_request_error(r,
                      status == IDF_ERR_LIMIT       ? 414
                      : status == IDF_ERR_NO_MEMORY ? 503
                                                    : 400,
                      "%s", err.message);
    return false;
}

static void find_route(idf_request *r) {
    char allow[64];
    const char *method = idf_http_method(r->exchange);
    const char *path = r->target.path != NULL ? r->target.path : r->target.raw;
    if (strcmp(method, "OPTIONS") == 0 && r->origin[0] != '\0' &&
        idf_http_header(r->exchange, "Access-Control-Request-Method") != NULL) {
        idf_access_preflight(r);
        return;
    }
    size_t n;
    r->route = idf_route_find(method, path, allow, sizeof allow);
    if (r->route == NULL) {
        answer_unknown(r, path, allow);
        return;
    }
    r->route_number = (size_t)(r->route - idf_routes(&n)) + 1;
    size_t prefix = strcspn(r->route->path, "{");
    r->rest = r->target.path != NULL ? r->target.path + prefix : NULL;
    r->raw_rest = r->target.raw + prefix;
    if (idf_access_allows(r) && takes_form(r->route))
        begin_form(r);
}

static void *begin(void *context, idf_http_exchange *exchange) {
    const struct idf_door *door = context;
    idf_service *service = door->service;
    idf_request *r = idf_alloc_zero(1, sizeof *r);
    if (r == NULL) {
        idf_http_answer(exchange, NULL);
        return NULL;
    }
    r->service = service;
    r->tls = door->tls;
    r->exchange = exchange;
    r->id = atomic_fetch_add(&service->next_id, 1) + 1;
    r->began = idf_clock_seconds();
    r->target.query = "";
    if (read_headers(r))
        find_route(r);
    return r;
}

static bool body(void *state, const void *bytes, size_t n) {
    idf_request *r = state;
    if (r->form != NULL)
        idf_form_feed(r->form, bytes, n);
    return true;
}

static void end(void *state) {
    idf_request *r = state;
    idf_error err = IDF_ERROR_INIT;
    int status = r->form == NULL ? 0 : idf_form_finish(r->form, &err);
    if (status != 0)
        idf_request_error(r, status, "%s", err.message);
    else if (r->route->handle != NULL && (r->form != NULL || !is_relayed(r)))
        r->route->handle(r);
    else
        idf_request_enqueue(r);
}

static void done(void *state, int status) {
    idf_request *r = state;
    if (r == NULL)
        return;
    double seconds = idf_clock_seconds() - r->began;
    const char *path = r->target.raw != NULL ? r->target.raw : "?";
    const idf_log_request line = {r->id, r->peer, idf_http_method(r->exchange),
                                  path,  status,  seconds};
    idf_metrics_count(&r->service->metrics, r->route_number, status, seconds);
    idf_log_answer(r->service->options.log, &line);
    idf_sessions_put(r->service->sessions, r->session);
    idf_form_free(r->form);
    idf_target_release(&r->target);
    idf_free(r);
}

const idf_http_handler idf_request_handler = {begin, body, end, done, NULL};

const char *idf_form_text(const idf_request *r, idf_form_field field, size_t *n) {
    const idf_bytes *text = r->form == NULL ? NULL : idf_form_field_bytes(r->form, field);
    *n = text == NULL ? 0 : text->len;
    return text == NULL ? "" : (const char *)text->data;
}

bool idf_form_has(const idf_request *r, idf_form_field field) {
    return r->form != NULL && idf_form_field_bytes(r->form, field) != NULL;
}

const idf_bytes *idf_form_image(const idf_request *r) {
    return r->form == NULL ? NULL : idf_form_picture(r->form);
}

const char *idf_form_image_name(const idf_request *r) {
    return r->form == NULL ? "" : idf_form_picture_name(r->form);
}
