/* wordquery.c - which references share features with a frame.
 *
 * A frame feature looks into the few words nearest to it. Signatures weed out nearly all of what is
 * filed there; what is left is compared in full. The nearest feature of each reference is a match,
 * for the references that look most like it: what is met everywhere says little of any. Then they
 * vote (wordvotes.h). */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "kernel/hamming.h"
#include "match/wordindex_inside.h"
#include "match/wordvotes.h"

enum {
    PROBE_NODES = 4,      /* branches of each level that a frame feature descends into */
    PROBE_LEAVES = 6,     /* words it looks into, of all those branches */
    SIGNATURE_BITS = 9,   /* of 64 that may differ */
    SCANNED_MAX = 2048,   /* entries of a word looked at: more are of no use to tell rows apart */
    BLOCK = 16,           /* features looked up at once */
    ROWS_A_FEATURE = 16,  /* rows it matches, more only where the last are equally near */
    SECOND_DISTANCE = 96, /* bits; what differs more cannot fail a ratio test */
};

/* A feature of a reference. */
typedef struct hit {
    uint32_t row;
    uint16_t feature;
    uint8_t angle, level; /* where `descriptor` is a copy; else its reference has them */
    const idf_descriptor *descriptor;
} hit;

/* The two nearest features of a row to the frame feature that was the `of`-th to be compared. */
typedef struct row_best {
    uint32_t of, row;
    int hit;
    uint16_t best, second;
} row_best;

/* What a list of one part gave. */
typedef struct span {
    const idf_word_part *part;
    int to; /* its entries end there in `near` */
} span;

/* One feature of the frame, being looked up. */
typedef struct lookup {
    uint32_t words[PROBE_LEAVES];
    int n_words;
    int from, to; /* in `near` and `hits` */
} lookup;

struct idf_word_query {
    const idf_wordindex *index;
    const idf_features *frame;
    idf_word_votes votes;
    lookup block[BLOCK];
    uint16_t chosen[IDF_FEATURES_MAX]; /* features of the frame that are looked up */
    int first, n_block;                /* of those, in the block */
    span *spans;                       /* of the block */
    int n_spans;
    uint32_t *near;         /* entries that pass the block's scans */
    hit *hits;              /* what they are */
    idf_descriptor *copies; /* of those with looks */
    row_best
        *rows; /* a hash table: the nearest features of each row to the frame feature in hand */
    uint32_t rows_mask;
    uint32_t n_compared; /* frame features, ever */
    uint32_t *met;       /* places in it that are in use */
};

void idf_word_query_free(idf_word_query *q) {
    if (!q)
        return;
    idf_word_votes_release(&q->votes);
    idf_free(q->spans);
    idf_free(q->near);
    idf_free(q->hits);
    idf_free(q->copies);
    idf_free(q->rows);
    idf_free(q->met);
    idf_free(q);
}

idf_status idf_word_query_new(idf_word_query **out, const idf_wordindex *index, idf_error *err) {
    idf_word_query *q = idf_alloc_zero(1, sizeof *q);
    size_t longest = index->longest < SCANNED_MAX ? index->longest : SCANNED_MAX;
    size_t a_feature = PROBE_LEAVES * longest, n_rows = 16; /* entries that it may meet, rows */
    while (n_rows < 2 * a_feature && n_rows < 2 * index->n_rows)
        n_rows *= 2;
    *out = NULL;
    if (q) {
        q->index = index;
        q->rows_mask = (uint32_t)n_rows - 1;
        q->spans = idf_alloc(BLOCK * PROBE_LEAVES * index->n_parts, sizeof *q->spans);
        q->near = idf_alloc(BLOCK * a_feature + 8, sizeof *q->near);
        q->hits = idf_alloc(BLOCK * a_feature, sizeof *q->hits);
        q->copies = idf_alloc(BLOCK * a_feature, sizeof *q->copies);
        q->rows = idf_alloc_zero(n_rows, sizeof *q->rows);
        q->met = idf_alloc(n_rows, sizeof *q->met);
    }
    if (!q || !idf_word_votes_reserve(&q->votes) || !q->spans || !q->near || !q->hits ||
        !q->copies || !q->rows || !q->met) {
        idf_word_query_free(q);
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for looking features up");
    }
    *out = q;
    return IDF_OK;
}

/* Puts a key into its place among the n smallest so far, at most `max`; returns their number. */
static int insert(uint64_t *keys, int n, int max, uint64_t key) {
    if (n == max && key >= keys[n - 1])
        return n;
    int at = n < max ? n++ : n - 1;
    for (; at > 0 && keys[at - 1] > key; at--)
        keys[at] = keys[at - 1];
    keys[at] = key;
    return n;
}

/* The PROBE_LEAVES words nearest to d, of those that are in use, below the PROBE_NODES nearest
 * nodes of each level. */
static int nearest_words(const idf_wordindex *x, const idf_descriptor *d, uint32_t *words) {
    const idf_vocabulary *v = x->vocabulary;
    uint32_t nodes[PROBE_NODES] = {0}, below[PROBE_LEAVES];
    int n_nodes = 1, n = 0;
    for (int level = 0; level < v->n_levels; level++) {
        bool last = level + 1 == v->n_levels;
        int most = last ? PROBE_LEAVES : PROBE_NODES;
        uint64_t keys[PROBE_LEAVES]; /* distance, then number */
        n = 0;
        for (int k = 0; k < n_nodes; k++) {
            uint32_t first = nodes[k] * (uint32_t)v->branch[level];
            int n_near = v->scan->nearest(idf_vocabulary_below(v, level, nodes[k]),
                                          v->branch[level], d, most, below);
            for (int i = 0; i < n_near; i++) {
                uint32_t node = first + (below[i] & 0xffff);
                if (!last || x->length[node] > 0)
                    n = insert(keys, n, most, (uint64_t)(below[i] >> 16) << 32 | node);
            }
        }
        for (int k = 0; k < n; k++) {
            if (last)
                words[k] = (uint32_t)keys[k];
            else
                nodes[k] = (uint32_t)keys[k];
        }
        n_nodes = n;
    }
    return n;
}

/* The place of a row in the hash table. */
static uint32_t place_of(const idf_word_query *q, uint32_t row) {
    uint32_t at = row * UINT32_C(0x9e3779b1) >> 8 & q->rows_mask;
    while (q->rows[at].of == q->n_compared && q->rows[at].row != row)
        at = (at + 1) & q->rows_mask;
    return at;
}

/* Notes that hit k differs from the frame feature in hand in `distance` bits. */
static int note(idf_word_query *q, int k, unsigned distance, int n_met) {
    uint32_t of = q->n_compared, at = place_of(q, q->hits[k].row);
    row_best *row = &q->rows[at];
    if (row->of != of) {
        *row = (row_best){of, q->hits[k].row, k, (uint16_t)distance, IDF_HAMMING_NONE};
        q->met[n_met++] = at;
    } else if (distance < row->best) {
        row->second = row->best;
        row->best = (uint16_t)distance;
        row->hit = k;
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
        l->n_words = nearest_words(x, &q->frame->descriptors[q->chosen[q->first + b]], l->words);
        for (int w = 0; w < l->n_words; w++)
            for (size_t p = 0; p < x->n_parts; p++) {
                const idf_postings *list = x->parts[p].postings;
                if (list->used) /* so short that most words are not in it */
                    continue;
                const uint64_t *signatures = list->signatures + list->start[l->words[w]];
                for (int line = 0; line < LINES; line++)
                    __builtin_prefetch(signatures + (ptrdiff_t)(line * A_LINE));
            }
    }
}

/* How many of a word's first n entries, part after part, are looked at. */
static uint32_t looked_at(const idf_wordindex *x, uint32_t word, uint32_t n) {
    uint32_t all = x->length[word];
    return all > SCANNED_MAX ? (uint32_t)((uint64_t)n * SCANNED_MAX / all) : n;
}

/* Looks through a word's list of one part, or its share of what is looked at of a long word, for
 * signatures near the one wanted; appends to `near`. *before counts the word's entries in the parts
 * up to this one: shares are rounded together, so that a part of one picture has its own. Returns
 * the new end. */
static int scan_list(idf_word_query *q, const idf_word_part *part, uint32_t word, uint64_t wanted,
                     uint32_t *before, int n) {
    const idf_wordindex *x = q->index;
    const idf_postings *list = part->postings;
    uint32_t from = 0, there = idf_postings_list(list, word, &from), after = *before + there;
    uint32_t *near = q->near + n;
    /* the first of a list are an even sample of it */
    there = looked_at(x, word, after) - looked_at(x, word, *before);
    *before = after;
    int passed = x->vocabulary->scan->near(list->signatures + from, (int)there, wanted,
                                           SIGNATURE_BITS, near);
    for (int k = 0; k < passed; k++) {
        near[k] += from;
        __builtin_prefetch(&list->entries[near[k]]);
        if (list->looks)
            __builtin_prefetch(&list->looks[near[k]]);
    }
    return n + passed;
}

/* Lists the entries whose signatures are near those of the block's features. */
static void scan_words(idf_word_query *q) {
    const idf_wordindex *x = q->index;
    int n = 0;
    q->n_spans = 0;
    for (int b = 0; b < q->n_block; b++) {
        lookup *l = &q->block[b];
        uint64_t wanted = idf_word_signature(&q->frame->descriptors[q->chosen[q->first + b]]);
        l->from = n;
        for (int w = 0; w < l->n_words; w++) {
            uint32_t before = 0;
            for (size_t p = 0; p < x->n_parts; p++) {
                int to = scan_list(q, &x->parts[p], l->words[w], wanted, &before, n);
                if (to > n)
                    q->spans[q->n_spans++] = (span){&x->parts[p], to};
                n = to;
            }
        }
        l->to = n;
    }
}

/* The reference that a part's row is; that which there is not for a row that is gone. */
static uint32_t reference_of(const idf_wordindex *x, const idf_word_part *part, uint32_t row) {
    if (row >= part->n_rows)
        return IDF_WORD_ROW_GONE;
    row = part->row ? part->row[row] : part->first + row;
    return row < x->n_rows ? row : IDF_WORD_ROW_GONE;
}

/* Entry `at` of a part, as hit k. Its descriptor is put together from its looks, or it is fetched
 * meanwhile from its reference. An entry of a row that is gone, or that a damaged file made up, has
 * a row that there is not. */
static void read_entry(idf_word_query *q, const idf_word_part *part, uint32_t at, int k) {
    const idf_wordindex *x = q->index;
    const idf_postings *list = part->postings;
    uint32_t row = reference_of(x, part, idf_word_entry_row(list->entries[at]));
    uint32_t feature = idf_word_entry_feature(list->entries[at]);
    hit *h = &q->hits[k];
    *h = (hit){.row = row, .feature = (uint16_t)feature};
    if (row == IDF_WORD_ROW_GONE)
        return;
    if (list->looks) {
        idf_descriptor *copy = &q->copies[k];
        memcpy(copy->bits, &list->signatures[at], sizeof list->signatures[at]);
        memcpy(copy->bits + sizeof list->signatures[at], list->looks[at].bits,
               sizeof list->looks[at].bits);
        h->angle = list->looks[at].angle;
        h->level = list->looks[at].level;
        h->descriptor = copy;
    } else if ((int)feature >= x->references[row].n) {
        h->row = IDF_WORD_ROW_GONE;
    } else {
        h->descriptor = &x->references[row].descriptors[feature];
        __builtin_prefetch(h->descriptor);
    }
}

static void read_entries(idf_word_query *q) {
    int k = 0;
    for (int s = 0; s < q->n_spans; s++)
        for (; k < q->spans[s].to; k++)
            read_entry(q, q->spans[s].part, q->near[k], k);
}

enum { NOT_READ = 255 }; /* no level */

/* A match of frame feature i. How it was seen in its reference is fetched meanwhile where the entry
 * does not say so. */
static idf_word_match get_found(const idf_word_query *q, const row_best *row, int i) {
    const hit *h = &q->hits[row->hit];
    idf_word_match out = {row->row, {h->feature, (uint16_t)i, row->best}, h->angle, h->level};
    if (h->descriptor != &q->copies[row->hit]) {
        out.level = NOT_READ;
        __builtin_prefetch(&q->index->references[row->row].keypoints[h->feature]);
    }
    return out;
}

/* Reads what was fetched of the matches from `first` on. */
static void complete(idf_word_query *q, int first) {
    for (int k = first; k < q->votes.n; k++) {
        idf_word_match *m = &q->votes.matches[0][k];
        if (m->level != NOT_READ)
            continue;
        const idf_keypoint *keypoint = &q->index->references[m->row].keypoints[m->match.reference];
        m->angle = keypoint->angle;
        m->level = keypoint->level;
    }
}

/* All reference features that look like a feature of the frame, one a row: the nearest, when it
 * passes the ratio test against the others of its row. */
static void compare(idf_word_query *q, const lookup *l, int i) {
    const idf_wordindex *x = q->index;
    const idf_descriptor *d = &q->frame->descriptors[i];
    int n_met = 0, first = q->votes.n;
    if (++q->n_compared == 0) { /* what is left of old ones looks new again */
        memset(q->rows, 0, ((size_t)q->rows_mask + 1) * sizeof *q->rows);
        q->n_compared = 1;
    }
    for (int k = l->from; k < l->to; k++) {
        if (q->hits[k].row == IDF_WORD_ROW_GONE)
            continue;
        unsigned distance = x->vocabulary->scan->distance(q->hits[k].descriptor, d);
        if (distance <= SECOND_DISTANCE)
            n_met = note(q, k, distance, n_met);
    }
    int most = reach(q, n_met);
    for (int k = 0; k < n_met && q->votes.n < IDF_WORD_MATCHES_MAX; k++) {
        const row_best *row = &q->rows[q->met[k]];
        if (row->best <= most && row->best < IDF_MATCH_RATIO * row->second &&
            q->hits[row->hit].feature < x->references[row->row].n)
            q->votes.matches[0][q->votes.n++] = get_found(q, row, i);
    }
    int rows = q->votes.n - first;
    q->votes.weight[i] = rows > 0 ? 1 / sqrtf((float)rows) : 0;
}

/* Looks a block of features up, step by step: what one step reads lies anywhere in memory and was
 * fetched by the step before, for all of the block at once. */
static void look_up(idf_word_query *q) {
    name_words(q);
    scan_words(q);
    read_entries(q);
    int first = q->votes.n;
    for (int b = 0; b < q->n_block; b++)
        compare(q, &q->block[b], q->chosen[q->first + b]);
    complete(q, first);
}

/* Looks the chosen features of the frame up. */
static int run(idf_word_query *q, const idf_features *frame, int n, int least) {
    q->frame = frame;
    q->votes.n = 0;
    if (q->index->n_entries > 0)
        for (q->first = 0; q->first < n; q->first += q->n_block) {
            q->n_block = n - q->first < BLOCK ? n - q->first : BLOCK;
            look_up(q);
        }
    return idf_word_votes_count(&q->votes, frame, q->index->n_rows, least);
}

int idf_word_query_run(idf_word_query *q, const idf_features *frame, int least) {
    int n = frame->n < IDF_FEATURES_MAX ? frame->n : IDF_FEATURES_MAX;
    for (int i = 0; i < n; i++)
        q->chosen[i] = (uint16_t)i;
    return run(q, frame, n, least);
}

int idf_word_query_run_filed(idf_word_query *q, const idf_features *reference, int least) {
    return run(q, reference, (int)idf_word_choose(reference, q->index->quota, q->chosen), least);
}

void idf_word_query_get_row(idf_word_query *q, size_t row, idf_candidate *out) {
    idf_word_votes_get_row(&q->votes, row, out);
}

void idf_word_query_get(idf_word_query *q, int k, idf_candidate *out) {
    idf_word_votes_get(&q->votes, k, out);
}
