/* scrape.h - asks a price site for sets over the network. */
#ifndef IDF_FEEDS_SCRAPE_H
#define IDF_FEEDS_SCRAPE_H

#include <stddef.h>

#include <identify/progress.h>
#include <identify/status.h>

#include "feeds/price_sites.h"
#include "net/client.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_scrape_job {
    const idf_price_site *site;
    idf_client *client;
    const char *const *sets;
    size_t n_sets;
    idf_progress_fn progress; /* in sets; may be NULL */
    /* Told of a set that the site does not know; may be NULL. */
    void (*unknown)(void *context, const char *set);
    void *context; /* for both */
} idf_scrape_job;

/* Adds what the site has of each set. Anything that a site does not answer as it used to is
 * IDF_ERR_NETWORK, with a sentence: an unreachable site, a changed page, one that asks for a
 * person, no set that it knows. */
idf_status idf_scrape_sets(const idf_scrape_job *job, idf_offers *offers, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
