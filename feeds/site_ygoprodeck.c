/* site_ygoprodeck.c - YGOPRODeck (Yu-Gi-Oh!, English sets), https://ygoprodeck.com/api-guide: first
 * the list of sets, which says what the letters of a code are called, then the cards of those sets,
 * each with all its printings. A set without cards is a 400 with a sentence. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "feeds/json_answer.h"
#include "feeds/price_sites.h"
#include "net/url.h"

enum { HTTP_BAD_REQUEST = 400, MAX_NAMES = 8 };

static const char site[] = "YGOPRODeck";

idf_status idf_ygoprodeck_url(idf_bytes *url, const char *base, const char *set_name) {
    idf_status status = idf_bytes_printf(url, "%s/api/v7/cardinfo.php?cardset=", base);
    return status == IDF_OK ? idf_url_escape(url, set_name) : status;
}

/* Whether a code is of the set: its letters, then a dash. */
static bool is_of_set(const char *code, const char *set) {
    size_t n = strlen(set);
    return strncasecmp(code, set, n) == 0 && code[n] == '-';
}

static idf_status read_card(json_t *card, const char *set, idf_offers *offers, idf_error *err) {
    json_t *sets = json_object_get(card, "card_sets"), *printing;
    idf_status status = IDF_OK;
    size_t i;
    json_array_foreach(sets, i, printing) {
        const char *rarity = idf_json_text(printing, "set_rarity_code", NULL);
        const idf_offer offer = {
            .code = idf_json_text(printing, "set_code", NULL),
            .rarity = strlen(rarity) > 2 ? rarity : idf_json_text(printing, "set_rarity", NULL),
            .name = idf_json_text(card, "name", NULL),
            .url = idf_json_text(card, "ygoprodeck_url", NULL),
            .price = idf_json_price(printing, "set_price"),
            .stock = -1};
        if (status == IDF_OK && is_of_set(offer.code, set))
            status = idf_offers_add(offers, &offer, err);
    }
    return status;
}

idf_status idf_ygoprodeck_parse(const void *bytes, size_t len_bytes, const char *set,
                                idf_offers *offers, idf_error *err) {
    json_t *root = idf_json_read(bytes, len_bytes, site, err), *card;
    if (root == NULL)
        return IDF_ERR_FORMAT;
    json_t *data = json_object_get(root, "data");
    idf_status status = json_is_array(data) ? IDF_OK : idf_json_lacks(site, "list of cards", err);
    size_t i;
    json_array_foreach(data, i, card) {
        if (status == IDF_OK)
            status = read_card(card, set, offers, err);
    }
    json_decref(root);
    return status;
}

/* Fetches the list of sets once. */
static idf_status need_sets(idf_scrape *scrape, idf_error *err) {
    idf_bytes url = {0}, body = {0};
    long http;
    if (scrape->memory != NULL)
        return IDF_OK;
    idf_status status = idf_bytes_printf(&url, "%s/api/v7/cardsets.php", scrape->base);
    status = idf_scrape_get(scrape, &url, status, &body, &http, err);
    json_t *sets = status == IDF_OK ? idf_json_read(body.data, body.len, site, err) : NULL;
    if (status == IDF_OK && sets == NULL)
        status = IDF_ERR_FORMAT;
    if (status == IDF_OK && !json_is_array(sets)) {
        json_decref(sets);
        sets = NULL;
        status = idf_json_lacks(site, "list of sets", err);
    }
    scrape->memory = sets;
    idf_bytes_release(&url);
    idf_bytes_release(&body);
    return status;
}

static void forget(idf_scrape *scrape) {
    json_decref(scrape->memory);
    scrape->memory = NULL;
}

static idf_status read_set(idf_scrape *scrape, const char *set, idf_error *err) {
    idf_bytes url = {0}, body = {0};
    idf_status status = need_sets(scrape, err);
    json_t *known;
    size_t i;
    int n_names = 0;
    json_array_foreach(scrape->memory, i, known) {
        long http;
        if (status != IDF_OK || strcasecmp(idf_json_text(known, "set_code", NULL), set) != 0 ||
            n_names++ == MAX_NAMES)
            continue;
        idf_bytes_clear(&url);
        status = idf_ygoprodeck_url(&url, scrape->base, idf_json_text(known, "set_name", NULL));
        status = idf_scrape_get(scrape, &url, status, &body, &http, err);
        if (status == IDF_OK && http != HTTP_BAD_REQUEST)
            status = idf_ygoprodeck_parse(body.data, body.len, set, scrape->offers, err);
    }
    idf_bytes_release(&url);
    idf_bytes_release(&body);
    return status;
}

const idf_price_site idf_site_ygoprodeck = {
    .name = "ygoprodeck",
    .base = "https://db.ygoprodeck.com",
    .currency = "USD",
    .about = "Yu-Gi-Oh!, English sets (LOB-EN001)",
    .rate = 10,
    .read_set = read_set,
    .forget = forget,
};
