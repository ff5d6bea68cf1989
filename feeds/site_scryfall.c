/* site_scryfall.c - Scryfall (Magic), https://scryfall.com/docs/api/cards/search: a page of 175
 * cards of a set, prices as strings in dollars and in euros for each finish. A set that it does not
 * know is a 404. */
#include <stdio.h>
#include <string.h>

#include "feeds/json_answer.h"
#include "feeds/price_sites.h"
#include "net/url.h"

enum { MAX_PAGES = 40, HTTP_NOT_FOUND = 404, KEEP_SECONDS = 24 * 3600 };

static const char site[] = "Scryfall";

idf_status idf_scryfall_url(idf_bytes *url, const char *base, const char *set, int page) {
    idf_status status = idf_bytes_printf(url, "%s/cards/search?q=set%%3A", base);
    if (status == IDF_OK)
        status = idf_url_escape(url, set);
    if (status == IDF_OK)
        status = idf_bytes_printf(url, "&unique=prints&page=%d", page);
    return status;
}

typedef struct finish {
    const char *key, *finish;
} finish;

static idf_status read_card(json_t *card, idf_offers *offers, idf_error *err) {
    static const finish dollars[] = {
        {"usd", "nonfoil"}, {"usd_foil", "foil"}, {"usd_etched", "etched"}};
    static const finish euros[] = {
        {"eur", "nonfoil"}, {"eur_foil", "foil"}, {"eur_etched", "etched"}};
    const finish *finishes = offers->euros ? euros : dollars;
    char code[IDF_SET_BYTES];
    const char *set = idf_json_text(card, "set", NULL),
               *number = idf_json_text(card, "collector_number", NULL);
    json_t *prices = json_object_get(card, "prices");
    if (*set == '\0' || *number == '\0' ||
        snprintf(code, sizeof code, "%s-%s", set, number) >= (int)sizeof code)
        return IDF_OK;
    idf_status status = IDF_OK;
    for (size_t i = 0; status == IDF_OK && i < sizeof dollars / sizeof *dollars; i++) {
        const idf_offer offer = {.code = code,
                                 .rarity = idf_json_text(card, "rarity", NULL),
                                 .finish = finishes[i].finish,
                                 .name = idf_json_text(card, "name", NULL),
                                 .url = idf_json_text(card, "scryfall_uri", NULL),
                                 .price = idf_json_price(prices, finishes[i].key),
                                 .stock = -1};
        status = idf_offers_add(offers, &offer, err);
    }
    return status;
}

idf_status idf_scryfall_parse(const void *bytes, size_t len_bytes, idf_offers *offers, bool *more,
                              idf_error *err) {
    *more = false;
    json_t *root = idf_json_read(bytes, len_bytes, site, err), *card;
    if (root == NULL)
        return IDF_ERR_FORMAT;
    json_t *data = json_object_get(root, "data");
    idf_status status = json_is_array(data) ? IDF_OK : idf_json_lacks(site, "list of cards", err);
    size_t i;
    json_array_foreach(data, i, card) {
        if (status == IDF_OK)
            status = read_card(card, offers, err);
    }
    *more = json_is_true(json_object_get(root, "has_more"));
    json_decref(root);
    return status;
}

static idf_status read_set(idf_scrape *scrape, const char *set, idf_error *err) {
    idf_bytes url = {0}, body = {0};
    idf_status status = IDF_OK;
    bool more = true;
    for (int page = 1; status == IDF_OK && more && page <= MAX_PAGES; page++) {
        long http = 0;
        idf_bytes_clear(&url);
        status = idf_scryfall_url(&url, scrape->base, set, page);
        status = idf_scrape_get(scrape, &url, status, &body, &http, err);
        if (status != IDF_OK || http == HTTP_NOT_FOUND)
            break;
        status = idf_scryfall_parse(body.data, body.len, scrape->offers, &more, err);
    }
    idf_bytes_release(&url);
    idf_bytes_release(&body);
    return status;
}

const idf_price_site idf_site_scryfall = {
    .name = "scryfall",
    .base = "https://api.scryfall.com",
    .currency = "USD",
    .has_euros = true,
    .about = "Magic: The Gathering, by set code (neo-123)",
    .rate = 2,
    .penalty_s = 30,
    .keep_s = KEEP_SECONDS,
    .read_set = read_set,
};
