/* store_merge.c - several segments become one, without their deleted rows.
 *
 * Segments have levels, each with files eight times as large as the one below. Eight of a level
 * become one of the next, so a row is written again once a level and there are few files of each
 * size. */
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "index/index_file.h"
#include "index/store_parts.h"

enum { FAN = 8, LEVELS = 16 };
static const uint64_t LEAST_BYTES = 64 << 10; /* files up to this are level 0 */

static int level_of(const idf_manifest_segment *segment) {
    uint64_t most = LEAST_BYTES;
    int level = 0;
    while (segment->bytes > most && level < LEVELS - 1) {
        most *= FAN;
        level++;
    }
    return level;
}

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while merging segments");
}

/* Opens the chosen segments as one index. */
static idf_status open_chosen(idf_store *s, const bool *chosen, idf_index **out, idf_error *err) {
    size_t n = s->state.n_segments, n_parts = 0;
    idf_index_part **parts = idf_alloc_zero(n, sizeof(idf_index_part *));
    const uint8_t **bits = idf_alloc_zero(n, sizeof(uint8_t *));
    idf_status status = parts == NULL || bits == NULL ? no_memory(err) : IDF_OK;
    for (size_t i = 0; i < n && status == IDF_OK; i++) {
        if (!chosen[i])
            continue;
        status = idf_store_get_deleted(s, i, &bits[n_parts], err);
        if (status == IDF_OK)
            status = idf_store_open_segment(s, i, &parts[n_parts], err);
        n_parts += status == IDF_OK;
    }
    if (status == IDF_OK)
        status = idf_index_of_parts(out, parts, bits, n_parts, err);
    for (size_t i = 0; i < n_parts; i++)
        idf_index_part_free(parts[i]);
    idf_free(parts);
    idf_free(bits);
    return status;
}

static idf_status merge_chosen(idf_store *s, const bool *chosen, idf_error *err) {
    size_t n_segments = s->state.n_segments;
    idf_index *index = NULL;
    idf_index_row *rows = NULL;
    idf_status status = open_chosen(s, chosen, &index, err);
    size_t n = status == IDF_OK ? idf_index_n_rows(index) : 0;
    if (n > 0) {
        rows = idf_alloc(n, sizeof *rows);
        if (rows == NULL)
            status = no_memory(err);
        for (size_t i = 0; i < n && status == IDF_OK; i++)
            idf_index_get_row(index, i, &rows[i]);
        if (status == IDF_OK)
            status = idf_store_add(s, rows, n, err);
    }
    for (size_t i = n_segments; i-- > 0 && status == IDF_OK;)
        if (chosen[i])
            idf_store_drop(s, i);
    idf_free(rows);
    idf_index_free(index);
    return status;
}

/* Chooses a level with enough segments; false when there is none. */
static bool choose_level(const idf_store *s, uint64_t max_bytes, bool *chosen) {
    const idf_manifest *m = &s->state;
    for (int level = 0; level < LEVELS; level++) {
        size_t n = 0;
        uint64_t bytes = 0;
        for (size_t i = 0; i < m->n_segments; i++) {
            chosen[i] = level_of(&m->segments[i]) == level;
            n += chosen[i];
            bytes += chosen[i] ? m->segments[i].bytes : 0;
        }
        if (n >= FAN && bytes <= max_bytes)
            return true;
    }
    return false;
}

static bool choose_all(const idf_store *s, bool *chosen) {
    for (size_t i = 0; i < s->state.n_segments; i++)
        chosen[i] = true;
    return s->state.n_segments > 1 ||
           (s->state.n_segments == 1 && s->state.segments[0].n_deleted > 0);
}

idf_status idf_store_merge(idf_store *s, uint64_t max_bytes, bool all, idf_error *err) {
    bool *chosen = idf_alloc_zero(s->state.n_segments + 1, sizeof *chosen);
    idf_status status = chosen == NULL ? no_memory(err) : IDF_OK;
    if (status == IDF_OK && all && choose_all(s, chosen))
        status = merge_chosen(s, chosen, err);
    while (status == IDF_OK && !all && choose_level(s, max_bytes, chosen))
        status = merge_chosen(s, chosen, err);
    idf_free(chosen);
    return status;
}
