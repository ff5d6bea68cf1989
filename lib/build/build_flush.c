/* build_flush.c - what a build has encoded becomes segments of a folder as it goes, so that memory
 * is bounded and a build that is killed loses little. A target that is a file has such a folder
 * beside it while it is built, unless there is little to encode. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "build/build_parts.h"
#include "index/part.h"

static const size_t FLUSH_BYTES = (size_t)32 << 20;
static const double FLUSH_SECONDS = 30;

static size_t bytes_of(const idf_build *b, const idf_build_item *it) {
    return (size_t)b->encoder->dim * sizeof(float) + IDF_SMALL_BYTES +
           (size_t)it->row.features.n * (sizeof(idf_keypoint) + sizeof(idf_descriptor));
}

/* Encoded and still in memory. */
static bool is_pending(const idf_build_item *it) {
    return it->state == ITEM_ENCODED && it->segment == NO_SEGMENT;
}

/* Opens the store's last segment and lets n items live in it. */
static idf_status move_into_segment(idf_build *b, idf_build_item *const *items, size_t n,
                                    idf_error *err) {
    size_t segment = idf_store_manifest(b->store)->n_segments - 1;
    idf_index_part **grown = idf_realloc(b->parts, b->n_parts + 1, sizeof(idf_index_part *));
    if (grown == NULL)
        return idf_build_no_memory(err);
    b->parts = grown;
    idf_status status = idf_store_open_segment(b->store, segment, &b->parts[b->n_parts], err);
    if (status != IDF_OK)
        return status;
    const idf_index_part *part = b->parts[b->n_parts++];
    for (size_t i = 0; i < n; i++) {
        idf_index_row row;
        idf_index_part_get_row(part, i, &row);
        items[i]->row.embedding = row.embedding;
        items[i]->row.features = row.features;
        items[i]->row.picture = row.picture;
        items[i]->segment = (uint32_t)segment;
        items[i]->segment_row = (uint32_t)i;
        idf_free(items[i]->embedding);
        idf_free(items[i]->features);
        items[i]->embedding = NULL;
        items[i]->features = NULL;
    }
    idf_index_part_forget(part);
    return IDF_OK;
}

idf_status idf_build_flush(idf_build *b, size_t end, bool now, idf_error *err) {
    size_t n = 0, bytes = 0;
    for (size_t i = b->flushed; i < end; i++) {
        const idf_build_item *it = &b->items[b->todo[i]];
        n += is_pending(it);
        bytes += is_pending(it) ? bytes_of(b, it) : 0;
    }
    double elapsed = idf_clock_seconds() - b->flushed_at;
    bool due = bytes >= FLUSH_BYTES || elapsed >= FLUSH_SECONDS;
    if (n == 0 || (!due && !now) || (!due && b->store == NULL && !b->options->checkpoint_pictures))
        return IDF_OK;
    if (b->store == NULL) {
        idf_status opened = idf_build_open_aside(b, err);
        if (opened != IDF_OK)
            return opened;
    }
    idf_index_row *rows = idf_alloc(n, sizeof *rows);
    idf_build_item **items = idf_alloc(n, sizeof(idf_build_item *));
    idf_status status = rows == NULL || items == NULL ? idf_build_no_memory(err) : IDF_OK;
    n = 0;
    for (size_t i = b->flushed; i < end && status == IDF_OK; i++) {
        idf_build_item *it = &b->items[b->todo[i]];
        if (!is_pending(it))
            continue;
        idf_build_fill_row(it);
        items[n] = it;
        rows[n++] = it->row;
    }
    if (status == IDF_OK)
        status = idf_store_add(b->store, rows, n, b->options->pool, err);
    if (status == IDF_OK)
        status = move_into_segment(b, items, n, err);
    if (status == IDF_OK)
        status = idf_store_checkpoint(b->store, err);
    b->flushed = end;
    b->flushed_at = idf_clock_seconds();
    idf_free(rows);
    idf_free(items);
    return status;
}

/* Writes the rows that no segment has as they are now. */
static idf_status add_changed(idf_build *b, idf_error *err) {
    size_t n = 0;
    idf_index_row *rows = idf_alloc(b->n_items, sizeof *rows);
    if (rows == NULL)
        return idf_build_no_memory(err);
    uint32_t segment = (uint32_t)idf_store_manifest(b->store)->n_segments;
    for (size_t i = 0; i < b->n_items; i++) {
        idf_build_item *it = &b->items[i];
        if (it->state == ITEM_FAILED || !it->changed)
            continue;
        it->segment = segment;
        it->segment_row = (uint32_t)n;
        rows[n++] = it->row;
    }
    idf_status status = n == 0 ? IDF_OK : idf_store_add(b->store, rows, n, b->options->pool, err);
    idf_free(rows);
    return status;
}

/* Deletes the rows of a segment that are not marked. */
static idf_status delete_unused(idf_build *b, size_t segment, const uint8_t *used, idf_error *err) {
    uint64_t n_rows = idf_store_manifest(b->store)->segments[segment].n_rows;
    idf_status status = IDF_OK;
    for (size_t row = 0; row < n_rows && status == IDF_OK; row++)
        if (!used[row])
            status = idf_store_delete(b->store, segment, row, err);
    return status;
}

idf_status idf_build_settle(idf_build *b, idf_error *err) {
    idf_status status = add_changed(b, err);
    const idf_manifest *m = idf_store_manifest(b->store);
    uint64_t n_rows = 0;
    for (size_t i = 0; i < m->n_segments; i++)
        n_rows += m->segments[i].n_rows;
    uint64_t *first = idf_alloc(m->n_segments + 1, sizeof *first);
    uint8_t *used = idf_alloc_zero((size_t)n_rows + 1, 1);
    if (status == IDF_OK && (first == NULL || used == NULL))
        status = idf_build_no_memory(err);
    n_rows = 0;
    for (size_t i = 0; i < m->n_segments && status == IDF_OK; i++) {
        first[i] = n_rows;
        n_rows += m->segments[i].n_rows;
    }
    for (size_t i = 0; i < b->n_items && status == IDF_OK; i++)
        if (b->items[i].state != ITEM_FAILED)
            used[first[b->items[i].segment] + b->items[i].segment_row] = 1;
    for (size_t i = 0; i < m->n_segments && status == IDF_OK; i++)
        status = delete_unused(b, i, used + first[i], err);
    idf_free(first);
    idf_free(used);
    return status;
}
