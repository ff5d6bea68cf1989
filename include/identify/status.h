/* identify/status.h - how every call reports success or failure.
 *
 * A function that can fail returns an idf_status; zero is success. Many take an optional idf_error
 * of the caller's, filled on failure with one full sentence that names the file, field, value and
 * limit. On success the error is left untouched. */
#ifndef IDENTIFY_STATUS_H
#define IDENTIFY_STATUS_H

#include <identify/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(symbol, stable lower-case name, sentence fragment for people) */
#define IDF_STATUS_LIST(X)                                                                         \
    X(IDF_OK, "ok", "success")                                                                     \
    X(IDF_ERR_ARGUMENT, "argument", "an argument is invalid")                                      \
    X(IDF_ERR_NO_MEMORY, "no_memory", "out of memory")                                             \
    X(IDF_ERR_IO, "io", "the operating system reported an error")                                  \
    X(IDF_ERR_NOT_FOUND, "not_found", "no such file or entry")                                     \
    X(IDF_ERR_PERMISSION, "permission", "permission denied")                                       \
    X(IDF_ERR_NO_SPACE, "no_space", "no space left on the device")                                 \
    X(IDF_ERR_FORMAT, "format", "the data is malformed")                                           \
    X(IDF_ERR_TRUNCATED, "truncated", "the data ends too early")                                   \
    X(IDF_ERR_LIMIT, "limit", "a limit was exceeded")                                              \
    X(IDF_ERR_UNSUPPORTED, "unsupported", "not supported")                                         \
    X(IDF_ERR_UNSAFE, "unsafe", "the data asks for something unsafe")                              \
    X(IDF_ERR_MISMATCH, "mismatch", "two things that must agree do not")                           \
    X(IDF_ERR_EMPTY, "empty", "there is nothing to work on")                                       \
    X(IDF_ERR_CANCELLED, "cancelled", "cancelled")                                                 \
    X(IDF_ERR_NETWORK, "network", "the network request failed")                                    \
    X(IDF_ERR_BUSY, "busy", "somebody else is writing it")                                         \
    X(IDF_ERR_TIMEOUT, "timeout", "it was not done in time")

typedef enum idf_status {
#define IDF_STATUS_ENUM(symbol, name, text) symbol,
    IDF_STATUS_LIST(IDF_STATUS_ENUM)
#undef IDF_STATUS_ENUM
        IDF_STATUS_COUNT
} idf_status;

/* What would help, for a caller to say in its own words. */
typedef enum idf_advice {
    IDF_ADVICE_NONE,
    IDF_ADVICE_NAME_WEIGHTS, /* name the file of the weights, or index again */
    IDF_ADVICE_GET_WEIGHTS,  /* download the weights, or index again with another encoder */
    IDF_ADVICE_SPARE_TARGET, /* write elsewhere, or say that what is there may go */
} idf_advice;

enum { IDF_ERROR_MESSAGE_BYTES = 1024, IDF_ERROR_SUBJECT_BYTES = 64 };

/* Caller-owned; initialise with {0} or IDF_ERROR_INIT. The message is UTF-8, NUL-terminated and has
 * no trailing newline. */
typedef struct idf_error {
    idf_status status;
    char message[IDF_ERROR_MESSAGE_BYTES];
    idf_advice advice;
    char subject[IDF_ERROR_SUBJECT_BYTES]; /* what the advice is about: GET_WEIGHTS has the name of
                                              the model; else empty */
} idf_error;

#define IDF_ERROR_INIT                                                                             \
    { IDF_OK, "", IDF_ADVICE_NONE, "" }

/* The stable name ("truncated") and the fragment for people ("the data ends too early") of a
 * status; static strings, "unknown" for a value outside the enum. Any thread. */
IDF_API const char *idf_status_name(idf_status status);
IDF_API const char *idf_status_text(idf_status status);

/* Fills `err` (may be NULL) with `status`, a formatted sentence and no advice, and returns
 * `status`. A message that does not fit is cut at a UTF-8 boundary. */
IDF_API idf_status idf_error_set(idf_error *err, idf_status status, const char *format, ...)
    IDF_PRINTF(3, 4);

/* Puts "`prefix`: " before the message of a filled `err` (may be NULL), whose advice stays. Returns
 * err's status, or `status` when err is NULL. */
IDF_API idf_status idf_error_prefix(idf_error *err, idf_status status, const char *prefix);

#ifdef __cplusplus
}
#endif
#endif
