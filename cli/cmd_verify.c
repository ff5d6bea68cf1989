/* cmd_verify.c - dlf-identify verify: measures how well an index tells its references apart. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/encoder.h"

enum { MIN_SELF_PERCENT = 99, QUERY_TOP_K = 20 };

typedef struct verify_run {
    cli_common common;
    const char *index_path, *queries, *pairs, *clip_model;
    int n_confusables;
    double sim_threshold, margin_threshold;
    bool no_geometry;
    idf_index *index;
    idf_encoder *encoder;
    idf_matcher *matcher;
    idf_pool *pool;
    idf_self_test self;
    idf_query_test photos;
    bool with_photos;
} verify_run;

/* The seed's guideline for the median margin. */
typedef struct margin_row {
    double above;
    const char *range, *meaning, *action, *word;
} margin_row;

static const margin_row guideline[] = {
    {0.3, "> 0.3", "strong separation, live accuracy will be excellent", "ship it", "strong"},
    {0.1, "0.1 - 0.3", "medium separation, expect some confusion on look-alikes",
     "consider training a head", "medium"},
    {-INFINITY, "< 0.1", "the references look too similar to this encoder", "train a head", "weak"},
};
enum { N_GUIDELINE = sizeof guideline / sizeof guideline[0] };

static int guideline_row(double margin) {
    int i = 0;
    while (i < N_GUIDELINE - 1 && margin <= guideline[i].above)
        i++;
    return i;
}

static bool self_passed(const idf_self_test *self) {
    return self->n_self * 100 >= self->n_rows * MIN_SELF_PERCENT;
}

/* What made the vectors, for people. */
static const char *encoder_name(const idf_index *index) {
    const char *name = idf_index_encoder(index);
    return name[0] != '\0' ? cli_encoder_shown(name) : "of the Python original";
}

static double share(size_t n, size_t of) {
    return of == 0 ? 0 : (double)n / (double)of;
}

static void print_self(const verify_run *run) {
    char a[IDF_NAME_BYTES + IDF_RARITY_BYTES + 8], b[sizeof a];
    const idf_self_test *s = &run->self;
    cli_colours c = cli_stdout_colours();
    printf("%s%s%s: %zu references, encoder %s, %d numbers each\n\n", c.bold,
           cli_printable(run->index_path), c.reset, s->n_rows, encoder_name(run->index),
           idf_index_dim(run->index));
    printf("Top-1 self-identification  %zu of %zu (%s%.1f %%%s)\n\n", s->n_self, s->n_rows,
           self_passed(s) ? c.green : c.red, 100 * s->self_rate, c.reset);
    printf("Margin analysis\n  median correct score      %.3f\n  median best wrong score   %.3f\n"
           "  %smedian margin             %.3f%s\n  lowest margin             %.3f  %s\n\n",
           s->median_correct, s->median_wrong, c.bold, s->median_margin, c.reset, s->lowest_margin,
           cli_printable(idf_index_filename(run->index, s->lowest_margin_row)));
    for (int i = 0; i < N_GUIDELINE; i++) {
        bool here = guideline_row(s->median_margin) == i;
        printf("  %s%s %-10s %-58s %s%s\n", here ? c.bold : c.dim, here ? "->" : "  ",
               guideline[i].range, guideline[i].meaning, guideline[i].action, c.reset);
    }
    printf("\nMost-confusable pairs%s\n", s->n_confusables == 0 ? ": none" : "");
    for (size_t i = 0; i < s->n_confusables; i++) {
        const idf_confusable *pair = &s->confusables[i];
        cli_row_label(a, sizeof a, run->index, pair->a, true);
        cli_row_label(b, sizeof b, run->index, pair->b, true);
        printf("  %.3f  ", (double)pair->score);
        cli_print_padded(cli_printable(a), 36);
        printf("  %s\n", cli_printable(b));
    }
    printf("\nRecommended threshold  %.2f\n", s->recommended_threshold);
}

static void print_photos(const verify_run *run) {
    const idf_query_test *p = &run->photos;
    cli_colours c = cli_stdout_colours();
    printf("\nPhotographs from %s\n", cli_printable(run->queries));
    if (p->n_queries > 0)
        printf("  %stop-1 %.3f%s   top-5 %.3f   top-20 %.3f   of %zu\n"
               "  accepted and right %zu (%.3f), accepted and wrong %zu\n",
               c.bold, share(p->n_top1, p->n_queries), c.reset, share(p->n_top5, p->n_queries),
               share(p->n_top20, p->n_queries), p->n_queries, p->n_accepted_right,
               share(p->n_accepted_right, p->n_queries), p->n_accepted_wrong);
    if (p->n_strangers > 0)
        printf("  strangers accepted %zu of %zu\n", p->n_strangers_accepted, p->n_strangers);
    if (p->n_unreadable > 0)
        printf("  %sunreadable %zu%s\n", c.yellow, p->n_unreadable, c.reset);
    printf("  at similarity threshold %.3f, margin threshold %.3f; %.1f ms a photograph (median)\n",
           idf_matcher_sim_threshold(run->matcher), idf_matcher_margin_threshold(run->matcher),
           1000 * p->median_seconds);
}

static json_t *confusables_json(const verify_run *run) {
    json_t *list = json_array();
    for (size_t i = 0; i < run->self.n_confusables; i++) {
        const idf_confusable *pair = &run->self.confusables[i];
        json_array_append_new(list,
                              json_pack("{s:o, s:o, s:f}", "a",
                                        cli_json_text(idf_index_filename(run->index, pair->a)), "b",
                                        cli_json_text(idf_index_filename(run->index, pair->b)),
                                        "score", (double)pair->score));
    }
    return list;
}

static json_t *photos_json(const verify_run *run) {
    const idf_query_test *p = &run->photos;
    json_t *results = json_array();
    for (size_t i = 0; i < p->n_results; i++) {
        const idf_query_result *r = &p->results[i];
        json_t *row = json_pack(
            "{s:o, s:o, s:b, s:b, s:f, s:f}", "query", cli_json_text(r->query), "reference",
            r->reference == NULL ? json_null() : cli_json_text(r->reference), "accepted",
            r->accepted, "right", r->right, "score", (double)r->score, "margin", (double)r->margin);
        if (r->best_row != SIZE_MAX)
            json_object_set_new(row, "best",
                                cli_json_text(idf_index_filename(run->index, r->best_row)));
        if (r->rank != SIZE_MAX)
            json_object_set_new(row, "rank", json_integer((json_int_t)r->rank + 1));
        if (!r->readable)
            json_object_set_new(row, "unreadable", json_true());
        json_array_append_new(results, row);
    }
    return json_pack(
        "{s:I, s:I, s:I, s:f, s:f, s:f, s:I, s:I, s:f, s:I, s:f, s:f, s:f, s:f, s:o}", "queries",
        (json_int_t)p->n_queries, "strangers", (json_int_t)p->n_strangers, "unreadable",
        (json_int_t)p->n_unreadable, "top1", share(p->n_top1, p->n_queries), "top5",
        share(p->n_top5, p->n_queries), "top20", share(p->n_top20, p->n_queries), "accepted_right",
        (json_int_t)p->n_accepted_right, "accepted_wrong", (json_int_t)p->n_accepted_wrong,
        "accepted_right_rate", share(p->n_accepted_right, p->n_queries), "strangers_accepted",
        (json_int_t)p->n_strangers_accepted, "sim_threshold",
        idf_matcher_sim_threshold(run->matcher), "margin_threshold",
        idf_matcher_margin_threshold(run->matcher), "median_ms", 1000 * p->median_seconds, "p99_ms",
        1000 * p->p99_seconds, "results", results);
}

static void print_json(const verify_run *run) {
    const idf_self_test *s = &run->self;
    json_t *object = json_pack(
        "{s:o, s:I, s:s, s:i, s:f, s:f, s:f, s:f, s:f, s:o, s:s, s:f, s:o, s:b}", "index",
        cli_json_text(run->index_path), "references", (json_int_t)s->n_rows, "encoder",
        idf_index_encoder(run->index), "dim", idf_index_dim(run->index), "self_identification",
        s->self_rate, "median_correct", s->median_correct, "median_wrong", s->median_wrong,
        "median_margin", s->median_margin, "lowest_margin", s->lowest_margin,
        "lowest_margin_reference",
        cli_json_text(idf_index_filename(run->index, s->lowest_margin_row)), "separation",
        guideline[guideline_row(s->median_margin)].word, "recommended_threshold",
        s->recommended_threshold, "confusables", confusables_json(run), "passed", self_passed(s));
    if (run->with_photos)
        json_object_set_new(object, "photographs", photos_json(run));
    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(object);
}

static idf_status measure_photos(verify_run *run, idf_error *err) {
    const idf_matcher_options match = {QUERY_TOP_K, run->sim_threshold, run->margin_threshold,
                                       run->no_geometry};
    idf_status status =
        cli_encoder_open_for(&run->encoder, run->index, run->clip_model, run->pool, err);
    if (status == IDF_OK)
        status = idf_matcher_new(&run->matcher, run->index, run->encoder, &match, err);
    const idf_query_test_options options = {run->matcher, run->index,   run->queries, run->pairs,
                                            run->pool,    cli_progress, &run->common};
    return status == IDF_OK ? idf_query_test_run(&run->photos, &options, err) : status;
}

static int run_verify(verify_run *run) {
    idf_error err = IDF_ERROR_INIT;
    run->with_photos = run->queries != NULL;
    idf_status status = idf_index_open(&run->index, run->index_path, &err);
    if (status == IDF_OK)
        status = idf_pool_new(&run->pool, run->common.threads, &err);
    if (status == IDF_OK)
        status =
            idf_self_test_run(&run->self, run->index, (size_t)run->n_confusables, run->pool, &err);
    if (status == IDF_OK && run->with_photos)
        status = measure_photos(run, &err);
    cli_progress_end();
    if (status != IDF_OK)
        return cli_fail(status, err.message);
    if (run->common.json) {
        print_json(run);
    } else {
        print_self(run);
        if (run->with_photos)
            print_photos(run);
    }
    return self_passed(&run->self) ? EXIT_DONE : EXIT_NEGATIVE;
}

int cmd_verify(int argc, char **argv) {
    verify_run run = {.index_path = "card_index.npz",
                      .n_confusables = 5,
                      .sim_threshold = NAN,
                      .margin_threshold = NAN};
    const cli_option options[] = {
        {"index", CLI_TEXT, &run.index_path, "FILE", "The index (default: card_index.npz).", 0, 0},
        {"top-confusables", CLI_INT, &run.n_confusables, "N",
         "List the N pairs that look most alike (default: 5).", 0, 1000},
        {"queries", CLI_TEXT, &run.queries, "DIR",
         "Measure on real photographs in DIR too; needs --pairs.", 0, 0},
        {"pairs", CLI_TEXT, &run.pairs, "FILE",
         "Lines 'photograph TAB reference'; reference NONE is a stranger.", 0, 0},
        CLI_CLIP_MODEL_OPTION(&run.clip_model),
        {"sim-threshold", CLI_REAL, &run.sim_threshold, "X",
         "A score under X is none of them (default: what index chose on the collection, else 0.5).",
         0, 1},
        {"margin-threshold", CLI_REAL, &run.margin_threshold, "X",
         "A lead of less than X over the second best is unsure (default: 0.25).", 0, 1},
        {"no-geometry", CLI_FLAG, &run.no_geometry, NULL,
         "Let the embedding alone decide: to see what confirmation by geometry adds.", 0, 0},
    };
    const cli_usage usage = {
        "verify",
        "[--index FILE] [--queries DIR --pairs FILE]",
        "Shows how well an index tells its references apart: top-1 self-identification, the margin "
        "between right and best wrong, the pairs that look most alike, and a threshold. Exit 1 "
        "under "
        "99 % self-identification.",
        "  dlf-identify verify --index my-index.npz\n"
        "  dlf-identify verify --index my-index.npz --queries photos --pairs photos/pairs.tsv\n",
        options,
        sizeof options / sizeof options[0],
        NULL,
    };
    int n_operands, code = cli_parse(&usage, &run.common, argc, argv, &n_operands);
    if (code >= 0)
        return code;
    if ((run.queries == NULL) != (run.pairs == NULL))
        return cli_usage_error(&usage, "--queries and --pairs go together");
    cli_catch_interrupt();
    code = run_verify(&run);
    idf_query_test_release(&run.photos);
    idf_self_test_release(&run.self);
    idf_matcher_free(run.matcher);
    idf_pool_free(run.pool);
    idf_encoder_free(run.encoder);
    idf_index_free(run.index);
    return cli_finish(code);
}
