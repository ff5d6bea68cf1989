/* form.c - multipart parts become fields. */
#include "server/form.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

enum {
    MAX_PARTS = 64,
    QUERY_BYTES = 64 << 10,
    FIELD_BYTES = 4 << 10,
    FIRST_BYTES = 64 << 10, /* of a picture whose size is not known */
};
static const uint64_t BESIDE_BYTES = 256u << 20; /* of a body, beside the picture */
static const size_t UPLOADS_BYTES = 512u << 20;  /* of all pictures that are coming in */

static const struct {
    const char *name;
    size_t max_bytes;
} fields[IDF_FORM_FIELDS] = {
    [IDF_FORM_QUERY] = {"query", QUERY_BYTES},
    [IDF_FORM_SESSION] = {"session", IDF_SESSION_KEY_BYTES - 1},
    [IDF_FORM_TOP_K] = {"top_k", 64},
    [IDF_FORM_MAX_OBJECTS] = {"max_objects", 64},
    [IDF_FORM_ANNOTATE] = {"annotate", 64},
    [IDF_FORM_NAME] = {"name", FIELD_BYTES},
    [IDF_FORM_RARITY] = {"rarity", FIELD_BYTES},
    [IDF_FORM_SET_CODE] = {"set_code", FIELD_BYTES},
    [IDF_FORM_FILENAME] = {"filename", FIELD_BYTES},
    [IDF_FORM_REPLACE] = {"replace", 24},
};

enum { NOWHERE = -2, PICTURE = -1 }; /* else a field */

struct idf_form {
    idf_multipart parser;
    idf_service *service;
    idf_bytes picture, texts[IDF_FORM_FIELDS];
    char picture_name[IDF_MULTIPART_NAME_BYTES + 1];
    bool has_picture, has[IDF_FORM_FIELDS];
    size_t expected, counted; /* bytes of the body; counted into the service's sum */
    int at;                   /* where the content of the part goes */
    int status;               /* 0, or the answer to what was wrong */
    idf_error err;
};

uint64_t idf_form_max_body(const idf_service_options *options) {
    return options->max_image_bytes + BESIDE_BYTES;
}

static idf_status begin_part(void *context, const idf_multipart_part *part, idf_error *err) {
    idf_form *form = context;
    form->at = NOWHERE;
    if (strcmp(part->name, "image") == 0 && part->has_filename) {
        if (form->has_picture)
            return idf_error_set(err, IDF_ERR_FORMAT, "the form has two pictures");
        form->has_picture = true;
        form->at = PICTURE;
        snprintf(form->picture_name, sizeof form->picture_name, "%s", part->filename);
        size_t most = form->service->options.max_image_bytes;
        form->picture.max = most;
        return IDF_OK;
    }
    for (int i = 0; i < IDF_FORM_FIELDS && !part->has_filename; i++)
        if (strcmp(part->name, fields[i].name) == 0) {
            idf_bytes_clear(&form->texts[i]); /* the last of several counts */
            form->has[i] = true;
            form->at = i;
        }
    return IDF_OK;
}

/* Counts what all pictures take together, so that many slow uploads cannot take all memory. */
static bool count_upload(idf_form *form, size_t n) {
    form->counted += n;
    return atomic_fetch_add(&form->service->upload_bytes, n) + n <= UPLOADS_BYTES;
}

static idf_status take_picture(idf_form *form, const void *bytes, size_t n, idf_error *err) {
    if (!count_upload(form, n)) {
        form->status = 503;
        return idf_error_set(err, IDF_ERR_LIMIT, "too many pictures are coming in at once");
    }
    if (form->picture.data == NULL) { /* one allocation, when the body says how long it is */
        size_t first = form->expected > 0 ? form->expected : FIRST_BYTES;
        first = first < form->picture.max ? first : form->picture.max;
        if (idf_bytes_grow(&form->picture, first) == NULL)
            return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a picture");
        idf_bytes_clear(&form->picture);
    }
    idf_status status = idf_bytes_append(&form->picture, bytes, n);
    if (status == IDF_ERR_LIMIT)
        return idf_error_set(err, status, "the picture is over %zu bytes", form->picture.max);
    return status == IDF_OK ? status : idf_error_set(err, status, "out of memory for a picture");
}

static idf_status part_data(void *context, const void *bytes, size_t n, idf_error *err) {
    idf_form *form = context;
    if (form->at == NOWHERE)
        return IDF_OK;
    if (form->at == PICTURE)
        return take_picture(form, bytes, n, err);
    idf_bytes *text = &form->texts[form->at];
    if (text->len + n > fields[form->at].max_bytes)
        return idf_error_set(err, IDF_ERR_LIMIT, "the field '%s' is over %zu bytes",
                             fields[form->at].name, fields[form->at].max_bytes);
    return idf_bytes_append(text, bytes, n);
}

/* Texts are terminated, which their length does not count. */
static idf_status end_part(void *context, idf_error *err) {
    idf_form *form = context;
    if (form->at < 0)
        return IDF_OK;
    idf_bytes *text = &form->texts[form->at];
    if (idf_bytes_append(text, "", 1) != IDF_OK)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a form");
    text->len--;
    return IDF_OK;
}

idf_status idf_form_new(idf_form **form, idf_service *service, const char *content_type,
                        int64_t length, idf_error *err) {
    idf_form *f = *form = idf_alloc_zero(1, sizeof **form);
    if (f == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a form");
    const idf_multipart_sink sink = {begin_part, part_data, end_part, f};
    f->service = service;
    f->expected = length > 0 ? (size_t)length : 0;
    idf_status status = idf_multipart_init(&f->parser, content_type, MAX_PARTS, &sink, err);
    if (status != IDF_OK) {
        idf_form_free(f);
        *form = NULL;
    }
    return status;
}

void idf_form_free(idf_form *form) {
    if (form == NULL)
        return;
    atomic_fetch_sub(&form->service->upload_bytes, form->counted);
    idf_bytes_release(&form->picture);
    for (int i = 0; i < IDF_FORM_FIELDS; i++)
        idf_bytes_release(&form->texts[i]);
    idf_free(form);
}

static int status_of(idf_status status) {
    return status == IDF_ERR_LIMIT ? 413 : status == IDF_ERR_NO_MEMORY ? 503 : 400;
}

void idf_form_feed(idf_form *form, const void *bytes, size_t n) {
    if (form->status != 0)
        return;
    idf_status status = idf_multipart_feed(&form->parser, bytes, n, &form->err);
    if (status == IDF_OK)
        return;
    if (form->status == 0)
        form->status = status_of(status);
    idf_bytes_release(&form->picture);
}

int idf_form_finish(idf_form *form, idf_error *err) {
    if (form->status == 0) {
        idf_status status = idf_multipart_finish(&form->parser, &form->err);
        form->status = status == IDF_OK ? 0 : status_of(status);
    }
    if (form->status != 0)
        *err = form->err;
    return form->status;
}

const idf_bytes *idf_form_field_bytes(const idf_form *form, idf_form_field field) {
    return form->has[field] ? &form->texts[field] : NULL;
}

const idf_bytes *idf_form_picture(const idf_form *form) {
    return form->has_picture ? &form->picture : NULL;
}

const char *idf_form_picture_name(const idf_form *form) {
    return form->picture_name;
}
