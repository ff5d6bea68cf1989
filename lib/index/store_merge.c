/* store_merge.c - several segments become one, without their deleted rows.
 *
 * All segments are filed under the same words. They are learnt when the folder is built, and anew
 * when the collection has outgrown them: with far too few words lists are long, and only a part of
 * each is looked at.
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
    WORDLESS_ROWS = 512, /* whoever opens them files them in a tenth of a second */
    OUTGROWN = 4,        /* times as many words are called for */
};
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
    for (size_t i = 0; i < n; i++) {
        idf_index_get_row(index, i, &(*rows)[i]);
        if (i % IDF_WORD_RELAX == IDF_WORD_RELAX - 1)
            idf_index_forget(index);
    }
    return IDF_OK;
}

/* Whether the folder has no words, or far too few for so many features of so many rows. */
static idf_status has_outgrown(idf_store *s, uint64_t n_rows, uint64_t n_features, bool *outgrown,
                               idf_error *err) {
    idf_index_words words;
    idf_vocabulary wanted = {0};
    idf_status status = idf_store_get_words(s, &words, err);
    idf_vocabulary_shape(&wanted, idf_word_entries(n_rows, n_features));
    *outgrown = status == IDF_OK &&
                (words.none || wanted.n_words > OUTGROWN * (uint64_t)words.vocabulary->n_words);
    return status;
}

/* Rows of an open index. */
typedef struct open_rows {
    const idf_index *index;
    const idf_index_row *rows;
} open_rows;

static void get_features(const void *from, size_t row, idf_features *out) {
    *out = ((const open_rows *)from)->rows[row].features;
}

static void relax(const void *from) {
    idf_index_forget(((const open_rows *)from)->index);
}

/* Learns words from all rows, unless those that there are will do. */
static idf_status learn(idf_store *s, const open_rows *from, size_t n, idf_pool *pool,
                        idf_error *err) {
    const idf_word_rows all = {get_features, from, n, relax};
    idf_vocabulary learnt;
    uint64_t n_features = 0;
    bool outgrown;
    for (size_t i = 0; i < n; i++)
        n_features += (uint64_t)from->rows[i].features.n;
    idf_status status = has_outgrown(s, n, n_features, &outgrown, err);
    if (status != IDF_OK || !outgrown)
        return status;
    size_t quota = idf_word_quota(&all);
    status = idf_vocabulary_learn(&learnt, &all, quota, pool, err);
    if (status == IDF_OK)
        status = idf_store_set_words(s, &learnt, quota, err);
    idf_vocabulary_release(&learnt);
    return status;
}

static idf_status merge_chosen(idf_store *s, const bool *chosen, bool learning, idf_pool *pool,
                               idf_error *err) {
    size_t n_segments = s->state.n_segments;
    idf_index *index = NULL;
    idf_index_row *rows = NULL;
    idf_status status = open_chosen(s, chosen, &index, err);
    size_t n = status == IDF_OK ? idf_index_n_rows(index) : 0;
    if (n > 0)
        status = read_rows(index, &rows, err);
    if (status == IDF_OK && n > 0 && learning)
        status = learn(s, &(const open_rows){index, rows}, n, pool, err);
    if (status == IDF_OK && n > 0)
        status = idf_store_add_from(s, index, rows, n, pool, err);
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

idf_status idf_store_merge(idf_store *s, uint64_t max_bytes, idf_error *err) {
    bool *chosen = idf_alloc_zero(s->state.n_segments + 1, sizeof *chosen);
    idf_status status = chosen == NULL ? no_memory(err) : IDF_OK;
    while (status == IDF_OK && choose_level(s, max_bytes, chosen))
        status = merge_chosen(s, chosen, false, NULL, err);
    idf_free(chosen);
    return status;
}

idf_status idf_store_compact(idf_store *s, idf_pool *pool, idf_error *err) {
    bool *chosen = idf_alloc(s->state.n_segments + 1, sizeof *chosen);
    idf_status status = chosen == NULL ? no_memory(err) : IDF_OK;
    for (size_t i = 0; i < s->state.n_segments && status == IDF_OK; i++)
        chosen[i] = true;
    if (status == IDF_OK && s->state.n_segments > 0)
        status = merge_chosen(s, chosen, true, pool, err);
    idf_free(chosen);
    return status;
}

/* Counts rows and features, and rows that whoever opens the folder has to file. */
static idf_status count(idf_store *s, uint64_t *n_rows, uint64_t *n_features, uint64_t *n_unfiled,
                        idf_error *err) {
    idf_index_words words;
    idf_status status = idf_store_get_words(s, &words, err);
    *n_rows = *n_features = *n_unfiled = 0;
    for (size_t i = 0; i < s->state.n_segments && status == IDF_OK; i++) {
        idf_index_part *part;
        status = idf_store_open_segment(s, i, &part, err);
        if (status != IDF_OK)
            break;
        const idf_postings *filed = idf_index_part_postings(part);
        *n_rows += part->n_rows;
        *n_features += part->keypoints.found ? part->keypoints.npy.shape[0] : 0;
        if (filed == NULL || words.none || !idf_postings_fit(filed, words.vocabulary))
            *n_unfiled += part->n_rows;
        idf_index_part_free(part);
    }
    return status;
}

idf_status idf_store_tidy(idf_store *s, idf_pool *pool, idf_error *err) {
    uint64_t n_rows, n_features, n_unfiled;
    bool outgrown = false;
    idf_status status = count(s, &n_rows, &n_features, &n_unfiled, err);
    if (status == IDF_OK)
        status = has_outgrown(s, n_rows, n_features, &outgrown, err);
    if (status != IDF_OK)
        return status;
    return outgrown || n_unfiled > WORDLESS_ROWS ? idf_store_compact(s, pool, err)
                                                 : idf_store_merge(s, UINT64_MAX, err);
}
