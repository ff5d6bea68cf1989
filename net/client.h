/* client.h - an HTTP client: many requests at once, politely.
 *
 * Each host has a rate and a number of connections of its own. 429 and 503 hold a host back for as
 * long as Retry-After says, else longer each time; these, other failures of a server and broken
 * connections are tried again. Redirects are followed by hand, so that each hop is held to the same
 * rules: http and https only, a maximum, no private address where only public ones may be reached,
 * and a request's headers stay with the host that they were meant for.
 *
 * A client belongs to one thread, which also runs the callbacks. */
#ifndef IDF_NET_CLIENT_H
#define IDF_NET_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/status.h>

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero in a field means the default named beside it. */
typedef struct idf_client_options {
    const char *contact;               /* a mail or web address for the User-Agent; NULL: none */
    double connect_timeout_s;          /* 15 */
    double stall_timeout_s;            /* with hardly a byte; 30 */
    double total_timeout_s;            /* of one try; 120; negative: none */
    double max_wait_s;                 /* a server that asks to wait longer has failed; 120 */
    double backoff_s;                  /* the first wait before another try, doubled each time; 1 */
    int max_tries;                     /* 4 */
    int max_redirects;                 /* 5 */
    int max_parallel;                  /* requests; 50 */
    int max_parallel_host;             /* of one host; 8 */
    double rate;                       /* requests a second that any host gets at most, whatever
                                          idf_client_set_rate says; 0: as that says */
    bool no_rates;                     /* for tests: no host has a rate */
    bool allow_private;                /* only_public is passed over */
    bool (*keep_going)(void *context); /* asked some five times a second; false: cancelled */
    void *context;
} idf_client_options;

/* Fills in what the environment says, in fields that are zero: IDENTIFY_CONNECT_TIMEOUT,
 * IDENTIFY_STALL_TIMEOUT, IDENTIFY_TOTAL_TIMEOUT, IDENTIFY_MAX_WAIT, IDENTIFY_BACKOFF (seconds),
 * IDENTIFY_TRIES, IDENTIFY_RATE (a second; "none": no_rates), IDENTIFY_ALLOW_PRIVATE (1).
 * IDF_ERR_ARGUMENT for what is no number. */
idf_status idf_client_options_from_env(idf_client_options *options, idf_error *err);

typedef struct idf_client idf_client;

/* IDF_ERR_UNSUPPORTED without libcurl. `options` may be NULL; contact is copied. */
idf_status idf_client_new(idf_client **client, const idf_client_options *options, idf_error *err);
/* Drops what is under way, without its callbacks. NULL is allowed. */
void idf_client_free(idf_client *client);

/* Requests a second to the host of `url` (scheme, name and port), and the least wait after a 429
 * without Retry-After; 0 in either: no rule. Rates and connections hold for redirects to that host
 * too. */
idf_status idf_client_set_rate(idf_client *client, const char *url, double per_second,
                               double penalty_s, idf_error *err);

typedef struct idf_response {
    long status;            /* HTTP's, of the last hop; 0 when there was no answer */
    idf_bytes body;         /* decoded; empty when it was streamed */
    char *url;              /* of the last hop */
    char content_type[128]; /* these are "" when they were not sent or are too long */
    char etag[256];
    char last_modified[64];
    double retry_after_s; /* 0: not said */
} idf_response;

/* Frees and zeroes. */
void idf_response_release(idf_response *response);

typedef struct idf_request {
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
    size_t max_bytes;           /* of the decoded body; 0: 16 MiB; SIZE_MAX: no limit */
    double total_timeout_s;     /* in place of the client's; negative: none */
    double keep_s;    /* an answer holds for so long: it is kept on disk (cache.h), and asked for
                         conditionally afterwards; 0: not kept. Not with on_bytes */
    bool only_public; /* neither it nor a redirect or a DNS answer may lead to a
                         private address */
    /* Gets the body of a 2xx answer as it comes, in place of response.body. Anything but IDF_OK
     * ends the request with that. A request is not tried again after the first call. NULL: none. */
    idf_status (*on_bytes)(void *context, const void *data, size_t n, idf_error *err);
    /* For idf_client_submit: called once, in idf_client_run. The response is the client's; its body
     * may be taken by zeroing it. It may submit further requests. */
    void (*on_done)(void *context, idf_response *response, idf_status status, const idf_error *err);
    void *context;
} idf_request;

/* Takes a request up; url and headers are copied. Fails only for what can be said at once: memory,
 * an address that is none (IDF_ERR_ARGUMENT), another scheme or a private address (IDF_ERR_UNSAFE).
 */
idf_status idf_client_submit(idf_client *client, const idf_request *request, idf_error *err);

/* Carries out everything submitted. IDF_ERR_CANCELLED (each request's on_done got it too) or
 * IDF_ERR_NO_MEMORY, else IDF_OK: how each request went is its own. */
idf_status idf_client_run(idf_client *client, idf_error *err);

/* One request, its on_done passed over. 2xx and 304 are IDF_OK. IDF_ERR_NETWORK for another answer
 * (response->status says which), and for none (status 0); IDF_ERR_LIMIT for a body over max_bytes,
 * IDF_ERR_UNSAFE for what may not be reached, IDF_ERR_CANCELLED, or what on_bytes said; the
 * statuses of on_done are the same. *response is to be released whatever happens. Not while
 * idf_client_run runs. */
idf_status idf_client_get(idf_client *client, const idf_request *request, idf_response *response,
                          idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
