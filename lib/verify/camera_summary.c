/* camera_summary.c - counts, order statistics and curves over camera views. */
#include "verify/camera_summary.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/format.h"
#include "build/operating.h"
#include "index/index.h"
#include "verify/order.h"

/* What right views and strangers reach, each sorted from the least. */
typedef struct reaches {
    double *right, *strangers;
    size_t n_right, n_strangers;
} reaches;

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for camera views");
}

static idf_status reaches_new(reaches *r, const idf_camera_test *test, idf_error *err) {
    *r = (reaches){idf_alloc(test->n_views_asked, sizeof(double)),
                   idf_alloc(test->n_views_asked, sizeof(double)), 0, 0};
    if (r->right == NULL || r->strangers == NULL) {
        idf_free(r->right);
        idf_free(r->strangers);
        return no_memory(err);
    }
    for (size_t i = 0; i < test->n_views_asked; i++) {
        const idf_camera_view *v = &test->views[i];
        if (v->looked)
            r->right[r->n_right++] = v->reach;
        if (v->tried)
            r->strangers[r->n_strangers++] = v->stranger_reach;
    }
    idf_order_sort(r->right, r->n_right);
    idf_order_sort(r->strangers, r->n_strangers);
    return IDF_OK;
}

static void reaches_release(reaches *r) {
    idf_free(r->right);
    idf_free(r->strangers);
}

static void count(idf_camera_test *t) {
    for (size_t i = 0; i < t->n_views_asked; i++) {
        const idf_camera_view *v = &t->views[i];
        if (!v->looked)
            continue;
        t->n_views++;
        t->n_top1 += v->rank < 1;
        t->n_top5 += v->rank < 5;
        t->n_accepted_right += v->right;
        t->n_accepted_wrong += v->accepted && !v->right;
        t->n_unsure += v->unsure;
        if (!v->tried)
            continue;
        t->n_tried++;
        t->n_tried_top1 += v->rank < 1;
        t->n_tried_top5 += v->rank < 5;
        t->n_plain_top1 += v->plain_rank < 1;
        t->n_plain_top5 += v->plain_rank < 5;
        t->n_strangers_taken += v->stranger_taken;
        t->n_mates += v->mate_tried;
        t->n_mates_taken += v->mate_taken;
        t->n_mates_unsure += v->mate_unsure;
    }
    size_t missing = (t->n_unreadable + t->n_changed) * (t->n_views_asked / t->n_references);
    t->out_of_time = t->n_views + missing < t->n_views_asked;
}

/* --- references --- */

/* The rival of one reference that was ahead in most views; among equals, or when none was ever
 * ahead, the one that came nearest. */
static void find_rival(idf_camera_reference *ref, const idf_camera_test *t) {
    float nearest = INFINITY;
    for (size_t i = ref->row; i < t->n_views_asked; i += t->n_references) {
        const idf_camera_view *v = &t->views[i];
        size_t ahead = 0;
        float least = INFINITY;
        if (!v->looked || v->rival == SIZE_MAX)
            continue;
        for (size_t k = ref->row; k < t->n_views_asked; k += t->n_references)
            if (t->views[k].looked && t->views[k].rival == v->rival) {
                ahead += t->views[k].rank != 0;
                least = fminf(least, t->views[k].margin);
            }
        if (ref->rival == SIZE_MAX || ahead > ref->n_rival ||
            (ahead == ref->n_rival && least < nearest)) {
            ref->rival = v->rival;
            ref->n_rival = ahead;
            nearest = least;
        }
    }
}

static void sum_up_reference(idf_camera_reference *ref, const idf_camera_test *t, double *margins) {
    for (size_t i = ref->row; i < t->n_views_asked; i += t->n_references) {
        const idf_camera_view *v = &t->views[i];
        if (!v->looked)
            continue;
        margins[ref->n_views++] = (double)v->margin;
        ref->n_top1 += v->rank == 0;
        ref->n_right += v->right;
    }
    idf_order_sort(margins, ref->n_views);
    ref->lowest_margin = ref->n_views > 0 ? (float)margins[0] : 0;
    ref->median_margin = (float)idf_order_median(margins, ref->n_views);
    find_rival(ref, t);
}

static double part(size_t k, size_t n) {
    return n == 0 ? 2 : (double)k / (double)n; /* never seen: last */
}

static int weakest_first(const void *a, const void *b) {
    const idf_camera_reference *x = a, *y = b;
    double top[2] = {part(x->n_top1, x->n_views), part(y->n_top1, y->n_views)};
    double right[2] = {part(x->n_right, x->n_views), part(y->n_right, y->n_views)};
    if (top[0] != top[1])
        return top[0] < top[1] ? -1 : 1;
    if (right[0] != right[1])
        return right[0] < right[1] ? -1 : 1;
    if (x->median_margin != y->median_margin)
        return x->median_margin < y->median_margin ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static idf_status sum_up_references(idf_camera_test *t, idf_error *err) {
    double *values = idf_alloc(t->n_views_asked, sizeof *values);
    if (values == NULL)
        return no_memory(err);
    for (size_t i = 0; i < t->n_references; i++) {
        t->references[i] = (idf_camera_reference){.row = i, .rival = SIZE_MAX};
        sum_up_reference(&t->references[i], t, values);
    }
    qsort(t->references, t->n_references, sizeof *t->references, weakest_first);
    size_t n = 0;
    for (size_t i = 0; i < t->n_views_asked; i++)
        if (t->views[i].looked)
            values[n++] = (double)t->views[i].margin;
    idf_order_sort(values, n);
    t->median_margin = idf_order_median(values, n);
    n = 0;
    for (size_t i = 0; i < t->n_views_asked; i++)
        if (t->views[i].looked)
            values[n++] = (double)t->views[i].cosine_margin;
    idf_order_sort(values, n);
    t->median_cosine_margin = idf_order_median(values, n);
    idf_free(values);
    return IDF_OK;
}

/* --- thresholds --- */

/* Of n sorted values, the part that is at least `least`. */
static double part_from(const double *sorted, size_t n, double least) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle] < least)
            low = middle + 1;
        else
            high = middle;
    }
    return n == 0 ? 0 : (double)(n - low) / (double)n;
}

/* The threshold at which as many right views are refused as strangers are accepted. */
static void find_equal_error(idf_camera_test *t, const reaches *r) {
    double least = INFINITY;
    t->equal_error_rate = t->equal_error_threshold = 0;
    for (int side = 0; side < 2; side++) {
        const double *values = side ? r->strangers : r->right;
        size_t n = side ? r->n_strangers : r->n_right;
        for (size_t i = 0; i < n; i++) {
            /* just over a stranger, so that it is refused */
            double at = side ? nextafter(values[i], 2) : values[i];
            double refused = 1 - part_from(r->right, r->n_right, at);
            double accepted = part_from(r->strangers, r->n_strangers, at);
            if (at > 0 && fabs(refused - accepted) < least) {
                least = fabs(refused - accepted);
                t->equal_error_rate = (refused + accepted) / 2;
                t->equal_error_threshold = fmin(at, 1);
            }
        }
    }
}

/* Scores as the evidence that would have made them. */
static void to_evidence(double *scores, size_t n, const idf_scale *scale) {
    for (size_t i = 0; i < n; i++) {
        double p = fmin(1 - 1e-12, scores[i]);
        scores[i] =
            p <= 0 ? 0 : fmax(0, scale->evidence_middle + log(p / (1 - p)) / scale->evidence_slope);
    }
}

idf_status idf_camera_summarise(idf_camera_test *t, const idf_scale *scale, idf_error *err) {
    reaches r;
    count(t);
    idf_status status = sum_up_references(t, err);
    if (status == IDF_OK)
        status = reaches_new(&r, t, err);
    if (status != IDF_OK)
        return status;
    find_equal_error(t, &r);
    to_evidence(r.right, r.n_right, scale);
    to_evidence(r.strangers, r.n_strangers, scale);
    idf_operating_points(t->points, scale, r.right, r.n_right, r.strangers, r.n_strangers);
    const idf_tail tail = idf_tail_fit(r.strangers, r.n_strangers);
    t->recommended_threshold =
        idf_geometry_score(scale, idf_tail_enough(&tail, t->used_false_accepts));
    reaches_release(&r);
    return IDF_OK;
}

size_t idf_camera_test_roc(const idf_camera_test *test, idf_roc_point *out, size_t max,
                           idf_error *err) {
    reaches r;
    if (max < 2 || reaches_new(&r, test, err) != IDF_OK)
        return 0;
    size_t n = r.n_right + r.n_strangers, n_out = 0;
    double *all = idf_alloc(n, sizeof *all), last = 2;
    for (size_t i = 0; all != NULL && i < n; i++)
        all[i] = i < r.n_right ? r.right[i] : r.strangers[i - r.n_right];
    if (all != NULL)
        idf_order_sort(all, n);
    else
        no_memory(err);
    size_t stride = (n + max - 1) / max;
    for (size_t i = n; all != NULL && i-- > 0;) {
        if (all[i] == last || ((n - 1 - i) % stride != 0 && i != 0))
            continue;
        last = all[i];
        if (n_out < max)
            out[n_out++] = (idf_roc_point){last, part_from(r.right, r.n_right, last),
                                           part_from(r.strangers, r.n_strangers, last)};
    }
    idf_free(all);
    reaches_release(&r);
    return n_out;
}

idf_status idf_camera_test_save(const idf_camera_test *test, const idf_index *index,
                                const char *path, idf_error *err) {
    char points[IDF_OPERATING_JSON], text[IDF_OPERATING_JSON + 128];
    if (test->n_tried == 0)
        return idf_error_set(err, IDF_ERR_EMPTY,
                             "no view was tried as a stranger: there are no thresholds to save");
    idf_format(text, sizeof text, "{\"sim_threshold\":%.9g,\"threshold_views\":%zu%s}",
               test->recommended_threshold, test->n_tried,
               idf_operating_to_json(test->points, points));
    return idf_index_put_numbers(index, path, text, err);
}
