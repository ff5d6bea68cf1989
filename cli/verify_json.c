/* verify_json.c - what verify measured, as one JSON object. */
#include <stdio.h>

#include "cli/json.h"
#include "cli/verify.h"

enum { ROC_POINTS = 64 };

static double share(size_t n, size_t of) {
    return of == 0 ? 0 : (double)n / (double)of;
}

static json_t *file_json(const idf_index *index, size_t row) {
    return row == SIZE_MAX ? json_null() : cli_json_text(idf_index_filename(index, row));
}

static json_t *confusables_json(const verify_subject *v) {
    json_t *list = json_array();
    for (size_t i = 0; i < v->self.n_confusables; i++) {
        const idf_confusable *pair = &v->self.confusables[i];
        json_array_append_new(list, json_pack("{s:o, s:o, s:f}", "a", file_json(v->index, pair->a),
                                              "b", file_json(v->index, pair->b), "score",
                                              (double)pair->score));
    }
    return list;
}

static json_t *alikes_json(const verify_subject *v) {
    json_t *list = json_array();
    for (size_t i = 0; i < v->self.n_alikes; i++) {
        const idf_alike *pair = &v->self.alikes[i];
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:f}", "a", file_json(v->index, pair->row), "b",
                            file_json(v->index, pair->other), "share", (double)pair->share));
    }
    return list;
}

static json_t *thresholds_json(const idf_camera_test *t) {
    json_t *list = json_array();
    for (int i = 0; i < IDF_OPERATING_POINTS; i++) {
        const idf_operating_point *p = &t->points[i];
        json_array_append_new(list, json_pack("{s:f, s:f, s:f, s:[f, f]}", "false_accepts",
                                              p->false_accepts, "threshold", p->threshold, "recall",
                                              p->recall, "recall_interval", p->recall_low,
                                              p->recall_high));
    }
    return list;
}

/* [threshold, recall, false accepts], the strictest first. */
static json_t *roc_json(const idf_camera_test *t) {
    idf_roc_point points[ROC_POINTS];
    json_t *list = json_array();
    size_t n = idf_camera_test_roc(t, points, ROC_POINTS, NULL);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("[f, f, f]", points[i].threshold, points[i].recall,
                                              points[i].false_accepts));
    return list;
}

static json_t *references_json(const verify_subject *v) {
    json_t *list = json_array();
    for (size_t i = 0; i < v->camera.n_references; i++) {
        const idf_camera_reference *r = &v->camera.references[i];
        json_array_append_new(
            list, json_pack("{s:o, s:I, s:I, s:I, s:f, s:f, s:o, s:I}", "reference",
                            file_json(v->index, r->row), "views", (json_int_t)r->n_views, "top1",
                            (json_int_t)r->n_top1, "accepted_right", (json_int_t)r->n_right,
                            "lowest_margin", (double)r->lowest_margin, "median_margin",
                            (double)r->median_margin, "rival", file_json(v->index, r->rival),
                            "rival_ahead", (json_int_t)r->n_rival));
    }
    return list;
}

static json_t *camera_json(const verify_subject *v) {
    const idf_camera_test *t = &v->camera;
    json_t *all = json_pack(
        "{s:I, s:I, s:b, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "views",
        (json_int_t)t->n_views, "views_asked", (json_int_t)t->n_views_asked, "out_of_time",
        t->out_of_time, "unreadable", (json_int_t)t->n_unreadable, "changed",
        (json_int_t)t->n_changed, "top1", share(t->n_top1, t->n_views), "top5",
        share(t->n_top5, t->n_views), "accepted_right", share(t->n_accepted_right, t->n_views),
        "accepted_wrong", share(t->n_accepted_wrong, t->n_views), "variant_unsure",
        share(t->n_unsure, t->n_views), "median_margin", t->median_margin, "median_cosine_margin",
        t->median_cosine_margin, "equal_error_rate", t->equal_error_rate, "equal_error_threshold",
        t->equal_error_threshold);
    json_t *tried = json_pack(
        "{s:I, s:f, s:f, s:f, s:f, s:I}", "views", (json_int_t)t->n_tried, "top1",
        share(t->n_tried_top1, t->n_tried), "top5", share(t->n_tried_top5, t->n_tried),
        "top1_without_geometry", share(t->n_plain_top1, t->n_tried), "top5_without_geometry",
        share(t->n_plain_top5, t->n_tried), "strangers_accepted", (json_int_t)t->n_strangers_taken);
    json_object_set_new(all, "tried", tried);
    json_object_set_new(all, "look_alikes",
                        json_pack("{s:I, s:I, s:I}", "views", (json_int_t)t->n_mates, "accepted",
                                  (json_int_t)t->n_mates_taken, "variant_unsure",
                                  (json_int_t)t->n_mates_unsure));
    json_object_set_new(all, "sim_threshold", json_real(t->sim_threshold));
    json_object_set_new(all, "margin_threshold", json_real(t->margin_threshold));
    json_object_set_new(all, "recommended_threshold", json_real(t->recommended_threshold));
    json_object_set_new(all, "thresholds", thresholds_json(t));
    json_object_set_new(all, "roc", roc_json(t));
    json_object_set_new(all, "references", references_json(v));
    json_object_set_new(all, "elapsed_seconds", json_real(t->seconds));
    return all;
}

static json_t *results_json(const verify_subject *v) {
    json_t *results = json_array();
    for (size_t i = 0; i < v->photos.n_results; i++) {
        const idf_query_result *r = &v->photos.results[i];
        json_t *row = json_pack(
            "{s:o, s:o, s:b, s:b, s:f, s:f}", "query", cli_json_text(r->query), "reference",
            r->reference == NULL ? json_null() : cli_json_text(r->reference), "accepted",
            r->accepted, "right", r->right, "score", (double)r->score, "margin", (double)r->margin);
        if (r->best_row != SIZE_MAX)
            json_object_set_new(row, "best", file_json(v->index, r->best_row));
        if (r->rank != SIZE_MAX)
            json_object_set_new(row, "rank", json_integer((json_int_t)r->rank + 1));
        if (!r->readable)
            json_object_set_new(row, "unreadable", json_true());
        json_array_append_new(results, row);
    }
    return results;
}

static json_t *photos_json(const verify_subject *v) {
    const idf_query_test *p = &v->photos;
    return json_pack(
        "{s:I, s:I, s:I, s:f, s:f, s:f, s:I, s:I, s:f, s:I, s:f, s:f, s:f, s:f, s:o}", "queries",
        (json_int_t)p->n_queries, "strangers", (json_int_t)p->n_strangers, "unreadable",
        (json_int_t)p->n_unreadable, "top1", share(p->n_top1, p->n_queries), "top5",
        share(p->n_top5, p->n_queries), "top20", share(p->n_top20, p->n_queries), "accepted_right",
        (json_int_t)p->n_accepted_right, "accepted_wrong", (json_int_t)p->n_accepted_wrong,
        "accepted_right_rate", share(p->n_accepted_right, p->n_queries), "strangers_accepted",
        (json_int_t)p->n_strangers_accepted, "sim_threshold", v->photo_thresholds[0],
        "margin_threshold", v->photo_thresholds[1], "median_ms", 1000 * p->median_seconds, "p99_ms",
        1000 * p->p99_seconds, "results", results_json(v));
}

static json_t *subject_json(const verify_subject *v) {
    const idf_self_test *s = &v->self;
    json_t *object = json_pack(
        "{s:o, s:I, s:s, s:i, s:f, s:f, s:f, s:f, s:f, s:o, s:s, s:f, s:o}", "index",
        cli_json_text(v->path), "references", (json_int_t)s->n_rows, "encoder",
        idf_index_encoder(v->index), "dim", idf_index_dim(v->index), "self_identification",
        s->self_rate, "median_correct", s->median_correct, "median_wrong", s->median_wrong,
        "median_margin", s->median_margin, "lowest_margin", s->lowest_margin,
        "lowest_margin_reference", file_json(v->index, s->lowest_margin_row), "separation",
        verify_guideline[verify_guideline_row(s->median_margin)].word, "recommended_threshold",
        s->recommended_threshold, "confusables", confusables_json(v));
    json_object_set_new(object, "alike", alikes_json(v));
    json_object_set_new(object, "on_ground",
                        json_integer((json_int_t)idf_index_n_on_ground(v->index)));
    json_object_set_new(object, "marked", json_integer((json_int_t)s->n_marked));
    if (v->with_camera)
        json_object_set_new(object, "camera", camera_json(v));
    json_object_set_new(object, "verdict", json_string(verify_verdict_word(verify_verdict_of(v))));
    if (v->with_photos)
        json_object_set_new(object, "photographs", photos_json(v));
    return object;
}

void verify_print_json(const verify_subject *subject, const verify_subject *other, bool passed) {
    json_t *object = subject_json(subject);
    if (other != NULL)
        json_object_set_new(object, "compared_with", subject_json(other));
    json_object_set_new(object, "passed", json_boolean(passed));
    cli_json_print(object, 6);
}
