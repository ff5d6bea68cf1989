/* inside.h - what the files of the service share: the service, a request, a route. */
#ifndef IDF_SERVER_INSIDE_H
#define IDF_SERVER_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include <jansson.h>

#include "net/http_server.h"
#include "net/multipart.h"
#include "net/target.h"
#include "server/metrics.h"
#include "server/service.h"
#include "server/sessions.h"
#include "server/snapshot.h"
#include "server/workers.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_request idf_request;
typedef struct idf_reloader idf_reloader;

/* --- the table of routes (routes.c) --- */

typedef struct idf_route_param {
    const char *name;
    const char *in;   /* "path", "query" or "form" */
    const char *type; /* of JSON Schema; "binary": a file */
    bool required;
    const char *text;
} idf_route_param;

typedef struct idf_route_outcome {
    int status;
    const char *text;
} idf_route_outcome;

enum {
    IDF_ROUTE_OPEN = 1,    /* without a token */
    IDF_ROUTE_WRITES = 2,  /* needs --writable, a token, and no foreign Origin */
    IDF_ROUTE_PROXY = 4,   /* errors have the shape of the original's web proxy */
    IDF_ROUTE_RELAYED = 8, /* with an upstream that answers it */
};

typedef struct idf_route {
    const char *method; /* GET also answers HEAD */
    const char *path;   /* a last segment in braces takes the rest of the path */
    const char *summary, *text;
    const idf_route_param *params;     /* ends with a zeroed one; NULL: none */
    const idf_route_outcome *outcomes; /* likewise */
    const char *type;                  /* of the answer */
    unsigned flags;
    void (*handle)(idf_request *request); /* on the server's thread: must not block */
    void (*work)(idf_request *request, idf_worker *worker); /* else on a worker's */
} idf_route;

const idf_route *idf_routes(size_t *n);
/* The route of a method and path (decoded, or as it was sent), NULL when there is none; then
 * allow[] is what the path knows, "" when nothing. */
const idf_route *idf_route_find(const char *method, const char *path, char *allow,
                                size_t allow_bytes);
json_t *idf_openapi_json(void);

/* --- the service (service.c) --- */

struct idf_service {
    idf_service_options options;
    char *prices_path, *cookie; /* cookie: what a browser that has the token is given */
    pthread_mutex_t lock;       /* of what stands between here and the empty line */
    idf_snapshot *now;          /* NULL: with an upstream only */
    idf_snapshot *retired;      /* the one before, until nobody is likely to be at it; or NULL */
    char *last_query;
    idf_fx fx;

    pthread_mutex_t renewing; /* held while a snapshot is made: the last one made is the last in */
    idf_http_server *http, *https; /* https: NULL without a second door */
    struct idf_door {
        idf_service *service;
        bool tls;
    } doors[2]; /* what their handlers are given */
    idf_workers *workers;
    idf_sessions *sessions;
    idf_reloader *reloader;
    char writing;            /* its address is the lane of those who change the collection */
    _Atomic(double) changed; /* when that was done last; 0: since then segments were put together */
    idf_metrics metrics;
    atomic_ulong n_served, next_id;
    atomic_size_t upload_bytes; /* of pictures that are coming in */
    double started;
    int port, https_port;
};

/* The snapshot of now, counted; NULL when there is none. */
idf_snapshot *idf_service_snapshot(idf_service *service);
/* The exchange rates of now. */
idf_fx idf_service_rates(idf_service *service);
/* Takes the reference of `snapshot` over and lets the old one go. */
void idf_service_swap(idf_service *service, idf_snapshot *snapshot);
/* Lets go of the snapshot that was swapped out: taking its memory back takes a while, which no
 * request should be kept waiting by. */
void idf_service_forget_retired(idf_service *service);

/* Has small segments written together when nothing has been asked for a while and there may be some
 * (tidy.c). To be called now and then. */
void idf_service_tidy(idf_service *service);

/* --- a request (request.c) --- */

/* Fields of forms that some route reads. */
typedef enum idf_form_field {
    IDF_FORM_QUERY,
    IDF_FORM_SESSION,
    IDF_FORM_TOP_K,
    IDF_FORM_MAX_OBJECTS,
    IDF_FORM_ANNOTATE,
    IDF_FORM_NAME,
    IDF_FORM_RARITY,
    IDF_FORM_SET_CODE,
    IDF_FORM_FILENAME,
    IDF_FORM_REPLACE,
    IDF_FORM_FIELDS
} idf_form_field;

typedef struct idf_form idf_form;

struct idf_request {
    idf_job job; /* first: what a worker is handed */
    idf_service *service;
    idf_http_exchange *exchange;
    const idf_route *route; /* NULL: none */
    size_t route_number;    /* of the metrics; 0: none */
    idf_target target;
    const char *rest; /* of the path, for a route that ends in braces; decoded, NULL: malformed */
    const char *raw_rest;
    idf_form *form; /* NULL: no multipart body */
    idf_session_entry *session;
    uint64_t id;
    double began;
    bool answered, tls;          /* tls: it came by TLS */
    char origin[256], host[256]; /* header fields; "" when there is none */
    bool has_cookie;
    char peer[48];
};

/* What came of the form; `n` bytes, terminated, "" when there is none. */
const char *idf_form_text(const idf_request *request, idf_form_field field, size_t *n);
bool idf_form_has(const idf_request *request, idf_form_field field);
/* The picture; NULL when there is none. */
const idf_bytes *idf_form_image(const idf_request *request);
const char *idf_form_image_name(const idf_request *request);
/* A whole number from the form or the query. False, and answered, when it is none within
 * [min, max]. */
bool idf_request_number(idf_request *request, idf_form_field field, const char *name, long min,
                        long max, long *value);

/* Each answers once; the request may be gone when it returns. JSON is taken over. */
void idf_request_answer(idf_request *request, idf_http_reply *reply);
void idf_request_json(idf_request *request, int status, json_t *json);
void idf_request_error(idf_request *request, int status, const char *format, ...) IDF_PRINTF(3, 4);
/* Like FastAPI's for a field of the form that is missing. */
void idf_request_missing(idf_request *request, const char *field);
/* "http://host" that the client asked; "" when it did not say: then an address is relative. */
void idf_request_base(const idf_request *request, char *out, size_t out_bytes);
/* Has a worker run the route's `work`, or answers that it is too busy. */
void idf_request_enqueue(idf_request *request);
/* Seconds that are left of the request's deadline. */
double idf_request_seconds_left(const idf_request *request);

extern const idf_http_handler idf_request_handler; /* its context is a door of the service */

/* --- who may (access.c) --- */

/* Whether the request may do what its route does; answers when not. */
bool idf_access_allows(idf_request *request);
/* Headers that let pages of other origins read the reply. */
void idf_access_cors(const idf_request *request, idf_http_reply *reply);
void idf_access_preflight(idf_request *request);
/* The cookie that stands for a token; in memory of the caller's. */
char *idf_access_cookie(const char *token);

/* --- files (reload.c) --- */

idf_status idf_reloader_new(idf_reloader **reloader, idf_service *service, idf_error *err);
void idf_reloader_free(idf_reloader *reloader);
/* Looks now, and does not wait. */
void idf_reloader_look(idf_reloader *reloader);
/* Opens the collection anew and swaps it in. */
idf_status idf_service_open_collection(idf_service *service, idf_error *err);

/* --- routes --- */

void idf_route_root(idf_request *request);
void idf_route_health(idf_request *request);
void idf_route_info(idf_request *request);
void idf_route_metrics(idf_request *request);
void idf_route_openapi(idf_request *request);
void idf_route_login(idf_request *request);
void idf_route_page(idf_request *request);
void idf_route_refs(idf_request *request);
void idf_route_search(idf_request *request, idf_worker *worker);
void idf_route_top_prices(idf_request *request, idf_worker *worker);
void idf_route_falcon(idf_request *request);
void idf_work_falcon(idf_request *request, idf_worker *worker);
void idf_route_references(idf_request *request, idf_worker *worker);
void idf_route_change(idf_request *request);
void idf_work_reference_add(idf_request *request, idf_worker *worker);
void idf_work_reference_remove(idf_request *request, idf_worker *worker);

/* Text from outside, what is no UTF-8 as U+FFFD. */
json_t *idf_text_json(const char *text);
/* Scheme and host of a URL, without a password that may stand in it; null for none. */
json_t *idf_origin_json(const char *url);
/* A row as lists show it. */
json_t *idf_row_json(const idf_snapshot *snapshot, size_t row);

/* An answer in the original's shape, ours and mac_tensor's keys with it; NULL: out of memory. */
json_t *idf_falcon_json(const idf_snapshot *snapshot, const idf_answer *answer, const char *query);
/* The same as the original's web proxy gives it to its page. */
json_t *idf_falcon_frame_json(const idf_snapshot *snapshot, const idf_answer *answer,
                              const char *base);

#ifdef __cplusplus
}
#endif
#endif
