/* source_pokemontcg.c - Pokemon cards from the Pokemon TCG API, version 2. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "feeds/json_answer.h"
#include "feeds/source.h"

enum { PAGE_CARDS = 250 };

/* A word of the API's query language, in quotes; what would end them is left out. */
static void append_term(idf_bytes *out, const char *field, const char *word, const char *end) {
    if (word[0] == '\0')
        return;
    idf_bytes_printf(out, "%s%s:\"", out->len > 0 ? " " : "", field);
    for (; *word != '\0'; word++)
        if (*word != '"' && *word != '\\')
            idf_bytes_append(out, word, 1);
    idf_bytes_printf(out, "%s\"", end);
}

static idf_status ask_page(const idf_source_query *q, int page, idf_finds *finds) {
    idf_bytes terms = {.max = 4096};
    char base[IDF_BASE_BYTES], number[16], size[16], set[64] = "";
    for (size_t i = 0; q->set[i] != '\0' && i + 1 < sizeof set; i++)
        set[i] = (char)tolower((unsigned char)q->set[i]);
    append_term(&terms, "name", q->query, "*");
    append_term(&terms, "set.id", set, "");
    snprintf(number, sizeof number, "%d", page);
    snprintf(size, sizeof size, "%d", q->max < PAGE_CARDS ? (int)q->max + 10 : PAGE_CARDS);
    idf_status status = idf_bytes_append(&terms, "", 1);
    const char *const params[] = {"q", (const char *)terms.data, "page", number, "pageSize", size,
                                  NULL};
    if (status == IDF_OK)
        status = idf_finds_ask(finds, &(idf_ask){NULL, 1, page, ""},
                               idf_service_base(base, &idf_source_pokemontcg.services[0]),
                               "/v2/cards", params);
    idf_bytes_release(&terms);
    return status;
}

static idf_status begin(const idf_source_query *q, idf_finds *finds, idf_error *err) {
    (void)err;
    return ask_page(q, 1, finds);
}

static idf_status parse(const idf_source_query *q, const idf_ask *ask, const void *bytes,
                        size_t len, idf_finds *finds, idf_error *err) {
    json_t *tree = idf_json_read_object(bytes, len, "Pokémon TCG", err), *card;
    const json_t *cards = json_object_get(tree, "data");
    idf_status status = IDF_OK;
    size_t i;
    if (tree == NULL)
        return IDF_ERR_FORMAT;
    if (!json_is_array(cards))
        status = idf_json_lacks("Pokémon TCG", "'data'", err);
    json_array_foreach(cards, i, card) {
        char code[96];
        const char *large = idf_json_text(card, "images", "large", NULL);
        snprintf(code, sizeof code, "%.40s-%.40s", idf_json_text(card, "set", "id", NULL),
                 idf_json_text(card, "number", NULL));
        const idf_find find = {
            .url = large[0] != '\0' ? large : idf_json_text(card, "images", "small", NULL),
            .name = idf_json_text(card, "name", NULL),
            .set_code = code,
            .rarity = idf_json_text(card, "rarity", NULL),
            .artist = idf_json_text(card, "artist", NULL),
            .is_catalogue = true};
        if (status == IDF_OK)
            status = idf_finds_add(finds, &find);
    }
    long long page = idf_json_number(tree, "page"), size = idf_json_number(tree, "pageSize");
    if (status == IDF_OK && page == ask->page && page < 10000 && size > 0 && size <= PAGE_CARDS &&
        json_array_size(cards) > 0 && page * size < idf_json_number(tree, "totalCount"))
        status = ask_page(q, (int)page + 1, finds);
    json_decref(tree);
    return status;
}

const idf_source idf_source_pokemontcg = {
    .name = "pokemontcg",
    .about = "Pokémon cards",
    .needs = "nothing; with a key 20,000 requests a day in place of 1,000: POKEMONTCG_API_KEY",
    .asks_for = "a card's name; or --set sv3pt5 alone",
    .license = "The Pokémon Company; for personal use",
    .services = {{"pokemontcg", "https://api.pokemontcg.io", 0.5, 30}},
    .key_name = "pokemontcg",
    .key_header = "X-Api-Key: ",
    .takes_set = true,
    .needs_no_query = true,
    .begin = begin,
    .parse = parse,
};
