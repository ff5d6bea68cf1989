/* deck_write.c - decks as files. The columns are those that TCGplayer's and Moxfield's importers
 * document, and the ones of our page's own CSV. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "feeds/deck.h"
#include "feeds/when.h"

bool idf_deck_format_parse(idf_deck_format *format, const char *word) {
    static const char *const words[] = {"csv", "tcgplayer", "moxfield", "json"};
    for (int i = 0; i < 4; i++)
        if (strcmp(words[i], word) == 0) {
            *format = (idf_deck_format)i;
            return true;
        }
    return false;
}

/* --- CSV --- */

/* A table on its way; the first failure is kept. */
typedef struct table {
    idf_bytes *out;
    idf_status status;
    bool first; /* no cell on the line yet */
} table;

static void put(table *t, const char *text, size_t n) {
    if (t->status == IDF_OK)
        t->status = idf_bytes_append(t->out, text, n);
}

/* Whether a spreadsheet would take a text for a formula: it begins with one of = + - @ or their
 * wide forms. Control characters are gone already. */
static bool is_formula(const char *text) {
    static const char *const beginnings[] = {
        "=",           "+", "-", "@", "\t", "\r", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d",
        "\xef\xbc\xa0"};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (strncmp(text, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

static void cell(table *t, const char *text) {
    bool formula = is_formula(text), quoted = strpbrk(text, "\",;\t\r\n") != NULL || formula;
    if (!t->first)
        put(t, ",", 1);
    t->first = false;
    if (quoted)
        put(t, "\"", 1);
    if (formula)
        put(t, "'", 1);
    for (const char *at = text; *at != '\0'; at++)
        put(t, *at == '"' ? "\"\"" : at, *at == '"' ? 2 : 1);
    if (quoted)
        put(t, "\"", 1);
}

static void number_cell(table *t, double value) {
    char text[40];
    int n = value < 0 ? 0 : snprintf(text, sizeof text, "%.2f", value);
    while (n > 0 && text[n - 1] == '0')
        n--;
    n -= n > 0 && text[n - 1] == '.';
    text[n] = '\0';
    cell(t, text);
}

static void end_row(table *t) {
    put(t, "\r\n", 2);
    t->first = true;
}

static void head(table *t, const char *const *columns, size_t n) {
    for (size_t i = 0; i < n; i++)
        cell(t, columns[i]);
    end_row(t);
}
#define HEAD(t, columns) head(t, columns, sizeof(columns) / sizeof(columns)[0])

/* "LOCH-JP009" as "LOCH" and "JP009"; a code without dash is all number. */
static void split_code(const char *code, char set[64], const char **number) {
    const char *dash = strchr(code, '-');
    set[0] = '\0';
    *number = code;
    if (dash == NULL || dash == code || dash[1] == '\0')
        return;
    snprintf(set, 64, "%.*s", (int)(dash - code), code);
    *number = dash + 1;
}

static char *label_of(char *out, size_t out_bytes, const idf_deck_entry *e) {
    snprintf(out, out_bytes, *e->rarity == '\0' ? "%s" : "%s (%s)", e->name, e->rarity);
    return out;
}

static void when_cell(table *t, int64_t added_ms, bool only_day) {
    char text[IDF_WHEN_BYTES] = "";
    if (added_ms > 0)
        idf_when_format(text, added_ms / 1000);
    if (only_day)
        text[strcspn(text, "T")] = '\0';
    cell(t, text);
}

static void write_csv(table *t, const idf_deck *deck) {
    static const char *const columns[] = {
        "Quantity",   "Name",  "Rarity",   "Code",           "Unsure",
        "Price each", "Total", "Currency", "Original price", "Original currency",
        "Added"};
    HEAD(t, columns);
    for (size_t i = 0; i < deck->n; i++) {
        const idf_deck_entry *e = &deck->entries[i];
        number_cell(t, e->qty);
        cell(t, e->name);
        cell(t, e->rarity);
        cell(t, e->code);
        cell(t, e->unsure ? "yes" : "");
        number_cell(t, e->usd);
        number_cell(t, e->usd < 0 ? -1 : e->usd * e->qty);
        cell(t, e->usd < 0 ? "" : "USD");
        number_cell(t, e->own);
        cell(t, e->own < 0 ? "" : e->currency);
        when_cell(t, e->added_ms, false);
        end_row(t);
    }
}

static void write_tcgplayer(table *t, const idf_deck *deck) {
    static const char *const columns[] = {"Quantity",    "Name",     "Simple Name", "Set",
                                          "Card Number", "Set Code", "External ID", "Printing",
                                          "Condition",   "Language", "Rarity",      "Product ID",
                                          "SKU",         "Price",    "Price Each"};
    HEAD(t, columns);
    for (size_t i = 0; i < deck->n; i++) {
        const idf_deck_entry *e = &deck->entries[i];
        char set[64], label[700];
        const char *number;
        split_code(e->code, set, &number);
        number_cell(t, e->qty);
        cell(t, label_of(label, sizeof label, e));
        cell(t, e->name);
        cell(t, set);
        cell(t, number);
        cell(t, e->code);
        cell(t, "");
        cell(t, "Normal");
        cell(t, "Near Mint");
        cell(t, "English");
        cell(t, e->rarity);
        cell(t, "");
        cell(t, "");
        number_cell(t, e->usd < 0 ? -1 : e->usd * e->qty);
        number_cell(t, e->usd);
        end_row(t);
    }
}

static void write_moxfield(table *t, const idf_deck *deck) {
    static const char *const columns[] = {"Count",         "Tradelist Count",  "Name",  "Edition",
                                          "Condition",     "Language",         "Foil",  "Tags",
                                          "Last Modified", "Collector Number", "Alter", "Proxy",
                                          "Purchase Price"};
    HEAD(t, columns);
    for (size_t i = 0; i < deck->n; i++) {
        const idf_deck_entry *e = &deck->entries[i];
        char set[64];
        const char *number;
        split_code(e->code, set, &number);
        for (char *c = set; *c != '\0'; c++)
            *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
        number_cell(t, e->qty);
        cell(t, "0");
        cell(t, e->name);
        cell(t, set);
        cell(t, "Near Mint");
        cell(t, "English");
        cell(t, "");
        cell(t, "");
        when_cell(t, e->added_ms, true);
        cell(t, number);
        cell(t, "False");
        cell(t, "False");
        number_cell(t, e->usd);
        end_row(t);
    }
}

/* --- JSON --- */

static json_t *entry_json(const idf_deck_entry *e) {
    char label[720];
    label_of(label, sizeof label - 1, e);
    if (e->unsure)
        strcat(label, "?");
    json_t *object = json_pack("{s:s, s:I, s:i, s:s, s:s, s:s}", "label", label, "added_at",
                               (json_int_t)e->added_ms, "qty", e->qty, "name", e->name, "rarity",
                               e->rarity, "code", e->code);
    if (*e->ref_url != '\0')
        json_object_set_new(object, "ref_url", json_string(e->ref_url));
    if (e->usd >= 0)
        json_object_set_new(object, "usd", json_real(round(e->usd * 100) / 100));
    if (e->own >= 0)
        json_object_set_new(object, "jpy", json_real(e->own));
    if (e->price != NULL)
        json_object_set(object, "price", e->price);
    if (e->unsure)
        json_object_set_new(object, "unsure", json_true());
    return object;
}

static int append_text(const char *text, size_t n, void *bytes) {
    return idf_bytes_append(bytes, text, n) == IDF_OK ? 0 : -1;
}

static idf_status write_json(idf_bytes *out, const idf_deck *deck, int64_t now) {
    char when[IDF_WHEN_BYTES];
    json_t *entries = json_array();
    for (size_t i = 0; i < deck->n; i++)
        json_array_append_new(entries, entry_json(&deck->entries[i]));
    json_t *root = json_pack("{s:s, s:i, s:s, s:o}", "format", "dlf-deck", "version", 1, "exported",
                             idf_when_format(when, now), "entries", entries);
    bool done =
        root != NULL && json_array_size(entries) == deck->n &&
        json_dump_callback(root, append_text, out, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) == 0 &&
        idf_bytes_append(out, "\n", 1) == IDF_OK;
    json_decref(root);
    return done ? IDF_OK : IDF_ERR_NO_MEMORY;
}

idf_status idf_deck_write(idf_bytes *out, const idf_deck *deck, idf_deck_format format, int64_t now,
                          idf_error *err) {
    table t = {.out = out, .first = true};
    switch (format) {
    case IDF_DECK_CSV:
        write_csv(&t, deck);
        break;
    case IDF_DECK_TCGPLAYER:
        write_tcgplayer(&t, deck);
        break;
    case IDF_DECK_MOXFIELD:
        write_moxfield(&t, deck);
        break;
    case IDF_DECK_JSON:
        t.status = write_json(out, deck, now);
        break;
    }
    return t.status == IDF_OK ? IDF_OK
                              : idf_error_set(err, t.status, "out of memory for the deck's file");
}
