/* service.h - dlf-identify as a service: from options to answers over HTTP. */
#ifndef IDF_SERVER_SERVICE_H
#define IDF_SERVER_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/status.h>

#include "feeds/fx.h"
#include "server/log.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_service idf_service;

/* Strings are borrowed and have to outlive the service. NULL and zero are what the comment says. */
typedef struct idf_service_options {
    const char *index_path;                 /* NULL: no collection, `upstream` answers */
    const char *refs_dir;                   /* NULL: the index's own */
    const char *clip_model;                 /* NULL: as usual */
    const char *host;                       /* see idf_listen */
    int port;                               /* 0: a free one */
    const char *upstream;                   /* URL of another /api/falcon; NULL: none */
    int n_workers;                          /* 0: one a processor */
    int max_queued;                         /* 0: 64 */
    int max_sessions;                       /* 0: 256 */
    int max_connections;                    /* 0: 4096 */
    size_t max_image_bytes;                 /* 0: 16 MiB */
    uint64_t max_pixels;                    /* 0: 40 million */
    double deadline_seconds;                /* of a request; 0: 30 */
    double sim_threshold, margin_threshold; /* 0 or NAN: the collection's */
    bool no_geometry;
    const char *prices_path;               /* NULL: no prices */
    const idf_fx *fx;                      /* exchange rates; NULL: none; copied */
    const char *home_currency;             /* NULL: USD */
    const char *token;                     /* NULL: everybody may ask */
    bool writable;                         /* needs a token */
    const char *cors_origin;               /* NULL: any */
    const char *tls_certificate, *tls_key; /* PEM; NULL: no TLS */
    /* A second door, by TLS, with a certificate of its own; NULL: none. */
    const char *https_host, *https_certificate, *https_key;
    int https_port;               /* 0: a free one */
    const char *certificate_hash; /* what /api/info says of it; NULL: nothing */
    const char *https_address;    /* the host of the address that /api/info gives for it */
    idf_log_format log;
} idf_service_options;

/* Opens the collection and begins to serve. *service is NULL after a failure. */
idf_status idf_service_new(idf_service **service, const idf_service_options *options,
                           idf_error *err);
/* Looks at its files now, in the background. Any thread, not a signal handler. */
void idf_service_reload(idf_service *service);
/* Converts prices by these rates from now on; they are copied. After a failure the old ones stay.
 * Any thread. */
idf_status idf_service_set_rates(idf_service *service, const idf_fx *fx, idf_error *err);
/* Takes no more, finishes what is under way in at most about `seconds`, and frees. */
void idf_service_free(idf_service *service, double seconds);

/* The port that it listens on. */
int idf_service_port(const idf_service *service);
/* That of the second door, 0 without one. */
int idf_service_https_port(const idf_service *service);
/* References of the collection now. */
size_t idf_service_n_references(idf_service *service);

/* The OpenAPI description as JSON text, in malloc's memory; NULL when memory is out. */
char *idf_service_openapi(void);

#ifdef __cplusplus
}
#endif
#endif
