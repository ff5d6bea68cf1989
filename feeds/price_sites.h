/* price_sites.h - the sites that prices come from: a file each, with what is asked and what the
 * answers say. docs/prices.md says how to add one.
 *
 * The network is somewhere else: a site asks through the `get` that it is given. Parse functions
 * take bytes of strangers and add offers; IDF_ERR_FORMAT means that the answer is not what the site
 * used to send. */
#ifndef IDF_FEEDS_PRICE_SITES_H
#define IDF_FEEDS_PRICE_SITES_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/status.h>

#include "base/bytes.h"
#include "feeds/offers.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_SET_BYTES = 64 };

/* One reading of a site. */
typedef struct idf_scrape {
    const char *base; /* the site's address, or one that stands in for it; no "/" at its end */
    idf_offers *offers;
    /* Brings a page. IDF_OK for any answer of the server's below 500; *http says which. */
    idf_status (*get)(void *context, const char *url, idf_bytes *body, long *http, idf_error *err);
    void *context;
    void *memory; /* what the site remembers between sets; freed by its `forget` */
} idf_scrape;

typedef struct idf_price_site {
    const char *name;                 /* "yuyu-tei" */
    const char *base;                 /* "https://yuyu-tei.jp": the host, as a source of the
                                         same name has it */
    const char *currency;             /* "JPY" */
    const char *about;                /* one line: what it has */
    bool japanese;                    /* its names are */
    bool has_euros;                   /* it has prices in euros too, see idf_offers.euros */
    bool by_language;                 /* a set is "LOCR-JP" for it, else "LOCR" */
    double rate;                      /* requests a second */
    double keep_s;                    /* how long an answer holds; 0: it is not kept */
    double penalty_s;                 /* the least wait after a 429; 0: none */
    const char *key_env, *key_header; /* an optional key: its variable and its header; NULL: none */
    /* Adds what the site has of one set; nothing when it does not know the set. */
    idf_status (*read_set)(idf_scrape *scrape, const char *set, idf_error *err);
    void (*forget)(idf_scrape *scrape); /* NULL: it remembers nothing */
} idf_price_site;

size_t idf_price_sites_n(void);
const idf_price_site *idf_price_site_at(size_t i);
const idf_price_site *idf_price_site_find(const char *name); /* NULL: there is none */

/* The set that a site is asked for because of a code: "LOCR-JP" or "LOCR" of LOCR-JP066. Returns
 * out, "" for a code without one. */
char *idf_price_site_set(char out[IDF_SET_BYTES], const idf_price_site *site, const char *code);

/* Asks for the address in `url`, which a builder has filled with the status `built`. *body is
 * emptied first. */
idf_status idf_scrape_get(idf_scrape *scrape, idf_bytes *url, idf_status built, idf_bytes *body,
                          long *http, idf_error *err);

extern const idf_price_site idf_site_yuyu_tei, idf_site_scryfall, idf_site_ygoprodeck,
    idf_site_pokemontcg, idf_site_tcgcsv;

/* --- what the sites' files offer to tests: addresses, and answers read --- */

/* Prices of a search page whose codes begin with `set`. *n_others: codes of other sets on it. */
idf_status idf_yuyu_tei_url(idf_bytes *url, const char *base, const char *set);
idf_status idf_yuyu_tei_parse(const void *bytes, size_t len_bytes, const char *set,
                              idf_offers *offers, size_t *n_others, idf_error *err);

/* *more: there is another page. */
idf_status idf_scryfall_url(idf_bytes *url, const char *base, const char *set, int page);
idf_status idf_scryfall_parse(const void *bytes, size_t len_bytes, idf_offers *offers, bool *more,
                              idf_error *err);

idf_status idf_ygoprodeck_url(idf_bytes *url, const char *base, const char *set_name);
idf_status idf_ygoprodeck_parse(const void *bytes, size_t len_bytes, const char *set,
                                idf_offers *offers, idf_error *err);

idf_status idf_pokemontcg_url(idf_bytes *url, const char *base, const char *set, int page);
idf_status idf_pokemontcg_parse(const void *bytes, size_t len_bytes, const char *set,
                                idf_offers *offers, bool *more, idf_error *err);

/* Products and prices of one group, joined. */
idf_status idf_tcgcsv_parse(const idf_bytes *products, const idf_bytes *prices, const char *set,
                            idf_offers *offers, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
