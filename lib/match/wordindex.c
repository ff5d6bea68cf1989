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
#include "match/wordindex_inside.h"

enum {
    BRANCH_MIN = 4,
    LEAF_TARGET = 96,    /* entries a word is meant to hold */
    ROUNDS = 3,          /* of k-majority */
    SAMPLES_A_NODE = 24, /* descriptors a centre is learnt from */
    AHEAD = 12,          /* descriptors fetched before they are used */
    A_TASK = 4096,       /* entries */
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
    size_t branch = (size_t)x->branch, words = branch * branch;
    return sizeof *x + (branch + 1) * (size_t)x->n_groups * sizeof *x->nodes +
           (words + 1) * sizeof *x->start +
           x->n_entries * (sizeof *x->entries + sizeof *x->signatures);
}

static size_t references_n(const idf_wordindex *x, size_t row) {
    return x->references[row].n > 0 ? (size_t)x->references[row].n : 0;
}

/* What learning centres needs; one for each worker. */
typedef struct learner {
    idf_descriptor *sample;                 /* what centres are learnt from */
    idf_word_group *groups;                 /* of the centres */
    uint64_t (*sums)[IDF_DESCRIPTOR_BYTES]; /* branch: of the descriptors nearest to each centre */
    uint8_t *n_summed;                      /* branch */
    idf_descriptor centres[IDF_WORD_BRANCH_MAX];
} learner;

/* What building needs besides the index. */
typedef struct builder {
    idf_wordindex *x;
    idf_pool *pool;
    size_t per_row;
    idf_descriptor *all;  /* n_entries, row after row */
    uint32_t *word;       /* of each entry */
    uint16_t *feature;    /* of each entry, in its row */
    uint32_t *node_start; /* branch + 1: of each node's entries in `order` */
    uint32_t *order;      /* n_entries */
    learner *learners;
    int n_learners;
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
    for (int i = 0; i < IDF_DESCRIPTOR_BYTES; i++) {
        unsigned more = 0, as_many = 0;
        for (unsigned j = 0; j < 8; j++) {
            unsigned twice = 2 * (unsigned)(sums[i] >> 8 * j & 255);
            more |= (unsigned)(twice > n) << j;
            as_many |= (unsigned)(twice == n) << j;
        }
        centre->bits[i] = (uint8_t)(more | (as_many & centre->bits[i]));
    }
}

/* The number, of `branch` centres, of the nearest. */
static uint32_t nearest_of(const idf_wordindex *x, const idf_word_group *centres,
                           const idf_descriptor *d) {
    uint32_t key;
    x->scan->nearest(centres, x->branch, d, 1, &key);
    return key & 0xffff;
}

/* Moves `branch` centres to the majority of those of the n descriptors of the sample nearest to
 * them (the first 255 of them), ROUNDS times. Centres that nothing is nearest to stay. They begin
 * evenly spaced through the sample. */
static void learn(const idf_wordindex *x, learner *l, size_t n) {
    idf_descriptor *centres = l->centres;
    size_t k = (size_t)x->branch;
    for (size_t c = 0; c < k; c++) {
        if (n > 0)
            centres[c] = l->sample[c * n / k];
        else
            memset(&centres[c], 0, sizeof *centres);
    }
    for (int round = 0; round < ROUNDS && n > k; round++) {
        idf_word_groups_fill(l->groups, centres, x->branch);
        memset(l->sums, 0, k * sizeof *l->sums);
        memset(l->n_summed, 0, k * sizeof *l->n_summed);
        for (size_t i = 0; i < n; i++) {
            uint32_t at = nearest_of(x, l->groups, &l->sample[i]);
            if (l->n_summed[at] == 255)
                continue;
            l->n_summed[at]++;
            add_bits(l->sums[at], &l->sample[i]);
        }
        for (size_t c = 0; c < k; c++)
            if (l->n_summed[c] > 0)
                take_majority(&centres[c], l->sums[c], l->n_summed[c]);
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

/* An even sample of the descriptors named by order[from..to), or of all without an order. */
static size_t take_sample(const builder *b, learner *l, const uint32_t *order, size_t from,
                          size_t to) {
    size_t most = (size_t)b->x->branch * SAMPLES_A_NODE, n = to - from < most ? to - from : most;
    for (size_t i = 0; i < n; i++) {
        size_t at = from + i * (to - from) / n;
        l->sample[i] = b->all[order ? order[at] : at];
    }
    return n;
}

/* Names the node of each of A_TASK entries. */
static void name_nodes(void *context, size_t item, int worker) {
    builder *b = context;
    size_t end = (item + 1) * A_TASK < b->x->n_entries ? (item + 1) * A_TASK : b->x->n_entries;
    (void)worker;
    for (size_t i = item * A_TASK; i < end; i++)
        b->word[i] = nearest_of(b->x, b->x->nodes, &b->all[i]);
}

/* Learns a node's leaves and names the words of its entries. */
static void grow_node(void *context, size_t node, int worker) {
    builder *b = context;
    idf_wordindex *x = b->x;
    learner *l = &b->learners[worker];
    uint32_t from = b->node_start[node], to = b->node_start[node + 1];
    idf_word_group *leaves = x->leaves + node * (size_t)x->n_groups;
    learn(x, l, take_sample(b, l, b->order, from, to));
    idf_word_groups_fill(leaves, l->centres, x->branch);
    for (uint32_t i = from; i < to; i++) { /* they lie anywhere: fetched some time before */
        __builtin_prefetch(&b->all[b->order[i + AHEAD < to ? i + AHEAD : i]]);
        b->word[b->order[i]] =
            (uint32_t)node * (uint32_t)x->branch + nearest_of(x, leaves, &b->all[b->order[i]]);
    }
}

/* Learns both levels and names each entry's word. */
static void grow(builder *b) {
    idf_wordindex *x = b->x;
    learner *l = &b->learners[0];
    learn(x, l, take_sample(b, l, NULL, 0, x->n_entries));
    idf_word_groups_fill(x->nodes, l->centres, x->branch);
    idf_pool_for(b->pool, (x->n_entries + A_TASK - 1) / A_TASK, name_nodes, b);
    sort_by(b->word, x->n_entries, (uint32_t)x->branch, b->node_start, b->order);
    idf_pool_for(b->pool, (size_t)x->branch, grow_node, b);
}

static void file_entries(builder *b) {
    idf_wordindex *x = b->x;
    uint32_t words = (uint32_t)(x->branch * x->branch);
    uint32_t *order = b->order;
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
        __builtin_prefetch(&b->all[order[i + AHEAD < x->n_entries ? i + AHEAD : i]]);
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

/* Whole groups of nodes, unless that is far from what is wanted. */
static int branch_for(size_t n_entries) {
    int branch = (int)lrint(sqrt((double)n_entries / LEAF_TARGET));
    if (branch > IDF_WORD_GROUP)
        branch = (branch + IDF_WORD_GROUP / 2) / IDF_WORD_GROUP * IDF_WORD_GROUP;
    return branch < BRANCH_MIN            ? BRANCH_MIN
           : branch > IDF_WORD_BRANCH_MAX ? IDF_WORD_BRANCH_MAX
                                          : branch;
}

static idf_status allocate_learners(builder *b) {
    size_t branch = (size_t)b->x->branch, most = branch * SAMPLES_A_NODE;
    b->n_learners = idf_pool_threads(b->pool);
    b->learners = idf_alloc_zero((size_t)b->n_learners, sizeof *b->learners);
    for (int i = 0; b->learners && i < b->n_learners; i++) {
        learner *l = &b->learners[i];
        l->sample = idf_alloc(most, sizeof *l->sample);
        l->groups = idf_alloc_aligned((size_t)b->x->n_groups, sizeof *l->groups);
        l->sums = idf_alloc(branch, sizeof *l->sums);
        l->n_summed = idf_alloc(branch, sizeof *l->n_summed);
        if (!l->sample || !l->groups || !l->sums || !l->n_summed)
            return IDF_ERR_NO_MEMORY;
    }
    return b->learners ? IDF_OK : IDF_ERR_NO_MEMORY;
}

static idf_status allocate(builder *b) {
    idf_wordindex *x = b->x;
    size_t branch = (size_t)x->branch, words = branch * branch, n = x->n_entries;
    size_t n_groups = (size_t)x->n_groups;
    x->nodes = idf_alloc_aligned(n_groups, sizeof *x->nodes);
    x->leaves = idf_alloc_aligned(branch * n_groups, sizeof *x->leaves);
    x->start = idf_alloc_zero(words + 1, sizeof *x->start);
    x->entries = idf_alloc(n, sizeof *x->entries);
    x->signatures = idf_alloc(n, sizeof *x->signatures);
    b->all = idf_alloc(n, sizeof *b->all);
    b->word = idf_alloc(n, sizeof *b->word);
    b->feature = idf_alloc(n, sizeof *b->feature);
    b->order = idf_alloc(n, sizeof *b->order);
    b->node_start = idf_alloc(branch + 1, sizeof *b->node_start);
    return x->nodes && x->leaves && x->start && x->entries && x->signatures && b->all && b->word &&
                   b->feature && b->order && b->node_start
               ? allocate_learners(b)
               : IDF_ERR_NO_MEMORY;
}

static void release(builder *b) {
    for (int i = 0; b->learners && i < b->n_learners; i++) {
        idf_free(b->learners[i].sample);
        idf_free(b->learners[i].groups);
        idf_free(b->learners[i].sums);
        idf_free(b->learners[i].n_summed);
    }
    idf_free(b->learners);
    idf_free(b->all);
    idf_free(b->word);
    idf_free(b->feature);
    idf_free(b->order);
    idf_free(b->node_start);
}

idf_status idf_wordindex_new(idf_wordindex **out, const idf_features *references, size_t n_rows,
                             idf_pool *pool, idf_error *err) {
    *out = NULL;
    if (n_rows > IDF_WORDINDEX_ROWS_MAX)
        return idf_error_set(err, IDF_ERR_LIMIT, "%zu references; a word index holds at most %d",
                             n_rows, IDF_WORDINDEX_ROWS_MAX);
    builder b = {.x = idf_alloc_zero(1, sizeof *b.x), .pool = pool};
    idf_status status = IDF_ERR_NO_MEMORY;
    if (b.x) {
        b.x->references = references;
        b.x->n_rows = n_rows;
        b.x->scan = idf_word_scan_choose();
        b.per_row = fit_rows(references, n_rows, &b.x->n_entries);
        b.x->branch = branch_for(b.x->n_entries);
        b.x->n_groups = (b.x->branch + IDF_WORD_GROUP - 1) / IDF_WORD_GROUP;
        status = allocate(&b);
    }
    if (!status) {
        size_t at = 0;
        for (size_t row = 0; row < n_rows; row++)
            for (size_t f = 0; f < references_n(b.x, row) && f < b.per_row; f++)
                b.all[at++] = references[row].descriptors[f];
        if (at > 0) {
            grow(&b);
            file_entries(&b);
        }
        *out = b.x;
    } else {
        idf_wordindex_free(b.x);
        idf_error_set(err, status, "no memory for the word index of %zu references", n_rows);
    }
    release(&b);
    return status;
}
