/* snapshot.c - what is known at one moment. */
#include "server/snapshot.h"

#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <utf8proc.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/text.h"

enum { MAX_SETS = 12 };

idf_prices *idf_prices_retain(idf_prices *prices) {
    if (prices != NULL)
        atomic_fetch_add(&prices->n_users, 1);
    return prices;
}

void idf_prices_release(idf_prices *prices) {
    if (prices == NULL || atomic_fetch_sub(&prices->n_users, 1) > 1)
        return;
    idf_prices_free(prices->table);
    idf_free(prices);
}

size_t idf_search_fold(char **out, const char *text) {
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t n =
        utf8proc_map((const utf8proc_uint8_t *)text, 0, &folded,
                     UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE |
                         UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK | UTF8PROC_IGNORE);
    *out = (char *)folded;
    return n > 0 ? (size_t)n : 0;
}

/* "LOCH" of "LOCH-JP001" becomes one of the sets unless it is there. */
static void add_set(json_t *sets, const char *code) {
    char prefix[IDF_SET_CODE_BYTES];
    size_t n = strcspn(code, "-");
    if (n == 0 || n >= sizeof prefix || json_array_size(sets) >= MAX_SETS)
        return;
    memcpy(prefix, code, n);
    prefix[n] = '\0';
    for (size_t i = 0; i < json_array_size(sets); i++)
        if (strcmp(json_string_value(json_array_get(sets, i)), prefix) == 0)
            return;
    json_array_append_new(sets, json_string(prefix));
}

/* The texts of all rows, in one block. */
struct idf_folded_names {
    idf_bytes block;
    const char *text[];
};

static void free_folded(struct idf_folded_names *folded) {
    if (folded != NULL)
        idf_bytes_release(&folded->block);
    idf_free(folded);
}

static struct idf_folded_names *fold_names(const idf_index *index) {
    size_t n = idf_index_n_rows(index);
    struct idf_folded_names *made = idf_alloc(sizeof *made + n * sizeof made->text[0], 1);
    size_t *starts = idf_alloc(n, sizeof *starts);
    bool whole = made != NULL && starts != NULL;
    if (made != NULL)
        made->block = (idf_bytes){0};
    for (size_t row = 0; row < n && whole; row++) {
        char text[IDF_NAME_BYTES + IDF_SET_CODE_BYTES + IDF_RARITY_BYTES + 4], *folded;
        snprintf(text, sizeof text, "%s\n%s %s", idf_index_name(index, row),
                 idf_index_set_code(index, row), idf_index_rarity(index, row));
        size_t len = idf_search_fold(&folded, text);
        starts[row] = made->block.len;
        whole = idf_bytes_append(&made->block, len > 0 ? folded : "", len + 1) == IDF_OK;
        free(folded);
    }
    for (size_t row = 0; row < n && whole; row++)
        made->text[row] = (const char *)made->block.data + starts[row];
    idf_free(starts);
    if (whole)
        return made;
    free_folded(made);
    return NULL;
}

const char *const *idf_snapshot_folded(idf_snapshot *s) {
    struct idf_folded_names *folded = atomic_load(&s->folded), *none = NULL;
    if (folded == NULL) {
        folded = fold_names(s->index);
        if (!atomic_compare_exchange_strong(&s->folded, &none, folded)) {
            free_folded(folded); /* another thread was first */
            folded = none;
        }
    }
    return folded != NULL ? folded->text : NULL;
}

static idf_status open_folder(idf_snapshot *s, const char *refs_dir, const char *index_path,
                              idf_error *err) {
    const char *said = refs_dir != NULL ? refs_dir : idf_index_refs_dir(s->index);
    if (said[0] != '\0') {
        s->refs_dir = idf_strdup(said);
    } else {
        const char *slash = strrchr(index_path, '/');
        size_t n = slash == NULL ? 1 : slash == index_path ? 1 : (size_t)(slash - index_path);
        s->refs_dir = idf_alloc(n + 1, 1);
        if (s->refs_dir != NULL)
            snprintf(s->refs_dir, n + 1, "%s", slash == NULL ? "." : index_path);
    }
    if (s->refs_dir == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a collection");
    s->refs_fd = open(s->refs_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return IDF_OK;
}

idf_status idf_snapshot_new(idf_snapshot **snapshot, idf_collection *collection, idf_prices *prices,
                            const char *refs_dir, const char *index_path, idf_error *err) {
    static atomic_ulong n_made;
    idf_snapshot *s = *snapshot = idf_alloc_zero(1, sizeof **snapshot);
    if (s == NULL) {
        idf_collection_release(collection);
        idf_prices_release(prices);
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a collection");
    }
    atomic_store(&s->n_users, 1);
    s->number = atomic_fetch_add(&n_made, 1) + 1;
    s->collection = collection;
    s->index = idf_collection_index(collection);
    s->prices = prices;
    s->refs_fd = -1;
    s->sets = json_array();
    idf_status status = open_folder(s, refs_dir, index_path, err);
    if (status != IDF_OK) {
        idf_snapshot_release(s);
        *snapshot = NULL;
        return status;
    }
    for (size_t row = 0; row < idf_index_n_rows(s->index); row++) {
        const char *code = idf_index_set_code(s->index, row);
        s->cards |= code[0] != '\0' || idf_index_rarity(s->index, row)[0] != '\0';
        add_set(s->sets, code);
    }
    return IDF_OK;
}

idf_snapshot *idf_snapshot_retain(idf_snapshot *snapshot) {
    if (snapshot != NULL)
        atomic_fetch_add(&snapshot->n_users, 1);
    return snapshot;
}

void idf_snapshot_release(idf_snapshot *snapshot) {
    if (snapshot == NULL || atomic_fetch_sub(&snapshot->n_users, 1) > 1)
        return;
    if (snapshot->refs_fd >= 0)
        close(snapshot->refs_fd);
    json_decref(snapshot->sets);
    idf_collection_release(snapshot->collection);
    idf_prices_release(snapshot->prices);
    free_folded(atomic_load(&snapshot->folded));
    idf_free(snapshot->refs_dir);
    idf_free(snapshot);
}

json_t *idf_amount_json(bool known, double amount) {
    if (!known || !isfinite(amount))
        return json_null();
    double cents = round(amount * 100) / 100;
    if (cents == floor(cents) && fabs(cents) < 1e15)
        return json_integer((json_int_t)cents);
    return json_real(cents);
}

static json_t *date_json(int64_t seconds) {
    char text[16];
    time_t when = (time_t)seconds;
    struct tm t;
    if (seconds <= 0 || gmtime_r(&when, &t) == NULL)
        return json_null();
    strftime(text, sizeof text, "%Y-%m-%d", &t);
    return json_string(text);
}

json_t *idf_snapshot_price(const idf_snapshot *s, size_t row) {
    idf_price p;
    if (s->prices == NULL || !idf_prices_find(s->prices->table, idf_index_set_code(s->index, row),
                                              idf_index_rarity(s->index, row), &p))
        return json_null();
    int64_t seen = p.seen > 0 ? p.seen : idf_prices_scraped(s->prices->table);
    json_t *price =
        json_pack("{s:s, s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o}", "code", p.code, "median",
                  idf_amount_json(true, p.own.median), "min", idf_amount_json(true, p.own.min),
                  "max", idf_amount_json(true, p.own.max), "currency", p.currency, "name_jp",
                  p.name_jp, "usd_median", idf_amount_json(p.usd.known, p.usd.median), "usd_min",
                  idf_amount_json(p.usd.known, p.usd.min), "usd_max",
                  idf_amount_json(p.usd.known, p.usd.max), "date", date_json(seen));
    json_t *home =
        json_pack("{s:s, s:o, s:s, s:s}", "home_currency", p.home_currency, "home_median",
                  idf_amount_json(p.home.known, p.home.median), "rarity", p.rarity, "url", p.url);
    json_object_update_new(price, home);
    return price != NULL ? price : json_null();
}
