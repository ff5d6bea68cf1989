/* route_falcon.c - a frame comes in, what it shows goes out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/text.h"
#include "server/inside.h"

/* On the server's thread: looks whether the form is whole, and hands it to the workers. */
void idf_route_falcon(idf_request *r) {
    char named[IDF_SESSION_KEY_BYTES];
    size_t n;
    const char *session = idf_form_text(r, IDF_FORM_SESSION, &n);
    if (n == 0) {
        int found = idf_query_get(named, sizeof named, r->target.query, "session");
        n = found > 0 ? strlen(named) : 0;
        session = named;
        if (found < 0) {
            idf_request_error(r, 413, "session is over %d bytes, or is none",
                              IDF_SESSION_KEY_BYTES - 1);
            return;
        }
    }
    if (idf_form_image(r) == NULL) {
        idf_request_missing(r, "image");
        return;
    }
    if (n > 0 && r->service->options.upstream == NULL) {
        r->session = idf_sessions_get(r->service->sessions, session);
        if (r->session == NULL) {
            idf_request_error(r, 503, "out of memory for a session");
            return;
        }
    }
    idf_request_enqueue(r);
}

/* Reads the options of the call. False when they were wrong, and answered. */
static bool read_options(idf_request *r, idf_match_options *options) {
    const idf_service_options *o = &r->service->options;
    long top_k = 0, most = 0;
    if (!idf_request_number(r, IDF_FORM_TOP_K, "top_k", 1, IDF_TOP_K_MAX, &top_k) ||
        !idf_request_number(r, IDF_FORM_MAX_OBJECTS, "max_objects", 1, 1000, &most))
        return false;
    *options = (idf_match_options){
        .top_k = (int)top_k,
        .max_detections = most < IDF_DETECTIONS_MAX ? (int)most : IDF_DETECTIONS_MAX,
        .sim_threshold = o->sim_threshold,
        .margin_threshold = o->margin_threshold,
        .time_limit_s = idf_request_seconds_left(r),
    };
    return true;
}

static int status_of(idf_status status) {
    switch (status) {
    case IDF_ERR_LIMIT:
        return 413;
    case IDF_ERR_NO_MEMORY:
    case IDF_ERR_TIMEOUT:
    case IDF_ERR_IO: /* the index was written over in place; it is opened again in a second */
        return 503;
    default:
        return 400;
    }
}

static idf_decode_options limits_of(const idf_request *r) {
    return (idf_decode_options){.max_bytes = r->service->options.max_image_bytes,
                                .max_pixels = r->service->options.max_pixels};
}

static idf_status decode(idf_request *r, idf_image *frame, idf_error *err) {
    const idf_bytes *bytes = idf_form_image(r);
    const idf_decode_options limits = limits_of(r);
    if (bytes->len == 0)
        return idf_error_set(err, IDF_ERR_EMPTY, "it is empty");
    return idf_image_read_memory(frame, bytes->data, bytes->len, &limits, NULL, err);
}

/* Counts what was answered, as /health and /metrics say it. */
static void count(idf_service *s, size_t n_detections, const char *query, size_t n) {
    char *copy = idf_alloc(n + 1, 1);
    if (copy != NULL) {
        memcpy(copy, query, n);
        copy[n] = '\0';
        for (size_t i = 0; i < n; i++) /* cut at what is no text */
            if (copy[i] == '\0')
                n = i;
        if (!idf_text_is_utf8(copy, n))
            copy[0] = '\0';
    }
    pthread_mutex_lock(&s->lock);
    idf_free(s->last_query);
    s->last_query = copy;
    pthread_mutex_unlock(&s->lock);
    atomic_fetch_add(&s->n_served, 1);
    atomic_fetch_add(&s->metrics.frames, 1);
    atomic_fetch_add(&s->metrics.detections, n_detections);
}

/* Draws the answer on the frame and adds it as a data: URL. */
static idf_status add_picture(json_t *json, idf_image *frame, const idf_snapshot *now,
                              const idf_answer *answer, idf_error *err) {
    static const char prefix[] = "data:image/png;base64,";
    idf_bytes text = {0};
    uint8_t *png = NULL;
    size_t n_png = 0;
    idf_status status = idf_annotate(frame, answer, now->index, err);
    if (status == IDF_OK)
        status = idf_image_write_memory(frame, IDF_CODEC_PNG, 0, &png, &n_png, err);
    if (status == IDF_OK)
        status = idf_bytes_append(&text, prefix, sizeof prefix - 1);
    if (status == IDF_OK)
        status = idf_base64_append(&text, png, n_png);
    if (status == IDF_OK &&
        json_object_set_new(json, "annotated_image",
                            json_stringn((const char *)text.data, text.len)) != 0)
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a picture");
    idf_image_bytes_free(png);
    idf_bytes_release(&text);
    return status;
}

static json_t *make_json(const idf_request *r, const idf_snapshot *now, const idf_answer *answer,
                         const char *query) {
    char base[300];
    if (!(r->route->flags & IDF_ROUTE_PROXY))
        return idf_falcon_json(now, answer, query);
    idf_request_base(r, base, sizeof base);
    return idf_falcon_frame_json(now, answer, base);
}

/* What was said of the session's last frame, when this one shows the same; NULL: look into it. */
static json_t *said_before(idf_request *r, const idf_snapshot *now,
                           const idf_match_options *options, const char *query) {
    const idf_decode_options limits = limits_of(r);
    idf_still_asked asked;
    memset(&asked, 0, sizeof asked);
    asked.route = r->route;
    asked.snapshot = now->number;
    asked.top_k = options->top_k;
    asked.max_detections = options->max_detections;
    if (r->route->flags & IDF_ROUTE_PROXY)
        idf_request_base(r, asked.base, sizeof asked.base);
    size_t n_detections = 0, n_query = strlen(query);
    double began = idf_clock_seconds();
    json_t *json =
        idf_still_answer(&r->session->still, &asked, idf_form_image(r), &limits, &n_detections);
    if (json == NULL)
        return NULL;
    double seconds = idf_clock_seconds() - began;
    if (r->route->flags & IDF_ROUTE_PROXY)
        json_object_set_new(json, "elapsed_ms", json_real(round(seconds * 1e6) / 1e3));
    else
        json_object_set_new(json, "elapsed_seconds", json_real(round(seconds * 1000) / 1000));
    if (!(r->route->flags & IDF_ROUTE_PROXY))
        json_object_set_new(json, "query", idf_text_json(query));
    count(r->service, n_detections, query, n_query);
    atomic_fetch_add(&r->service->metrics.still_frames, 1);
    return json;
}

void idf_work_falcon(idf_request *r, idf_worker *worker) {
    idf_match_options options;
    idf_error err = IDF_ERROR_INIT;
    idf_image frame = {0};
    json_t *json = NULL;
    size_t n_query, n_annotate;
    long annotate = 0;
    const char *query = idf_form_text(r, IDF_FORM_QUERY, &n_query);
    idf_form_text(r, IDF_FORM_ANNOTATE, &n_annotate);
    if (!read_options(r, &options) ||
        (n_annotate > 0 && !idf_request_number(r, IDF_FORM_ANNOTATE, "annotate", 0, 1, &annotate)))
        return;
    idf_snapshot *now = idf_service_snapshot(r->service);
    bool follows = r->session != NULL && annotate != 1;
    json = follows ? said_before(r, now, &options, query) : NULL;
    if (json != NULL) {
        idf_snapshot_release(now);
        idf_request_json(r, 200, json);
        return;
    }
    idf_status status = decode(r, &frame, &err);
    if (status != IDF_OK)
        idf_error_prefix(&err, status, "bad image");
    if (status == IDF_OK)
        status = idf_match(now->collection, worker->scratch,
                           r->session != NULL ? r->session->stream : NULL, &frame, &options,
                           &worker->answer, &err);
    if (status == IDF_OK) {
        json = make_json(r, now, &worker->answer, query);
        if (annotate == 1)
            status = add_picture(json, &frame, now, &worker->answer, &err);
        if (follows)
            idf_still_keep(&r->session->still, json, worker->answer.n_detections);
        count(r->service, worker->answer.n_detections, query, n_query);
    }
    idf_image_release(&frame);
    idf_answer_release(&worker->answer); /* or it would hold on to the collection */
    idf_snapshot_release(now);
    if (status == IDF_OK) {
        idf_request_json(r, 200, json);
    } else {
        json_decref(json);
        idf_request_error(r, status_of(status), "%s", err.message);
    }
}
