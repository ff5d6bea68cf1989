/* site_pokemontcg.c - the Pokémon TCG API, https://docs.pokemontcg.io: the cards of a set with
 * TCGplayer's prices in dollars, or Cardmarket's in euros. A set in small letters is an id of
 * theirs (sv3pt5), in capitals the letters that the game prints (MEW). */
#include <stdio.h>
#include <string.h>

#include "feeds/json_answer.h"
#include "feeds/price_sites.h"
#include "net/url.h"

enum { PAGE_SIZE = 250, MAX_PAGES = 20, HTTP_NOT_FOUND = 404 };

static const char site[] = "The Pok\xc3\xa9mon TCG API";

static bool is_id(const char *set) {
    return strpbrk(set, "abcdefghijklmnopqrstuvwxyz") != NULL;
}

idf_status idf_pokemontcg_url(idf_bytes *url, const char *base, const char *set, int page) {
    idf_status status =
        idf_bytes_printf(url, "%s/v2/cards?q=set.%s%%3A", base, is_id(set) ? "id" : "ptcgoCode");
    if (status == IDF_OK)
        status = idf_url_escape(url, set);
    if (status == IDF_OK)
        status = idf_bytes_printf(url, "&page=%d&pageSize=%d", page, PAGE_SIZE);
    return status;
}

/* One price for all finishes. */
static idf_status read_euros(const json_t *card, const char *code, idf_offers *offers,
                             idf_error *err) {
    const json_t *shop = json_object_get(card, "cardmarket"),
                 *prices = json_object_get(shop, "prices");
    double trend = idf_json_price(prices, "trendPrice");
    const idf_offer offer = {.code = code,
                             .rarity = idf_json_text(card, "rarity", NULL),
                             .name = idf_json_text(card, "name", NULL),
                             .url = idf_json_text(shop, "url", NULL),
                             .price =
                                 trend > 0 ? trend : idf_json_price(prices, "averageSellPrice"),
                             .low = idf_json_price(prices, "lowPrice"),
                             .stock = -1};
    return idf_offers_add(offers, &offer, err);
}

static idf_status read_card(json_t *card, const char *set, idf_offers *offers, idf_error *err) {
    static const char *const finishes[] = {"normal", "holofoil", "reverseHolofoil",
                                           "1stEditionNormal", "1stEditionHolofoil"};
    char code[IDF_SET_BYTES];
    const char *number = idf_json_text(card, "number", NULL);
    json_t *shop = json_object_get(card, "tcgplayer"), *prices = json_object_get(shop, "prices");
    if (*number == '\0' || snprintf(code, sizeof code, "%s-%s", set, number) >= (int)sizeof code)
        return IDF_OK;
    if (offers->euros)
        return read_euros(card, code, offers, err);
    idf_status status = IDF_OK;
    for (size_t i = 0; status == IDF_OK && i < sizeof finishes / sizeof *finishes; i++) {
        json_t *price = json_object_get(prices, finishes[i]);
        double market = idf_json_price(price, "market"), mid = idf_json_price(price, "mid");
        const idf_offer offer = {.code = code,
                                 .rarity = idf_json_text(card, "rarity", NULL),
                                 .finish = finishes[i],
                                 .name = idf_json_text(card, "name", NULL),
                                 .url = idf_json_text(shop, "url", NULL),
                                 .price = market > 0 ? market : mid,
                                 .low = idf_json_price(price, "low"),
                                 .high = idf_json_price(price, "high"),
                                 .stock = -1};
        status = idf_offers_add(offers, &offer, err);
    }
    return status;
}

idf_status idf_pokemontcg_parse(const void *bytes, size_t len_bytes, const char *set,
                                idf_offers *offers, bool *more, idf_error *err) {
    *more = false;
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
    json_int_t page = json_integer_value(json_object_get(root, "page")),
               size = json_integer_value(json_object_get(root, "pageSize")),
               total = json_integer_value(json_object_get(root, "totalCount"));
    *more = page > 0 && size > 0 && page <= MAX_PAGES && size <= PAGE_SIZE && page * size < total;
    json_decref(root);
    return status;
}

static idf_status read_set(idf_scrape *scrape, const char *set, idf_error *err) {
    idf_bytes url = {0}, body = {0};
    idf_status status = IDF_OK;
    bool more = true;
    for (int page = 1; status == IDF_OK && more && page <= MAX_PAGES; page++) {
        long http;
        idf_bytes_clear(&url);
        status = idf_pokemontcg_url(&url, scrape->base, set, page);
        status = idf_scrape_get(scrape, &url, status, &body, &http, err);
        if (status != IDF_OK || http == HTTP_NOT_FOUND)
            break;
        status = idf_pokemontcg_parse(body.data, body.len, set, scrape->offers, &more, err);
    }
    idf_bytes_release(&url);
    idf_bytes_release(&body);
    return status;
}

const idf_price_site idf_site_pokemontcg = {
    .name = "pokemontcg",
    .base = "https://api.pokemontcg.io",
    .currency = "USD",
    .has_euros = true,
    .about = "Pok\xc3\xa9mon, by set id (sv3pt5-151)",
    .rate = 0.5,
    .key_env = "POKEMONTCG_API_KEY",
    .key_header = "X-Api-Key",
    .read_set = read_set,
};
