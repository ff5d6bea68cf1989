/* form.h - the form of a request: a picture and some words, within limits; what no route reads is
 * passed over. */
#ifndef IDF_SERVER_FORM_H
#define IDF_SERVER_FORM_H

#include "server/inside.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The longest body that is read: a picture, and what some pages send beside it (a whole model). */
uint64_t idf_form_max_body(const idf_service_options *options);

/* `length` of the body, -1 when unknown. Errors of idf_multipart_init. */
idf_status idf_form_new(idf_form **form, idf_service *service, const char *content_type,
                        int64_t length, idf_error *err);
/* NULL is allowed. */
void idf_form_free(idf_form *form);

/* After the first thing wrong the rest is thrown away. */
void idf_form_feed(idf_form *form, const void *bytes, size_t n);
/* 0, or the HTTP status that says what was wrong, the sentence in err. */
int idf_form_finish(idf_form *form, idf_error *err);

/* NULL when it was not sent. */
const idf_bytes *idf_form_field_bytes(const idf_form *form, idf_form_field field);
const idf_bytes *idf_form_picture(const idf_form *form);
const char *idf_form_picture_name(const idf_form *form);

#ifdef __cplusplus
}
#endif
#endif
