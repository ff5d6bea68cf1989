/* offers.c - from the lines of shops to a price file.
 *
 * Offers are sorted by code, rarity and finish; each run of equal ones is a printing. A printing's
 * price is that of its copies as new; where there are none, that of played ones, and it says so. As
 * in the original, a median is element n / 2. */
#include "feeds/offers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/text.h"
#include "feeds/card_code.h"
#include "feeds/when.h"

enum { FIRST_OFFERS = 256, WORD_BYTES = 48, MAX_ARENA_BYTES = 512 << 20 };

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for prices");
}

/* A copy as valid UTF-8 without control characters, cut, "" for NULL; NULL when memory is out. */
static const char *keep(idf_offers *offers, const char *text, size_t max_bytes) {
    char clean[IDF_OFFER_TEXT_BYTES];
    if (text == NULL || *text == '\0')
        return "";
    idf_text_printable(clean, max_bytes, text);
    return idf_arena_copy(&offers->arena, clean, strlen(clean));
}

idf_status idf_offers_add(idf_offers *offers, const idf_offer *offer, idf_error *err) {
    if (offer->code == NULL || *offer->code == '\0' || strlen(offer->code) >= IDF_CODE_KEY_BYTES ||
        !isfinite(offer->price) || offer->price <= 0)
        return IDF_OK;
    if (offers->n == IDF_OFFERS_MAX)
        return idf_error_set(err, IDF_ERR_LIMIT, "the site has more than %d prices for this",
                             IDF_OFFERS_MAX);
    if (offers->n == offers->cap) {
        size_t more = offers->cap == 0 ? FIRST_OFFERS : offers->cap * 2;
        idf_offer *grown = idf_realloc(offers->list, more, sizeof *grown);
        if (grown == NULL)
            return no_memory(err);
        offers->list = grown;
        offers->cap = more;
    }
    offers->arena.max_bytes = MAX_ARENA_BYTES;
    idf_offer copy = *offer;
    copy.code = keep(offers, offer->code, IDF_CODE_KEY_BYTES);
    copy.rarity =
        keep(offers, offer->rarity == NULL ? "" : idf_rarity_short(offer->rarity), WORD_BYTES);
    copy.finish = keep(offers, offer->finish, WORD_BYTES);
    copy.name = keep(offers, offer->name, IDF_OFFER_TEXT_BYTES);
    copy.url = keep(offers, offer->url, IDF_OFFER_TEXT_BYTES);
    if (!(isfinite(copy.low) && copy.low > 0 && copy.low <= copy.price))
        copy.low = copy.price;
    if (!(isfinite(copy.high) && copy.high >= copy.price))
        copy.high = copy.price;
    if (copy.code == NULL || copy.rarity == NULL || copy.finish == NULL || copy.name == NULL ||
        copy.url == NULL)
        return no_memory(err);
    offers->list[offers->n++] = copy;
    return IDF_OK;
}

void idf_offers_release(idf_offers *offers) {
    idf_arena_release(&offers->arena);
    idf_free(offers->list);
    memset(offers, 0, sizeof *offers);
}

/* --- sorting --- */

/* An offer with what it is sorted by. */
typedef struct sorted {
    const idf_offer *offer;
    size_t order; /* as it was found */
    int finish_rank;
    char code[IDF_CODE_KEY_BYTES], rarity[IDF_RARITY_KEY_BYTES];
} sorted;

/* Plain copies before special ones, so that a printing without further word is the plain one. */
static int rank_finish(const char *finish) {
    static const char *const ranks[][3] = {
        {"", "normal", "nonfoil"}, {"unlimited", "holofoil", ""}, {"1st edition", "limited", ""}};
    char lower[IDF_OFFER_TEXT_BYTES];
    size_t n = 0;
    for (; finish[n] != '\0'; n++)
        lower[n] = finish[n] >= 'A' && finish[n] <= 'Z' ? (char)(finish[n] + 32) : finish[n];
    lower[n] = '\0';
    for (int rank = 0; rank < 3; rank++)
        for (int i = 0; i < 3; i++)
            if (strcmp(ranks[rank][i], lower) == 0)
                return rank;
    return 3;
}

static int compare_printing(const sorted *x, const sorted *y) {
    int by = strcmp(x->code, y->code);
    by = by != 0 ? by : strcmp(x->rarity, y->rarity);
    by = by != 0 ? by : x->finish_rank - y->finish_rank;
    return by != 0 ? by : strcmp(x->offer->finish, y->offer->finish);
}

static int compare_sorted(const void *a, const void *b) {
    const sorted *x = a, *y = b;
    int by = compare_printing(x, y);
    return by != 0 ? by : (x->order > y->order) - (x->order < y->order);
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* --- one printing --- */

typedef struct summary {
    double median, min, max, played;
    long stock;
    bool only_played;
    const char *url;
} summary;

/* Sums up n offers of one printing; prices[n] is scratch. */
static summary sum_up(const sorted *s, size_t n, double *prices) {
    summary out = {.stock = -1, .url = ""};
    size_t n_new = 0, n_used = 0;
    for (size_t i = 0; i < n; i++)
        n_new += !s[i].offer->played;
    out.only_played = n_new == 0;
    for (size_t i = 0; i < n; i++) {
        const idf_offer *o = s[i].offer;
        if (o->played && (out.played == 0 || o->price < out.played))
            out.played = o->price;
        if (o->played && !out.only_played)
            continue;
        prices[n_used++] = o->price;
        out.min = n_used == 1 || o->low < out.min ? o->low : out.min;
        out.max = o->high > out.max ? o->high : out.max;
        if (o->stock >= 0)
            out.stock = (out.stock < 0 ? 0 : out.stock) + o->stock;
        if (*out.url == '\0')
            out.url = o->url;
    }
    qsort(prices, n_used, sizeof *prices, compare_doubles);
    out.median = prices[n_used / 2];
    return out;
}

/* A whole number as one: 420, not 420.0, as the original writes it. */
static json_t *number(double value) {
    return value == floor(value) && fabs(value) < 1e15 ? json_integer((json_int_t)value)
                                                       : json_real(value);
}

static json_t *printing_json(const idf_offer *first, const summary *s, size_t n) {
    json_t *object = json_pack("{s:s, s:s, s:o, s:o, s:o, s:I}", "rarity", first->rarity, "finish",
                               first->finish, "median", number(s->median), "min", number(s->min),
                               "max", number(s->max), "count", (json_int_t)n);
    if (s->stock >= 0)
        json_object_set_new(object, "stock", json_integer(s->stock));
    if (s->played > 0)
        json_object_set_new(object, "played", number(s->played));
    if (s->only_played)
        json_object_set_new(object, "only_played", json_true());
    if (*s->url != '\0')
        json_object_set_new(object, "url", json_string(s->url));
    return object;
}

/* --- one code --- */

/* A code of the collection under its key. */
typedef struct known_code {
    char key[IDF_CODE_KEY_BYTES];
    const char *code;
} known_code;

typedef struct writer {
    const idf_offers_head *head;
    known_code *known;        /* by key */
    double *prices, *medians; /* scratch, one an offer */
    char fetched[IDF_WHEN_BYTES];
} writer;

/* The object of n offers of one code. The code's own figures are over the plain printing of each
 * rarity. */
static json_t *code_json(const writer *w, const sorted *s, size_t n) {
    json_t *rarities = json_object(), *printings = json_array();
    const char *name = "", *last = NULL; /* key of the last rarity */
    size_t n_medians = 0;
    double min = 0, max = 0;
    for (size_t i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && compare_printing(&s[i], &s[i + run]) == 0;)
            run++;
        const idf_offer *first = s[i].offer;
        summary sum = sum_up(s + i, run, w->prices);
        json_array_append_new(printings, printing_json(first, &sum, run));
        if (*name == '\0')
            name = first->name;
        if (last != NULL && strcmp(last, s[i].rarity) == 0)
            continue; /* another finish of the same */
        last = s[i].rarity;
        w->medians[n_medians++] = sum.median;
        min = n_medians == 1 || sum.min < min ? sum.min : min;
        max = sum.max > max ? sum.max : max;
        if (*first->rarity != '\0')
            json_object_set_new(rarities, first->rarity, number(sum.median));
    }
    qsort(w->medians, n_medians, sizeof *w->medians, compare_doubles);
    return json_pack("{s:o, s:o, s:o, s:I, s:s, s:o, s:o, s:s}", "median",
                     number(w->medians[n_medians / 2]), "min", number(min), "max", number(max),
                     "count", (json_int_t)n, w->head->japanese ? "name_jp" : "name", name,
                     "rarities", rarities, "printings", printings, "fetched_at", w->fetched);
}

static int compare_known(const void *a, const void *b) {
    return strcmp(((const known_code *)a)->key, ((const known_code *)b)->key);
}

/* How the collection writes a code, else how the site does. */
static const char *spelling(const writer *w, const sorted *s) {
    known_code wanted;
    memcpy(wanted.key, s->code, sizeof wanted.key);
    const known_code *found =
        bsearch(&wanted, w->known, w->head->n_codes, sizeof *w->known, compare_known);
    return found != NULL ? found->code : s->offer->code;
}

static json_t *file_json(const writer *w, const sorted *s, size_t n, size_t *n_codes) {
    json_t *prices = json_object();
    *n_codes = 0;
    for (size_t i = 0, run; i < n; i += run, ++*n_codes) {
        for (run = 1; i + run < n && strcmp(s[i].code, s[i + run].code) == 0;)
            run++;
        json_object_set_new(prices, spelling(w, &s[i]), code_json(w, s + i, run));
    }
    return json_pack("{s:s, s:s, s:s, s:o}", "scraped_at", w->fetched, "site", w->head->site,
                     "currency", w->head->currency, "prices", prices);
}

static void sort_offers(sorted *list, const idf_offers *offers) {
    for (size_t i = 0; i < offers->n; i++) {
        const idf_offer *o = &offers->list[i];
        list[i].offer = o;
        list[i].order = i;
        list[i].finish_rank = rank_finish(o->finish);
        idf_code_key(list[i].code, o->code);
        idf_rarity_key(list[i].rarity, o->rarity);
    }
    qsort(list, offers->n, sizeof *list, compare_sorted);
}

static void sort_known(known_code *list, const idf_offers_head *head) {
    for (size_t i = 0; i < head->n_codes; i++) {
        idf_code_key(list[i].key, head->codes[i]);
        list[i].code = head->codes[i];
    }
    qsort(list, head->n_codes, sizeof *list, compare_known);
}

static int append_text(const char *text, size_t n, void *bytes) {
    return idf_bytes_append(bytes, text, n) == IDF_OK ? 0 : -1;
}

idf_status idf_offers_write(idf_bytes *out, const idf_offers *offers, const idf_offers_head *head,
                            size_t *n_codes, idf_error *err) {
    writer w = {.head = head};
    sorted *list = idf_alloc(offers->n, sizeof *list);
    w.prices = idf_alloc(offers->n, sizeof *w.prices);
    w.medians = idf_alloc(offers->n, sizeof *w.medians);
    w.known = idf_alloc(head->n_codes, sizeof *w.known);
    idf_when_format(w.fetched, head->now);
    json_t *file = NULL;
    if (list != NULL && w.prices != NULL && w.medians != NULL && w.known != NULL) {
        sort_offers(list, offers);
        sort_known(w.known, head);
        file = file_json(&w, list, offers->n, n_codes);
    }
    bool written =
        file != NULL &&
        json_dump_callback(file, append_text, out, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) == 0;
    written = written && idf_bytes_append(out, "\n", 1) == IDF_OK;
    json_decref(file);
    idf_free(list);
    idf_free(w.prices);
    idf_free(w.medians);
    idf_free(w.known);
    return written ? IDF_OK : no_memory(err);
}
