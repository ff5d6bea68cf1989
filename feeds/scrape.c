/* scrape.c - a price site, set after set. */
#include "feeds/scrape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/url.h"

enum { HEADER_BYTES = 300, FIRST_CLIENT_ERROR = 400, NOT_FOUND = 404 };

typedef struct asking {
    idf_client *client;
    double keep_s;
    char key[HEADER_BYTES]; /* "X-Api-Key: ..." or "" */
} asking;

/* "No such set" comes as 400 or 404 from some sites; the rest of what is no answer is an error. */
static idf_status get(void *context, const char *url, idf_bytes *body, long *http, idf_error *err) {
    asking *a = context;
    const char *headers[] = {"Accept: application/json, text/html;q=0.9, */*;q=0.5", NULL, NULL};
    idf_response response = {0};
    if (a->key[0] != '\0')
        headers[1] = a->key;
    const idf_request request = {.url = url, .headers = headers, .keep_s = a->keep_s};
    idf_error own = IDF_ERROR_INIT;
    idf_status status = idf_client_get(a->client, &request, &response, &own);
    *http = response.status;
    if (status != IDF_OK && *http != FIRST_CLIENT_ERROR && *http != NOT_FOUND)
        status = idf_error_set(err, status, "%s", own.message);
    else
        status = idf_bytes_append(body, response.body.data, response.body.len);
    idf_response_release(&response);
    return status;
}

/* Takes the site's key from the environment. A key with other than visible ASCII is none. */
static idf_status take_key(asking *a, const idf_price_site *site, idf_error *err) {
    const char *key = site->key_env == NULL ? NULL : getenv(site->key_env);
    if (key == NULL || key[0] == '\0')
        return IDF_OK;
    for (const char *at = key; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~')
            return idf_error_set(err, IDF_ERR_ARGUMENT, "%s is no key", site->key_env);
    int n = snprintf(a->key, sizeof a->key, "%s: %s", site->key_header, key);
    return n < (int)sizeof a->key
               ? IDF_OK
               : idf_error_set(err, IDF_ERR_ARGUMENT, "%s is too long", site->key_env);
}

/* Errors of what a site says are the network's: the command line and the disk are fine. */
static idf_status as_network(idf_status status, idf_error *err) {
    if (status == IDF_OK || status == IDF_ERR_NO_MEMORY || status == IDF_ERR_CANCELLED ||
        status == IDF_ERR_UNSUPPORTED)
        return status;
    if (err != NULL)
        err->status = IDF_ERR_NETWORK;
    return IDF_ERR_NETWORK;
}

/* False: stop. */
static bool tell(const idf_scrape_job *job, size_t done, double began) {
    const idf_progress progress = {.stage = "sets",
                                   .done = done,
                                   .total = job->n_sets,
                                   .seconds = idf_clock_seconds() - began};
    return job->progress == NULL || job->progress(job->context, &progress);
}

static idf_status read_sets(const idf_scrape_job *job, idf_scrape *scrape, idf_error *err) {
    double began = idf_clock_seconds();
    size_t n_known = 0;
    for (size_t i = 0; i < job->n_sets; i++) {
        size_t before = scrape->offers->n;
        if (!tell(job, i, began))
            return idf_error_set(err, IDF_ERR_CANCELLED, "stopped");
        idf_status status = job->site->read_set(scrape, job->sets[i], err);
        if (status != IDF_OK)
            return status;
        n_known += scrape->offers->n > before;
        if (scrape->offers->n == before && job->unknown != NULL)
            job->unknown(job->context, job->sets[i]);
    }
    if (n_known == 0)
        return idf_error_set(err, IDF_ERR_NETWORK, "%s has no price for any of the %zu sets",
                             job->site->name, job->n_sets);
    return IDF_OK;
}

idf_status idf_scrape_sets(const idf_scrape_job *job, idf_offers *offers, idf_error *err) {
    asking ask = {.client = job->client, .keep_s = job->site->keep_s};
    char base[512];
    idf_scrape scrape = {.base = base, .offers = offers, .get = get, .context = &ask};
    idf_url_base(base, sizeof base, job->site->name, job->site->base);
    idf_status status = take_key(&ask, job->site, err);
    if (status != IDF_OK)
        return status;
    status = idf_client_set_rate(job->client, base, job->site->rate, job->site->penalty_s, err);
    if (status == IDF_OK)
        status = as_network(read_sets(job, &scrape, err), err);
    if (job->site->forget != NULL)
        job->site->forget(&scrape);
    return status;
}
