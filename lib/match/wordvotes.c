/* wordvotes.c - matches by row, and what they agree on. */
#include "match/wordvotes.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum {
    TURN_BINS = 16,
    STEP_BINS = 2 * IDF_LOCAL_LEVELS + 1, /* differences of levels */
    STEPS_ALIKE = 3,                      /* of those that agree on a scale */
    DIGIT_BITS = 11,                      /* of a row, sorted by at once */
};

typedef struct idf_voting_row group;

bool idf_word_votes_reserve(idf_word_votes *v) {
    for (int i = 0; i < 2; i++)
        v->matches[i] = idf_alloc(IDF_WORD_MATCHES_MAX, sizeof *v->matches[i]);
    v->weight = idf_alloc(IDF_FEATURES_MAX, sizeof *v->weight);
    v->sorted = idf_alloc(IDF_WORD_MATCHES_MAX, sizeof *v->sorted);
    v->groups = idf_alloc(IDF_WORD_MATCHES_MAX, sizeof *v->groups);
    return v->matches[0] && v->matches[1] && v->weight && v->sorted && v->groups;
}

void idf_word_votes_release(idf_word_votes *v) {
    idf_free(v->matches[0]);
    idf_free(v->matches[1]);
    idf_free(v->weight);
    idf_free(v->sorted);
    idf_free(v->groups);
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
static float count_support(const idf_word_votes *v, const group *g) {
    float alike[TURN_BINS][STEP_BINS] = {{0}}, best = 0;
    for (int k = g->from; k < g->to; k++) {
        const idf_word_match *f = &v->matches[0][k];
        const idf_keypoint *seen = &v->frame->keypoints[f->match.frame];
        int turn = (uint8_t)(seen->angle - f->angle) * TURN_BINS / 256;
        int step = seen->level - f->level + IDF_LOCAL_LEVELS;
        for (int t = 0; t < 2; t++) /* of all pairs of turns and all triples of steps it is in */
            for (int at = step - STEPS_ALIKE + 1; at <= step; at++) {
                if (at < 0 || at > STEP_BINS - STEPS_ALIKE)
                    continue;
                float sum = alike[(turn + t) % TURN_BINS][at] += v->weight[f->match.frame];
                best = sum > best ? sum : best;
            }
    }
    return best;
}

/* Stable sort by one digit of the row. */
static void sort_by_digit(const idf_word_match *in, idf_word_match *out, int n, int shift) {
    enum { DIGITS = 1 << DIGIT_BITS };
    int start[DIGITS + 1] = {0};
    for (int k = 0; k < n; k++)
        start[(in[k].row >> shift) % DIGITS + 1]++;
    for (int d = 0; d < DIGITS; d++)
        start[d + 1] += start[d];
    for (int k = 0; k < n; k++)
        out[start[(in[k].row >> shift) % DIGITS]++] = in[k];
}

/* Brings the matches of each row together, those of a row in the order of frame features. */
static void sort_matches(idf_word_votes *v, size_t n_rows) {
    for (int shift = 0; shift < 32 && (n_rows - 1) >> shift > 0; shift += DIGIT_BITS) {
        sort_by_digit(v->matches[0], v->matches[1], v->n, shift);
        idf_word_match *sorted = v->matches[1];
        v->matches[1] = v->matches[0];
        v->matches[0] = sorted;
    }
    v->n_groups = 0;
    for (int k = 0; k < v->n; k++) {
        const idf_word_match *f = &v->matches[0][k];
        if (k == 0 || f->row != v->matches[0][k - 1].row)
            v->groups[v->n_groups++] = (group){.row = f->row, .from = k};
        v->groups[v->n_groups - 1].to = k + 1;
        v->sorted[k] = f->match;
    }
}

static void rank(idf_word_votes *v, int g, float support) {
    int at = v->n_candidates < IDF_WORD_CANDIDATES ? v->n_candidates++ : IDF_WORD_CANDIDATES;
    for (; at > 0 && v->best[at - 1].support < support; at--)
        if (at < IDF_WORD_CANDIDATES)
            v->best[at] = v->best[at - 1];
    if (at < IDF_WORD_CANDIDATES)
        v->best[at] = (struct idf_voted_row){g, support};
}

int idf_word_votes_count(idf_word_votes *v, const idf_features *frame, size_t n_rows, int least) {
    v->frame = frame;
    v->n_candidates = 0;
    sort_matches(v, n_rows);
    for (int g = 0; g < v->n_groups; g++)
        if (v->groups[g].to - v->groups[g].from >= (least > 1 ? least : 1))
            rank(v, g, count_support(v, &v->groups[g]));
    return v->n_candidates;
}

static void get_group(idf_word_votes *v, group *g, idf_candidate *out) {
    int n = g->to - g->from;
    if (!g->in_order && n > 1)
        qsort(v->sorted + g->from, (size_t)n, sizeof *v->sorted, by_distance);
    g->in_order = true;
    *out = (idf_candidate){g->row, count_support(v, g), n, v->sorted + g->from};
}

void idf_word_votes_get_row(idf_word_votes *v, size_t row, idf_candidate *out) {
    int low = 0, high = v->n_groups;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (v->groups[middle].row < row)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < v->n_groups && v->groups[low].row == row)
        get_group(v, &v->groups[low], out);
    else
        *out = (idf_candidate){.row = row};
}

void idf_word_votes_get(idf_word_votes *v, int k, idf_candidate *out) {
    get_group(v, &v->groups[v->best[k].group], out);
}
