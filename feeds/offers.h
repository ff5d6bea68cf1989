/* offers.h - prices as sites show them, gathered and written as a price file (docs/prices.md).
 *
 * One thread. */
#ifndef IDF_FEEDS_OFFERS_H
#define IDF_FEEDS_OFFERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/status.h>

#include "base/arena.h"
#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_OFFERS_MAX = 500000, IDF_OFFER_TEXT_BYTES = 512 };

/* One line of a shop, one price of a list. Strings may be NULL for "". */
typedef struct idf_offer {
    const char *code;   /* "LOCR-JP066" */
    const char *rarity; /* "UR", "rare" */
    const char *finish; /* "", "foil" */
    const char *name;   /* of the card, as the site has it */
    const char *url;    /* its page */
    double price;       /* over 0, in the site's currency */
    double low, high;   /* the range that the site gives; 0: none */
    long stock;         /* copies on sale; -1: not said */
    bool played;        /* a copy that is not as new */
} idf_offer;

/* Zero it before use. */
typedef struct idf_offers {
    idf_arena arena;
    idf_offer *list;
    size_t n, cap;
    bool euros; /* of what a site has in dollars and in euros, the euros */
} idf_offers;

/* Copies an offer. One without code or with a price that is none is passed over. */
idf_status idf_offers_add(idf_offers *offers, const idf_offer *offer, idf_error *err);
void idf_offers_release(idf_offers *offers);

/* What a price file says of itself. */
typedef struct idf_offers_head {
    const char *site, *currency;
    bool japanese;            /* the names are: they go into "name_jp", else into "name" */
    int64_t now;              /* seconds since the epoch */
    const char *const *codes; /* of the collection: a code is written as it is there */
    size_t n_codes;
} idf_offers_head;

/* Writes the file: by code, its printings by rarity and finish. *n_codes is how many there are. */
idf_status idf_offers_write(idf_bytes *out, const idf_offers *offers, const idf_offers_head *head,
                            size_t *n_codes, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
