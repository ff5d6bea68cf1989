/* measure.c - top-1, margin, and how well one threshold divides right scores from wrong ones. */
#include "train/measure.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "kernel/dot.h"

/* Change of `separation` that counts when top-1 says nothing. */
static const double CLEAR = 0.01;

typedef struct scoring {
    const idf_view_test *test;
    float *scores;         /* a row of n_references for each worker */
    double *right, *wrong; /* best scores of each view */
} scoring;

static void score_view(void *context, size_t i, int worker) {
    const scoring *s = context;
    const idf_view_test *t = s->test;
    float *scores = s->scores + (size_t)worker * t->n_references;
    size_t dim = (size_t)t->dim;
    idf_dot_f32(t->references, t->n_references, t->views + i * dim, 1, dim, scores);
    s->right[i] = s->wrong[i] = -2;
    for (size_t r = 0; r < t->n_references; r++) {
        double *best = t->classes[r] == t->classes[t->of[i]] ? s->right + i : s->wrong + i;
        *best = scores[r] > *best ? scores[r] : *best;
    }
}

static int compare_numbers(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of all pairs of a right and a wrong score the part with the right one above; equal ones count
 * half. Both are sorted. */
static double part_above(const double *right, const double *wrong, size_t n) {
    double sum = 0;
    for (size_t i = 0, below = 0, up_to = 0; i < n; i++) {
        while (below < n && wrong[below] < right[i])
            below++;
        while (up_to < n && wrong[up_to] <= right[i])
            up_to++;
        sum += ((double)below + (double)up_to) / 2;
    }
    return sum / ((double)n * (double)n);
}

idf_status idf_view_test_run(idf_separation *out, uint8_t *right, const idf_view_test *test,
                             idf_pool *pool, idf_error *err) {
    size_t n = test->n_views, n_workers = (size_t)idf_pool_threads(pool);
    double *numbers = idf_alloc(3 * n, sizeof *numbers), *margins;
    scoring s = {test, idf_alloc(n_workers * test->n_references, sizeof(float)), numbers, NULL};
    idf_status status = IDF_OK;
    *out = (idf_separation){.n_views = n};
    if (numbers == NULL || s.scores == NULL) {
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while measuring");
    } else if (n > 0) {
        s.wrong = numbers + n;
        margins = numbers + 2 * n;
        idf_pool_for(pool, n, score_view, &s);
        for (size_t i = 0; i < n; i++) {
            margins[i] = s.right[i] - s.wrong[i];
            out->n_top1 += margins[i] > 0;
            if (right != NULL)
                right[i] = margins[i] > 0;
        }
        qsort(s.right, n, sizeof *numbers, compare_numbers);
        qsort(s.wrong, n, sizeof *numbers, compare_numbers);
        qsort(margins, n, sizeof *numbers, compare_numbers);
        out->top1 = (double)out->n_top1 / (double)n;
        out->margin = n % 2 == 1 ? margins[n / 2] : (margins[n / 2 - 1] + margins[n / 2]) / 2;
        out->separation = part_above(s.right, s.wrong, n);
    }
    idf_free(numbers);
    idf_free(s.scores);
    return status;
}

idf_verdict idf_verdict_of(const idf_separation *before, const uint8_t *right_before,
                           const idf_separation *after, const uint8_t *right_after) {
    double won = 0, lost = 0;
    for (size_t i = 0; i < before->n_views; i++) {
        won += right_after[i] && !right_before[i];
        lost += right_before[i] && !right_after[i];
    }
    double sure = 2 * sqrt(won + lost); /* two standard deviations of a fair coin's difference */
    if (won - lost > sure)
        return IDF_VERDICT_HELPS;
    if (lost - won > sure)
        return IDF_VERDICT_HURTS;
    double change = after->separation - before->separation;
    return change > CLEAR    ? IDF_VERDICT_HELPS
           : change < -CLEAR ? IDF_VERDICT_HURTS
                             : IDF_VERDICT_SAME;
}
