/* log.h - what the service says on standard error: a line an event, a line a request. */
#ifndef IDF_SERVER_LOG_H
#define IDF_SERVER_LOG_H

#include <stdint.h>

#include <identify/api.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum idf_log_format { IDF_LOG_TEXT, IDF_LOG_JSON, IDF_LOG_NONE } idf_log_format;

/* One answered request. Never the query of its target, nor anything of its body. */
typedef struct idf_log_request {
    uint64_t id;
    const char *peer, *method, *path; /* from outside: made printable here */
    int status;                       /* 0: the client left */
    double seconds;
} idf_log_request;

/* Both write their line at once. Any thread. */
void idf_log_event(idf_log_format format, const char *text, ...) IDF_PRINTF(2, 3);
void idf_log_answer(idf_log_format format, const idf_log_request *request);

#ifdef __cplusplus
}
#endif
#endif
