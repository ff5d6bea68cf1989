/* route_falcon.c - a frame comes in, what it shows goes out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/text.h"
#include "server/inside.h"

/* On the server's thread: looks whether the form is whole, and hands it to the workers. */
void idf_route_falcon(idf_request *r) {
    size_t n;
    const char *session = idf_form_text(r, IDF_FORM_SESSION, &n);
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

static idf_status decode(idf_request *r, idf_image *frame, idf_error *err) {
    const idf_bytes *bytes = idf_form_image(r);
    const idf_decode_options limits = {.max_bytes = r->service->options.max_image_bytes,
                                       .max_pixels = r->service->options.max_pixels};
    if (bytes->len == 0)
        return idf_error_set(err, IDF_ERR_EMPTY, "it is empty");
    return idf_image_read_memory(frame, bytes->data, bytes->len, &limits, NULL, err);
}

/* Counts what was answered, as /health and /metrics say it. */
static void count(idf_service *s, const idf_answer *answer, const char *query, size_t n) {
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
    atomic_fetch_add(&s->metrics.detections, answer->n_detections);
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
        count(r->service, &worker->answer, query, n_query);
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
