/* wordindex.c - puts the inverted file of a collection together: what its index has is used where
 * it lies, the rest is made. */
#include "match/wordindex.h"

#include <string.h>

#include "base/alloc.h"
#include "index/part.h"
#include "match/wordindex_inside.h"

void idf_wordindex_free(idf_wordindex *x) {
    if (!x)
        return;
    for (size_t i = 0; x->own_postings && i < x->n_parts; i++)
        idf_postings_release(&x->own_postings[i]);
    idf_vocabulary_release(&x->own_vocabulary);
    idf_free(x->own_postings);
    idf_free(x->parts);
    idf_free(x->length);
    idf_free(x->state);
    idf_free(x);
}

const idf_features *idf_wordindex_reference(const idf_wordindex *x, size_t row) {
    enum { UNKNOWN, GOOD, DAMAGED };
    static const idf_features none = {1, 1, 0, NULL, NULL};
    if (!x->state)
        return &x->references[row];
    unsigned char state = atomic_load_explicit(&x->state[row], memory_order_relaxed);
    if (state == UNKNOWN) { /* threads that find out at once find the same */
        state = idf_index_features_valid(&x->references[row]) ? GOOD : DAMAGED;
        atomic_store_explicit(&x->state[row], state, memory_order_relaxed);
    }
    return state == GOOD ? &x->references[row] : &none;
}

size_t idf_wordindex_bytes(const idf_wordindex *x) {
    size_t n_words = x->vocabulary->n_words;
    size_t sum = sizeof *x + (x->state ? x->n_rows : 0) + n_words * sizeof *x->length +
                 x->n_parts * (sizeof *x->parts + sizeof *x->own_postings) +
                 (x->own_vocabulary.owned ? x->vocabulary->n_groups * sizeof(idf_word_group) : 0);
    for (size_t i = 0; i < x->n_parts; i++)
        if (x->own_postings[i].owned_signatures)
            sum += (x->own_postings[i].n_used + 1) * sizeof(uint32_t) +
                   x->own_postings[i].n_entries * (sizeof(uint32_t) + sizeof(uint64_t));
    return sum;
}

/* A part's rows; none of what is gone. */
typedef struct part_rows {
    const idf_wordindex *x;
    const idf_word_part *part;
    const idf_word_source *source;
} part_rows;

static void relax(const void *context) {
    const idf_word_source *s = ((const part_rows *)context)->source;
    s->relax(s->relax_context);
}

static void get_part_row(const void *context, size_t row, idf_features *out) {
    const part_rows *rows = context;
    size_t at = rows->part->row ? rows->part->row[row] : rows->part->first + row;
    *out = (idf_features){0};
    if (at < rows->x->n_rows)
        *out = rows->x->references[at];
}

static idf_status make_postings(idf_wordindex *x, const idf_word_source *s, idf_pool *pool,
                                idf_error *err) {
    idf_status status = IDF_OK;
    for (size_t i = 0; !status && i < x->n_parts; i++) {
        idf_word_part *part = &x->parts[i];
        if (part->postings && idf_postings_fit(part->postings, x->vocabulary))
            continue;
        const part_rows context = {x, part, s};
        const idf_word_rows rows = {get_part_row, &context, part->n_rows, s->relax ? relax : NULL};
        status = idf_postings_build(&x->own_postings[i], x->vocabulary, &rows, x->quota, pool, err);
        part->postings = &x->own_postings[i];
    }
    return status;
}

/* How long each word's lists are, of all parts. */
static idf_status measure(idf_wordindex *x, idf_error *err) {
    size_t n_words = x->vocabulary->n_words;
    x->length = idf_alloc_zero(n_words, sizeof *x->length);
    if (!x->length)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for a word index");
    for (size_t i = 0; i < x->n_parts; i++) {
        const idf_postings *p = x->parts[i].postings;
        for (size_t k = 0; k < p->n_used; k++)
            x->length[p->used ? p->used[k] : k] += p->start[k + 1] - p->start[k];
        x->n_entries += p->n_entries;
    }
    for (size_t w = 0; w < n_words; w++)
        x->longest = x->length[w] > x->longest ? x->length[w] : x->longest;
    return IDF_OK;
}

static idf_status fill(idf_wordindex *x, const idf_word_source *s, idf_pool *pool, idf_error *err) {
    const idf_word_part all = {.n_rows = s->n_rows};
    const part_rows context = {x, &all, s};
    const idf_word_rows rows = {get_part_row, &context, s->n_rows, s->relax ? relax : NULL};
    idf_status status = IDF_OK;
    x->references = s->references;
    x->n_rows = s->n_rows;
    x->n_parts = s->parts ? s->n_parts : 1;
    x->parts = idf_alloc(x->n_parts, sizeof *x->parts);
    x->own_postings = idf_alloc_zero(x->n_parts, sizeof *x->own_postings);
    if (s->unchecked)
        x->state = idf_alloc_zero(x->n_rows, sizeof *x->state);
    if (!x->parts || !x->own_postings || (s->unchecked && !x->state))
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for a word index");
    memcpy(x->parts, s->parts ? s->parts : &all, x->n_parts * sizeof *x->parts);
    x->quota = s->quota > 0 ? s->quota : idf_word_quota(&rows);
    x->vocabulary = s->vocabulary;
    if (!x->vocabulary) {
        status = idf_vocabulary_learn(&x->own_vocabulary, &rows, x->quota, pool, err);
        x->vocabulary = &x->own_vocabulary;
    }
    if (!status)
        status = make_postings(x, s, pool, err);
    return status ? status : measure(x, err);
}

idf_status idf_wordindex_new(idf_wordindex **out, const idf_word_source *source, idf_pool *pool,
                             idf_error *err) {
    *out = NULL;
    if (source->n_rows >= IDF_WORD_ROW_GONE ||
        (!source->parts && source->n_rows > IDF_WORD_ROWS_MAX))
        return idf_error_set(err, IDF_ERR_LIMIT, "%zu references; a word index holds at most %d",
                             source->n_rows, IDF_WORD_ROWS_MAX);
    idf_wordindex *x = idf_alloc_zero(1, sizeof *x);
    if (!x)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for a word index");
    idf_status status = fill(x, source, pool, err);
    if (status)
        idf_wordindex_free(x);
    else
        *out = x;
    return status;
}

idf_status idf_wordindex_open(idf_wordindex **out, const idf_index *index,
                              const idf_features *references, idf_pool *pool, idf_error *err) {
    size_t n = idf_index_n_parts(index);
    idf_word_part *parts = idf_alloc_zero(n, sizeof *parts);
    *out = NULL;
    if (!parts)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for a word index");
    for (size_t i = 0; i < n; i++) {
        const idf_index_part *part = idf_index_get_part(index, i);
        parts[i] = (idf_word_part){.postings = idf_index_part_postings(part),
                                   .n_rows = idf_index_part_n_rows(part),
                                   .row = idf_index_rows_of_part(index, i)};
    }
    const idf_word_source source = {.references = references,
                                    .n_rows = idf_index_n_rows(index),
                                    .vocabulary = idf_index_vocabulary(index),
                                    .parts = parts,
                                    .n_parts = n,
                                    .unchecked = true};
    idf_status status = idf_wordindex_new(out, &source, pool, err);
    idf_free(parts);
    return status;
}
