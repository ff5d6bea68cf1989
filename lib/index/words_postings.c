/* words_postings.c - files the features of rows under words.
 *
 * A feature is filed under one word with a 64-bit signature of its descriptor (Jegou, Douze,
 * Schmid, "Hamming embedding and weak geometric consistency", 2008). What lies under a word is put
 * into the order of numbers read backwards bit by bit (van der Corput 1935): then the beginning of
 * a long list is an even sample of it, and whoever looks a list up may stop anywhere.
 *
 * First each feature gets its word, four bytes; then entries are sorted for a range of words at a
 * time, all of them or as many as there is room for. */
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
    idf_free(p->owned_looks);
    memset(p, 0, sizeof *p);
}

struct idf_filing {
    const idf_vocabulary *v;
    const idf_word_rows *rows;
    size_t quota;
    uint32_t *first; /* n_rows + 1: number of each row's first entry, row after row */
    uint32_t *word;  /* of each entry */
    uint16_t *feature;
    uint32_t *start; /* n_words + 1: of each word's entries */
};

/* The row's features that are filed. */
static uint32_t get_row(const idf_filing *b, size_t row, idf_features *out) {
    b->rows->get(b->rows->context, row, out);
    size_t n = out->n > 0 ? (size_t)out->n : 0;
    n = n < b->quota ? n : b->quota;
    return (uint32_t)(n < IDF_FEATURES_MAX ? n : IDF_FEATURES_MAX);
}

static void relax(const idf_word_rows *rows, size_t row) {
    if (rows->relax && row % IDF_WORD_RELAX == IDF_WORD_RELAX - 1)
        rows->relax(rows->context);
}

static void name_words(void *context, size_t item, int worker) {
    idf_filing *b = context;
    const idf_vocabulary *v = b->v;
    size_t end = (item + 1) * ROWS_A_TASK < b->rows->n ? (item + 1) * ROWS_A_TASK : b->rows->n;
    (void)worker;
    for (size_t row = item * ROWS_A_TASK; row < end; row++) {
        idf_features f;
        uint16_t chosen[IDF_FEATURES_MAX];
        uint32_t n = get_row(b, row, &f), at = b->first[row];
        n = n < b->first[row + 1] - at ? n : b->first[row + 1] - at; /* rows may have changed */
        idf_word_choose(&f, b->quota, chosen);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t word = 0, key;
            for (int level = 0; level < v->n_levels; level++) {
                v->scan->nearest(idf_vocabulary_below(v, level, word), v->branch[level],
                                 &f.descriptors[chosen[i]], 1, &key);
                word = word * (uint32_t)v->branch[level] + (key & 0xffff);
            }
            b->word[at + i] = word;
            b->feature[at + i] = chosen[i];
        }
        relax(b->rows, row);
    }
}

static idf_status no_memory(const idf_filing *b, idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for the words of %zu references",
                         b->rows->n);
}

/* Numbers the entries row after row. */
static idf_status count(idf_filing *b, idf_error *err) {
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
    return IDF_OK;
}

idf_status idf_filing_new(idf_filing **out, const idf_vocabulary *v, const idf_word_rows *rows,
                          size_t quota, idf_pool *pool, idf_error *err) {
    *out = NULL;
    if (rows->n > IDF_WORD_ROWS_MAX)
        return idf_error_set(err, IDF_ERR_LIMIT, "%zu references; words are filed for at most %d",
                             rows->n, IDF_WORD_ROWS_MAX);
    idf_filing *b = idf_alloc_zero(1, sizeof *b);
    if (!b)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for words");
    *b = (idf_filing){.v = v, .rows = rows, .quota = quota};
    idf_status status = count(b, err);
    uint32_t n = status ? 0 : b->first[rows->n];
    b->word = idf_alloc_zero(n, sizeof *b->word);
    b->feature = idf_alloc_zero(n, sizeof *b->feature);
    b->start = idf_alloc_zero((size_t)v->n_words + 1, sizeof *b->start);
    if (!status && (!b->word || !b->feature || !b->start))
        status = no_memory(b, err);
    if (status) {
        idf_filing_free(b);
        return status;
    }
    idf_pool_for(pool, (rows->n + ROWS_A_TASK - 1) / ROWS_A_TASK, name_words, b);
    for (uint32_t i = 0; i < n; i++)
        b->start[b->word[i] + 1]++;
    for (uint32_t w = 0; w < v->n_words; w++)
        b->start[w + 1] += b->start[w];
    *out = b;
    return IDF_OK;
}

void idf_filing_free(idf_filing *b) {
    if (!b)
        return;
    idf_free(b->first);
    idf_free(b->word);
    idf_free(b->feature);
    idf_free(b->start);
    idf_free(b);
}

const uint32_t *idf_filing_start(const idf_filing *b) {
    return b->start;
}

bool idf_filing_has_looks(const idf_filing *b) {
    return idf_word_looks_pay(b->quota);
}

static uint32_t reversed(uint32_t i, int n_bits) {
    uint32_t out = 0;
    for (int k = 0; k < n_bits; k++)
        out |= (i >> k & 1) << (n_bits - 1 - k);
    return out;
}

/* The places of a word's n entries, as they come, in its list. */
static void spread_places(uint32_t *places, uint32_t n) {
    uint32_t at = 0;
    int n_bits = 0;
    while ((uint64_t)1 << n_bits < n)
        n_bits++;
    for (uint32_t i = 0; at < n; i++) {
        uint32_t from = reversed(i, n_bits);
        if (from < n)
            places[from] = at++;
    }
}

static idf_word_look look(const idf_features *f, uint32_t feature) {
    const idf_keypoint *k = &f->keypoints[feature];
    idf_word_look out = {.angle = k->angle, .level = k->level};
    memcpy(out.bits, f->descriptors[feature].bits + sizeof(uint64_t), sizeof out.bits);
    return out;
}

idf_status idf_filing_get(const idf_filing *b, uint32_t from, uint32_t to, const idf_filed *out,
                          idf_error *err) {
    bool looks_at_rows = out->signatures || out->looks;
    const uint32_t *start = b->start;
    uint32_t *next = idf_alloc_zero((size_t)(to - from), sizeof *next);
    uint32_t *places = idf_alloc((size_t)(start[to] - start[from]), sizeof *places);
    if (!next || !places) {
        idf_free(next);
        idf_free(places);
        return no_memory(b, err);
    }
    for (uint32_t w = from; w < to; w++)
        spread_places(places + (start[w] - start[from]), start[w + 1] - start[w]);
    for (size_t row = 0; row < b->rows->n; row++) {
        idf_features f = {0};
        if (looks_at_rows)
            get_row(b, row, &f);
        for (uint32_t i = b->first[row]; i < b->first[row + 1]; i++) {
            uint32_t w = b->word[i], feature = b->feature[i];
            if (w < from || w >= to)
                continue;
            uint32_t list = start[w] - start[from], at = list + places[list + next[w - from]++];
            if (out->entries)
                out->entries[at] = idf_word_entry((uint32_t)row, feature);
            if (out->signatures)
                out->signatures[at] = idf_word_signature(&f.descriptors[feature]);
            if (out->looks)
                out->looks[at] = look(&f, feature);
        }
        if (looks_at_rows)
            relax(b->rows, row);
    }
    idf_free(next);
    idf_free(places);
    return IDF_OK;
}

/* Lists the words that have entries. */
static idf_status list_used(idf_postings *p, const idf_filing *b, idf_error *err) {
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

/* Takes over all that is filed. */
static idf_status take_all(idf_postings *p, idf_filing *b, idf_error *err) {
    size_t n = p->n_entries;
    p->start = p->owned[0] = b->start;
    b->start = NULL;
    p->entries = p->owned[1] = idf_alloc(n, sizeof *p->entries);
    p->signatures = p->owned_signatures = idf_alloc(n, sizeof *p->signatures);
    if (idf_word_looks_pay(b->quota))
        p->looks = p->owned_looks = idf_alloc(n, sizeof *p->looks);
    if (!p->entries || !p->signatures || (idf_word_looks_pay(b->quota) && !p->looks))
        return no_memory(b, err);
    b->start = p->owned[0];
    const idf_filed filed = {p->owned[1], p->owned_signatures, p->owned_looks};
    idf_status status = idf_filing_get(b, 0, p->n_words, &filed, err);
    b->start = NULL;
    return !status && n < p->n_words / FEW ? list_used(p, b, err) : status;
}

idf_status idf_postings_build(idf_postings *out, const idf_vocabulary *v, const idf_word_rows *rows,
                              size_t quota, idf_pool *pool, idf_error *err) {
    idf_filing *b;
    memset(out, 0, sizeof *out);
    idf_status status = idf_filing_new(&b, v, rows, quota, pool, err);
    if (status)
        return status;
    *out = (idf_postings){.vocabulary = v->identity,
                          .n_words = v->n_words,
                          .n_used = v->n_words,
                          .n_rows = (uint32_t)rows->n,
                          .n_entries = b->first[rows->n]};
    status = take_all(out, b, err);
    idf_filing_free(b);
    if (status)
        idf_postings_release(out);
    return status;
}
