/* wordindex.c - builds an inverted file over binary words when an index is opened.
 *
 * Words are the leaves of a tree of two levels whose nodes are bitwise majorities of the
 * descriptors below them (k-majority: Grana, Borghesani, Manfredi, Cucchiara 2013; trees over
 * binary features: Muja and Lowe, "Fast matching of binary features", 2012). A reference feature is
 * filed under one word with a 64-bit signature of its descriptor (Jegou, Douze, Schmid, "Hamming
 * embedding and weak geometric consistency", 2008). */
#include "match/wordindex.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "kernel/hamming.h"
#include "match/wordindex_inside.h"

enum {
    BRANCH_MIN = 4,
    LEAF_TARGET = 96,    /* entries a word is meant to hold */
    ROUNDS = 3,          /* of k-majority */
    SAMPLES_A_NODE = 48, /* descriptors a centre is learnt from */
};

void idf_wordindex_free(idf_wordindex *index) {
    if (!index)
        return;
    idf_free(index->nodes);
    idf_free(index->leaves);
    idf_free(index->start);
    idf_free(index->entries);
    idf_free(index->signatures);
    idf_free(index);
}

size_t idf_wordindex_bytes(const idf_wordindex *x) {
    size_t words = (size_t)x->branch * (size_t)x->branch;
    return sizeof *x + (words + (size_t)x->branch) * sizeof(idf_descriptor) +
           (words + 1) * sizeof *x->start +
           x->n_entries * (sizeof *x->entries + sizeof *x->signatures);
}

static size_t references_n(const idf_wordindex *x, size_t row) {
    return x->references[row].n > 0 ? (size_t)x->references[row].n : 0;
}

/* What building needs besides the index. */
typedef struct builder {
    idf_wordindex *x;
    size_t per_row;
    idf_descriptor *all;                    /* n_entries, row after row */
    idf_descriptor *sample;                 /* what centres are learnt from */
    idf_hamming_best *nearest;              /* n_entries */
    uint32_t *word;                         /* of each entry */
    uint16_t *feature;                      /* of each entry, in its row */
    uint64_t (*sums)[IDF_DESCRIPTOR_BYTES]; /* branch: of the descriptors nearest to each centre */
    uint8_t *n_summed;                      /* branch */
} builder;

/* Adds each of the 256 bits to its own byte: bit 8 i + j of the descriptor goes to byte j of
 * sums[i]. Good for 255 descriptors, then a byte is full. */
static void add_bits(uint64_t sums[IDF_DESCRIPTOR_BYTES], const idf_descriptor *d) {
    for (int i = 0; i < IDF_DESCRIPTOR_BYTES; i++) {
        uint64_t spread = d->bits[i] * UINT64_C(0x0101010101010101) & UINT64_C(0x8040201008040201);
        sums[i] += ((spread + UINT64_C(0x7f7f7f7f7f7f7f7f)) >> 7) & UINT64_C(0x0101010101010101);
    }
}

/* Sets the bits that more than half of the n descriptors have, clears those that fewer have, and
 * leaves the others. */
static void take_majority(idf_descriptor *centre, const uint64_t sums[IDF_DESCRIPTOR_BYTES],
                          unsigned n) {
    for (int bit = 0; bit < 256; bit++) {
        unsigned twice = 2 * (unsigned)(sums[bit >> 3] >> 8 * (bit & 7) & 255);
        uint8_t one = (uint8_t)(1 << (bit & 7));
        if (twice > n)
            centre->bits[bit >> 3] |= one;
        else if (twice < n)
            centre->bits[bit >> 3] &= (uint8_t)~one;
    }
}

/* Moves `k` centres to the majority of the n descriptors nearest to them (the first 255 of them),
 * ROUNDS times. Centres that nothing is nearest to stay. They begin evenly spaced through the
 * sample. */
static void learn(builder *b, const idf_descriptor *sample, size_t n, idf_descriptor *centres,
                  int k) {
    for (int c = 0; c < k; c++) {
        if (n > 0)
            centres[c] = sample[(size_t)c * n / (size_t)k];
        else
            memset(&centres[c], 0, sizeof *centres);
    }
    for (int round = 0; round < ROUNDS && n > (size_t)k; round++) {
        idf_hamming_match2(sample[0].bits, n, centres[0].bits, (size_t)k, b->nearest);
        memset(b->sums, 0, (size_t)k * sizeof *b->sums);
        memset(b->n_summed, 0, (size_t)k * sizeof *b->n_summed);
        for (size_t i = 0; i < n; i++) {
            uint32_t at = b->nearest[i].index;
            if (b->n_summed[at] == 255)
                continue;
            b->n_summed[at]++;
            add_bits(b->sums[at], &sample[i]);
        }
        for (int c = 0; c < k; c++)
            if (b->n_summed[c] > 0)
                take_majority(&centres[c], b->sums[c], b->n_summed[c]);
    }
}

/* Stable counting sort of entry numbers by key; `start` (n_keys + 1) and `order` are filled. */
static void sort_by(const uint32_t *key, size_t n, uint32_t n_keys, uint32_t *start,
                    uint32_t *order) {
    memset(start, 0, ((size_t)n_keys + 1) * sizeof *start);
    for (size_t i = 0; i < n; i++)
        start[key[i] + 1]++;
    for (uint32_t k = 0; k < n_keys; k++)
        start[k + 1] += start[k];
    for (size_t i = 0; i < n; i++)
        order[start[key[i]]++] = (uint32_t)i;
    for (uint32_t k = n_keys; k > 0; k--)
        start[k] = start[k - 1];
    start[0] = 0;
}

/* An even sample of the descriptors named by order[from..to). */
static size_t take_sample(builder *b, const uint32_t *order, size_t from, size_t to) {
    size_t most = (size_t)b->x->branch * SAMPLES_A_NODE, n = to - from < most ? to - from : most;
    for (size_t i = 0; i < n; i++)
        b->sample[i] =
            b->all[order ? order[from + i * (to - from) / n] : from + i * (to - from) / n];
    return n;
}

/* Learns both levels and names each entry's word. */
static void grow(builder *b, uint32_t *node_start, uint32_t *order) {
    idf_wordindex *x = b->x;
    uint32_t most = (uint32_t)(x->branch * SAMPLES_A_NODE);
    size_t n = take_sample(b, NULL, 0, x->n_entries);
    learn(b, b->sample, n, x->nodes, x->branch);
    idf_hamming_match2(b->all[0].bits, x->n_entries, x->nodes[0].bits, (size_t)x->branch,
                       b->nearest);
    for (size_t i = 0; i < x->n_entries; i++)
        b->word[i] = b->nearest[i].index;
    sort_by(b->word, x->n_entries, (uint32_t)x->branch, node_start, order);
    for (int node = 0; node < x->branch; node++) {
        uint32_t from = node_start[node], to = node_start[node + 1];
        idf_descriptor *leaves = x->leaves + (size_t)node * (size_t)x->branch;
        n = take_sample(b, order, from, to);
        learn(b, b->sample, n, leaves, x->branch);
        for (uint32_t i = from, m; i < to; i += m) { /* as many at once as `sample` has room for */
            m = to - i < most ? to - i : most;
            for (uint32_t k = 0; k < m; k++)
                b->sample[k] = b->all[order[i + k]];
            idf_hamming_match2(b->sample[0].bits, m, leaves[0].bits, (size_t)x->branch, b->nearest);
            for (uint32_t k = 0; k < m; k++)
                b->word[order[i + k]] = (uint32_t)(node * x->branch) + b->nearest[k].index;
        }
    }
}

static void file_entries(builder *b, uint32_t *order) {
    idf_wordindex *x = b->x;
    uint32_t words = (uint32_t)(x->branch * x->branch);
    sort_by(b->word, x->n_entries, words, x->start, order);
    /* entry i is a feature of the row that its place in `all` falls into: count along */
    size_t at = 0;
    uint32_t *row_of = b->word; /* no longer needed as words */
    for (size_t row = 0; row < x->n_rows; row++) {
        for (size_t f = 0; references_n(x, row) > f && f < b->per_row; f++) {
            b->feature[at] = (uint16_t)f;
            row_of[at++] = (uint32_t)row;
        }
    }
    for (size_t i = 0; i < x->n_entries; i++) {
        uint32_t e = order[i];
        x->entries[i] = (idf_word_entry){row_of[e], b->feature[e]};
        x->signatures[i] = idf_word_signature(&b->all[e]);
    }
    for (uint32_t w = 0; w < words; w++) {
        int n = (int)(x->start[w + 1] - x->start[w]);
        x->longest = n > x->longest ? n : x->longest;
    }
}

/* How many features a row may keep so that all fit. */
static size_t fit_rows(const idf_features *references, size_t n_rows, size_t *n_entries) {
    size_t per_row = IDF_FEATURES_MAX;
    for (;;) {
        size_t total = 0;
        for (size_t i = 0; i < n_rows; i++) {
            size_t n = references[i].n > 0 ? (size_t)references[i].n : 0;
            total += n < per_row ? n : per_row;
        }
        if (total <= IDF_WORDINDEX_ENTRIES_MAX || per_row <= 1) {
            *n_entries = total;
            return per_row;
        }
        per_row = per_row * 7 / 8;
    }
}

static int branch_for(size_t n_entries) {
    int branch = (int)lrint(sqrt((double)n_entries / LEAF_TARGET));
    return branch < BRANCH_MIN            ? BRANCH_MIN
           : branch > IDF_WORD_BRANCH_MAX ? IDF_WORD_BRANCH_MAX
                                          : branch;
}

static idf_status allocate(builder *b) {
    idf_wordindex *x = b->x;
    size_t branch = (size_t)x->branch, words = branch * branch, n = x->n_entries;
    x->nodes = idf_alloc(branch, sizeof *x->nodes);
    x->leaves = idf_alloc(words, sizeof *x->leaves);
    x->start = idf_alloc_zero(words + 1, sizeof *x->start);
    x->entries = idf_alloc(n, sizeof *x->entries);
    x->signatures = idf_alloc(n, sizeof *x->signatures);
    b->all = idf_alloc(n, sizeof *b->all);
    b->sample = idf_alloc(branch * SAMPLES_A_NODE, sizeof *b->sample);
    b->nearest =
        idf_alloc(n > branch * SAMPLES_A_NODE ? n : branch * SAMPLES_A_NODE, sizeof *b->nearest);
    b->word = idf_alloc(n, sizeof *b->word);
    b->feature = idf_alloc(n, sizeof *b->feature);
    b->sums = idf_alloc(branch, sizeof *b->sums);
    b->n_summed = idf_alloc(branch, sizeof *b->n_summed);
    return x->nodes && x->leaves && x->start && x->entries && x->signatures && b->all &&
                   b->sample && b->nearest && b->word && b->feature && b->sums && b->n_summed
               ? IDF_OK
               : IDF_ERR_NO_MEMORY;
}

idf_status idf_wordindex_new(idf_wordindex **out, const idf_features *references, size_t n_rows,
                             idf_error *err) {
    builder b = {0};
    uint32_t *order = NULL, *node_start = NULL;
    idf_status status = IDF_ERR_NO_MEMORY;
    *out = NULL;
    if (n_rows > IDF_WORDINDEX_ROWS_MAX)
        return idf_error_set(err, IDF_ERR_LIMIT, "%zu references; a word index holds at most %d",
                             n_rows, IDF_WORDINDEX_ROWS_MAX);
    b.x = idf_alloc_zero(1, sizeof *b.x);
    if (!b.x)
        goto done;
    b.x->references = references;
    b.x->n_rows = n_rows;
    b.x->scan = idf_word_scan_choose();
    b.per_row = fit_rows(references, n_rows, &b.x->n_entries);
    b.x->branch = branch_for(b.x->n_entries);
    order = idf_alloc(b.x->n_entries, sizeof *order);
    node_start = idf_alloc((size_t)b.x->branch + 1, sizeof *node_start);
    if (allocate(&b) || !order || !node_start)
        goto done;
    size_t at = 0;
    for (size_t row = 0; row < n_rows; row++)
        for (size_t f = 0; f < references_n(b.x, row) && f < b.per_row; f++)
            b.all[at++] = references[row].descriptors[f];
    if (at > 0) {
        grow(&b, node_start, order);
        file_entries(&b, order);
    }
    status = IDF_OK;
done:
    if (status)
        idf_error_set(err, status, "no memory for the word index of %zu references", n_rows);
    idf_free(order);
    idf_free(node_start);
    idf_free(b.all);
    idf_free(b.sample);
    idf_free(b.nearest);
    idf_free(b.word);
    idf_free(b.feature);
    idf_free(b.sums);
    idf_free(b.n_summed);
    if (status)
        idf_wordindex_free(b.x);
    else
        *out = b.x;
    return status;
}
