/* source_scryfall.c - Magic cards from Scryfall: a search, or the whole of it from a bulk file.
 *
 * The bulk file is lines of JSON, a card a line, compressed with gzip; a list with a card a line
 * does as well. It is read as it comes, a line at a time. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "feeds/json_answer.h"
#include "feeds/scan.h"
#include "feeds/source.h"

enum { STEP_SEARCH = 1, STEP_BULK_LIST, STEP_BULK_LINES, KEEP_SECONDS = 24 * 3600 };

static idf_status begin_search(const idf_source_query *q, idf_finds *finds, idf_error *err) {
    char base[IDF_BASE_BYTES], terms[1200];
    (void)err;
    snprintf(terms, sizeof terms, "%.900s%s%s%.64s", q->query,
             q->query[0] != '\0' && q->set[0] != '\0' ? " " : "", q->set[0] != '\0' ? "set:" : "",
             q->set);
    const char *const params[] = {"q", terms, "unique", q->set[0] != '\0' ? "prints" : "cards",
                                  NULL};
    return idf_finds_ask(finds, &(idf_ask){NULL, STEP_SEARCH, 1, ""},
                         idf_service_base(base, &idf_source_scryfall.services[0]), "/cards/search",
                         params);
}

static idf_status begin_bulk(const idf_source_query *q, idf_finds *finds, idf_error *err) {
    char base[IDF_BASE_BYTES];
    (void)q, (void)err;
    return idf_finds_ask(finds, &(idf_ask){NULL, STEP_BULK_LIST, 0, ""},
                         idf_service_base(base, &idf_source_scryfall_bulk.services[0]),
                         "/bulk-data", NULL);
}

static const char *picture_of(const json_t *face) {
    static const char *const sizes[] = {"large", "normal", "png", "small"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *url = idf_json_text(face, "image_uris", sizes[i], NULL);
        if (url[0] != '\0')
            return url;
    }
    return "";
}

/* A card: one picture, or one a face. */
static idf_status add_card(const json_t *card, idf_finds *finds) {
    const json_t *faces = json_object_get(card, "card_faces"), *face;
    const char *number = idf_json_text(card, "collector_number", NULL);
    char code[96];
    idf_status status = IDF_OK;
    size_t i, digits = strspn(number, "0123456789");
    /* docs/names.md: three digits */
    snprintf(code, sizeof code, "%.40s-%.*s%.40s", idf_json_text(card, "set", NULL),
             number[digits] == '\0' && digits < 3 ? (int)(3 - digits) : 0, "000", number);
    idf_find find = {.url = picture_of(card),
                     .name = idf_json_text(card, "name", NULL),
                     .set_code = code,
                     .rarity = idf_json_text(card, "rarity", NULL),
                     .page = idf_json_text(card, "scryfall_uri", NULL),
                     .artist = idf_json_text(card, "artist", NULL),
                     .is_catalogue = true};
    if (find.url[0] != '\0')
        return idf_finds_add(finds, &find);
    json_array_foreach(faces, i, face) {
        const char *artist = idf_json_text(face, "artist", NULL);
        find.url = picture_of(face);
        find.name = idf_json_text(face, "name", NULL);
        find.artist = artist[0] != '\0' ? artist : find.artist;
        if (status == IDF_OK)
            status = idf_finds_add(finds, &find);
    }
    return status;
}

static idf_status parse_search(const json_t *tree, const idf_ask *ask, idf_finds *finds,
                               idf_error *err) {
    const json_t *cards = json_object_get(tree, "data"), *card;
    const char *next = idf_json_text(tree, "next_page", NULL);
    idf_status status = IDF_OK;
    size_t i;
    if (!json_is_array(cards))
        return idf_json_lacks("Scryfall", "'data'", err);
    json_array_foreach(cards, i, card) {
        if (status == IDF_OK)
            status = add_card(card, finds);
    }
    if (status == IDF_OK && json_is_true(json_object_get(tree, "has_more")) && next[0] != '\0' &&
        ask->page < 1000)
        status =
            idf_finds_ask(finds, &(idf_ask){NULL, STEP_SEARCH, ask->page + 1, ""}, next, "", NULL);
    return status;
}

/* The list of bulk files: the one with every card in every language that it was printed in first.
 */
static idf_status parse_bulk_list(const json_t *tree, idf_finds *finds, idf_error *err) {
    const json_t *files = json_object_get(tree, "data"), *file;
    size_t i;
    json_array_foreach(files, i, file) {
        const char *lines = idf_json_text(file, "jsonl_download_uri", NULL);
        const char *list = idf_json_text(file, "download_uri", NULL);
        if (strcmp(idf_json_text(file, "type", NULL), "default_cards") != 0)
            continue;
        if (lines[0] == '\0' && list[0] == '\0')
            return idf_json_lacks("Scryfall", "'download_uri'", err);
        return idf_finds_ask(finds, &(idf_ask){NULL, STEP_BULK_LINES, 0, ""},
                             lines[0] != '\0' ? lines : list, "", NULL);
    }
    return idf_json_lacks("Scryfall", "'default_cards'", err);
}

/* Whether `word` is in `text`, letters of ASCII in any case. */
static bool contains(const char *text, const char *word) {
    size_t n = strlen(word);
    for (; *text != '\0'; text++)
        if (strncasecmp(text, word, n) == 0)
            return true;
    return n == 0;
}

/* Whether a card is wanted, by its name and set alone: most are not, and need no tree. */
static bool is_wanted(const idf_source_query *q, const char *line, size_t len, idf_arena *arena) {
    idf_scan scan;
    idf_scan_text key, value;
    bool name = q->query[0] == '\0', set = q->set[0] == '\0';
    idf_scan_begin(&scan, line, len);
    for (bool open = idf_scan_enter(&scan, '{');
         open && (!name || !set) && idf_scan_key(&scan, &key);) {
        bool is_name = idf_scan_is(&key, "name"), is_set = idf_scan_is(&key, "set");
        if (!is_name && !is_set) {
            idf_scan_skip(&scan);
        } else if (idf_scan_string(&scan, &value)) {
            const char *text = idf_scan_copy(&value, 1000, arena);
            if (text == NULL || (is_name && !contains(text, q->query)) ||
                (is_set && q->set[0] != '\0' && strcasecmp(text, q->set) != 0))
                return false;
            name = name || is_name;
            set = set || is_set;
        }
    }
    return name && set;
}

/* One line of the bulk file; brackets and commas of a list are passed over. */
static idf_status parse_line(const idf_source_query *q, const char *line, size_t len,
                             idf_finds *finds, idf_error *err) {
    idf_arena arena = {0};
    while (len > 0 && strchr(", \t\r\n[]", line[len - 1]) != NULL)
        len--;
    while (len > 0 && strchr(", \t[]", *line) != NULL) {
        line++;
        len--;
    }
    if (len == 0)
        return IDF_OK;
    bool wanted = *line != '{' || is_wanted(q, line, len, &arena);
    idf_arena_release(&arena);
    if (!wanted)
        return IDF_OK;
    json_t *card = idf_json_read_object(line, len, "Scryfall", err);
    if (card == NULL)
        return IDF_ERR_FORMAT;
    idf_status status = add_card(card, finds);
    json_decref(card);
    return status;
}

static idf_status parse(const idf_source_query *q, const idf_ask *ask, const void *bytes,
                        size_t len, idf_finds *finds, idf_error *err) {
    if (ask->step == STEP_BULK_LINES)
        return parse_line(q, bytes, len, finds, err);
    json_t *tree = idf_json_read_object(bytes, len, "Scryfall", err);
    if (tree == NULL)
        return IDF_ERR_FORMAT;
    idf_status status = ask->step == STEP_BULK_LIST ? parse_bulk_list(tree, finds, err)
                                                    : parse_search(tree, ask, finds, err);
    json_decref(tree);
    return status;
}

const idf_source idf_source_scryfall = {
    .name = "scryfall",
    .about = "Magic cards, by search",
    .needs = "nothing",
    .asks_for = "a search as on scryfall.com; or --set neo alone",
    .license = "Wizards of the Coast; keep the artist's credit",
    .services = {{"scryfall", "https://api.scryfall.com", 2, 30}},
    .keep_s = KEEP_SECONDS,
    .none_status = 404,
    .takes_set = true,
    .needs_no_query = true,
    .begin = begin_search,
    .parse = parse,
};

const idf_source idf_source_scryfall_bulk = {
    .name = "scryfall-bulk",
    .about = "Magic cards, all of them: one large file in place of many searches",
    .needs = "nothing",
    .asks_for = "a part of the name, --set neo, both or neither",
    .license = "Wizards of the Coast; keep the artist's credit",
    .services = {{"scryfall", "https://api.scryfall.com", 2, 30}},
    .keep_s = KEEP_SECONDS,
    .takes_set = true,
    .needs_no_query = true,
    .begin = begin_bulk,
    .parse = parse,
    .stream_step = STEP_BULK_LINES,
};
