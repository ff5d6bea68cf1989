/* client.c - many requests at once over one libcurl multi handle; hosts.c says who may be asked
 * when. A transfer waits at its host, is under way on a handle of libcurl's, and then is done, goes
 * back to wait (another try), or to another host (a redirect). */
#include "net/client.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "net/address.h"
#include "net/cache.h"
#include "net/curl_api.h"
#include "net/hosts.h"
#include "net/url.h"

enum {
    SHOWN_BYTES = 400,
    DEFAULT_MAX_BYTES = 16 << 20,
    FAILURES_IN_A_ROW = 8,   /* of a host, after which it is left alone */
    SHUT_SECONDS = 60,       /* for so long */
    ASK_MS = 200,            /* how often keep_going is asked */
    MAX_SUBMITTED = 1 << 20, /* requests waiting */
    HTTP_OK = 200,
    HTTP_NOT_MODIFIED = 304,
};

typedef struct transfer {
    idf_waiting waiting;          /* first */
    struct transfer *next, *prev; /* of all transfers of the client */
    idf_client *client;
    idf_request request; /* its url and headers are not looked at again */
    char *url;
    struct curl_slist *headers;
    CURL *curl; /* while it is under way */
    idf_host *host;
    idf_response response;
    int n_tries, n_hops;
    size_t n_received; /* bytes of the decoded body of this try */
    bool delivered;    /* on_bytes was called */
    struct transfer *next_ready;
    idf_cached *cached; /* what is kept of the answer; NULL: nothing, or nothing is to be kept */
    char cache_name[IDF_CACHE_NAME_BYTES];
    idf_status failed; /* what a callback of libcurl's found wrong, and the sentence */
    idf_error err;
    char detail[CURL_ERROR_SIZE];
} transfer;

struct idf_client {
    idf_client_options options;
    char user_agent[IDF_USER_AGENT_BYTES];
    CURLM *multi;
    idf_hosts hosts;
    transfer *all, *ready; /* ready: answered by what is kept */
    size_t n_pending;
    int n_active;
    CURL **idle; /* handles to be used again; max_parallel of them at most */
    int n_idle;
    double asked_at;
    bool cancelled;
};

/* ---- addresses ---- */

/* Brings a URL into its normal form (*normal, freed by idf_free) and finds its host's key. */
static idf_status split_url(const char *url, char **normal, char key[320], char host[256],
                            idf_error *err) {
    char shown[SHOWN_BYTES], *scheme = NULL, *name = NULL, *port = NULL, *whole = NULL;
    idf_status status = IDF_OK;
    *normal = NULL;
    idf_url_shown(shown, sizeof shown, url);
    idf_bytes mended = {0};
    CURLU *parts = idf_curl.url();
    if (parts == NULL || idf_url_mend(&mended, url) != IDF_OK ||
        idf_bytes_append(&mended, "", 1) != IDF_OK) {
        idf_curl.url_cleanup(parts);
        idf_bytes_release(&mended);
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a request");
    }
    CURLUcode code =
        idf_curl.url_set(parts, CURLUPART_URL, (const char *)mended.data, CURLU_NON_SUPPORT_SCHEME);
    if (code == CURLUE_OK)
        code = idf_curl.url_get(parts, CURLUPART_SCHEME, &scheme, 0);
    if (code == CURLUE_OK && strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        status = idf_error_set(err, IDF_ERR_UNSAFE, "'%s' is neither http nor https", shown);
    if (code == CURLUE_OK && status == IDF_OK)
        code = idf_curl.url_set(parts, CURLUPART_FRAGMENT, NULL, 0);
    if (code == CURLUE_OK && status == IDF_OK)
        code = idf_curl.url_get(parts, CURLUPART_HOST, &name, 0);
    if (code == CURLUE_OK && status == IDF_OK)
        code = idf_curl.url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    if (code == CURLUE_OK && status == IDF_OK)
        code = idf_curl.url_get(parts, CURLUPART_URL, &whole, 0);
    if (status == IDF_OK && code != CURLUE_OK)
        status = idf_error_set(err, IDF_ERR_ARGUMENT, "'%s' is no web address: %s", shown,
                               idf_curl.url_strerror(code));
    if (status == IDF_OK && strlen(name) > 253)
        status = idf_error_set(err, IDF_ERR_ARGUMENT,
                               "'%s' is no web address: its host has more than 253 bytes", shown);
    if (status == IDF_OK) {
        snprintf(host, 256, "%s", name);
        snprintf(key, 320, "%s://%s:%s", scheme, name, port);
        for (char *c = key; *c != '\0'; c++)
            *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
        *normal = idf_strdup(whole);
        if (*normal == NULL)
            status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a request");
    }
    idf_curl.free(scheme);
    idf_curl.free(name);
    idf_curl.free(port);
    idf_curl.free(whole);
    idf_curl.url_cleanup(parts);
    idf_bytes_release(&mended);
    return status;
}

/* Whether a proxy of the environment does the connecting, and the resolving, for this transfer. */
static bool has_proxy(const transfer *t) {
    bool tls = strncasecmp(t->url, "https:", 6) == 0;
    const char *const names[] = {tls ? "https_proxy" : "http_proxy", tls ? "HTTPS_PROXY" : NULL,
                                 "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *set = names[i] == NULL ? NULL : getenv(names[i]);
        if (set != NULL && set[0] != '\0')
            return true;
    }
    return false;
}

static bool only_public(const transfer *t) {
    return t->request.only_public && !t->client->options.allow_private;
}

static idf_status refuse_private(idf_error *err, const char *url) {
    char shown[SHOWN_BYTES];
    return idf_error_set(err, IDF_ERR_UNSAFE, "'%s' leads to a private address, and is not fetched",
                         idf_url_shown(shown, sizeof shown, url));
}

/* Gives the transfer an address and its host. */
static idf_status aim(transfer *t, const char *url, idf_error *err) {
    char key[320], host[256], *normal;
    idf_status status = split_url(url, &normal, key, host, err);
    if (status != IDF_OK)
        return status;
    if (only_public(t) && !idf_host_may_be_public(host)) {
        idf_free(normal);
        return refuse_private(err, url);
    }
    idf_host *found = idf_hosts_get(&t->client->hosts, key);
    if (found == NULL) {
        idf_free(normal);
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a request");
    }
    if (t->host != NULL && t->host != found) { /* headers may hold a key; they go no further */
        idf_curl.slist_free_all(t->headers);
        t->headers = NULL;
    }
    idf_free(t->url);
    t->url = normal;
    t->host = found;
    return IDF_OK;
}

/* ---- what libcurl calls ---- */

static size_t on_body(char *bytes, size_t size, size_t n, void *context) {
    transfer *t = context;
    long http = 0;
    char shown[SHOWN_BYTES];
    idf_curl.easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &http);
    size_t len = size * n;
    if (http < 200 || http > 299) { /* an error's page; a little of it may be of use */
        size_t room = 4096 - (t->response.body.len < 4096 ? t->response.body.len : 4096);
        idf_bytes_append(&t->response.body, bytes, len < room ? len : room);
        return len;
    }
    size_t max = t->request.max_bytes;
    if (len > max - t->n_received) {
        t->failed =
            idf_error_set(&t->err, IDF_ERR_LIMIT, "'%s' has more than the %zu bytes that are taken",
                          idf_url_shown(shown, sizeof shown, t->url), max);
        return 0;
    }
    t->n_received += len;
    if (t->request.on_bytes != NULL) {
        t->delivered = true;
        t->failed = t->request.on_bytes(t->request.context, bytes, len, &t->err);
    } else if (idf_bytes_append(&t->response.body, bytes, len) != IDF_OK) {
        t->failed = idf_error_set(&t->err, IDF_ERR_NO_MEMORY, "out of memory for '%s'",
                                  idf_url_shown(shown, sizeof shown, t->url));
    }
    return t->failed == IDF_OK ? len : 0;
}

/* Looks at the address that libcurl is about to connect to, after DNS. */
static curl_socket_t on_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    transfer *t = context;
    if (purpose == CURLSOCKTYPE_IPCXN && only_public(t) && !has_proxy(t) &&
        !idf_address_is_public(&address->addr)) {
        t->failed = refuse_private(&t->err, t->url);
        return CURL_SOCKET_BAD;
    }
    curl_socket_t opened = socket(address->family, address->socktype, address->protocol);
    if (opened != CURL_SOCKET_BAD)
        fcntl(opened, F_SETFD, FD_CLOEXEC);
    return opened;
}

/* ---- one transfer ---- */

static void transfer_free(transfer *t) {
    idf_client *client = t->client;
    if (t->curl != NULL) {
        idf_curl.multi_remove_handle(client->multi, t->curl);
        idf_curl.easy_cleanup(t->curl);
    }
    if (t->prev != NULL)
        t->prev->next = t->next;
    else if (client->all == t)
        client->all = t->next;
    if (t->next != NULL)
        t->next->prev = t->prev;
    idf_curl.slist_free_all(t->headers);
    if (t->cached != NULL)
        idf_cached_release(t->cached);
    idf_free(t->cached);
    idf_free(t->url);
    idf_response_release(&t->response);
    idf_free(t);
}

static idf_status begin(transfer *t, idf_error *err) {
    idf_client *client = t->client;
    const idf_client_options *o = &client->options;
    CURL *curl = client->n_idle > 0 ? client->idle[--client->n_idle] : idf_curl.easy_init();
    if (curl == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a request");
    double total = t->request.total_timeout_s;
    idf_curl_times times = {o->connect_timeout_s, o->stall_timeout_s,
                            total != 0 ? total : o->total_timeout_s};
    idf_curl_prepare(curl, client->user_agent, &times, t->detail);
    idf_curl.easy_setopt(curl, CURLOPT_URL, t->url);
    idf_curl.easy_setopt(curl, CURLOPT_HTTPHEADER, t->headers);
    idf_curl.easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
    idf_curl.easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    idf_curl.easy_setopt(curl, CURLOPT_WRITEDATA, t);
    idf_curl.easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    idf_curl.easy_setopt(curl, CURLOPT_OPENSOCKETDATA, t);
    idf_curl.easy_setopt(curl, CURLOPT_PRIVATE, t);
    if (only_public(t) && has_proxy(t)) /* no way round the proxy into somebody's own network */
        idf_curl.easy_setopt(curl, CURLOPT_NOPROXY, "");
    if (t->request.max_bytes < SIZE_MAX / 2)
        idf_curl.easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->request.max_bytes);
    t->curl = curl;
    t->failed = IDF_OK;
    t->n_tries++;
    idf_bytes_clear(&t->response.body);
    t->n_received = 0;
    CURLMcode code = idf_curl.multi_add_handle(client->multi, curl);
    if (code == CURLM_OK) {
        client->n_active++;
        return IDF_OK;
    }
    idf_curl.easy_cleanup(curl);
    t->curl = NULL;
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "libcurl takes no request: %s",
                         idf_curl.multi_strerror(code));
}

static void copy_header(CURL *curl, const char *name, char *out, size_t out_bytes) {
    struct curl_header *header;
    out[0] = '\0';
    if (idf_curl.easy_header(curl, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
        strlen(header->value) < out_bytes)
        strcpy(out, header->value);
}

/* Reads what the answer says of itself. */
static void note_answer(transfer *t) {
    idf_response *r = &t->response;
    curl_off_t retry = 0;
    idf_curl.easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &r->status);
    idf_curl.easy_getinfo(t->curl, CURLINFO_RETRY_AFTER, &retry);
    r->retry_after_s = (double)retry;
    copy_header(t->curl, "Content-Type", r->content_type, sizeof r->content_type);
    copy_header(t->curl, "ETag", r->etag, sizeof r->etag);
    copy_header(t->curl, "Last-Modified", r->last_modified, sizeof r->last_modified);
}

/* Takes the transfer off the wire; its handle is kept for the next one. */
static void unplug(transfer *t) {
    idf_client *client = t->client;
    idf_curl.multi_remove_handle(client->multi, t->curl);
    if (client->n_idle < client->options.max_parallel) {
        idf_curl.easy_reset(t->curl);
        client->idle[client->n_idle++] = t->curl;
    } else {
        idf_curl.easy_cleanup(t->curl);
    }
    t->curl = NULL;
    t->host->n_active--;
    client->n_active--;
}

/* Says how the request went. The transfer is gone afterwards. */
static void deliver(transfer *t, idf_status status, const idf_error *err) {
    t->client->n_pending--;
    t->response.url = t->url;
    t->url = NULL;
    if (t->request.on_done != NULL)
        t->request.on_done(t->request.context, &t->response, status, err);
    transfer_free(t);
}

/* ---- after a try ---- */

static bool is_passing(CURLcode code) {
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return true;
    default:
        return false;
    }
}

static bool is_refusal(long http) {
    return http == 429 || http == 503;
}

/* Whether it is worth another try; says so to the host. */
static bool tries_again(transfer *t, CURLcode code) {
    idf_client *client = t->client;
    const idf_client_options *o = &client->options;
    long http = t->response.status;
    bool passing = code == CURLE_OK ? is_refusal(http) || http == 500 || http == 502 || http == 504
                                    : is_passing(code);
    if (!passing) {
        idf_host_is_well(t->host);
        return false;
    }
    bool refused = code == CURLE_OK && is_refusal(http);
    double now = idf_clock_seconds(), asked = t->response.retry_after_s;
    double first = refused && t->host->penalty_s > o->backoff_s ? t->host->penalty_s : o->backoff_s;
    double wait = idf_host_hold_back(t->host, now, asked, first);
    if (wait > o->max_wait_s || t->host->n_failed >= FAILURES_IN_A_ROW)
        t->host->shut_until = now + (asked > SHUT_SECONDS ? asked : SHUT_SECONDS);
    return t->n_tries < o->max_tries && !t->delivered && now >= t->host->shut_until;
}

/* What went wrong, in a sentence. */
static idf_status explain(const transfer *t, CURLcode code, idf_error *err) {
    char shown[SHOWN_BYTES], tries[32] = "";
    idf_url_shown(shown, sizeof shown, t->url);
    if (t->n_tries > 1)
        snprintf(tries, sizeof tries, " after %d tries", t->n_tries);
    if (code == CURLE_FILESIZE_EXCEEDED)
        return idf_error_set(err, IDF_ERR_LIMIT, "'%s' has more than the %zu bytes that are taken",
                             shown, t->request.max_bytes);
    if (code == CURLE_OUT_OF_MEMORY)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a request");
    if (code != CURLE_OK)
        return idf_error_set(err, IDF_ERR_NETWORK, "fetching '%s' failed%s: %s", shown, tries,
                             t->detail[0] != '\0' ? t->detail : idf_curl.easy_strerror(code));
    if (t->response.retry_after_s > t->client->options.max_wait_s)
        return idf_error_set(err, IDF_ERR_NETWORK,
                             "the server answers %ld for '%s' and asks to wait %.0f seconds; try "
                             "again then",
                             t->response.status, shown, t->response.retry_after_s);
    return idf_error_set(err, IDF_ERR_NETWORK, "the server answers %ld for '%s'%s",
                         t->response.status, shown, tries);
}

/* Follows a redirect to `to`; false when it was no good and the request has been answered. */
static void follow(transfer *t, const char *to) {
    idf_error err = IDF_ERROR_INIT;
    char shown[SHOWN_BYTES], from[SHOWN_BYTES];
    idf_status status;
    idf_host_is_well(t->host);
    idf_url_shown(from, sizeof from, t->url);
    if (++t->n_hops > t->client->options.max_redirects) {
        status = idf_error_set(&err, IDF_ERR_NETWORK, "'%s' is redirected more than %d times",
                               idf_url_shown(shown, sizeof shown, t->url),
                               t->client->options.max_redirects);
    } else {
        status = aim(t, to, &err);
        if (status != IDF_OK) {
            char prefix[SHOWN_BYTES + 40];
            snprintf(prefix, sizeof prefix, "'%s' redirects to a forbidden place", from);
            idf_error_prefix(&err, status, prefix);
        }
    }
    if (status != IDF_OK) {
        deliver(t, status, &err);
        return;
    }
    t->n_tries = 0;
    idf_host_push(t->host, &t->waiting, true);
}

/* on_socket does not see a connection that another request has opened; this does. */
static bool is_where_it_may_be(const transfer *t) {
    char *address = NULL;
    idf_curl.easy_getinfo(t->curl, CURLINFO_PRIMARY_IP, &address);
    return !only_public(t) || has_proxy(t) || address == NULL || address[0] == '\0' ||
           idf_host_may_be_public(address);
}

/* ---- answers that are kept ---- */

/* Looks for what is kept of the answer. One that still holds makes the transfer ready; for an older
 * one it is asked whether it has changed. */
static idf_status consult_cache(transfer *t) {
    idf_client *client = t->client;
    if (t->request.keep_s <= 0 || t->request.on_bytes != NULL)
        return IDF_OK;
    idf_cache_name(t->cache_name, t->url);
    t->cached = idf_alloc_zero(1, sizeof *t->cached);
    if (t->cached == NULL)
        return IDF_ERR_NO_MEMORY;
    int64_t now = (int64_t)time(NULL);
    if (!idf_cache_read(t->cached, t->cache_name)) {
        idf_cached_release(t->cached);
        return IDF_OK;
    }
    if (t->cached->fetched <= now && now < t->cached->fetched + t->request.keep_s) {
        t->next_ready = client->ready;
        client->ready = t;
        return IDF_OK;
    }
    const struct {
        const char *name, *value;
    } conditions[] = {{"If-None-Match", t->cached->etag},
                      {"If-Modified-Since", t->cached->last_modified}};
    for (int i = 0; i < 2; i++) {
        char line[IDF_ETAG_BYTES + 32];
        snprintf(line, sizeof line, "%s: %s", conditions[i].name, conditions[i].value);
        struct curl_slist *longer =
            conditions[i].value[0] == '\0' ? t->headers : idf_curl.slist_append(t->headers, line);
        if (longer == NULL && conditions[i].value[0] != '\0')
            return IDF_ERR_NO_MEMORY;
        t->headers = longer;
    }
    return IDF_OK;
}

/* Gives what is kept as the answer. */
static void take_from_cache(transfer *t) {
    idf_bytes_release(&t->response.body);
    t->response.body = t->cached->body;
    memset(&t->cached->body, 0, sizeof t->cached->body);
    t->response.status = HTTP_OK;
}

/* An answer of the server's: kept, or what is kept is good for longer. */
static void keep_answer(transfer *t) {
    if (t->response.status == HTTP_NOT_MODIFIED && t->cached->fetched != 0) {
        t->cached->fetched = (int64_t)time(NULL);
        idf_cache_write(t->cache_name, t->cached);
        take_from_cache(t);
    } else if (t->response.status == HTTP_OK) {
        idf_cached fresh = {.body = t->response.body, .fetched = (int64_t)time(NULL)};
        snprintf(fresh.etag, sizeof fresh.etag, "%s", t->response.etag);
        snprintf(fresh.last_modified, sizeof fresh.last_modified, "%s", t->response.last_modified);
        idf_cache_write(t->cache_name, &fresh);
    }
}

/* A try has ended. */
static void settle(transfer *t, CURLcode code) {
    idf_error err = IDF_ERROR_INIT;
    char *to = NULL, *target = NULL;
    note_answer(t);
    long http = t->response.status;
    idf_curl.easy_getinfo(t->curl, CURLINFO_REDIRECT_URL, &to);
    if (to != NULL && http >= 300 && http <= 399 && http != 304)
        target = idf_strdup(to);
    if (!is_where_it_may_be(t))
        t->failed = refuse_private(&t->err, t->url);
    unplug(t);
    if (t->failed != IDF_OK) {
        err = t->err;
        deliver(t, t->failed, &err);
    } else if (code == CURLE_OK && target != NULL) {
        follow(t, target);
    } else if (tries_again(t, code)) {
        idf_host_push(t->host, &t->waiting, true);
    } else if (code == CURLE_OK && ((http >= 200 && http <= 299) || http == HTTP_NOT_MODIFIED)) {
        if (t->cached != NULL)
            keep_answer(t);
        deliver(t, IDF_OK, &err);
    } else {
        if (code != CURLE_OK)
            t->response.status = 0;
        idf_status status = explain(t, code, &err);
        deliver(t, status, &err);
    }
    idf_free(target);
}

/* ---- the client ---- */

static bool wants_to_go_on(idf_client *client) {
    double now = idf_clock_seconds();
    if (client->options.keep_going == NULL || now - client->asked_at < ASK_MS / 1000.0)
        return true;
    client->asked_at = now;
    return client->options.keep_going(client->options.context);
}

static void cancel_all(idf_client *client, idf_status status, const idf_error *err) {
    while (idf_hosts_drain(&client->hosts) != NULL)
        ;
    client->ready = NULL;
    while (client->all != NULL) {
        transfer *t = client->all;
        if (t->curl != NULL)
            unplug(t);
        deliver(t, status, err);
    }
}

/* Answers a request whose host is left alone for now. */
static void give_up(transfer *t) {
    idf_error err = IDF_ERROR_INIT;
    char shown[SHOWN_BYTES];
    idf_error_set(&err, IDF_ERR_NETWORK,
                  "'%s' was not asked for: its server keeps failing or wants to be left alone",
                  idf_url_shown(shown, sizeof shown, t->url));
    t->host->n_active--;
    deliver(t, IDF_ERR_NETWORK, &err);
}

/* Begins what may begin; *wait_s is the time until more may. */
static idf_status begin_due(idf_client *client, double *wait_s, idf_error *err) {
    while (client->n_active < client->options.max_parallel) {
        idf_waiting *next = idf_hosts_take(&client->hosts, idf_clock_seconds(),
                                           client->options.max_parallel_host, wait_s);
        if (next == NULL)
            break;
        transfer *t = (transfer *)next;
        idf_status status = IDF_OK;
        if (idf_clock_seconds() < t->host->shut_until)
            give_up(t);
        else
            status = begin(t, err);
        if (status != IDF_OK)
            return status;
    }
    return IDF_OK;
}

static idf_status stop_with(idf_client *client, idf_status status, const char *text,
                            idf_error *err) {
    idf_error why = IDF_ERROR_INIT;
    idf_error_set(&why, status, "%s", text);
    client->cancelled = true; /* callbacks submit in vain */
    cancel_all(client, status, &why);
    client->cancelled = false;
    return idf_error_set(err, status, "%s", text);
}

idf_status idf_client_run(idf_client *client, idf_error *err) {
    idf_error why = IDF_ERROR_INIT;
    while (client->n_pending > 0) {
        int n_running, n_left, n_done = 0;
        double wait_s = ASK_MS / 1000.0;
        CURLMsg *message;
        if (!wants_to_go_on(client))
            return stop_with(client, IDF_ERR_CANCELLED, "stopped", err);
        if (client->ready != NULL) {
            transfer *t = client->ready;
            client->ready = t->next_ready;
            take_from_cache(t);
            deliver(t, IDF_OK, &why);
            continue;
        }
        idf_status status = begin_due(client, &wait_s, &why);
        CURLMcode code = CURLM_OK;
        if (status == IDF_OK)
            code = idf_curl.multi_perform(client->multi, &n_running);
        if (code != CURLM_OK)
            status = idf_error_set(&why, IDF_ERR_NO_MEMORY, "libcurl gives up: %s",
                                   idf_curl.multi_strerror(code));
        if (status != IDF_OK)
            return stop_with(client, status, why.message, err);
        while ((message = idf_curl.multi_info_read(client->multi, &n_left)) != NULL) {
            char *private = NULL;
            CURLcode result = message->data.result;
            idf_curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
            settle((transfer *)(void *)private, result);
            n_done++;
        }
        if (n_done == 0 && client->n_pending > 0)
            idf_curl.multi_poll(client->multi, NULL, 0, (int)(wait_s * 1000) + 1, NULL);
    }
    return IDF_OK;
}

static idf_status copy_headers(transfer *t, const char *const *headers, idf_error *err) {
    for (; headers != NULL && *headers != NULL; headers++) {
        if (strpbrk(*headers, "\r\n") != NULL)
            return idf_error_set(err, IDF_ERR_ARGUMENT, "a header of a request has two lines");
        struct curl_slist *longer = idf_curl.slist_append(t->headers, *headers);
        if (longer == NULL)
            return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a request");
        t->headers = longer;
    }
    return IDF_OK;
}

idf_status idf_client_submit(idf_client *client, const idf_request *request, idf_error *err) {
    if (client->cancelled)
        return idf_error_set(err, IDF_ERR_CANCELLED, "stopped");
    if (client->n_pending >= MAX_SUBMITTED)
        return idf_error_set(err, IDF_ERR_LIMIT, "more than %d requests wait", MAX_SUBMITTED);
    transfer *t = idf_alloc_zero(1, sizeof *t);
    if (t == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a request");
    t->client = client;
    t->request = *request;
    if (t->request.max_bytes == 0)
        t->request.max_bytes = DEFAULT_MAX_BYTES;
    idf_status status = aim(t, request->url, err);
    if (status == IDF_OK)
        status = copy_headers(t, request->headers, err);
    if (status == IDF_OK && consult_cache(t) != IDF_OK)
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a request");
    if (status != IDF_OK) {
        transfer_free(t);
        return status;
    }
    t->next = client->all;
    if (t->next != NULL)
        t->next->prev = t;
    client->all = t;
    client->n_pending++;
    if (client->ready != t)
        idf_host_push(t->host, &t->waiting, false);
    return IDF_OK;
}

/* What idf_client_get hears of its one request. */
typedef struct single {
    idf_response *response;
    idf_status status;
    idf_error *err;
    const idf_request *request;
} single;

static idf_status pass_bytes(void *context, const void *data, size_t n, idf_error *err) {
    const single *s = context;
    return s->request->on_bytes(s->request->context, data, n, err);
}

static void take_answer(void *context, idf_response *response, idf_status status,
                        const idf_error *err) {
    single *s = context;
    *s->response = *response;
    memset(response, 0, sizeof *response);
    s->status = status;
    if (status != IDF_OK && s->err != NULL)
        *s->err = *err;
}

idf_status idf_client_get(idf_client *client, const idf_request *request, idf_response *response,
                          idf_error *err) {
    single s = {response, IDF_OK, err, request};
    idf_request copy = *request;
    memset(response, 0, sizeof *response);
    copy.on_done = take_answer;
    copy.on_bytes = request->on_bytes != NULL ? pass_bytes : NULL;
    copy.context = &s;
    idf_status status = idf_client_submit(client, &copy, err);
    if (status == IDF_OK)
        status = idf_client_run(client, err);
    return status != IDF_OK ? status : s.status;
}

idf_status idf_client_set_rate(idf_client *client, const char *url, double per_second,
                               double penalty_s, idf_error *err) {
    char key[320], name[256], *normal;
    idf_status status = split_url(url, &normal, key, name, err);
    if (status != IDF_OK)
        return status;
    idf_free(normal);
    idf_host *host = idf_hosts_get(&client->hosts, key);
    if (host == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a request");
    if (client->options.no_rates)
        return IDF_OK;
    if (client->options.rate > 0 && (per_second == 0 || per_second > client->options.rate))
        per_second = client->options.rate;
    host->interval_s = per_second > 0 ? 1 / per_second : 0;
    host->penalty_s = penalty_s;
    return IDF_OK;
}

void idf_response_release(idf_response *response) {
    idf_bytes_release(&response->body);
    idf_free(response->url);
    memset(response, 0, sizeof *response);
}

static void set_default(double *field, double value) {
    if (*field == 0)
        *field = value;
}

static void set_default_count(int *field, int value) {
    if (*field == 0)
        *field = value;
}

idf_status idf_client_new(idf_client **out, const idf_client_options *options, idf_error *err) {
    *out = NULL;
    idf_status status = idf_curl_load(err);
    if (status != IDF_OK)
        return status;
    idf_client *client = idf_alloc_zero(1, sizeof *client);
    if (client == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for an HTTP client");
    idf_client_options *o = &client->options;
    if (options != NULL)
        *o = *options;
    set_default(&o->connect_timeout_s, 15);
    set_default(&o->stall_timeout_s, 30);
    set_default(&o->total_timeout_s, 120);
    set_default(&o->max_wait_s, 120);
    set_default(&o->backoff_s, 1);
    set_default_count(&o->max_tries, 4);
    set_default_count(&o->max_redirects, 5);
    set_default_count(&o->max_parallel, 50);
    set_default_count(&o->max_parallel_host, 8);
    idf_user_agent(client->user_agent, o->contact);
    o->contact = NULL;
    client->idle = idf_alloc((size_t)o->max_parallel, sizeof *client->idle);
    client->multi = idf_curl.multi_init();
    if (client->idle == NULL || client->multi == NULL) {
        idf_client_free(client);
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for an HTTP client");
    }
    client->hosts.interval_s = o->rate > 0 && !o->no_rates ? 1 / o->rate : 0;
    idf_curl.multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)o->max_parallel);
    *out = client;
    return IDF_OK;
}

void idf_client_free(idf_client *client) {
    if (client == NULL)
        return;
    while (client->all != NULL)
        transfer_free(client->all);
    for (int i = 0; i < client->n_idle; i++)
        idf_curl.easy_cleanup(client->idle[i]);
    if (client->multi != NULL)
        idf_curl.multi_cleanup(client->multi);
    idf_hosts_release(&client->hosts);
    idf_free(client->idle);
    idf_free(client);
}
