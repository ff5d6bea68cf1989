/* site_tcgcsv.c - TCGCSV, a daily copy of TCGplayer's prices, https://tcgcsv.com/docs: groups
 * (sets) of a category (a game), products of a group, and prices, which belong to a product and a
 * sub-type (a finish). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "feeds/json_answer.h"
#include "feeds/price_sites.h"

enum { N_CATEGORIES = 3, MAGIC = 1, YUGIOH = 2, POKEMON = 3, MAX_GROUPS = 4 };

static const char site[] = "TCGCSV";

/* The "results" of an answer; the caller frees *root. NULL with an error. */
static json_t *results_of(json_t **root, const idf_bytes *bytes, idf_error *err) {
    *root = idf_json_read(bytes->data, bytes->len, site, err);
    json_t *results = json_object_get(*root, "results");
    if (*root != NULL && !json_is_array(results)) {
        idf_json_lacks(site, "list of results", err);
        return NULL;
    }
    return results;
}

/* --- products and prices, joined --- */

typedef struct product {
    json_int_t id;
    json_t *object;
} product;

static int compare_products(const void *a, const void *b) {
    json_int_t x = ((const product *)a)->id, y = ((const product *)b)->id;
    return (x > y) - (x < y);
}

/* The products by their numbers; NULL when memory is out. */
static product *sort_products(json_t *list) {
    size_t n = json_array_size(list);
    product *sorted = idf_alloc(n, sizeof *sorted);
    for (size_t i = 0; sorted != NULL && i < n; i++) {
        sorted[i].object = json_array_get(list, i);
        sorted[i].id = json_integer_value(json_object_get(sorted[i].object, "productId"));
    }
    if (sorted != NULL)
        qsort(sorted, n, sizeof *sorted, compare_products);
    return sorted;
}

/* The value of one of a product's extended fields, "" when it has none of that name. */
static const char *extended(json_t *object, const char *name) {
    json_t *fields = json_object_get(object, "extendedData"), *field;
    size_t i;
    json_array_foreach(fields, i, field) {
        if (strcmp(idf_json_text(field, "name", NULL), name) == 0)
            return idf_json_text(field, "value", NULL);
    }
    return "";
}

/* "LOB-001" as it is, "151/165" of sv3pt5 as "sv3pt5-151". False without a number. */
static bool make_code(char out[IDF_SET_BYTES], const char *set, const char *number) {
    int n = (int)strcspn(number, "/");
    int len = memchr(number, '-', (size_t)n) != NULL
                  ? snprintf(out, IDF_SET_BYTES, "%.*s", n, number)
                  : snprintf(out, IDF_SET_BYTES, "%s-%.*s", set, n, number);
    return n > 0 && len < IDF_SET_BYTES;
}

static idf_status add_price(json_t *price, json_t *object, const char *set, idf_offers *offers,
                            idf_error *err) {
    char code[IDF_SET_BYTES];
    double market = idf_json_price(price, "marketPrice"), mid = idf_json_price(price, "midPrice");
    if (!make_code(code, set, extended(object, "Number")))
        return IDF_OK; /* a box of boosters and the like */
    const idf_offer offer = {.code = code,
                             .rarity = extended(object, "Rarity"),
                             .finish = idf_json_text(price, "subTypeName", NULL),
                             .name = idf_json_text(object, "name", NULL),
                             .url = idf_json_text(object, "url", NULL),
                             .price = market > 0 ? market : mid,
                             .low = idf_json_price(price, "lowPrice"),
                             .high = idf_json_price(price, "highPrice"),
                             .stock = -1};
    return idf_offers_add(offers, &offer, err);
}

idf_status idf_tcgcsv_parse(const idf_bytes *products, const idf_bytes *prices, const char *set,
                            idf_offers *offers, idf_error *err) {
    json_t *roots[2] = {0}, *price;
    json_t *things = results_of(&roots[0], products, err);
    json_t *list = things == NULL ? NULL : results_of(&roots[1], prices, err);
    product *sorted = list == NULL ? NULL : sort_products(things);
    idf_status status = list == NULL ? IDF_ERR_FORMAT
                        : sorted == NULL
                            ? idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for prices")
                            : IDF_OK;
    size_t i;
    json_array_foreach(list, i, price) {
        product wanted = {.id = json_integer_value(json_object_get(price, "productId"))};
        const product *found = status != IDF_OK ? NULL
                                                : bsearch(&wanted, sorted, json_array_size(things),
                                                          sizeof *sorted, compare_products);
        if (found != NULL)
            status = add_price(price, found->object, set, offers, err);
    }
    idf_free(sorted);
    json_decref(roots[0]);
    json_decref(roots[1]);
    return status;
}

/* --- asking --- */

/* Fetches one of the files of a category or group. */
static idf_status fetch(idf_scrape *scrape, idf_bytes *body, int category, json_int_t group,
                        const char *what, idf_error *err) {
    idf_bytes url = {0};
    long http;
    idf_status status =
        group == 0 ? idf_bytes_printf(&url, "%s/tcgplayer/%d/%s", scrape->base, category, what)
                   : idf_bytes_printf(&url, "%s/tcgplayer/%d/%lld/%s", scrape->base, category,
                                      (long long)group, what);
    status = idf_scrape_get(scrape, &url, status, body, &http, err);
    idf_bytes_release(&url);
    return status;
}

/* The groups of a category, fetched once; borrowed. NULL with an error. */
static json_t *groups_of(idf_scrape *scrape, int category, idf_error *err) {
    char key[16];
    snprintf(key, sizeof key, "%d", category);
    if (scrape->memory == NULL)
        scrape->memory = json_object();
    json_t *groups = json_object_get(scrape->memory, key), *root = NULL;
    if (groups != NULL)
        return groups;
    idf_bytes body = {0};
    if (fetch(scrape, &body, category, 0, "groups", err) == IDF_OK)
        groups = results_of(&root, &body, err);
    if (groups != NULL && json_object_set(scrape->memory, key, groups) != 0) {
        groups = NULL;
        idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for prices");
    }
    json_decref(root);
    idf_bytes_release(&body);
    return groups;
}

static void forget(idf_scrape *scrape) {
    json_decref(scrape->memory);
    scrape->memory = NULL;
}

static idf_status read_group(idf_scrape *scrape, int category, json_int_t group, const char *set,
                             idf_error *err) {
    idf_bytes products = {0}, prices = {0};
    idf_status status = fetch(scrape, &products, category, group, "products", err);
    if (status == IDF_OK)
        status = fetch(scrape, &prices, category, group, "prices", err);
    if (status == IDF_OK)
        status = idf_tcgcsv_parse(&products, &prices, set, scrape->offers, err);
    idf_bytes_release(&products);
    idf_bytes_release(&prices);
    return status;
}

/* Small letters are Magic's or Pokémon's codes, capitals Yu-Gi-Oh!'s or again Pokémon's; the first
 * game that knows the set has it. */
static idf_status read_set(idf_scrape *scrape, const char *set, idf_error *err) {
    static const int small[N_CATEGORIES] = {MAGIC, POKEMON, YUGIOH},
                     capital[N_CATEGORIES] = {YUGIOH, POKEMON, MAGIC};
    const int *order = strpbrk(set, "abcdefghijklmnopqrstuvwxyz") != NULL ? small : capital;
    idf_error own = IDF_ERROR_INIT;
    for (int c = 0; c < N_CATEGORIES; c++) {
        json_t *groups = groups_of(scrape, order[c], &own), *group;
        if (groups == NULL)
            return idf_error_set(err, own.status, "%s", own.message);
        int n_found = 0;
        size_t i;
        idf_status status = IDF_OK;
        json_array_foreach(groups, i, group) {
            json_int_t id = json_integer_value(json_object_get(group, "groupId"));
            if (status != IDF_OK || id <= 0 || n_found == MAX_GROUPS ||
                strcasecmp(idf_json_text(group, "abbreviation", NULL), set) != 0)
                continue;
            n_found++;
            status = read_group(scrape, order[c], id, set, err);
        }
        if (status != IDF_OK || n_found > 0)
            return status;
    }
    return IDF_OK;
}

const idf_price_site idf_site_tcgcsv = {
    .name = "tcgcsv",
    .base = "https://tcgcsv.com",
    .currency = "USD",
    .about = "TCGplayer's prices of Magic, Yu-Gi-Oh! and Pok\xc3\xa9mon, by set code",
    .rate = 4,
    .read_set = read_set,
    .forget = forget,
};
