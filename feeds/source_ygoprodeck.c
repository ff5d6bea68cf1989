/* source_ygoprodeck.c - Yu-Gi-Oh! cards from YGOPRODeck's API, version 7.
 *
 * It has a picture an artwork, not a printing. Without a set a picture carries the code and rarity
 * of the card's first printing; with one, each printing in that set is a find of its own. A set is
 * asked for by its code ("LOB"), for which its name is looked up first. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "feeds/card_code.h"
#include "feeds/json_answer.h"
#include "feeds/source.h"

enum { STEP_CARDS = 1, STEP_SETS, PAGE_CARDS = 100 };

static idf_status ask_cards(const idf_source_query *q, const char *set_name, int offset,
                            idf_finds *finds) {
    char base[IDF_BASE_BYTES], at[24], n[24];
    snprintf(at, sizeof at, "%d", offset);
    snprintf(n, sizeof n, "%d", PAGE_CARDS);
    const char *const params[] = {"fname", q->query, "cardset", set_name, "num",
                                  n,       "offset", at,        NULL};
    return idf_finds_ask(finds, &(idf_ask){NULL, STEP_CARDS, offset, set_name},
                         idf_service_base(base, &idf_source_ygoprodeck.services[0]),
                         "/api/v7/cardinfo.php", params);
}

static idf_status begin(const idf_source_query *q, idf_finds *finds, idf_error *err) {
    char base[IDF_BASE_BYTES];
    (void)err;
    if (q->query[0] != '\0')
        return ask_cards(q, "", 0, finds);
    return idf_finds_ask(finds, &(idf_ask){NULL, STEP_SETS, 0, ""},
                         idf_service_base(base, &idf_source_ygoprodeck.services[0]),
                         "/api/v7/cardsets.php", NULL);
}

/* Whether a printing's code ("LOB-EN005") is of the set "LOB" or "LOB-EN". */
static bool is_of_set(const char *code, const char *set) {
    size_t n = strlen(set);
    return strncasecmp(code, set, n) == 0 &&
           (code[n] == '-' || code[n] == '\0' || memchr(set, '-', n) != NULL);
}

/* The sets' list: an array, or {"error": ...}. */
static idf_status parse_sets(const idf_source_query *q, const void *bytes, size_t len,
                             idf_finds *finds, idf_error *err) {
    json_t *tree = json_loadb(len == 0 ? "" : bytes, len, 0, NULL), *set;
    size_t i;
    idf_status status = IDF_OK;
    bool found = false;
    if (!json_is_array(tree)) {
        json_decref(tree);
        return idf_error_set(err, IDF_ERR_FORMAT, "YGOPRODeck's list of sets is no JSON list");
    }
    json_array_foreach(tree, i, set) {
        size_t n = strcspn(q->set, "-");
        const char *code = idf_json_text(set, "set_code", NULL);
        if (found || strlen(code) != n || strncasecmp(code, q->set, n) != 0)
            continue;
        found = true;
        status = ask_cards(q, idf_json_text(set, "set_name", NULL), 0, finds);
    }
    json_decref(tree);
    return status;
}

static idf_status add_printings(const idf_source_query *q, const json_t *card, idf_find find,
                                idf_finds *finds) {
    const json_t *printings = json_object_get(card, "card_sets"), *printing;
    idf_status status = IDF_OK;
    size_t i, n = 0;
    json_array_foreach(printings, i, printing) {
        find.set_code = idf_json_text(printing, "set_code", NULL);
        find.rarity = idf_rarity_short(idf_json_text(printing, "set_rarity", NULL));
        if (status != IDF_OK || (q->set[0] != '\0' && !is_of_set(find.set_code, q->set)))
            continue;
        if (n++ == 0 || q->set[0] != '\0')
            status = idf_finds_add(finds, &find);
    }
    if (n == 0 && q->set[0] == '\0')
        status = idf_finds_add(finds, &find);
    return status;
}

static idf_status add_card(const idf_source_query *q, const json_t *card, idf_finds *finds) {
    const json_t *pictures = json_object_get(card, "card_images"), *picture;
    const char *name = idf_json_text(card, "name", NULL);
    char page[64], other[400];
    idf_status status = IDF_OK;
    size_t i;
    snprintf(page, sizeof page, "https://ygoprodeck.com/card/?search=%lld",
             idf_json_number(card, "id"));
    json_array_foreach(pictures, i, picture) {
        idf_find find = {.url = idf_json_text(picture, "image_url", NULL),
                         .name = name,
                         .page = page,
                         .is_catalogue = true};
        if (status != IDF_OK)
            break;
        if (i == 0) {
            status = add_printings(q, card, find, finds);
        } else if (q->set[0] == '\0') { /* which printing has another artwork is not said */
            snprintf(other, sizeof other, "%s artwork %zu", name, i + 1);
            find.name = other;
            status = idf_finds_add(finds, &find);
        }
    }
    return status;
}

static idf_status parse(const idf_source_query *q, const idf_ask *ask, const void *bytes,
                        size_t len, idf_finds *finds, idf_error *err) {
    if (ask->step == STEP_SETS)
        return parse_sets(q, bytes, len, finds, err);
    json_t *tree = idf_json_read_object(bytes, len, "YGOPRODeck", err), *card;
    const json_t *cards = json_object_get(tree, "data"), *meta = json_object_get(tree, "meta");
    idf_status status = IDF_OK;
    size_t i;
    if (tree == NULL)
        return IDF_ERR_FORMAT;
    if (!json_is_array(cards))
        status = idf_json_lacks("YGOPRODeck", "'data'", err);
    /* the card that is called so first, then those whose names begin or go on otherwise */
    for (int others = 0; others < 2; others++)
        json_array_foreach(cards, i, card) {
            bool exact = strcasecmp(idf_json_text(card, "name", NULL), q->query) == 0;
            if (status == IDF_OK && exact == !others)
                status = add_card(q, card, finds);
        }
    long long left = idf_json_number(meta, "rows_remaining");
    long long next = idf_json_number(meta, "next_page_offset");
    if (status == IDF_OK && left > 0 && next > ask->page && next < 1000000)
        status = ask_cards(q, ask->note, (int)next, finds);
    json_decref(tree);
    return status;
}

const idf_source idf_source_ygoprodeck = {
    .name = "ygoprodeck",
    .about = "Yu-Gi-Oh! cards (English set codes)",
    .needs = "nothing",
    .asks_for = "a card's name or a part of it; or --set LOB alone",
    .license = "Konami; for personal use",
    .services = {{"ygoprodeck", "https://db.ygoprodeck.com", 18, 0}},
    .none_status = 400,
    .takes_set = true,
    .needs_no_query = true,
    .begin = begin,
    .parse = parse,
};
