/* route_references.c - the collection, listed and changed. Changes run on one lane of the workers:
 * one after another, and never on more than one of them. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "server/inside.h"
#include "server/references.h"

void idf_route_references(idf_request *r, idf_worker *worker) {
    long offset = 0, limit = 100;
    (void)worker;
    if (!idf_request_number(r, IDF_FORM_FIELDS, "offset", 0, 1000000000, &offset) ||
        !idf_request_number(r, IDF_FORM_FIELDS, "limit", 0, 1000, &limit))
        return;
    idf_snapshot *now = idf_service_snapshot(r->service);
    json_t *list = json_array();
    size_t n = idf_index_n_rows(now->index);
    for (size_t row = (size_t)offset; row < n && json_array_size(list) < (size_t)limit; row++)
        json_array_append_new(list, idf_row_json(now, row));
    idf_snapshot_release(now);
    idf_request_json(r, 200,
                     json_pack("{s:b, s:I, s:I, s:o}", "ok", true, "count", (json_int_t)n, "offset",
                               (json_int_t)offset, "references", list));
}

static int status_of(idf_status status) {
    switch (status) {
    case IDF_ERR_NOT_FOUND:
        return 404;
    case IDF_ERR_MISMATCH:
    case IDF_ERR_EMPTY:
        return 409;
    case IDF_ERR_NO_SPACE:
        return 507;
    case IDF_ERR_NO_MEMORY:
        return 503;
    case IDF_ERR_IO:
    case IDF_ERR_PERMISSION:
        return 500;
    default:
        return 400;
    }
}

/* Answers a change that has been made, or has failed. */
static void answer_change(idf_request *r, idf_status status, int good, const char *filename,
                          const idf_error *err) {
    if (status != IDF_OK) {
        idf_request_error(r, status_of(status), "%s", err->message);
        return;
    }
    idf_request_json(r, good,
                     json_pack("{s:b, s:o, s:I}", "ok", true, "filename", idf_text_json(filename),
                               "index_size", (json_int_t)idf_service_n_references(r->service)));
}

void idf_route_change(idf_request *r) {
    r->job.lane = &r->service->writing;
    idf_request_enqueue(r);
}

/* A picture is looked into before it is kept. */
static idf_status check_picture(const idf_request *r, const idf_bytes *bytes, idf_error *err) {
    const idf_decode_options limits = {.max_bytes = r->service->options.max_image_bytes,
                                       .max_pixels = r->service->options.max_pixels};
    idf_image image = {0};
    idf_status status = idf_image_read_memory(&image, bytes->data, bytes->len, &limits, NULL, err);
    idf_image_release(&image);
    return status == IDF_OK ? status : idf_error_prefix(err, IDF_ERR_FORMAT, "bad image");
}

void idf_work_reference_add(idf_request *r, idf_worker *worker) {
    size_t n;
    const idf_bytes *image = idf_form_image(r);
    char filename[IDF_REFERENCE_NAME_BYTES] = "";
    idf_error err = IDF_ERROR_INIT;
    long replace = 0;
    (void)worker;
    if (image == NULL) {
        idf_request_missing(r, "image");
        return;
    }
    idf_form_text(r, IDF_FORM_REPLACE, &n);
    if (n > 0 && !idf_request_number(r, IDF_FORM_REPLACE, "replace", 0, 1, &replace))
        return;
    const idf_new_reference what = {image->data,
                                    image->len,
                                    idf_form_text(r, IDF_FORM_FILENAME, &n),
                                    idf_form_text(r, IDF_FORM_NAME, &n),
                                    idf_form_text(r, IDF_FORM_RARITY, &n),
                                    idf_form_text(r, IDF_FORM_SET_CODE, &n),
                                    replace == 1};
    idf_snapshot *now = idf_service_snapshot(r->service);
    const idf_reference_folder where = {now->refs_dir, r->service->options.index_path,
                                        idf_collection_encoder(now->collection)};
    idf_status status = check_picture(r, image, &err);
    if (status == IDF_OK)
        status = idf_reference_add(&where, &what, filename, &err);
    idf_snapshot_release(now);
    if (status == IDF_OK)
        status = idf_service_open_collection(r->service, &err);
    atomic_store(&r->service->changed, idf_clock_seconds());
    answer_change(r, status, 201, filename, &err);
}

void idf_work_reference_remove(idf_request *r, idf_worker *worker) {
    char filename[IDF_REFERENCE_NAME_BYTES] = "";
    idf_error err = IDF_ERROR_INIT;
    (void)worker;
    int found = idf_query_get(filename, sizeof filename, r->target.query, "filename");
    if (found <= 0) {
        idf_request_error(r, found < 0 ? 404 : 422,
                          found < 0 ? "there is no reference of that name"
                                    : "filename says which one to remove");
        return;
    }
    idf_snapshot *now = idf_service_snapshot(r->service);
    const idf_reference_folder where = {now->refs_dir, r->service->options.index_path,
                                        idf_collection_encoder(now->collection)};
    idf_status status = idf_reference_remove(&where, filename, &err);
    idf_snapshot_release(now);
    if (status == IDF_OK)
        status = idf_service_open_collection(r->service, &err);
    atomic_store(&r->service->changed, idf_clock_seconds());
    answer_change(r, status, 200, filename, &err);
}
