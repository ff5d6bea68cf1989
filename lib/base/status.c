/* status.c - the error vocabulary: one list makes the codes, their names and their sentences. */
#include <identify/status.h>
#include <identify/version.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/text.h"

static const char *const status_names[] = {
#define STATUS_NAME(symbol, name, text) name,
    IDF_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
};

static const char *const status_texts[] = {
#define STATUS_TEXT(symbol, name, text) text,
    IDF_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
};

const char *idf_status_name(idf_status status) {
    return (unsigned)status < IDF_STATUS_COUNT ? status_names[status] : "unknown";
}

const char *idf_status_text(idf_status status) {
    return (unsigned)status < IDF_STATUS_COUNT ? status_texts[status] : "unknown status";
}

idf_status idf_error_set(idf_error *err, idf_status status, const char *format, ...) {
    if (err == NULL)
        return status;
    va_list args;
    va_start(args, format);
    int n = idf_format_list(err->message, sizeof err->message, format, args);
    va_end(args);
    if (n >= (int)sizeof err->message)
        idf_text_trim_partial(err->message);
    err->status = status;
    err->advice = IDF_ADVICE_NONE;
    err->subject[0] = '\0';
    return status;
}

idf_status idf_error_prefix(idf_error *err, idf_status status, const char *prefix) {
    if (err == NULL)
        return status;
    const idf_error old = *err;
    status = idf_error_set(err, old.status, "%s: %s", prefix, old.message);
    err->advice = old.advice;
    memcpy(err->subject, old.subject, sizeof old.subject);
    return status;
}

#define STRINGIFY_(x) #x
#define STRINGIFY(x)  STRINGIFY_(x)

const char *idf_version(void) {
    return STRINGIFY(IDF_VERSION_MAJOR) "." STRINGIFY(IDF_VERSION_MINOR) "." STRINGIFY(
        IDF_VERSION_PATCH);
}
