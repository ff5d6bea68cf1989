/* route_about.c - what the service says of itself. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "net/fields.h"
#include "server/inside.h"
#include "server/pages.h"

enum { FRAME_SIDE = 960 }; /* long side of the frames that a page had better send */

void idf_route_root(idf_request *r) {
    static const char text[] =
        "dlf-identify: says which reference a picture shows.\n"
        "POST a picture as the form field 'image' to /api/falcon, for example\n"
        "  curl -F image=@photo.jpg -F query=card http://HOST:PORT/api/falcon\n"
        "The page is at /canvas/live, the description of all routes at /openapi.json.\n";
    const char *accept = idf_http_header(r->exchange, "Accept");
    idf_http_reply *reply;
    if (accept != NULL && idf_field_accepts(accept, "text/html")) {
        reply = idf_http_reply_static(302, NULL, "", 0);
        idf_http_reply_header(reply, "Location", "/canvas/live");
    } else {
        reply = idf_http_reply_static(200, "text/plain; charset=utf-8", text, sizeof text - 1);
    }
    idf_http_reply_header(reply, "Vary", "Accept");
    idf_request_answer(r, reply);
}

/* A threshold as it was given: one that lets everything through is the least number over zero. */
static double shown(double threshold) {
    return round(threshold * 1e6) / 1e6;
}

void idf_route_health(idf_request *r) {
    idf_service *s = r->service;
    idf_snapshot *now = idf_service_snapshot(s);
    const idf_service_options *o = &s->options;
    pthread_mutex_lock(&s->lock);
    json_t *last = json_string(s->last_query != NULL ? s->last_query : "");
    pthread_mutex_unlock(&s->lock);
    double sim = o->sim_threshold, margin = o->margin_threshold;
    bool head = false;
    if (now != NULL) {
        sim = sim > 0 ? sim : idf_collection_sim_threshold(now->collection);
        margin = margin > 0 ? margin : idf_collection_margin_threshold(now->collection);
        head = strstr(idf_index_encoder(now->index), "+head") != NULL;
    }
    json_t *json = json_pack("{s:s, s:b, s:s, s:I, s:b, s:b, s:f, s:f, s:I, s:o}", "phase", "ready",
                             "model_loaded", true, "device", "cpu", "index_size",
                             (json_int_t)(now == NULL ? 0 : idf_index_n_rows(now->index)),
                             "has_projection", head, "has_yolo", false, "sim_threshold", shown(sim),
                             "margin_threshold", shown(margin), "requests_served",
                             (json_int_t)atomic_load(&s->n_served), "last_query", last);
    idf_snapshot_release(now);
    idf_request_json(r, 200, json);
}

json_t *idf_origin_json(const char *url) {
    char text[512];
    const char *at = url == NULL ? NULL : strstr(url, "://");
    if (at == NULL)
        return json_null();
    size_t n = strcspn(at + 3, "/?#");
    const char *host = at + 3;
    for (size_t i = 0; i < n; i++)
        if (at[3 + i] == '@')
            host = at + 3 + i + 1;
    snprintf(text, sizeof text, "%.*s%.*s", (int)(at + 3 - url), url, (int)(at + 3 + n - host),
             host);
    return json_string(text);
}

static json_t *day_json(int64_t seconds) {
    char text[16];
    struct tm t;
    time_t when = (time_t)seconds;
    if (seconds <= 0 || gmtime_r(&when, &t) == NULL)
        return json_null();
    strftime(text, sizeof text, "%Y-%m-%d", &t);
    return json_string(text);
}

static json_t *rates_json(const idf_fx *fx) {
    if (fx->n == 0)
        return json_null();
    json_t *rates = json_object();
    for (size_t i = 0; i < fx->n; i++)
        json_object_set_new(rates, fx->rates[i].currency, json_real(fx->rates[i].per_usd));
    json_object_set_new(rates, "USD", json_integer(1));
    return json_pack("{s:s, s:o, s:s, s:o}", "base", "USD", "date", day_json(fx->updated), "source",
                     fx->source, "rates", rates);
}

static json_t *prices_json(const idf_snapshot *now) {
    const idf_price_table *table = now == NULL || now->prices == NULL ? NULL : now->prices->table;
    if (table == NULL)
        return json_null();
    return json_pack("{s:o, s:s, s:s, s:I}", "date", day_json(idf_prices_scraped(table)), "site",
                     idf_prices_site(table), "currency", idf_prices_currency(table), "count",
                     (json_int_t)idf_prices_n(table));
}

static json_t *text_or_null(const char *text) {
    return text != NULL ? json_string(text) : json_null();
}

static json_t *https_json(const idf_service *s) {
    char url[320];
    const char *host = s->options.https_address;
    if (s->https == NULL || host == NULL)
        return json_null();
    bool v6 = strchr(host, ':') != NULL;
    snprintf(url, sizeof url, "https://%s%.256s%s:%d", v6 ? "[" : "", host, v6 ? "]" : "",
             s->https_port);
    return json_string(url);
}

void idf_route_info(idf_request *r) {
    idf_service *s = r->service;
    const idf_service_options *o = &s->options;
    idf_snapshot *now = idf_service_snapshot(s);
    const idf_fx fx = idf_service_rates(s);
    json_t *json = json_pack("{s:s, s:[], s:b, s:b, s:b, s:b}", "model",
                             now == NULL ? "" : idf_index_encoder(now->index), "nodes",
                             "allow_write", o->writable && o->token != NULL, "vision", false,
                             "falcon", true, "swarm_leader", false);
    json_t *ours = json_pack(
        "{s:s, s:s, s:I, s:O?, s:b, s:b, s:i, s:I, s:o, s:o, s:o, s:s, s:o, s:o}", "name",
        "dlf-identify", "version", idf_version(), "index_size",
        (json_int_t)(now == NULL ? 0 : idf_index_n_rows(now->index)), "sets",
        now == NULL ? NULL : now->sets, "cards", now != NULL && now->cards, "can_write",
        o->writable && o->token != NULL && now != NULL, "frame_size", FRAME_SIDE, "max_image_bytes",
        (json_int_t)o->max_image_bytes, "upstream", idf_origin_json(o->upstream), "https_url",
        https_json(s), "cert_sha256", text_or_null(o->certificate_hash), "currency",
        o->home_currency, "rates", rates_json(&fx), "prices", prices_json(now));
    json_object_update_new(json, ours);
    idf_snapshot_release(now);
    idf_request_json(r, 200, json);
}

static const char *route_name(size_t i) {
    size_t n;
    const idf_route *routes = idf_routes(&n);
    return i == 0 || i > n ? "none" : routes[i - 1].path;
}

void idf_route_metrics(idf_request *r) {
    idf_service *s = r->service;
    idf_bytes text = {0};
    idf_gauges gauges = {
        .n_references = idf_service_n_references(s),
        .n_connections =
            (size_t)(idf_http_server_connections(s->http) + idf_http_server_connections(s->https)),
        .n_sessions = idf_sessions_n(s->sessions),
        .uptime_seconds = idf_clock_seconds() - s->started,
    };
    size_t n;
    idf_routes(&n);
    idf_workers_count(s->workers, &gauges.n_queued, &gauges.n_in_work);
    if (idf_metrics_print(&text, &s->metrics, n + 1, route_name, &gauges) != IDF_OK) {
        idf_bytes_release(&text);
        idf_request_error(r, 503, "out of memory");
        return;
    }
    idf_request_answer(r,
                       idf_http_reply_new(200, "text/plain; version=0.0.4; charset=utf-8", &text));
}

void idf_route_openapi(idf_request *r) {
    idf_request_json(r, 200, idf_openapi_json());
}
