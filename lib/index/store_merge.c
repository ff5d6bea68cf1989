/* store_merge.c - several segments become one, without their deleted rows.
 *
 * A segment that was written as the only one has words of its own. Others have none while they are
 * small, as whoever opens them files their features at once; larger ones are filed under the words
 * of that one.
 *
 * Segments have levels, each with files eight times as large as the one below. Eight of a level
 * become one of the next, so a row is written again once a level and there are few files of each
 * size. */
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "index/index_file.h"
#include "index/store_parts.h"

enum {
    FAN = 8,
    LEVELS = 16,
    WORDLESS_ROWS = 512, /* filed in a tenth of a second */
};
/* Of the rows, without words of the collection: the words are learnt anew. */
static const double WORDLESS_PART = 0.1;
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

/* The rows that are written: those of the chosen segments. */
static idf_status read_rows(const idf_index *index, idf_index_row **rows, idf_error *err) {
    size_t n = idf_index_n_rows(index);
    *rows = idf_alloc(n, sizeof **rows);
    if (*rows == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n; i++)
        idf_index_get_row(index, i, &(*rows)[i]);
    return IDF_OK;
}

/* Opens the largest segment that is not chosen, when it has words: *part, else NULL. */
static idf_status open_words(const idf_store *s, const bool *chosen, idf_index_part **part,
                             idf_error *err) {
    const idf_manifest *m = &s->state;
    size_t largest = SIZE_MAX;
    *part = NULL;
    for (size_t i = 0; i < m->n_segments; i++)
        if (!chosen[i] &&
            (largest == SIZE_MAX || m->segments[i].n_rows > m->segments[largest].n_rows))
            largest = i;
    if (largest == SIZE_MAX)
        return IDF_OK;
    idf_status status = idf_store_open_segment(s, largest, part, err);
    if (status == IDF_OK && idf_index_part_vocabulary(*part) == NULL) {
        idf_index_part_free(*part);
        *part = NULL;
    }
    return status;
}

static idf_status merge_chosen(idf_store *s, const bool *chosen, const idf_index_words *words,
                               idf_error *err) {
    size_t n_segments = s->state.n_segments;
    idf_index *index = NULL;
    idf_index_row *rows = NULL;
    idf_index_part *main_part = NULL;
    idf_index_words filed = {0};
    idf_status status = open_chosen(s, chosen, &index, err);
    size_t n = status == IDF_OK ? idf_index_n_rows(index) : 0;
    if (n > 0)
        status = read_rows(index, &rows, err);
    if (status == IDF_OK && words == NULL && n >= WORDLESS_ROWS) {
        status = open_words(s, chosen, &main_part, err);
        filed.vocabulary = main_part == NULL ? NULL : idf_index_part_vocabulary(main_part);
        words = &filed; /* without a vocabulary: it learns one */
    }
    if (status == IDF_OK && n > 0)
        status = idf_store_add(s, rows, n, words, err);
    for (size_t i = n_segments; i-- > 0 && status == IDF_OK;)
        if (chosen[i])
            idf_store_drop(s, i);
    idf_index_part_free(main_part);
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

idf_status idf_store_merge(idf_store *s, uint64_t max_bytes, idf_error *err) {
    bool *chosen = idf_alloc_zero(s->state.n_segments + 1, sizeof *chosen);
    idf_status status = chosen == NULL ? no_memory(err) : IDF_OK;
    while (status == IDF_OK && choose_level(s, max_bytes, chosen))
        status = merge_chosen(s, chosen, NULL, err);
    idf_free(chosen);
    return status;
}

idf_status idf_store_compact(idf_store *s, idf_pool *pool, idf_error *err) {
    const idf_index_words learn = {.pool = pool};
    bool *chosen = idf_alloc(s->state.n_segments + 1, sizeof *chosen);
    idf_status status = chosen == NULL ? no_memory(err) : IDF_OK;
    for (size_t i = 0; i < s->state.n_segments && status == IDF_OK; i++)
        chosen[i] = true;
    if (status == IDF_OK && s->state.n_segments > 0)
        status = merge_chosen(s, chosen, &learn, err);
    idf_free(chosen);
    return status;
}

idf_status idf_store_tidy(idf_store *s, idf_pool *pool, idf_error *err) {
    uint64_t n_rows = 0, wordless = 0;
    bool found = false;
    for (size_t i = 0; i < s->state.n_segments; i++) {
        idf_index_part *part;
        idf_status status = idf_store_open_segment(s, i, &part, err);
        if (status != IDF_OK)
            return status;
        found = found || idf_index_part_vocabulary(part) != NULL;
        wordless += idf_index_part_postings(part) == NULL ? s->state.segments[i].n_rows : 0;
        n_rows += s->state.segments[i].n_rows;
        idf_index_part_free(part);
    }
    if (!found || (wordless > WORDLESS_ROWS && (double)wordless > WORDLESS_PART * (double)n_rows))
        return idf_store_compact(s, pool, err);
    return idf_store_merge(s, UINT64_MAX, err);
}
