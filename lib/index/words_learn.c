/* words_learn.c - learns the words of a collection.
 *
 * Words are the leaves of a tree whose nodes are bitwise majorities of the descriptors below them
 * (k-majority: Grana, Borghesani, Manfredi, Cucchiara 2013; trees over binary features: Muja and
 * Lowe, "Fast matching of binary features", 2012). A level is learnt at a time, from a sample of
 * the collection that is sorted by the nodes of the level before. */
#include "index/words.h"

#include <math.h>

#include "base/alloc.h"

enum {
    BRANCH_MIN = 4,
    FEW_A_WORD = 96,       /* entries a word is meant to hold while words are few */
    FEW_WORDS = 1 << 14,   /* these */
    MANY_A_WORD = 384,     /* entries it is meant to hold when that makes more words */
    TWO_LEVELS = 3 << 15,  /* words, at most, of a tree of two levels */
    ROUNDS = 3,            /* of k-majority */
    SAMPLES_A_NODE = 24,   /* descriptors a centre is learnt from */
    SAMPLES_MAX = 1 << 21, /* of a collection */
    A_TASK = 4096,         /* samples */
    MOST_A_SUM = 255,      /* descriptors */
};

size_t idf_word_quota(const idf_word_rows *rows) {
    size_t quota = IDF_FEATURES_MAX;
    uint64_t n_with[IDF_FEATURES_MAX + 1] = {0}; /* rows with so many features */
    for (size_t row = 0; row < rows->n; row++) {
        idf_features f;
        rows->get(rows->context, row, &f);
        size_t n = f.n > 0 ? (size_t)f.n : 0;
        n_with[n < IDF_FEATURES_MAX ? n : IDF_FEATURES_MAX]++;
    }
    for (;;) {
        uint64_t total = 0;
        for (size_t n = 0; n <= IDF_FEATURES_MAX; n++)
            total += n_with[n] * (n < quota ? n : quota);
        if (total <= IDF_WORD_ENTRIES_EASY || quota <= IDF_WORD_QUOTA_MIN)
            return quota;
        quota = quota * 7 / 8;
        quota = quota > IDF_WORD_QUOTA_MIN ? quota : IDF_WORD_QUOTA_MIN;
    }
}

double idf_word_entries(uint64_t n_rows, uint64_t n_features) {
    double most = fmax(IDF_WORD_ENTRIES_EASY, (double)IDF_WORD_QUOTA_MIN * (double)n_rows);
    return fmin((double)n_features, most);
}

/* Whole groups of nodes, unless that is far from what is wanted. */
static int round_branch(double wanted) {
    int branch = (int)lrint(wanted);
    if (branch > IDF_WORD_GROUP)
        branch = (branch + IDF_WORD_GROUP / 2) / IDF_WORD_GROUP * IDF_WORD_GROUP;
    return branch < BRANCH_MIN            ? BRANCH_MIN
           : branch > IDF_WORD_BRANCH_MAX ? IDF_WORD_BRANCH_MAX
                                          : branch;
}

void idf_vocabulary_shape(idf_vocabulary *v, double n_entries) {
    double words = fmin(n_entries / FEW_A_WORD, FEW_WORDS);
    words = fmin(fmax(words, n_entries / MANY_A_WORD), IDF_WORDS_MAX / 2);
    v->n_levels = words > TWO_LEVELS ? 3 : 2;
    for (int i = 0; i < v->n_levels; i++)
        v->branch[i] = round_branch(v->n_levels == 3 ? cbrt(words) : sqrt(words));
    idf_vocabulary_lay_out(v);
}

bool idf_vocabulary_lay_out(idf_vocabulary *v) {
    size_t nodes = 1;
    v->n_groups = 0;
    if (v->n_levels < 1 || v->n_levels > IDF_WORD_LEVELS_MAX)
        return false;
    for (int i = 0; i < v->n_levels; i++) {
        if (v->branch[i] < 1 || v->branch[i] > IDF_WORD_BRANCH_MAX)
            return false;
        v->first_group[i] = v->n_groups;
        v->n_groups += nodes * (((size_t)v->branch[i] + IDF_WORD_GROUP - 1) / IDF_WORD_GROUP);
        nodes *= (size_t)v->branch[i];
        if (nodes > IDF_WORDS_MAX)
            return false;
    }
    v->n_words = (uint32_t)nodes;
    v->scan = idf_word_scan_choose();
    return true;
}

/* FNV's scheme on words of 64 bits, with the upper half mixed in (Fowler, Noll and Vo). */
uint64_t idf_vocabulary_hash(const idf_vocabulary *v) {
    const uint64_t prime = UINT64_C(0x100000001b3);
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (int i = 0; i < v->n_levels; i++)
        h = (h ^ (uint64_t)v->branch[i]) * prime;
    for (size_t g = 0; g < v->n_groups; g++)
        for (int part = 0; part < 4; part++)
            for (int i = 0; i < IDF_WORD_GROUP; i++) {
                h = (h ^ v->groups[g].part[part][i]) * prime;
                h ^= h >> 32;
            }
    return h;
}

void idf_vocabulary_release(idf_vocabulary *v) {
    idf_free(v->owned);
    memset(v, 0, sizeof *v);
}

/* What learning centres needs; one for each worker. */
typedef struct learner {
    idf_descriptor *sample;                 /* what centres are learnt from */
    idf_word_group *groups;                 /* of the centres */
    uint64_t (*sums)[IDF_DESCRIPTOR_BYTES]; /* of the descriptors nearest to each centre */
    uint8_t n_summed[IDF_WORD_BRANCH_MAX];
    idf_descriptor centres[IDF_WORD_BRANCH_MAX];
} learner;

/* What learning needs besides the vocabulary. */
typedef struct learning {
    idf_vocabulary *v;
    idf_pool *pool;
    int level; /* in hand */
    idf_descriptor *all;
    size_t n;
    uint32_t *node;  /* of each descriptor, on the level above */
    uint32_t *start; /* of each node's descriptors in `order` */
    uint32_t *order; /* n */
    learner *learners;
    int n_learners;
} learning;

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
static uint32_t nearest_of(const idf_vocabulary *v, int level, const idf_word_group *centres,
                           const idf_descriptor *d) {
    uint32_t key;
    v->scan->nearest(centres, v->branch[level], d, 1, &key);
    return key & 0xffff;
}

/* Moves centres to the majority of those of the n descriptors of the sample nearest to them (the
 * first 255 of them), ROUNDS times. Centres that nothing is nearest to stay. They begin evenly
 * spaced through the sample. */
static void learn(const learning *b, learner *l, size_t n) {
    idf_descriptor *centres = l->centres;
    size_t k = (size_t)b->v->branch[b->level];
    for (size_t c = 0; c < k; c++) {
        if (n > 0)
            centres[c] = l->sample[c * n / k];
        else
            memset(&centres[c], 0, sizeof *centres);
    }
    for (int round = 0; round < ROUNDS && n > k; round++) {
        idf_word_groups_fill(l->groups, centres, (int)k);
        memset(l->sums, 0, k * sizeof *l->sums);
        memset(l->n_summed, 0, sizeof l->n_summed);
        for (size_t i = 0; i < n; i++) {
            uint32_t at = nearest_of(b->v, b->level, l->groups, &l->sample[i]);
            if (l->n_summed[at] == MOST_A_SUM)
                continue;
            l->n_summed[at]++;
            add_bits(l->sums[at], &l->sample[i]);
        }
        for (size_t c = 0; c < k; c++)
            if (l->n_summed[c] > 0)
                take_majority(&centres[c], l->sums[c], l->n_summed[c]);
    }
}

/* Stable counting sort of the descriptors' numbers by node. */
static void sort_by_node(learning *b, size_t n_nodes) {
    uint32_t *start = b->start;
    memset(start, 0, (n_nodes + 1) * sizeof *start);
    for (size_t i = 0; i < b->n; i++)
        start[b->node[i] + 1]++;
    for (size_t k = 0; k < n_nodes; k++)
        start[k + 1] += start[k];
    for (size_t i = 0; i < b->n; i++)
        b->order[start[b->node[i]]++] = (uint32_t)i;
    for (size_t k = n_nodes; k > 0; k--)
        start[k] = start[k - 1];
    start[0] = 0;
}

/* Learns a node's children from an even sample of the descriptors below it. */
static void grow_node(void *context, size_t node, int worker) {
    learning *b = context;
    learner *l = &b->learners[worker];
    size_t from = b->start[node], there = b->start[node + 1] - from;
    size_t most = (size_t)b->v->branch[b->level] * SAMPLES_A_NODE, n = there < most ? there : most;
    for (size_t i = 0; i < n; i++)
        l->sample[i] = b->all[b->order[from + i * there / n]];
    learn(b, l, n);
    idf_word_groups_fill(b->v->owned + (idf_vocabulary_below(b->v, b->level, node) - b->v->groups),
                         l->centres, b->v->branch[b->level]);
}

/* Names the child that each of A_TASK descriptors is nearest to. */
static void name_nodes(void *context, size_t item, int worker) {
    learning *b = context;
    size_t end = (item + 1) * A_TASK < b->n ? (item + 1) * A_TASK : b->n;
    (void)worker;
    for (size_t i = item * A_TASK; i < end; i++)
        b->node[i] = b->node[i] * (uint32_t)b->v->branch[b->level] +
                     nearest_of(b->v, b->level, idf_vocabulary_below(b->v, b->level, b->node[i]),
                                &b->all[i]);
}

static void grow(learning *b) {
    size_t n_nodes = 1;
    for (b->level = 0; b->level < b->v->n_levels; b->level++) {
        sort_by_node(b, n_nodes);
        idf_pool_for(b->pool, n_nodes, grow_node, b);
        n_nodes *= (size_t)b->v->branch[b->level];
        if (b->level + 1 < b->v->n_levels)
            idf_pool_for(b->pool, (b->n + A_TASK - 1) / A_TASK, name_nodes, b);
    }
}

static idf_status allocate(learning *b) {
    idf_vocabulary *v = b->v;
    size_t branch = 0, n_nodes = v->n_words / (size_t)v->branch[v->n_levels - 1];
    for (int i = 0; i < v->n_levels; i++)
        branch = (size_t)v->branch[i] > branch ? (size_t)v->branch[i] : branch;
    v->groups = v->owned = idf_alloc_aligned(v->n_groups, sizeof *v->owned);
    if (v->owned) /* what is left of a node's last group is never looked at, but hashed */
        memset(v->owned, 0, v->n_groups * sizeof *v->owned);
    b->all = idf_alloc(b->n, sizeof *b->all);
    b->node = idf_alloc_zero(b->n, sizeof *b->node);
    b->order = idf_alloc(b->n, sizeof *b->order);
    b->start = idf_alloc(n_nodes + 1, sizeof *b->start);
    b->n_learners = idf_pool_threads(b->pool);
    b->learners = idf_alloc_zero((size_t)b->n_learners, sizeof *b->learners);
    for (int i = 0; b->learners && i < b->n_learners; i++) {
        learner *l = &b->learners[i];
        l->sample = idf_alloc(branch * SAMPLES_A_NODE, sizeof *l->sample);
        l->groups = idf_alloc_aligned(branch / IDF_WORD_GROUP + 1, sizeof *l->groups);
        l->sums = idf_alloc(branch, sizeof *l->sums);
        if (!l->sample || !l->groups || !l->sums)
            return IDF_ERR_NO_MEMORY;
    }
    return v->owned && b->all && b->node && b->order && b->start && b->learners ? IDF_OK
                                                                                : IDF_ERR_NO_MEMORY;
}

static void release(learning *b) {
    for (int i = 0; b->learners && i < b->n_learners; i++) {
        idf_free(b->learners[i].sample);
        idf_free(b->learners[i].groups);
        idf_free(b->learners[i].sums);
    }
    idf_free(b->learners);
    idf_free(b->all);
    idf_free(b->node);
    idf_free(b->order);
    idf_free(b->start);
}

/* Even numbers of `total` features, row after row. */
static void take_sample(learning *b, const idf_word_rows *rows, size_t quota, uint64_t total) {
    uint64_t first = 0; /* number of the row's first feature */
    size_t taken = 0;
    for (size_t row = 0; row < rows->n && taken < b->n; row++) {
        idf_features f;
        uint16_t chosen[IDF_FEATURES_MAX];
        rows->get(rows->context, row, &f);
        uint64_t n = idf_word_choose(&f, quota, chosen);
        for (uint64_t at; taken < b->n && (at = taken * total / b->n) < first + n; taken++)
            b->all[taken] = f.descriptors[chosen[at - first]];
        first += n;
        if (rows->relax && row % IDF_WORD_RELAX == IDF_WORD_RELAX - 1)
            rows->relax(rows->context);
    }
    b->n = taken; /* fewer only when rows changed meanwhile */
}

idf_status idf_vocabulary_learn(idf_vocabulary *out, const idf_word_rows *rows, size_t quota,
                                idf_pool *pool, idf_error *err) {
    learning b = {.v = out, .pool = pool};
    uint64_t total = 0;
    memset(out, 0, sizeof *out);
    for (size_t row = 0; row < rows->n; row++) {
        idf_features f;
        rows->get(rows->context, row, &f);
        uint64_t n = f.n > 0 ? (uint64_t)f.n : 0;
        total += n < quota ? n : quota;
    }
    idf_vocabulary_shape(out, (double)total);
    b.n = (size_t)(total < SAMPLES_MAX ? total : SAMPLES_MAX);
    idf_status status = allocate(&b);
    if (!status) {
        take_sample(&b, rows, quota, total);
        grow(&b);
        out->identity = idf_vocabulary_hash(out);
    } else {
        idf_vocabulary_release(out);
        idf_error_set(err, status, "no memory for the words of %zu references", rows->n);
    }
    release(&b);
    return status;
}
