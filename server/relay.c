/* relay.c - asks the upstream, by libcurl. A worker keeps its connection. */
#include "server/relay.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "net/curl_api.h"

enum { ANSWER_MAX_BYTES = 64 << 20, CONNECT_SECONDS = 5, URL_BYTES = 2048, SHOWN_BYTES = 200 };
#define BOUNDARY "----dlf-identify-7f3a9c2e51"

typedef struct upstream_answer {
    long status;
    idf_bytes body;
    char type[128];
    double ms;
} upstream_answer;

void idf_relay_free(void *relay) {
    if (relay != NULL)
        idf_curl.easy_cleanup(relay);
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *context) {
    upstream_answer *a = context;
    return idf_bytes_append(&a->body, bytes, size * n) == IDF_OK ? size * n : 0;
}

/* The address of another path of the upstream: its scheme and host, and the path and query asked
 * for. */
static bool other_url(char out[URL_BYTES], const char *upstream, const idf_request *r) {
    const char *at = strstr(upstream, "://");
    size_t n = at == NULL ? 0 : (size_t)(at + 3 - upstream) + strcspn(at + 3, "/?#");
    int len = snprintf(out, URL_BYTES, "%.*s%s%s%s", (int)n, upstream, r->target.raw,
                       r->target.query[0] != '\0' ? "?" : "", r->target.query);
    return len > 0 && len < URL_BYTES;
}

static idf_status append_text(idf_bytes *out, const char *name, const char *text, size_t n) {
    idf_bytes_printf(out, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n",
                     name);
    idf_bytes_append(out, text, n);
    return idf_bytes_append(out, "\r\n", 2);
}

/* The form as the original's web proxy sends it; an empty query gets a word, since the original
 * refuses it. */
static idf_status make_form(const idf_request *r, idf_bytes *out) {
    size_t n;
    const idf_bytes *image = idf_form_image(r);
    const char *query = idf_form_text(r, IDF_FORM_QUERY, &n);
    append_text(out, "query", n > 0 ? query : "card", n > 0 ? n : 4);
    query = idf_form_text(r, IDF_FORM_SESSION, &n);
    if (n > 0)
        append_text(out, "session", query, n);
    idf_bytes_printf(out, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"image\"; "
                          "filename=\"frame.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n");
    idf_bytes_append(out, image->data, image->len);
    return idf_bytes_printf(out, "\r\n--" BOUNDARY "--\r\n");
}

/* Asks; `form` NULL: a GET. The sentence of a failure goes to why[]. */
static bool ask(CURL *curl, const char *url, const idf_bytes *form, double seconds,
                upstream_answer *a, char why[CURL_ERROR_SIZE]) {
    struct curl_slist *headers = NULL;
    double began = idf_clock_seconds();
    why[0] = '\0';
    a->body.max = ANSWER_MAX_BYTES;
    idf_curl.easy_reset(curl);
    idf_curl.easy_setopt(curl, CURLOPT_URL, url);
    idf_curl.easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    idf_curl.easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    idf_curl.easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    idf_curl.easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    idf_curl.easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(seconds * 1000) + 1);
    idf_curl.easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    idf_curl.easy_setopt(curl, CURLOPT_WRITEDATA, a);
    idf_curl.easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    if (form != NULL) {
        headers =
            idf_curl.slist_append(headers, "Content-Type: multipart/form-data; boundary=" BOUNDARY);
        headers = idf_curl.slist_append(headers, "Expect:");
        idf_curl.easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        idf_curl.easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)form->data);
        idf_curl.easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)form->len);
    }
    CURLcode code = idf_curl.easy_perform(curl);
    const char *type = NULL;
    idf_curl.easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a->status);
    idf_curl.easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    snprintf(a->type, sizeof a->type, "%s", type != NULL ? type : "");
    a->ms = (idf_clock_seconds() - began) * 1000;
    idf_curl.slist_free_all(headers);
    if (code != CURLE_OK && why[0] == '\0')
        snprintf(why, CURL_ERROR_SIZE, "%s", idf_curl.easy_strerror(code));
    return code == CURLE_OK;
}

/* What the upstream says is wrong: mac_tensor's `error`, the original's `detail`. */
static void answer_refusal(idf_request *r, const upstream_answer *a, json_t *json) {
    const char *said = json_string_value(json_object_get(json, "error"));
    char shown[SHOWN_BYTES];
    if (said == NULL)
        said = json_string_value(json_object_get(json, "detail"));
    idf_text_printable(shown, sizeof shown, said != NULL ? said : "");
    idf_request_error(r, 502, "the upstream answers %ld%s%s", a->status,
                      shown[0] != '\0' ? ": " : "", shown);
}

static void answer_frame(idf_request *r, const upstream_answer *a) {
    size_t n;
    char base[300];
    json_t *json = idf_relay_parse((const char *)a->body.data, a->body.len);
    const json_t *error = json_object_get(json, "error");
    bool refused = a->status != 200 || (error != NULL && !json_is_null(error));
    if (refused || json == NULL) {
        if (refused)
            answer_refusal(r, a, json);
        else
            idf_request_error(r, 502, "the upstream's answer is no JSON");
        json_decref(json);
        return;
    }
    if (r->route->flags & IDF_ROUTE_PROXY) {
        idf_request_base(r, base, sizeof base);
        json_t *origin = idf_origin_json(r->service->options.upstream);
        json_t *frame = idf_relay_frame(json, idf_form_text(r, IDF_FORM_QUERY, &n), base,
                                        json_string_value(origin), round(a->ms * 10) / 10);
        json_decref(origin);
        json_decref(json);
        json = frame;
    }
    if (json == NULL)
        idf_request_error(r, 502, "the upstream's answer has no masks");
    else
        idf_request_json(r, 200, json);
}

/* Other routes pass through as they are. */
static void answer_other(idf_request *r, upstream_answer *a) {
    idf_http_reply *reply =
        idf_http_reply_new((int)a->status, a->type[0] != '\0' ? a->type : NULL, &a->body);
    idf_request_answer(r, reply);
}

void idf_relay(idf_request *r, idf_worker *worker) {
    upstream_answer a = {0};
    idf_bytes form = {0};
    idf_error err = IDF_ERROR_INIT;
    char url[URL_BYTES], why[CURL_ERROR_SIZE];
    bool frame = r->form != NULL;
    const char *upstream = r->service->options.upstream;
    if (idf_curl_load(&err) != IDF_OK) {
        idf_request_error(r, 502, "%s", err.message);
        return;
    }
    if (worker->relay == NULL)
        worker->relay = idf_curl.easy_init();
    bool ready = worker->relay != NULL &&
                 (frame ? make_form(r, &form) == IDF_OK : other_url(url, upstream, r));
    double left = idf_request_seconds_left(r);
    if (!ready)
        idf_request_error(r, 502, "the upstream cannot be asked that");
    else if (!ask(worker->relay, frame ? upstream : url, frame ? &form : NULL, left, &a, why))
        idf_request_error(r, 502, "the upstream cannot be reached: %s", why);
    else if (frame)
        answer_frame(r, &a);
    else
        answer_other(r, &a);
    idf_bytes_release(&form);
    idf_bytes_release(&a.body);
}
