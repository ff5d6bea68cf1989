/* price_table.h - a price file (docs/prices.md), read once and asked by set code and rarity.
 *
 * A table is immutable: any number of threads may ask it. Its strings live as long as it does. When
 * the file or the rates change, open another one. */
#ifndef IDF_FEEDS_PRICE_TABLE_H
#define IDF_FEEDS_PRICE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/status.h>

#include "feeds/fx.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_PRICES_MAX_BYTES = 256 << 20,
    IDF_PRICES_MAX_CODES = 1000000,
    IDF_PRICES_MAX_PRINTINGS = 4000000,
};

typedef struct idf_price_table idf_price_table;

/* One amount with its range. */
typedef struct idf_amount {
    bool known; /* else the numbers are 0 */
    double median, min, max;
} idf_amount;

/* What a thing costs. */
typedef struct idf_price {
    const char *code;     /* as the file writes it */
    const char *rarity;   /* of the printing that the price is for; "" when it is for all of them */
    const char *finish;   /* "", "normal", "foil", ... */
    const char *name_jp;  /* "" when the file has none */
    const char *url;      /* the site's page, "" when unknown */
    const char *currency; /* of `own` */
    const char *home_currency;
    idf_amount own;  /* always known */
    idf_amount usd;  /* known when there is a rate */
    idf_amount home; /* in home_currency; known when there is a rate */
    double played;   /* price of a played copy, own currency; 0: none seen */
    long stock;      /* copies on sale; -1: unknown */
    int64_t seen;    /* when the price was read, seconds since the epoch; 0: unknown */
} idf_price;

typedef struct idf_prices_options {
    const idf_fx *fx;          /* may be NULL: only dollars have a value in dollars; copied */
    const char *home_currency; /* NULL: USD */
} idf_prices_options;

/* Reads a price file, the original's or ours. *table is NULL after a failure; err names the file
 * and the line. `options` may be NULL. */
idf_status idf_prices_open(idf_price_table **table, const char *path,
                           const idf_prices_options *options, idf_error *err);
/* The same from memory; messages call it `shown`. */
idf_status idf_prices_parse(idf_price_table **table, const void *bytes, size_t len_bytes,
                            const char *shown, const idf_prices_options *options, idf_error *err);
void idf_prices_free(idf_price_table *table);

size_t idf_prices_n(const idf_price_table *table);
const char *idf_prices_site(const idf_price_table *table);
const char *idf_prices_currency(const idf_price_table *table);
/* When the file was made, seconds since the epoch; 0: unknown. */
int64_t idf_prices_scraped(const idf_price_table *table);
/* Entries that were passed over, because they were no prices. */
size_t idf_prices_n_skipped(const idf_price_table *table);
/* Dollars and home currency for one unit of the file's currency; 0 without a rate. */
double idf_prices_usd_rate(const idf_price_table *table);
double idf_prices_home_rate(const idf_price_table *table);

/* The price of a set code in a rarity. A reference without rarity ("" or NULL) gets the code's
 * median over its rarities. A rarity that the file does not have while it has others has no price:
 * false, as for an unknown code. `table` may be NULL. */
bool idf_prices_find(const idf_price_table *table, const char *code, const char *rarity,
                     idf_price *out);

/* One reference of a collection. */
typedef struct idf_priced_ref {
    const char *name, *set_code, *rarity; /* "" or NULL where there is none */
} idf_priced_ref;

typedef struct idf_top_price {
    size_t ref; /* the reference whose price it is */
    idf_price price;
    double jpy_median; /* always a number */
} idf_top_price;

/* The dearest of the references, at most `limit`, highest value first (ties by code), one entry a
 * code: that of its dearest rarity. What cannot be told in yen for want of a rate is left out. out
 * has room for `limit`; *n is how many there are. `table` may be NULL: none. */
idf_status idf_prices_top(const idf_price_table *table, const idf_priced_ref *refs, size_t n_refs,
                          size_t limit, idf_top_price *out, size_t *n, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
