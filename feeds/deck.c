/* deck.c - reads decks. The original keeps an object of entries by name, {label, ref_url, usd, jpy,
 * added_at, qty}; our page adds name, rarity, code, price and unsure. */
#include "feeds/deck.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <identify/names.h>

#include "base/alloc.h"
#include "base/text.h"

enum { LABEL_BYTES = 600, WORD_BYTES = 64, URL_BYTES = 2048 };

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a deck");
}

/* --- text --- */

/* Characters that are nothing to read: controls, and marks that turn the direction of text. */
static bool is_noise(uint32_t c) {
    return c <= ' ' || (c >= 0x7f && c <= 0xa0) || c == 0x200e || c == 0x200f ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* One line of at most max_bytes: noise becomes single blanks, none at the ends. NULL: no memory. */
static const char *clean(idf_deck *deck, const char *text, size_t len, size_t max_bytes) {
    char *out = idf_arena_alloc(&deck->arena, (len < max_bytes ? len : max_bytes) + 1, 1);
    size_t used = 0;
    bool gap = false;
    for (size_t at = 0; out != NULL && at < len;) {
        uint32_t c = ' ';
        size_t n = idf_text_decode(text + at, len - at, &c);
        if (n == 0 || is_noise(c)) {
            gap = used > 0;
        } else {
            if (used + n + gap > max_bytes)
                break;
            if (gap)
                out[used++] = ' ';
            memcpy(out + used, text + at, n);
            used += n;
            gap = false;
        }
        at += n == 0 ? 1 : n;
    }
    if (out != NULL)
        out[used] = '\0';
    return out;
}

static const char *text_of(idf_deck *deck, json_t *object, const char *key, size_t max_bytes) {
    json_t *value = json_object_get(object, key);
    return json_is_string(value)
               ? clean(deck, json_string_value(value), json_string_length(value), max_bytes)
               : "";
}

/* Splits "Lantern Goldfish (UR)?" in place into name, rarity and sureness; "(UR)" alone is a name.
 */
static void split_label(char *label, const char **name, const char **rarity, bool *unsure) {
    size_t n = strlen(label);
    *name = label;
    *rarity = "";
    *unsure = n > 0 && label[n - 1] == '?';
    n -= *unsure;
    while (n > 0 && label[n - 1] == ' ')
        n--;
    label[n] = '\0';
    char *open = strrchr(label, '(');
    if (n == 0 || label[n - 1] != ')' || open == NULL || open == label || open[1] == ')' ||
        label + n - open > 26)
        return;
    label[n - 1] = '\0';
    *rarity = open + 1;
    while (open > label && open[-1] == ' ')
        open--;
    *open = '\0';
}

static int hex_value(char c) {
    const char *digits = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c | 0x20);
    return at == NULL ? -1 : (int)(at - digits);
}

/* What the name of the reference picture says, from the address of the picture. */
static void read_ref(idf_name *name, const char *url) {
    char file[1024];
    size_t used = 0;
    const char *at = strrchr(url, '/');
    memset(name, 0, sizeof *name);
    if (at == NULL)
        return;
    for (at++; *at != '\0' && *at != '?' && *at != '#' && used + 1 < sizeof file; at++) {
        int high = *at == '%' ? hex_value(at[1]) : -1, low = high < 0 ? -1 : hex_value(at[2]);
        file[used++] = low < 0 ? *at : (char)(high * 16 + low);
        at += low < 0 ? 0 : 2;
    }
    file[used] = '\0';
    if (strlen(file) > 0)
        idf_name_parse(name, file);
}

/* --- entries --- */

/* A number of at least 0 under any of two keys; -1 when there is none. */
static double amount_of(json_t *object, const char *key, const char *other) {
    json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        value = json_object_get(object, other);
    double amount = json_is_number(value) ? json_number_value(value) : -1;
    return isfinite(amount) && amount >= 0 && amount < 1e12 ? amount : -1;
}

/* The price: our page's object, else the original's usd, and jpy, which it always shows as yen. */
static idf_status read_price(idf_deck *deck, idf_deck_entry *e, json_t *stored) {
    json_t *price = json_object_get(stored, "price");
    e->usd = amount_of(stored, "usd", "usd_median");
    e->own = amount_of(stored, "jpy", "jpy_median");
    e->currency = e->own >= 0 ? "JPY" : "";
    if (json_is_object(price) && amount_of(price, "median", "median") >= 0) {
        e->price = price;
        e->own = amount_of(price, "median", "median");
        e->currency = text_of(deck, price, "currency", 8);
        if (e->currency != NULL && strcmp(e->currency, "USD") == 0)
            e->usd = e->own;
        else if (amount_of(price, "usd", "usd_median") >= 0)
            e->usd = amount_of(price, "usd", "usd_median");
    }
    return e->currency == NULL ? IDF_ERR_NO_MEMORY : IDF_OK;
}

/* Reads one entry into the place behind the last one; *taken: it is one. */
static idf_status read_entry(idf_deck *deck, json_t *stored, bool *taken) {
    idf_deck_entry e = {.name = "", .rarity = "", .code = ""};
    idf_name ref;
    *taken = false;
    if (!json_is_object(stored))
        return IDF_OK;
    const char *label = text_of(deck, stored, "label", LABEL_BYTES),
               *name = text_of(deck, stored, "name", LABEL_BYTES),
               *rarity = text_of(deck, stored, "rarity", WORD_BYTES);
    e.code = text_of(deck, stored, "code", WORD_BYTES);
    e.ref_url = text_of(deck, stored, "ref_url", URL_BYTES);
    if (label == NULL || name == NULL || rarity == NULL || e.code == NULL || e.ref_url == NULL ||
        read_price(deck, &e, stored) != IDF_OK)
        return IDF_ERR_NO_MEMORY;
    if (*label != '\0') /* the arena's own copy, so it may be cut up */
        split_label((char *)(uintptr_t)label, &e.name, &e.rarity, &e.unsure);
    if (*name != '\0') {
        e.name = name;
        e.rarity = rarity;
        e.unsure = json_is_true(json_object_get(stored, "unsure"));
    }
    if (*e.name == '\0')
        return IDF_OK;
    read_ref(&ref, e.ref_url);
    if (*e.code == '\0' && *ref.set_code != '\0')
        e.code = idf_arena_copy(&deck->arena, ref.set_code, strlen(ref.set_code));
    if (e.code == NULL)
        return IDF_ERR_NO_MEMORY;
    double qty = amount_of(stored, "qty", "quantity"),
           added = amount_of(stored, "added_at", "added");
    e.qty = qty < 1 ? 1 : qty > IDF_DECK_MAX_QTY ? IDF_DECK_MAX_QTY : (int)qty;
    json_t *when = json_object_get(stored, "added_at"); /* milliseconds pass amount_of's limit */
    added = json_is_number(when) ? json_number_value(when) : added;
    e.added_ms = added > 0 && added < 8.64e15 ? (int64_t)added : 0;
    deck->entries[deck->n++] = e;
    *taken = true;
    return IDF_OK;
}

/* --- joining --- */

/* By name, then sure ones first, then by rarity and code. */
static int compare_entries(const void *a, const void *b) {
    const idf_deck_entry *x = *(idf_deck_entry *const *)a, *y = *(idf_deck_entry *const *)b;
    int by = strcmp(x->name, y->name);
    by = by != 0 ? by : x->unsure - y->unsure;
    by = by != 0 ? by : strcmp(x->rarity, y->rarity);
    by = by != 0 ? by : strcmp(x->code, y->code);
    return by != 0 ? by : (x > y) - (x < y);
}

static void join(idf_deck_entry *into, idf_deck_entry *e) {
    int qty = into->qty + e->qty;
    into->qty = qty > IDF_DECK_MAX_QTY ? IDF_DECK_MAX_QTY : qty;
    if (into->usd < 0 && into->own < 0) {
        into->usd = e->usd;
        into->own = e->own;
        into->currency = e->currency;
        into->price = e->price;
    }
    if (*into->ref_url == '\0')
        into->ref_url = e->ref_url;
    e->qty = 0;
}

/* Joins what is one thing: within entries of one name, equal ones, and an unsure one with the sure
 * one of its rarity, else with the first sure one. The order of the file stays. */
static idf_status fold(idf_deck *deck) {
    idf_deck_entry **order = idf_alloc(deck->n, sizeof *order);
    if (order == NULL)
        return IDF_ERR_NO_MEMORY;
    for (size_t i = 0; i < deck->n; i++)
        order[i] = &deck->entries[i];
    qsort(order, deck->n, sizeof *order, compare_entries);
    for (size_t first = 0, i = 0; i < deck->n; i++) {
        idf_deck_entry *e = order[i], *same = NULL;
        if (strcmp(e->name, order[first]->name) != 0)
            first = i;
        for (size_t j = first; j < i && same == NULL; j++)
            if (order[j]->qty > 0 && strcmp(order[j]->rarity, e->rarity) == 0 &&
                ((e->unsure && !order[j]->unsure) ||
                 (e->unsure == order[j]->unsure && strcmp(order[j]->code, e->code) == 0)))
                same = order[j];
        if (same == NULL && e->unsure && *e->rarity != '\0' && !order[first]->unsure)
            same = order[first];
        if (same != NULL && same != e)
            join(same, e);
    }
    idf_free(order);
    size_t n = 0;
    for (size_t i = 0; i < deck->n; i++)
        if (deck->entries[i].qty > 0)
            deck->entries[n++] = deck->entries[i];
    deck->n = n;
    return IDF_OK;
}

/* --- the file --- */

/* What holds the entries: looks through a string of JSON, "dlf-deck-v1" and "entries". */
static json_t *find_entries(idf_deck *deck) {
    json_t *at = deck->roots[0], *inner;
    if (json_is_object(at) && (inner = json_object_get(at, "dlf-deck-v1")) != NULL)
        at = inner;
    if (json_is_string(at)) {
        json_error_t problem;
        deck->roots[1] = json_loadb(json_string_value(at), json_string_length(at), 0, &problem);
        at = deck->roots[1];
    }
    if (json_is_object(at) && json_is_array(inner = json_object_get(at, "entries")))
        at = inner;
    return at;
}

static idf_status read_entries(idf_deck *deck, json_t *list) {
    size_t n = json_is_array(list) ? json_array_size(list) : json_object_size(list), i = 0;
    bool taken;
    idf_status status = IDF_OK;
    if (n > IDF_DECK_MAX_ENTRIES)
        return IDF_ERR_LIMIT;
    deck->entries = idf_alloc(n, sizeof *deck->entries);
    if (deck->entries == NULL)
        return IDF_ERR_NO_MEMORY;
    void *member = json_is_object(list) ? json_object_iter(list) : NULL;
    for (; status == IDF_OK && i < n; i++) {
        json_t *stored = member != NULL ? json_object_iter_value(member) : json_array_get(list, i);
        status = read_entry(deck, stored, &taken);
        deck->n_skipped += !taken;
        if (member != NULL)
            member = json_object_iter_next(list, member);
    }
    return status == IDF_OK ? fold(deck) : status;
}

idf_status idf_deck_parse(idf_deck *deck, const void *bytes, size_t len_bytes, const char *shown,
                          idf_error *err) {
    char path[600];
    json_error_t problem;
    idf_text_printable(path, sizeof path, shown);
    memset(deck, 0, sizeof *deck);
    const char *text = bytes;
    if (len_bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len_bytes -= 3;
    }
    deck->roots[0] = len_bytes == 0 ? NULL : json_loadb(text, len_bytes, JSON_DECODE_ANY, &problem);
    if (deck->roots[0] == NULL)
        return idf_error_set(err, IDF_ERR_FORMAT, "'%s' is no JSON%s", path,
                             len_bytes == 0 ? ": it is empty" : " or is cut off");
    json_t *list = find_entries(deck);
    if (!json_is_array(list) && !json_is_object(list))
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "'%s' is no deck: neither entries by name nor a list of them", path);
    idf_status status = read_entries(deck, list);
    if (status == IDF_ERR_LIMIT)
        return idf_error_set(err, status, "'%s' has more than %d entries", path,
                             IDF_DECK_MAX_ENTRIES);
    if (status != IDF_OK)
        return no_memory(err);
    if (deck->n == 0 && deck->n_skipped > 0)
        return idf_error_set(err, IDF_ERR_FORMAT, "nothing in '%s' is an entry of a deck", path);
    return IDF_OK;
}

void idf_deck_release(idf_deck *deck) {
    idf_arena_release(&deck->arena);
    json_decref(deck->roots[0]);
    json_decref(deck->roots[1]);
    idf_free(deck->entries);
    memset(deck, 0, sizeof *deck);
}
