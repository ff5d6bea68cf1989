/* wordquery.c - which references share features with a frame.
 *
 * A frame feature looks into the few words nearest to it. Signatures weed out nearly all of what is
 * filed there; what is left is compared in full. The nearest feature of each reference is a match,
 * for the references that look most like it: what is met everywhere says little of any. Matches
 * vote by the turn and the scale that they imply (weak geometric consistency, Jegou, Douze and
 * Schmid 2008). */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "kernel/hamming.h"
#include "match/wordindex_inside.h"

enum {
    PROBE_NODES = 4,      /* branches that a frame feature descends into */
    PROBE_LEAVES = 6,     /* words it looks into, of all those branches */
    SIGNATURE_BITS = 9,   /* of 64 that may differ */
    FOUND_MAX = 1 << 15,  /* matches of one frame */
    ROWS_A_FEATURE = 16,  /* rows it matches, more only where the last are equally near */
    SECOND_DISTANCE = 96, /* bits; what differs more cannot fail a ratio test */
    TURN_BINS = 16,
    STEP_BINS = 2 * IDF_LOCAL_LEVELS + 1, /* differences of levels */
    STEPS_ALIKE = 3,                      /* of those that agree on a scale */
    CANDIDATES_MAX = 256,                 /* rows ranked */
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
    uint16_t distance[IDF_WORD_BRANCH_MAX];
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
static int note(idf_word_query *q, int i, idf_word_entry e, unsigned distance, int n_met) {
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
    idf_word_entry e = x->entries[at];
    __builtin_prefetch(&x->references[e.row].descriptors[e.feature]);
}

/* The distance up to which the rows that were met count: that of the ROWS_A_FEATURE nearest. */
static int reach(const idf_word_query *q, int n_met) {
    int n_at[IDF_MATCH_DISTANCE + 1] = {0}, most = 0;
    if (n_met <= ROWS_A_FEATURE)
        return IDF_MATCH_DISTANCE;
    for (int k = 0; k < n_met; k++) {
        int distance = q->rows[q->met[k]].best;
        if (distance <= IDF_MATCH_DISTANCE)
            n_at[distance]++;
    }
    for (int left = ROWS_A_FEATURE; most < IDF_MATCH_DISTANCE && (left -= n_at[most]) > 0; most++)
        continue;
    return most;
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
                                   idf_word_signature(d), SIGNATURE_BITS, q->near);
        for (int k = 0; k < passed; k++) /* they lie anywhere: fetch all before the first is used */
            fetch_descriptor(x, from + q->near[k]);
        for (int k = 0; k < passed; k++) {
            idf_word_entry e = x->entries[from + q->near[k]];
            unsigned distance = x->scan->distance(&x->references[e.row].descriptors[e.feature], d);
            if (distance <= SECOND_DISTANCE)
                n_met = note(q, i, e, distance, n_met);
        }
    }
    int most = reach(q, n_met);
    for (int k = 0; k < n_met && q->n_found < FOUND_MAX; k++) {
        const row_best *row = &q->rows[q->met[k]];
        if (row->best <= most && row->best < IDF_MATCH_RATIO * row->second)
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

/* Weight of the matches of one row that agree on a turn to within a sixteenth and on a scale to
 * within a level. */
static float count_support(const idf_word_query *q, size_t row) {
    const idf_features *r = &q->index->references[row];
    float bins[TURN_BINS][STEP_BINS] = {{0}}, best = 0;
    for (uint32_t k = q->start[row]; k < q->start[row + 1]; k++) {
        const idf_match *m = &q->sorted[k];
        const idf_keypoint *a = &r->keypoints[m->reference], *b = &q->frame->keypoints[m->frame];
        uint8_t turn = (uint8_t)(b->angle - a->angle);
        int step = b->level - a->level + IDF_LOCAL_LEVELS;
        step = step < 0 ? 0 : step >= STEP_BINS ? STEP_BINS - 1 : step;
        bins[turn * TURN_BINS / 256][step] += q->weight[m->frame];
    }
    for (int i = 0; i < TURN_BINS; i++) {
        const float *one = bins[i], *next = bins[(i + 1) % TURN_BINS];
        for (int at = 0; at + STEPS_ALIKE <= STEP_BINS; at++) {
            float sum = 0;
            for (int k = at; k < at + STEPS_ALIKE; k++)
                sum += one[k] + next[k];
            best = fmaxf(best, sum);
        }
    }
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
