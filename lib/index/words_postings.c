/* words_postings.c - files the features of rows under words.
 *
 * A feature is filed under one word with a 64-bit signature of its descriptor (Jegou, Douze,
 * Schmid, "Hamming embedding and weak geometric consistency", 2008). What lies under a word is put
 * into the order of numbers read backwards bit by bit (van der Corput 1935): then the beginning of
 * a long list is an even sample of it, and whoever looks a list up may stop anywhere. */
#include "index/words.h"

#include "base/alloc.h"

enum {
    ROWS_A_TASK = 16,
    FEW = 4, /* words are listed when there are so many times as many as entries */
};

_Static_assert(IDF_FEATURES_MAX <= 1 << IDF_WORD_FEATURE_BITS, "a feature's number fits");
_Static_assert((uint64_t)IDF_WORD_ROWS_MAX << IDF_WORD_FEATURE_BITS <= (uint64_t)1 << 32,
               "a row's number fits");

void idf_postings_release(idf_postings *p) {
    idf_free(p->owned[0]);
    idf_free(p->owned[1]);
    idf_free(p->owned[2]);
    idf_free(p->owned_signatures);
    memset(p, 0, sizeof *p);
}

typedef struct filing {
    idf_postings *p;
    const idf_vocabulary *v;
    const idf_word_rows *rows;
    size_t quota;
    uint32_t *first; /* n_rows + 1: number of each row's first entry, row after row */
    uint32_t *word;  /* of each entry */
} filing;

/* The row's features that are filed. */
static uint32_t get_row(const filing *b, size_t row, idf_features *out) {
    b->rows->get(b->rows->context, row, out);
    size_t n = out->n > 0 ? (size_t)out->n : 0;
    n = n < b->quota ? n : b->quota;
    return (uint32_t)(n < IDF_FEATURES_MAX ? n : IDF_FEATURES_MAX);
}

static void name_words(void *context, size_t item, int worker) {
    filing *b = context;
    const idf_vocabulary *v = b->v;
    size_t end = (item + 1) * ROWS_A_TASK < b->rows->n ? (item + 1) * ROWS_A_TASK : b->rows->n;
    (void)worker;
    for (size_t row = item * ROWS_A_TASK; row < end; row++) {
        idf_features f;
        uint32_t n = get_row(b, row, &f), at = b->first[row];
        n = n < b->first[row + 1] - at ? n : b->first[row + 1] - at;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t word = 0, key;
            for (int level = 0; level < v->n_levels; level++) {
                v->scan->nearest(idf_vocabulary_below(v, level, word), v->branch[level],
                                 &f.descriptors[i], 1, &key);
                word = word * (uint32_t)v->branch[level] + (key & 0xffff);
            }
            b->word[at + i] = word;
        }
    }
}

/* Lists the entries of each word, by row and feature. */
static void sort_entries(filing *b) {
    uint32_t *start = b->p->owned[0], *entries = b->p->owned[1];
    uint32_t n_words = b->v->n_words;
    memset(start, 0, ((size_t)n_words + 1) * sizeof *start);
    for (uint32_t i = 0; i < b->p->n_entries; i++)
        start[b->word[i] + 1]++;
    for (uint32_t w = 0; w < n_words; w++)
        start[w + 1] += start[w];
    for (uint32_t row = 0; row < b->p->n_rows; row++) {
        idf_features f;
        get_row(b, row, &f);
        for (uint32_t i = b->first[row]; i < b->first[row + 1]; i++) {
            uint32_t at = start[b->word[i]]++;
            entries[at] = idf_word_entry(row, i - b->first[row]);
            b->p->owned_signatures[at] = idf_word_signature(&f.descriptors[i - b->first[row]]);
        }
    }
    for (uint32_t w = n_words; w > 0; w--)
        start[w] = start[w - 1];
    start[0] = 0;
}

static uint32_t reversed(uint32_t i, int n_bits) {
    uint32_t out = 0;
    for (int k = 0; k < n_bits; k++)
        out |= (i >> k & 1) << (n_bits - 1 - k);
    return out;
}

/* Spreads the n entries of a list; the copies have room for them. */
static void spread(uint32_t *entries, uint64_t *signatures, uint32_t n, uint32_t *entries_copy,
                   uint64_t *signatures_copy) {
    uint32_t at = 0;
    int n_bits = 0;
    while ((uint64_t)1 << n_bits < n)
        n_bits++;
    memcpy(entries_copy, entries, n * sizeof *entries);
    memcpy(signatures_copy, signatures, n * sizeof *signatures);
    for (uint32_t i = 0; at < n; i++) {
        uint32_t from = reversed(i, n_bits);
        if (from >= n)
            continue;
        entries[at] = entries_copy[from];
        signatures[at++] = signatures_copy[from];
    }
}

static idf_status no_memory(const filing *b, idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for the words of %zu references",
                         b->rows->n);
}

/* Numbers the entries row after row. */
static idf_status count(filing *b, idf_error *err) {
    uint64_t total = 0;
    b->first = idf_alloc(b->rows->n + 1, sizeof *b->first);
    if (!b->first)
        return no_memory(b, err);
    for (size_t row = 0; row < b->rows->n; row++) {
        idf_features f;
        b->first[row] = (uint32_t)total;
        total += get_row(b, row, &f);
        if (total > UINT32_MAX - 1)
            return idf_error_set(err, IDF_ERR_LIMIT,
                                 "%zu references have more than %u features to file", b->rows->n,
                                 UINT32_MAX - 1);
    }
    b->first[b->rows->n] = (uint32_t)total;
    b->p->n_entries = (uint32_t)total;
    return IDF_OK;
}

static idf_status spread_all(const filing *b, idf_error *err) {
    const uint32_t *start = b->p->start;
    size_t longest = 0;
    for (uint32_t w = 0; w < b->p->n_words; w++)
        longest = start[w + 1] - start[w] > longest ? start[w + 1] - start[w] : longest;
    uint32_t *entries = idf_alloc(longest, sizeof *entries);
    uint64_t *signatures = idf_alloc(longest, sizeof *signatures);
    idf_status status = entries && signatures ? IDF_OK : no_memory(b, err);
    for (uint32_t w = 0; !status && w < b->p->n_words; w++)
        spread(b->p->owned[1] + start[w], b->p->owned_signatures + start[w],
               start[w + 1] - start[w], entries, signatures);
    idf_free(entries);
    idf_free(signatures);
    return status;
}

/* Lists the words that have entries. */
static idf_status list_used(filing *b, idf_error *err) {
    idf_postings *p = b->p;
    uint32_t n = 0, *start = p->owned[0];
    for (uint32_t w = 0; w < p->n_words; w++)
        n += start[w + 1] > start[w];
    uint32_t *used = p->owned[2] = idf_alloc((size_t)n + 1, sizeof *used);
    uint32_t *starts = idf_alloc((size_t)n + 1, sizeof *starts);
    if (!used || !starts) {
        idf_free(starts);
        return no_memory(b, err);
    }
    n = 0;
    for (uint32_t w = 0; w < p->n_words; w++)
        if (start[w + 1] > start[w]) {
            used[n] = w;
            starts[n++] = start[w];
        }
    starts[n] = p->n_entries;
    idf_free(start);
    p->start = p->owned[0] = starts;
    p->used = used;
    p->n_used = n;
    return IDF_OK;
}

bool idf_postings_fit(const idf_postings *p, const idf_vocabulary *v) {
    if (p->vocabulary != v->identity)
        return false;
    if (p->used == NULL)
        return p->n_words == v->n_words;
    return p->n_used == 0 || p->used[p->n_used - 1] < v->n_words;
}

static idf_status file_entries(filing *b, idf_pool *pool, idf_error *err) {
    idf_postings *p = b->p;
    size_t n = p->n_entries;
    p->start = p->owned[0] = idf_alloc((size_t)p->n_words + 1, sizeof *p->start);
    p->entries = p->owned[1] = idf_alloc(n, sizeof *p->entries);
    p->signatures = p->owned_signatures = idf_alloc(n, sizeof *p->signatures);
    b->word = idf_alloc(n, sizeof *b->word);
    if (!p->start || !p->entries || !p->signatures || !b->word)
        return no_memory(b, err);
    idf_pool_for(pool, (b->rows->n + ROWS_A_TASK - 1) / ROWS_A_TASK, name_words, b);
    sort_entries(b);
    idf_status status = spread_all(b, err);
    return !status && n < p->n_words / FEW ? list_used(b, err) : status;
}

idf_status idf_postings_build(idf_postings *out, const idf_vocabulary *v, const idf_word_rows *rows,
                              size_t quota, idf_pool *pool, idf_error *err) {
    memset(out, 0, sizeof *out);
    filing b = {.p = out, .v = v, .rows = rows, .quota = quota};
    if (rows->n > IDF_WORD_ROWS_MAX)
        return idf_error_set(err, IDF_ERR_LIMIT, "%zu references; words are filed for at most %d",
                             rows->n, IDF_WORD_ROWS_MAX);
    out->vocabulary = v->identity;
    out->n_words = out->n_used = v->n_words;
    out->n_rows = (uint32_t)rows->n;
    idf_status status = count(&b, err);
    if (!status)
        status = file_entries(&b, pool, err);
    idf_free(b.first);
    idf_free(b.word);
    if (status)
        idf_postings_release(out);
    return status;
}
