/* snapshot.h - all that the service knows at one moment: a collection, the folder of its pictures,
 * prices, and what is made of them once. Immutable and counted: a request keeps the one that it
 * began with. */
#ifndef IDF_SERVER_SNAPSHOT_H
#define IDF_SERVER_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <identify/identify.h>

#include "feeds/price_table.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A price table that several snapshots share. */
typedef struct idf_prices {
    atomic_int n_users;
    idf_price_table *table;
} idf_prices;

typedef struct idf_snapshot {
    atomic_int n_users;
    uint64_t number; /* no two have the same */
    idf_collection *collection;
    const idf_index *index; /* the collection's */
    idf_prices *prices;     /* NULL: none */
    char *refs_dir;
    int refs_fd;                               /* that folder; -1 when it cannot be opened */
    bool cards;                                /* some reference has a rarity or a set code */
    json_t *sets;                              /* at most twelve prefixes of set codes */
    _Atomic(struct idf_folded_names *) folded; /* NULL until somebody searches */
} idf_snapshot;

/* Takes the references of `collection` and `prices` (may be NULL) over, also after a failure.
 * refs_dir NULL: the folder that the index names, else the one it lies in (index_path). */
idf_status idf_snapshot_new(idf_snapshot **snapshot, idf_collection *collection, idf_prices *prices,
                            const char *refs_dir, const char *index_path, idf_error *err);
idf_snapshot *idf_snapshot_retain(idf_snapshot *snapshot);
/* NULL is allowed. */
void idf_snapshot_release(idf_snapshot *snapshot);

/* For each row name and codes, folded, for the search; NULL when memory is out. Lives as long as
 * the snapshot. Any thread. */
const char *const *idf_snapshot_folded(idf_snapshot *snapshot);

idf_prices *idf_prices_retain(idf_prices *prices);
void idf_prices_release(idf_prices *prices);

/* Text for comparing: case and accents folded. Its length, or 0 when it is no UTF-8; *out is in
 * malloc's memory. */
size_t idf_search_fold(char **out, const char *text);

/* A number as a price is written: whole ones as integers, cents without binary dust; null when it
 * is not known. */
json_t *idf_amount_json(bool known, double amount);

/* The price of a row as JSON, null when there is none. */
json_t *idf_snapshot_price(const idf_snapshot *snapshot, size_t row);

#ifdef __cplusplus
}
#endif
#endif
