/* price_table.c - prices by set code and rarity: a hash table over an array of entries, each with
 * its printings beside each other in a second array. */
#include "feeds/price_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/file.h"
#include "feeds/card_code.h"
#include "feeds/scan.h"
#include "feeds/when.h"

enum { NAME_BYTES = 512, WORD_BYTES = 64, URL_BYTES = 2048, BYTES_A_ROW = 384, N_WORDS = 16 };

/* One rarity and finish of a code. */
typedef struct printing {
    const char *rarity, *finish, *url;
    double median, min, max, played;
    long stock;
} printing;

typedef struct entry {
    const char *code, *name_jp;
    double median, min, max;
    int64_t seen;
    size_t first, n_printings;
    uint64_t hash;
} entry;

struct idf_price_table {
    idf_arena arena; /* strings */
    entry *entries;
    size_t n_entries, cap_entries;
    printing *printings;
    size_t n_printings, cap_printings;
    uint32_t *slots; /* 1 + entry, 0: free */
    size_t n_slots;  /* a power of two, over twice the entries */
    size_t n_skipped;
    const char *site;
    char currency[IDF_CURRENCY_BYTES], home[IDF_CURRENCY_BYTES];
    double usd_rate, home_rate, jpy_rate; /* for one unit of `currency`; 0: unknown */
    int64_t scraped;
};

/* --- finding --- */

/* FNV-1a of a code's key. */
static uint64_t hash_code(const char *code) {
    char key[IDF_CODE_KEY_BYTES];
    uint64_t hash = 14695981039346656037u;
    for (const char *at = idf_code_key(key, code); *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    return hash ^ hash >> 32;
}

static bool same_code(const char *a, const char *b) {
    char key_a[IDF_CODE_KEY_BYTES], key_b[IDF_CODE_KEY_BYTES];
    return strcmp(idf_code_key(key_a, a), idf_code_key(key_b, b)) == 0;
}

/* The slot where the code is, or where it would go. */
static size_t find_slot(const idf_price_table *t, const char *code, uint64_t hash) {
    size_t at = hash & (t->n_slots - 1);
    for (; t->slots[at] != 0; at = (at + 1) & (t->n_slots - 1)) {
        const entry *e = &t->entries[t->slots[at] - 1];
        if (e->hash == hash && same_code(e->code, code))
            break;
    }
    return at;
}

/* --- reading --- */

typedef struct reader {
    idf_price_table *table;
    idf_scan scan;
    bool no_memory, over_limit;
    size_t first_rows; /* that room is made for at first, by the size of the file */
    /* Rarities and finishes are few words, said again and again: those seen lately. */
    const char *words[N_WORDS];
    size_t next_word;
} reader;

/* Room for one more item; NULL after noting why not. */
static void *grow(reader *r, void *rows, size_t n, size_t *cap, size_t item_bytes, size_t max) {
    if (n < *cap)
        return rows;
    size_t more = *cap == 0 ? r->first_rows : *cap * 2;
    if (n >= max)
        r->over_limit = true;
    void *grown = n >= max ? NULL : idf_realloc(rows, more, item_bytes);
    if (grown == NULL) {
        r->no_memory = !r->over_limit;
        r->scan.problem = "stopped";
        return NULL;
    }
    *cap = more;
    return grown;
}

static const char *take_text(reader *r, size_t max_bytes) {
    idf_scan_text text;
    if (!idf_scan_string(&r->scan, &text))
        return "";
    const char *copy = text.len == 0 ? "" : idf_scan_copy(&text, max_bytes, &r->table->arena);
    if (copy == NULL) {
        r->no_memory = true;
        r->scan.problem = "stopped";
        return "";
    }
    return copy;
}

/* A rarity or finish, shared with one that reads the same. */
static const char *share_word(reader *r, const idf_scan_text *text) {
    for (size_t i = 0; i < N_WORDS && r->words[i] != NULL && !text->escaped; i++)
        if (idf_scan_is(text, r->words[i]))
            return r->words[i];
    const char *word = text->len == 0 ? "" : idf_scan_copy(text, WORD_BYTES, &r->table->arena);
    if (word == NULL) {
        r->no_memory = true;
        r->scan.problem = "stopped";
        return "";
    }
    r->words[r->next_word++ % N_WORDS] = word;
    return word;
}

static const char *take_word(reader *r) {
    idf_scan_text text;
    return idf_scan_string(&r->scan, &text) ? share_word(r, &text) : "";
}

/* A price that is a number of at least 0; -1 otherwise. */
static double take_price(reader *r) {
    double price;
    return idf_scan_number(&r->scan, &price) && price >= 0 ? price : -1;
}

static int64_t take_when(reader *r) {
    idf_scan_text text;
    char copy[40];
    int64_t seconds;
    if (!idf_scan_string(&r->scan, &text) || text.len >= sizeof copy)
        return 0;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return idf_when_parse(&seconds, copy) ? seconds : 0;
}

/* Appends a printing unless its price is none. */
static void add_printing(reader *r, const printing *p) {
    idf_price_table *t = r->table;
    if (p->median < 0 || r->scan.problem != NULL)
        return;
    printing *rows = grow(r, t->printings, t->n_printings, &t->cap_printings, sizeof *rows,
                          IDF_PRICES_MAX_PRINTINGS);
    if (rows == NULL)
        return;
    t->printings = rows;
    rows += t->n_printings++;
    *rows = *p;
    rows->min = p->min < 0 || p->min > p->median ? p->median : p->min;
    rows->max = p->max < p->median ? p->median : p->max;
}

/* {"UR": 420}, all that the original has. */
static void read_rarities(reader *r) {
    idf_scan_text key;
    while (idf_scan_key(&r->scan, &key)) {
        printing p = {.finish = "", .url = "", .min = -1, .max = -1, .stock = -1};
        p.rarity = share_word(r, &key);
        p.median = take_price(r);
        add_printing(r, &p);
    }
}

static void read_printing(reader *r) {
    printing p = {
        .rarity = "", .finish = "", .url = "", .median = -1, .min = -1, .max = -1, .stock = -1};
    idf_scan_text key;
    double number;
    while (idf_scan_key(&r->scan, &key)) {
        if (idf_scan_is(&key, "rarity"))
            p.rarity = take_word(r);
        else if (idf_scan_is(&key, "finish"))
            p.finish = take_word(r);
        else if (idf_scan_is(&key, "url"))
            p.url = take_text(r, URL_BYTES);
        else if (idf_scan_is(&key, "median"))
            p.median = take_price(r);
        else if (idf_scan_is(&key, "min"))
            p.min = take_price(r);
        else if (idf_scan_is(&key, "max"))
            p.max = take_price(r);
        else if (idf_scan_is(&key, "played"))
            p.played = (number = take_price(r)) > 0 ? number : 0;
        else if (idf_scan_is(&key, "stock"))
            p.stock = idf_scan_number(&r->scan, &number) && number >= 0 && number < 1e9
                          ? (long)number
                          : -1;
        else
            idf_scan_skip(&r->scan);
    }
    add_printing(r, &p);
}

/* The members of one code. Our "printings" hold all that "rarities" does, so they replace it,
 * whichever comes first. */
static void read_members(reader *r, entry *e) {
    idf_price_table *t = r->table;
    idf_scan_text key;
    bool detailed = false;
    while (idf_scan_key(&r->scan, &key)) {
        if (idf_scan_is(&key, "median")) {
            e->median = take_price(r);
        } else if (idf_scan_is(&key, "min")) {
            e->min = take_price(r);
        } else if (idf_scan_is(&key, "max")) {
            e->max = take_price(r);
        } else if (idf_scan_is(&key, "name_jp")) {
            e->name_jp = take_text(r, NAME_BYTES);
        } else if (idf_scan_is(&key, "fetched_at")) {
            e->seen = take_when(r);
        } else if (idf_scan_is(&key, "rarities") && !detailed && idf_scan_enter(&r->scan, '{')) {
            read_rarities(r);
        } else if (idf_scan_is(&key, "printings") && idf_scan_enter(&r->scan, '[')) {
            t->n_printings = e->first;
            detailed = true;
            while (idf_scan_item(&r->scan)) {
                if (idf_scan_enter(&r->scan, '{'))
                    read_printing(r);
                else
                    idf_scan_skip(&r->scan);
            }
        } else {
            idf_scan_skip(&r->scan);
        }
    }
    e->n_printings = t->n_printings - e->first;
}

static void read_entry(reader *r, const idf_scan_text *code) {
    idf_price_table *t = r->table;
    entry e = {.name_jp = "", .median = -1, .min = -1, .max = -1, .first = t->n_printings};
    if (!idf_scan_enter(&r->scan, '{')) {
        idf_scan_skip(&r->scan);
        t->n_skipped++;
        return;
    }
    read_members(r, &e);
    if (r->scan.problem != NULL)
        return;
    if (e.median < 0 || code->len == 0 || code->len >= IDF_CODE_KEY_BYTES) {
        t->n_printings = e.first;
        t->n_skipped++;
        return;
    }
    e.min = e.min < 0 || e.min > e.median ? e.median : e.min;
    e.max = e.max < e.median ? e.median : e.max;
    entry *rows =
        grow(r, t->entries, t->n_entries, &t->cap_entries, sizeof *rows, IDF_PRICES_MAX_CODES);
    if (rows == NULL)
        return;
    t->entries = rows;
    e.code = idf_scan_copy(code, IDF_CODE_KEY_BYTES - 1, &t->arena);
    if (e.code == NULL) {
        r->no_memory = true;
        r->scan.problem = "stopped";
        return;
    }
    e.hash = hash_code(e.code);
    t->entries[t->n_entries++] = e;
}

static void read_file(reader *r) {
    idf_price_table *t = r->table;
    idf_scan_text key;
    bool has_prices = false;
    if (!idf_scan_enter(&r->scan, '{')) {
        r->scan.problem = "it is no price file: it has no object";
        return;
    }
    while (idf_scan_key(&r->scan, &key)) {
        if (idf_scan_is(&key, "site")) {
            t->site = take_text(r, WORD_BYTES);
        } else if (idf_scan_is(&key, "scraped_at")) {
            t->scraped = take_when(r);
        } else if (idf_scan_is(&key, "currency")) {
            const char *currency = take_text(r, WORD_BYTES);
            if (*currency != '\0' && !idf_currency_parse(t->currency, currency))
                r->scan.problem = "its currency is not three letters";
        } else if (idf_scan_is(&key, "prices") && idf_scan_enter(&r->scan, '{')) {
            has_prices = true;
            while (idf_scan_key(&r->scan, &key))
                read_entry(r, &key);
        } else {
            idf_scan_skip(&r->scan);
        }
    }
    if (idf_scan_ended(&r->scan) && !has_prices)
        r->scan.problem = "it is no price file: it has no \"prices\"";
}

/* Puts the entries into the hash table; of two for one code the later one holds, as in JSON. */
static idf_status fill_slots(idf_price_table *t) {
    t->n_slots = 16;
    while (t->n_slots < 2 * t->n_entries)
        t->n_slots *= 2;
    t->slots = idf_alloc_zero(t->n_slots, sizeof *t->slots);
    if (t->slots == NULL)
        return IDF_ERR_NO_MEMORY;
    for (size_t i = 0; i < t->n_entries; i++)
        t->slots[find_slot(t, t->entries[i].code, t->entries[i].hash)] = (uint32_t)(i + 1);
    return IDF_OK;
}

static void set_rates(idf_price_table *t, const idf_fx *fx) {
    if (!idf_fx_convert(fx, 1, t->currency, "USD", &t->usd_rate))
        t->usd_rate = 0;
    if (!idf_fx_convert(fx, 1, t->currency, t->home, &t->home_rate))
        t->home_rate = 0;
    if (!idf_fx_convert(fx, 1, t->currency, "JPY", &t->jpy_rate))
        t->jpy_rate = 0;
}

static idf_status explain(const reader *r, const char *shown, idf_error *err) {
    if (r->no_memory)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while reading prices");
    if (r->over_limit)
        return idf_error_set(err, IDF_ERR_LIMIT,
                             "the price file has more than %d codes or %d "
                             "printings",
                             IDF_PRICES_MAX_CODES, IDF_PRICES_MAX_PRINTINGS);
    return idf_scan_fail(&r->scan, shown, err);
}

idf_status idf_prices_parse(idf_price_table **out, const void *bytes, size_t len_bytes,
                            const char *shown, const idf_prices_options *options, idf_error *err) {
    static const idf_prices_options defaults = {0};
    const char *home;
    *out = NULL;
    if (options == NULL)
        options = &defaults;
    home = options->home_currency != NULL ? options->home_currency : "USD";
    idf_price_table *t = idf_alloc_zero(1, sizeof *t);
    if (t == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while reading prices");
    reader r = {.table = t, .first_rows = len_bytes / BYTES_A_ROW + 16};
    memcpy(t->currency, "USD", 4);
    t->site = "";
    idf_status status = IDF_OK;
    if (!idf_currency_parse(t->home, home))
        status = idf_error_set(err, IDF_ERR_ARGUMENT, "a currency is three letters, such as USD");
    if (status == IDF_OK) {
        idf_scan_begin(&r.scan, bytes, len_bytes);
        read_file(&r);
        if (r.scan.problem != NULL)
            status = explain(&r, shown, err);
    }
    if (status == IDF_OK && fill_slots(t) != IDF_OK)
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while reading prices");
    if (status != IDF_OK) {
        idf_prices_free(t);
        return status;
    }
    set_rates(t, options->fx);
    *out = t;
    return IDF_OK;
}

idf_status idf_prices_open(idf_price_table **table, const char *path,
                           const idf_prices_options *options, idf_error *err) {
    idf_map map;
    *table = NULL;
    idf_status status = idf_map_open(&map, path, IDF_PRICES_MAX_BYTES, err);
    if (status != IDF_OK)
        return status;
    status = idf_prices_parse(table, map.data, map.len, path, options, err);
    idf_map_release(&map);
    return status;
}

void idf_prices_free(idf_price_table *table) {
    if (table == NULL)
        return;
    idf_arena_release(&table->arena);
    idf_free(table->entries);
    idf_free(table->printings);
    idf_free(table->slots);
    idf_free(table);
}

/* --- asking --- */

size_t idf_prices_n(const idf_price_table *table) {
    return table->n_entries;
}
const char *idf_prices_site(const idf_price_table *table) {
    return table->site;
}
const char *idf_prices_currency(const idf_price_table *table) {
    return table->currency;
}
int64_t idf_prices_scraped(const idf_price_table *table) {
    return table->scraped;
}
size_t idf_prices_n_skipped(const idf_price_table *table) {
    return table->n_skipped;
}
double idf_prices_usd_rate(const idf_price_table *table) {
    return table->usd_rate;
}
double idf_prices_home_rate(const idf_price_table *table) {
    return table->home_rate;
}

/* The first printing of a rarity: the file lists plain finishes before special ones. */
static const printing *find_printing(const idf_price_table *t, const entry *e, const char *rarity) {
    char key[IDF_RARITY_KEY_BYTES], own[IDF_RARITY_KEY_BYTES];
    idf_rarity_key(key, rarity);
    for (size_t i = 0; i < e->n_printings; i++)
        if (strcmp(idf_rarity_key(own, t->printings[e->first + i].rarity), key) == 0)
            return &t->printings[e->first + i];
    return NULL;
}

static idf_amount scaled(idf_amount own, double rate) {
    if (!(rate > 0))
        return (idf_amount){0};
    return (idf_amount){true, own.median * rate, own.min * rate, own.max * rate};
}

bool idf_prices_find(const idf_price_table *t, const char *code, const char *rarity,
                     idf_price *out) {
    if (t == NULL || code == NULL || *code == '\0')
        return false;
    size_t slot = find_slot(t, code, hash_code(code));
    if (t->slots[slot] == 0)
        return false;
    const entry *e = &t->entries[t->slots[slot] - 1];
    bool by_rarity = rarity != NULL && *rarity != '\0' && e->n_printings > 0;
    const printing *p = by_rarity ? find_printing(t, e, rarity) : NULL;
    if (by_rarity && p == NULL)
        return false;
    if (p == NULL && e->n_printings == 1)
        p = &t->printings[e->first];
    *out = (idf_price){.code = e->code,
                       .name_jp = e->name_jp,
                       .rarity = "",
                       .finish = "",
                       .url = "",
                       .currency = t->currency,
                       .home_currency = t->home,
                       .own = {true, e->median, e->min, e->max},
                       .stock = -1,
                       .seen = e->seen};
    if (p != NULL) {
        out->rarity = p->rarity;
        out->finish = p->finish;
        out->url = p->url;
        out->own = (idf_amount){true, p->median, p->min, p->max};
        out->played = p->played;
        out->stock = p->stock;
    }
    if (out->seen == 0)
        out->seen = t->scraped;
    out->usd = scaled(out->own, t->usd_rate);
    out->home = scaled(out->own, t->home_rate);
    return true;
}

static int compare_top(const void *a, const void *b) {
    const idf_top_price *x = a, *y = b;
    if (x->price.own.median != y->price.own.median) /* one currency, so one order */
        return x->price.own.median > y->price.own.median ? -1 : 1;
    int by_code = strcmp(x->price.code, y->price.code);
    return by_code != 0 ? by_code : (x->ref > y->ref) - (x->ref < y->ref);
}

/* Puts the price of each reference into list, one a code: the dearest. `places` (zeroed, one an
 * entry of the table) remembers where a code went. Returns how many there are. */
static size_t collect(const idf_price_table *t, const idf_priced_ref *refs, size_t n_refs,
                      uint32_t *places, idf_top_price *list) {
    size_t n = 0;
    for (size_t i = 0; i < n_refs; i++) {
        idf_top_price top = {.ref = i};
        if (!idf_prices_find(t, refs[i].set_code, refs[i].rarity, &top.price))
            continue;
        top.jpy_median = top.price.own.median * t->jpy_rate;
        size_t slot = find_slot(t, top.price.code, hash_code(top.price.code));
        uint32_t *place = &places[t->slots[slot] - 1];
        if (*place == 0) {
            *place = (uint32_t)++n;
            list[n - 1] = top;
        } else if (top.price.own.median > list[*place - 1].price.own.median) {
            list[*place - 1] = top;
        }
    }
    return n;
}

idf_status idf_prices_top(const idf_price_table *t, const idf_priced_ref *refs, size_t n_refs,
                          size_t limit, idf_top_price *out, size_t *n, idf_error *err) {
    *n = 0;
    if (t == NULL || t->jpy_rate == 0 || t->n_entries == 0 || n_refs == 0 || limit == 0)
        return IDF_OK;
    size_t most = n_refs < t->n_entries ? n_refs : t->n_entries;
    uint32_t *places = idf_alloc_zero(t->n_entries, sizeof *places);
    idf_top_price *list = idf_alloc(most, sizeof *list);
    if (places == NULL || list == NULL) {
        idf_free(places);
        idf_free(list);
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for the dearest things");
    }
    size_t found = collect(t, refs, n_refs, places, list);
    qsort(list, found, sizeof *list, compare_top);
    *n = found < limit ? found : limit;
    memcpy(out, list, *n * sizeof *out);
    idf_free(places);
    idf_free(list);
    return IDF_OK;
}
