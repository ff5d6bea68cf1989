/* wordindex.c - an inverted file over binary words, built when an index is opened.
 *
 * Words are the leaves of a tree of two levels whose nodes are bitwise majorities of the
 * descriptors below them (k-majority: Grana, Borghesani, Manfredi, Cucchiara 2013; trees over
 * binary features: Muja and Lowe, "Fast matching of binary features", 2012). A reference feature is
 * filed under one word with a 64-bit signature of its descriptor (Jegou, Douze, Schmid, "Hamming
 * embedding and weak geometric consistency", 2008); a frame feature looks into the few words
 * nearest to it. Signatures weed out nearly all; what is left is compared in full. Matches vote by
 * the turn they imply. */
#include "match/wordindex.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "kernel/hamming.h"
#include "match/wordscan.h"

enum {
    BRANCH_MIN = 4,
    BRANCH_MAX = 128,
    LEAF_TARGET = 96,     /* entries a word is meant to hold */
    ROUNDS = 3,           /* of k-majority */
    SAMPLES_A_NODE = 48,  /* descriptors a centre is learnt from */
    PROBE_NODES = 4,      /* branches that a frame feature descends into */
    PROBE_LEAVES = 10,    /* words it looks into, of all those branches */
    SIGNATURE_BITS = 12,  /* of 64 that may differ */
    FOUND_MAX = 1 << 17,  /* matches of one frame */
    SECOND_DISTANCE = 96, /* bits; what differs more cannot fail a ratio test */
    TURN_BINS = 16,
    CANDIDATES_MAX = 256, /* rows ranked */
};

typedef struct entry {
    uint32_t row;
    uint16_t feature;
} entry;

struct idf_wordindex {
    const idf_features *references;
    size_t n_rows;
    int branch;             /* nodes on the first level, and below each */
    idf_descriptor *nodes;  /* branch */
    idf_descriptor *leaves; /* branch * branch */
    uint32_t *start;        /* branch * branch + 1: of each word's entries */
    entry *entries;
    uint64_t *signatures;
    size_t n_entries;
    int longest; /* word */
    const idf_word_scan *scan;
};

typedef struct found {
    uint32_t row;
    idf_match match;
} found;

/* The two nearest features of a row; of frame feature `of` - 1. */
typedef struct row_best {
    uint32_t of;
    uint16_t feature, best, second;
} row_best;

struct idf_word_query {
    const idf_wordindex *index;
    const idf_features *frame;
    found *found; /* FOUND_MAX, in the order of frame features */
    int n_found;
    float *weight;     /* of each frame feature's matches */
    idf_match *sorted; /* by row, then, where in_order, distance */
    uint8_t *in_order; /* n_rows */
    uint32_t *start;   /* n_rows + 1 */
    uint32_t *near;    /* what a scan passes */
    row_best *rows;    /* n_rows: the nearest features of each row to the frame feature in hand */
    uint32_t *met;     /* rows met by it */
    uint32_t *order;   /* rows, the best supported first */
    float *support;    /* of each row */
    int n_candidates;
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

static uint64_t signature_of(const idf_descriptor *d) {
    uint64_t v[4];
    memcpy(v, d->bits, sizeof v);
    return v[0];
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
        for (uint32_t i = from; i < to; i++) {
            idf_hamming_best best;
            idf_hamming_match2(b->all[order[i]].bits, 1, leaves[0].bits, (size_t)x->branch, &best);
            b->word[order[i]] = (uint32_t)(node * x->branch) + best.index;
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
        x->entries[i] = (entry){row_of[e], b->feature[e]};
        x->signatures[i] = signature_of(&b->all[e]);
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
    return branch < BRANCH_MIN ? BRANCH_MIN : branch > BRANCH_MAX ? BRANCH_MAX : branch;
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

void idf_word_query_free(idf_word_query *q) {
    if (!q)
        return;
    idf_free(q->found);
    idf_free(q->weight);
    idf_free(q->sorted);
    idf_free(q->in_order);
    idf_free(q->start);
    idf_free(q->near);
    idf_free(q->rows);
    idf_free(q->met);
    idf_free(q->order);
    idf_free(q->support);
    idf_free(q);
}

idf_status idf_word_query_new(idf_word_query **out, const idf_wordindex *index, idf_error *err) {
    idf_word_query *q = idf_alloc_zero(1, sizeof *q);
    *out = NULL;
    if (q) {
        q->index = index;
        q->found = idf_alloc(FOUND_MAX, sizeof *q->found);
        q->weight = idf_alloc(IDF_FEATURES_MAX, sizeof *q->weight);
        q->sorted = idf_alloc(FOUND_MAX, sizeof *q->sorted);
        q->in_order = idf_alloc(index->n_rows + 1, 1);
        q->start = idf_alloc_zero(index->n_rows + 2, sizeof *q->start);
        q->rows = idf_alloc_zero(index->n_rows + 1, sizeof *q->rows);
        q->met = idf_alloc(index->n_rows + 1, sizeof *q->met);
        q->near = idf_alloc((size_t)index->longest + 8, sizeof *q->near);
        q->order = idf_alloc(CANDIDATES_MAX, sizeof *q->order);
        q->support = idf_alloc(index->n_rows + 1, sizeof *q->support);
    }
    if (!q || !q->found || !q->weight || !q->sorted || !q->in_order || !q->start || !q->near ||
        !q->rows || !q->met || !q->order || !q->support) {
        idf_word_query_free(q);
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for looking features up");
    }
    *out = q;
    return IDF_OK;
}

/* Puts a key into its place among the n smallest so far, at most `max`; returns their number. */
static int insert(unsigned *keys, int n, int max, unsigned key) {
    if (n == max && key >= keys[n - 1])
        return n;
    int at = n < max ? n++ : n - 1;
    for (; at > 0 && keys[at - 1] > key; at--)
        keys[at] = keys[at - 1];
    keys[at] = key;
    return n;
}

/* The PROBE_LEAVES words nearest to d below its PROBE_NODES nearest nodes. */
static int nearest_words(const idf_wordindex *x, const idf_descriptor *d, uint32_t *words) {
    unsigned node_key[PROBE_NODES], leaf_key[PROBE_LEAVES]; /* distance, then number */
    uint16_t distance[BRANCH_MAX];
    int n_nodes = 0, n_leaves = 0;
    x->scan->distances(x->nodes, x->branch, d, distance);
    for (int i = 0; i < x->branch; i++)
        n_nodes = insert(node_key, n_nodes, PROBE_NODES, (unsigned)distance[i] << 16 | (unsigned)i);
    for (int k = 0; k < n_nodes; k++) {
        unsigned first = (node_key[k] & 0xffff) * (unsigned)x->branch;
        x->scan->distances(x->leaves + first, x->branch, d, distance);
        for (int i = 0; i < x->branch; i++) {
            unsigned word = first + (unsigned)i;
            if (x->start[word] != x->start[word + 1])
                n_leaves =
                    insert(leaf_key, n_leaves, PROBE_LEAVES, (unsigned)distance[i] << 16 | word);
        }
    }
    for (int k = 0; k < n_leaves; k++)
        words[k] = leaf_key[k] & 0xffff;
    return n_leaves;
}

/* Notes that a reference feature differs from frame feature i in `distance` bits. */
static int note(idf_word_query *q, int i, entry e, unsigned distance, int n_met) {
    row_best *row = &q->rows[e.row];
    if (row->of != (uint32_t)i + 1) {
        *row = (row_best){(uint32_t)i + 1, e.feature, (uint16_t)distance, IDF_HAMMING_NONE};
        q->met[n_met++] = e.row;
    } else if (distance < row->best) {
        row->second = row->best;
        row->best = (uint16_t)distance;
        row->feature = e.feature;
    } else if (distance < row->second) {
        row->second = (uint16_t)distance;
    }
    return n_met;
}

static inline void fetch_descriptor(const idf_wordindex *x, uint32_t at) {
    entry e = x->entries[at];
    __builtin_prefetch(&x->references[e.row].descriptors[e.feature]);
}

/* All reference features that look like frame feature i, one a row: the nearest, when it passes the
 * ratio test against the others of its row. */
static void look_up(idf_word_query *q, int i) {
    const idf_wordindex *x = q->index;
    const idf_descriptor *d = &q->frame->descriptors[i];
    uint32_t words[PROBE_LEAVES];
    int n_met = 0, first = q->n_found, n_words = nearest_words(x, d, words);
    for (int w = 0; w < n_words; w++) {
        uint32_t from = x->start[words[w]];
        int passed = x->scan->near(x->signatures + from, (int)(x->start[words[w] + 1] - from),
                                   signature_of(d), SIGNATURE_BITS, q->near);
        for (int k = 0; k < passed; k++) /* they lie anywhere: fetch all before the first is used */
            fetch_descriptor(x, from + q->near[k]);
        for (int k = 0; k < passed; k++) {
            entry e = x->entries[from + q->near[k]];
            unsigned distance = x->scan->distance(&x->references[e.row].descriptors[e.feature], d);
            if (distance <= SECOND_DISTANCE)
                n_met = note(q, i, e, distance, n_met);
        }
    }
    for (int k = 0; k < n_met && q->n_found < FOUND_MAX; k++) {
        const row_best *row = &q->rows[q->met[k]];
        if (row->best <= IDF_MATCH_DISTANCE && row->best < IDF_MATCH_RATIO * row->second)
            q->found[q->n_found++] = (found){q->met[k], {row->feature, (uint16_t)i, row->best}};
    }
    int rows = q->n_found - first;
    q->weight[i] = rows > 0 ? 1 / sqrtf((float)rows) : 0;
}

static int by_distance(const void *a, const void *b) {
    const idf_match *p = a, *q = b;
    if (p->distance != q->distance)
        return p->distance < q->distance ? -1 : 1;
    if (p->frame != q->frame)
        return p->frame < q->frame ? -1 : 1;
    return (p->reference > q->reference) - (p->reference < q->reference);
}

/* Weight of the matches of one row that agree on a turn to within a sixteenth. */
static float count_support(const idf_word_query *q, size_t row) {
    const idf_features *r = &q->index->references[row];
    float bins[TURN_BINS] = {0}, best = 0;
    for (uint32_t k = q->start[row]; k < q->start[row + 1]; k++) {
        const idf_match *m = &q->sorted[k];
        uint8_t turn =
            (uint8_t)(q->frame->keypoints[m->frame].angle - r->keypoints[m->reference].angle);
        bins[turn * TURN_BINS / 256] += q->weight[m->frame];
    }
    for (int i = 0; i < TURN_BINS; i++)
        best = fmaxf(best, bins[i] + bins[(i + 1) % TURN_BINS]);
    return best;
}

static void sort_matches(idf_word_query *q) {
    size_t n_rows = q->index->n_rows;
    memset(q->start, 0, (n_rows + 2) * sizeof *q->start);
    for (int k = 0; k < q->n_found; k++)
        q->start[q->found[k].row + 2]++;
    for (size_t row = 0; row < n_rows; row++)
        q->start[row + 2] += q->start[row + 1];
    for (int k = 0; k < q->n_found; k++)
        q->sorted[q->start[q->found[k].row + 1]++] = q->found[k].match;
}

int idf_word_query_run(idf_word_query *q, const idf_features *frame, int least) {
    size_t n_rows = q->index->n_rows;
    q->frame = frame;
    q->n_found = q->n_candidates = 0;
    memset(q->rows, 0, n_rows * sizeof *q->rows);
    memset(q->in_order, 0, n_rows);
    if (q->index->n_entries > 0)
        for (int i = 0; i < frame->n && i < IDF_FEATURES_MAX; i++)
            look_up(q, i);
    sort_matches(q);
    for (size_t row = 0; row < n_rows; row++) {
        uint32_t n = q->start[row + 1] - q->start[row];
        if (n < (uint32_t)(least > 1 ? least : 1))
            continue;
        q->support[row] = count_support(q, row);
        int at = q->n_candidates < CANDIDATES_MAX ? q->n_candidates++ : CANDIDATES_MAX;
        for (; at > 0 && q->support[q->order[at - 1]] < q->support[row]; at--)
            if (at < CANDIDATES_MAX)
                q->order[at] = q->order[at - 1];
        if (at < CANDIDATES_MAX)
            q->order[at] = (uint32_t)row;
    }
    return q->n_candidates;
}

void idf_word_query_get_row(idf_word_query *q, size_t row, idf_candidate *out) {
    *out = (idf_candidate){.row = row};
    if (row >= q->index->n_rows)
        return;
    out->n_matches = (int)(q->start[row + 1] - q->start[row]);
    out->matches = q->sorted + q->start[row];
    if (!q->in_order[row] && out->n_matches > 1)
        qsort(q->sorted + q->start[row], (size_t)out->n_matches, sizeof *q->sorted, by_distance);
    q->in_order[row] = 1;
    out->support = out->n_matches > 0 ? count_support(q, row) : 0;
}

void idf_word_query_get(idf_word_query *q, int k, idf_candidate *out) {
    idf_word_query_get_row(q, q->order[k], out);
}
