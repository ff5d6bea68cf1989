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
    SCANNED_MAX = 1024,   /* entries of a word looked at: more are of no use to tell rows apart */
    BLOCK = 16,           /* features looked up at once */
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
    idf_pairing match;
} found;

/* The two nearest features of a row; of frame feature `of` - 1. */
typedef struct row_best {
    uint32_t of;
    uint16_t feature, best, second;
} row_best;

/* One feature of the frame, being looked up. */
typedef struct lookup {
    uint32_t words[PROBE_LEAVES];
    int n_words;
    int from, to; /* in `near` */
} lookup;

struct idf_word_query {
    const idf_wordindex *index;
    const idf_features *frame;
    found *found; /* FOUND_MAX, in the order of frame features */
    int n_found;
    float *weight;       /* of each frame feature's matches */
    idf_pairing *sorted; /* by row, then, where in_order, distance */
    uint8_t *in_order;   /* n_rows */
    uint32_t *start;     /* n_rows + 1 */
    lookup block[BLOCK];
    int first, n_block; /* features of the frame in the block */
    uint32_t *near;     /* entries that pass the block's scans */
    row_best *rows;     /* n_rows: the nearest features of each row to the frame feature in hand */
    uint32_t *met;      /* rows met by it */
    uint32_t *order;    /* rows, the best supported first */
    float *support;     /* of each row */
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
    size_t longest = index->longest < SCANNED_MAX ? (size_t)index->longest : SCANNED_MAX;
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
        q->near = idf_alloc(BLOCK * PROBE_LEAVES * longest + 8, sizeof *q->near);
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
    uint32_t nodes[PROBE_NODES], leaves[PROBE_LEAVES];
    unsigned keys[PROBE_LEAVES]; /* distance, then number */
    int n_keys = 0, n_nodes = x->scan->nearest(x->nodes, x->branch, d, PROBE_NODES, nodes);
    for (int k = 0; k < n_nodes; k++) {
        uint32_t node = nodes[k] & 0xffff, first = node * (uint32_t)x->branch;
        const idf_word_group *below = x->leaves + (size_t)node * (size_t)x->n_groups;
        int n = x->scan->nearest(below, x->branch, d, PROBE_LEAVES, leaves);
        for (int i = 0; i < n; i++) {
            uint32_t word = first + (leaves[i] & 0xffff);
            if (x->start[word] != x->start[word + 1])
                n_keys = insert(keys, n_keys, PROBE_LEAVES, (leaves[i] & 0xffff0000u) + word);
        }
    }
    for (int k = 0; k < n_keys; k++)
        words[k] = keys[k] & 0xffff;
    return n_keys;
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

/* The words of the block's features. The first lines of each are fetched meanwhile. */
static void name_words(idf_word_query *q) {
    enum { LINES = 4, A_LINE = 8 };
    const idf_wordindex *x = q->index;
    for (int b = 0; b < q->n_block; b++) {
        lookup *l = &q->block[b];
        l->n_words = nearest_words(x, &q->frame->descriptors[q->first + b], l->words);
        for (int w = 0; w < l->n_words; w++) {
            const uint64_t *signatures = x->signatures + x->start[l->words[w]];
            for (int line = 0; line < LINES; line++)
                __builtin_prefetch(signatures + (ptrdiff_t)(line * A_LINE));
        }
    }
}

/* Lists the entries whose signatures are near those of the block's features. */
static void scan_words(idf_word_query *q) {
    const idf_wordindex *x = q->index;
    int n = 0;
    for (int b = 0; b < q->n_block; b++) {
        lookup *l = &q->block[b];
        uint64_t wanted = idf_word_signature(&q->frame->descriptors[q->first + b]);
        l->from = n;
        for (int w = 0; w < l->n_words; w++) {
            uint32_t from = x->start[l->words[w]], to = x->start[l->words[w] + 1];
            uint32_t *near = q->near + n;
            to = to - from > SCANNED_MAX ? from + SCANNED_MAX : to;
            int passed =
                x->scan->near(x->signatures + from, (int)(to - from), wanted, SIGNATURE_BITS, near);
            for (int k = 0; k < passed; k++) {
                near[k] += from;
                __builtin_prefetch(&x->entries[near[k]]);
            }
            n += passed;
        }
        l->to = n;
    }
}

/* All reference features that look like a feature of the frame, one a row: the nearest, when it
 * passes the ratio test against the others of its row. */
static void compare(idf_word_query *q, const lookup *l, int i) {
    const idf_wordindex *x = q->index;
    const idf_descriptor *d = &q->frame->descriptors[i];
    int n_met = 0, first = q->n_found;
    for (int k = l->from; k < l->to; k++) {
        idf_word_entry e = x->entries[q->near[k]];
        unsigned distance = x->scan->distance(&x->references[e.row].descriptors[e.feature], d);
        if (distance <= SECOND_DISTANCE)
            n_met = note(q, i, e, distance, n_met);
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

/* Looks a block of features up, step by step: what one step reads lies anywhere in memory and was
 * fetched by the step before, for all of the block at once. */
static void look_up(idf_word_query *q) {
    const idf_wordindex *x = q->index;
    name_words(q);
    scan_words(q);
    for (int k = 0; k < q->block[q->n_block - 1].to; k++) {
        idf_word_entry e = x->entries[q->near[k]];
        __builtin_prefetch(&x->references[e.row].descriptors[e.feature]);
    }
    for (int b = 0; b < q->n_block; b++)
        compare(q, &q->block[b], q->first + b);
}

static int by_distance(const void *a, const void *b) {
    const idf_pairing *p = a, *q = b;
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
    float alike[TURN_BINS][STEP_BINS] = {{0}}, best = 0;
    for (uint32_t k = q->start[row]; k < q->start[row + 1]; k++) {
        const idf_pairing *m = &q->sorted[k];
        const idf_keypoint *a = &r->keypoints[m->reference], *b = &q->frame->keypoints[m->frame];
        int turn = (uint8_t)(b->angle - a->angle) * TURN_BINS / 256;
        int step = b->level - a->level + IDF_LOCAL_LEVELS;
        for (int t = 0; t < 2; t++) /* of all pairs of turns and all triples of steps it is in */
            for (int at = step - STEPS_ALIKE + 1; at <= step; at++) {
                if (at < 0 || at > STEP_BINS - STEPS_ALIKE)
                    continue;
                float sum = alike[(turn + t) % TURN_BINS][at] += q->weight[m->frame];
                best = sum > best ? sum : best;
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
    int n = frame->n < IDF_FEATURES_MAX ? frame->n : IDF_FEATURES_MAX;
    q->frame = frame;
    q->n_found = q->n_candidates = 0;
    memset(q->rows, 0, n_rows * sizeof *q->rows);
    memset(q->in_order, 0, n_rows);
    if (q->index->n_entries > 0)
        for (q->first = 0; q->first < n; q->first += q->n_block) {
            q->n_block = n - q->first < BLOCK ? n - q->first : BLOCK;
            look_up(q);
        }
    sort_matches(q);
    for (size_t row = 0; row < n_rows; row++) {
        uint32_t n_matches = q->start[row + 1] - q->start[row];
        if (n_matches < (uint32_t)(least > 1 ? least : 1))
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
