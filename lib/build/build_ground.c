/* build_ground.c - pictures that lie on one ground are encoded once more, by what they have alone.
 */
#include <string.h>

#include "base/alloc.h"
#include "build/build_parts.h"

/* The item is to be encoded without its ground; what it was is forgotten. */
static void begin_again(idf_build *b, size_t i) {
    idf_build_item *it = &b->items[i];
    idf_free(it->embedding);
    idf_free(it->features);
    it->embedding = NULL;
    it->features = NULL;
    it->state = ITEM_NEW;
    it->segment = NO_SEGMENT;
    memset(&it->row, 0, sizeof it->row);
    it->ground = &b->grounds[i];
    b->todo[b->n_todo++] = i;
}

/* The rows of all items that could be read, and which items those are. */
static size_t collect(const idf_build *b, idf_index_row *rows, size_t *items) {
    size_t n = 0;
    for (size_t i = 0; i < b->n_items; i++)
        if (b->items[i].state != ITEM_FAILED) {
            rows[n] = b->items[i].row;
            items[n++] = i;
        }
    return n;
}

static idf_status find(idf_build *b, idf_error *err) {
    idf_index_row *rows = idf_alloc(b->n_items, sizeof *rows);
    size_t *items = idf_alloc(b->n_items, sizeof *items);
    idf_ground *found = idf_alloc_zero(b->n_items, sizeof *found);
    b->grounds = idf_alloc_zero(b->n_items, sizeof *b->grounds);
    idf_status status = IDF_OK;
    if (rows == NULL || items == NULL || found == NULL || b->grounds == NULL)
        status = idf_build_no_memory(err);
    size_t n = status == IDF_OK ? collect(b, rows, items) : 0;
    if (status == IDF_OK)
        status = idf_grounds_find(rows, n, b->options->pool, found, &b->n_grounds, err);
    for (size_t i = 0; status == IDF_OK && i < n; i++)
        b->grounds[items[i]] = found[i];
    idf_free(rows);
    idf_free(items);
    idf_free(found);
    return status;
}

idf_status idf_build_leave_grounds(idf_build *b, idf_error *err) {
    const idf_index *old = b->old[OLD_TARGET].index;
    if (!b->changed) {
        b->n_grounds = idf_index_n_on_ground(old);
        return IDF_OK;
    }
    idf_status status = find(b, err);
    if (status != IDF_OK || b->n_grounds == 0)
        return status;
    b->n_todo = b->flushed = 0;
    atomic_store(&b->n_done, 0);
    for (size_t i = 0; i < b->n_items; i++)
        if (b->items[i].state != ITEM_FAILED && b->grounds[i].found)
            begin_again(b, i);
    status = idf_build_open_workers(b, err);
    return status == IDF_OK ? idf_build_encode(b, err) : status;
}
