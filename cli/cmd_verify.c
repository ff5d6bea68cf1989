/* cmd_verify.c - dlf-identify verify: measures how well an index tells its references apart. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "cli/encoder.h"
#include "cli/verify.h"

enum { AUTOMATIC = -1, AUTOMATIC_VIEWS = 8, AUTOMATIC_MAX_REFERENCES = 5000 };

typedef struct verify_run {
    cli_common common;
    const char *refs, *queries, *pairs, *strangers, *clip_model, *compare, *report;
    int n_confusables, views, seed;
    double time_limit, sim_threshold, margin_threshold, min_top1;
    bool no_geometry, save;
    verify_subject subject, other;
    idf_pool *pool;
} verify_run;

/* The collection, with geometry or without. */
static idf_status open_collection(verify_run *run, verify_subject *v, bool no_geometry,
                                  idf_error *err) {
    const idf_collection_options options = {
        .like = v->collection, .no_geometry = no_geometry, .pool = run->pool};
    idf_encoder *encoder = NULL;
    idf_collection *made = NULL;
    idf_status status = cli_encoder_open_for(&encoder, v->index, run->clip_model, run->pool, err);
    if (status == IDF_OK)
        status = idf_collection_new(&made, v->index, encoder, &options, err);
    idf_encoder_free(encoder);
    if (status == IDF_OK) {
        idf_collection_release(v->collection);
        v->collection = made;
    }
    return status;
}

static idf_camera_test_options camera_options(verify_run *run, const verify_subject *v) {
    return (idf_camera_test_options){.collection = v->collection,
                                     .refs_dir = run->refs,
                                     .views =
                                         run->views == AUTOMATIC ? AUTOMATIC_VIEWS : run->views,
                                     .time_limit_s = run->time_limit,
                                     .seed = (uint64_t)run->seed,
                                     .sim_threshold = run->sim_threshold,
                                     .margin_threshold = run->margin_threshold,
                                     .pool = run->pool,
                                     .progress = cli_progress,
                                     .context = &run->common};
}

/* Camera views, unless they were not asked for by name and cannot be had. */
static idf_status measure_camera(verify_run *run, verify_subject *v, idf_error *err) {
    bool asked = run->views > 0 || run->refs != NULL || run->save || run->min_top1 > 0;
    idf_error why = IDF_ERROR_INIT;
    if (run->views == 0)
        return IDF_OK;
    if (!asked && idf_index_n_rows(v->index) > AUTOMATIC_MAX_REFERENCES) {
        cli_warn(&run->common,
                 "no camera views of %zu references unless --views says how many of each",
                 idf_index_n_rows(v->index));
        return IDF_OK;
    }
    idf_status status = open_collection(run, v, false, &why);
    const idf_camera_test_options options = camera_options(run, v);
    if (status == IDF_OK)
        status = idf_camera_test_run(&v->camera, &options, &why);
    cli_progress_end();
    v->with_camera = status == IDF_OK;
    if (status == IDF_OK)
        return IDF_OK;
    if (asked || status == IDF_ERR_CANCELLED || status == IDF_ERR_NO_MEMORY) {
        *err = why;
        return status;
    }
    cli_warn(&run->common, "no camera views: %s%s", why.message,
             status == IDF_ERR_NOT_FOUND ? "; --refs DIR says where the pictures are" : "");
    return IDF_OK;
}

static idf_status measure_photos(verify_run *run, verify_subject *v, idf_error *err) {
    idf_status status = v->collection != NULL && !run->no_geometry
                            ? IDF_OK
                            : open_collection(run, v, run->no_geometry, err);
    if (status != IDF_OK)
        return status;
    const idf_query_test_options options = {
        v->collection,  run->sim_threshold, run->margin_threshold, run->queries, run->pairs,
        run->strangers, run->pool,          cli_progress,          &run->common};
    v->photo_thresholds[0] =
        run->sim_threshold > 0 ? run->sim_threshold : idf_collection_sim_threshold(v->collection);
    v->photo_thresholds[1] = run->margin_threshold > 0
                                 ? run->margin_threshold
                                 : idf_collection_margin_threshold(v->collection);
    status = idf_query_test_run(&v->photos, &options, err);
    v->with_photos = status == IDF_OK;
    return status;
}

static idf_status measure(verify_run *run, verify_subject *v, idf_error *err) {
    idf_status status = idf_index_open(&v->index, v->path, err);
    if (status == IDF_OK)
        status = idf_self_test_run(&v->self, v->index, (size_t)run->n_confusables, run->pool, err);
    if (status == IDF_OK)
        status = measure_camera(run, v, err);
    if (status == IDF_OK && (run->queries != NULL || run->strangers != NULL))
        status = measure_photos(run, v, err);
    return status;
}

static double top1(size_t n, size_t of) {
    return of == 0 ? 1 : (double)n / (double)of;
}

static bool passed(const verify_run *run) {
    const verify_subject *v = &run->subject;
    return verify_self_passed(&v->self) &&
           top1(v->camera.n_top1, v->camera.n_views) >= run->min_top1 &&
           top1(v->photos.n_top1, v->photos.n_queries) >= run->min_top1;
}

static void show(const verify_run *run) {
    const verify_subject *other = run->compare != NULL ? &run->other : NULL;
    if (run->common.json) {
        verify_print_json(&run->subject, other, passed(run));
        return;
    }
    verify_print(&run->subject);
    if (other != NULL)
        verify_print_comparison(&run->subject, other);
}

static idf_status save(verify_run *run, idf_error *err) {
    const verify_subject *v = &run->subject;
    idf_status status = idf_camera_test_save(&v->camera, v->index, v->path, err);
    if (status == IDF_OK && !run->common.quiet && !run->common.json)
        printf("\n%s: the threshold is %.3f from now on\n", cli_printable(v->path),
               v->camera.recommended_threshold);
    return status;
}

static idf_report_subject report_subject(const verify_subject *v,
                                         const idf_camera_test_options *options) {
    return (idf_report_subject){v->path,
                                v->index,
                                &v->self,
                                v->with_camera ? &v->camera : NULL,
                                v->with_camera ? options : NULL,
                                v->with_photos ? &v->photos : NULL};
}

static idf_status write_report(verify_run *run, idf_error *err) {
    const idf_camera_test_options options = camera_options(run, &run->subject),
                                  others = camera_options(run, &run->other);
    const idf_report_subject subject = report_subject(&run->subject, &options),
                             other = report_subject(&run->other, &others);
    return idf_report_write(run->report, &subject, run->compare != NULL ? &other : NULL, err);
}

static int run_verify(verify_run *run) {
    idf_error err = IDF_ERROR_INIT;
    idf_status status = idf_pool_new(&run->pool, run->common.threads, &err);
    if (status == IDF_OK)
        status = measure(run, &run->subject, &err);
    if (status == IDF_OK && run->compare != NULL)
        status = measure(run, &run->other, &err);
    cli_progress_end();
    if (status == IDF_OK && run->report != NULL)
        status = write_report(run, &err);
    if (status == IDF_OK)
        show(run);
    if (status == IDF_OK && run->save)
        status = save(run, &err);
    if (status != IDF_OK)
        return cli_fail(status, &err);
    return passed(run) ? EXIT_DONE : EXIT_NEGATIVE;
}

static void subject_release(verify_subject *v) {
    idf_query_test_release(&v->photos);
    idf_camera_test_release(&v->camera);
    idf_self_test_release(&v->self);
    idf_collection_release(v->collection);
    idf_index_free(v->index);
}

/* What goes together; NULL when all is well. */
static const char *contradiction(const verify_run *run) {
    if ((run->queries == NULL) != (run->pairs == NULL))
        return "--queries and --pairs go together";
    if (run->views == 0 && run->save)
        return "--save-thresholds needs camera views: --views 0 makes none";
    return NULL;
}

/* Whether thresholds could be saved: of a folder it is the manifest that changes. */
static idf_status can_write_index(const char *path, idf_error *err) {
    idf_file_stat stat;
    if (idf_file_get_stat(&stat, path, NULL) != IDF_OK || !stat.is_dir)
        return idf_file_can_write(path, err);
    char *manifest = idf_path_join(path, "manifest.json");
    idf_status status = manifest == NULL
                            ? idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a file name")
                            : idf_file_can_write(manifest, err);
    idf_free(manifest);
    return status;
}

int cmd_verify(int argc, char **argv) {
    verify_run run = {.subject.path = "card_index.npz",
                      .n_confusables = 5,
                      .views = AUTOMATIC,
                      .seed = 1,
                      .time_limit = 60,
                      .sim_threshold = NAN,
                      .margin_threshold = NAN};
    const cli_option options[] = {
        {"index", CLI_TEXT, &run.subject.path, "FILE", "The index (default: card_index.npz).", 0,
         0},
        {"top-confusables", CLI_INT, &run.n_confusables, "N",
         "List the N pairs that look most alike (default: 5).", 0, 1000},
        {"views", CLI_INT, &run.views, "N",
         "Simulated camera views of each reference (default: 8, and none for over 5000 "
         "references; 0: none).",
         0, 1000},
        {"time-limit", CLI_REAL, &run.time_limit, "SECONDS",
         "Begin no further camera view after so long; what there is covers the whole collection "
         "evenly (default: 60; 0: no limit).",
         0, 1e6},
        {"refs", CLI_TEXT, &run.refs, "DIR",
         "Where the reference pictures are (default: the folder that was indexed).", 0, 0},
        {"seed", CLI_INT, &run.seed, "N", "Other views for another number (default: 1).", 0,
         2147483647},
        {"save-thresholds", CLI_FLAG, &run.save, NULL,
         "Write the thresholds that these views ask for into the index.", 0, 0},
        {"queries", CLI_TEXT, &run.queries, "DIR",
         "Measure on real photographs in DIR too; needs --pairs.", 0, 0},
        {"pairs", CLI_TEXT, &run.pairs, "FILE",
         "Lines 'photograph TAB reference'; reference NONE is a stranger.", 0, 0},
        {"strangers", CLI_TEXT, &run.strangers, "DIR",
         "Photographs of things that are not in the index: how many are accepted?", 0, 0},
        {"compare", CLI_TEXT, &run.compare, "OTHER",
         "Measure another index on the same views and put the two side by side.", 0, 0},
        {"report", CLI_TEXT, &run.report, "FILE",
         "Write all of it as one HTML page, with curves, the confusable pairs and the weakest "
         "references as pictures, and what to do about each.",
         0, 0},
        {"min-top1", CLI_REAL, &run.min_top1, "X",
         "Exit 1 when top-1 on camera views or on photographs is under X (0 to 1).", 0, 1},
        CLI_CLIP_MODEL_OPTION(&run.clip_model),
        {"sim-threshold", CLI_REAL, &run.sim_threshold, "X",
         "A score under X is none of them (default: what index chose on the collection, else 0.5).",
         0, 1},
        {"margin-threshold", CLI_REAL, &run.margin_threshold, "X",
         "A lead of less than X over the second best is unsure (default: 0.25).", 0, 1},
        {"no-geometry", CLI_FLAG, &run.no_geometry, NULL,
         "Photographs: let the embedding alone decide, to see what confirmation by geometry adds.",
         0, 0},
    };
    const cli_usage usage = {
        "verify",
        "[--index FILE] [--views N] [--queries DIR --pairs FILE]",
        "Shows how well an index tells its references apart. Of the vectors: top-1 "
        "self-identification, margins, the pairs that look most alike. Of what a camera will see, "
        "by simulated views: how many are named right, with and without geometry; how many are "
        "taken for another when their reference is left out; thresholds for rates of false "
        "accepts; the weakest references. Exit 1 under 99 % self-identification or under "
        "--min-top1.",
        "  dlf-identify verify --index my-index.npz\n"
        "  dlf-identify verify --index my-index.npz --views 20 --save-thresholds\n"
        "  dlf-identify verify --index my-index.npz --report report.html\n"
        "  dlf-identify verify --index my-index.npz --compare sharper.npz\n"
        "  dlf-identify verify --index my-index.npz --queries photos --pairs photos/pairs.tsv\n",
        options,
        sizeof options / sizeof options[0],
        NULL,
    };
    int n_operands, code = cli_parse(&usage, &run.common, argc, argv, &n_operands);
    if (code >= 0)
        return code;
    const char *wrong = contradiction(&run);
    if (wrong != NULL)
        return cli_usage_error(&usage, "%s", wrong);
    run.sim_threshold = cli_threshold(run.sim_threshold);
    run.margin_threshold = cli_threshold(run.margin_threshold);
    run.other.path = run.compare;
    cli_catch_interrupt();
    idf_error err = IDF_ERROR_INIT;
    idf_status status = run.report != NULL ? idf_file_can_write(run.report, &err) : IDF_OK;
    if (status == IDF_OK && run.save)
        status = can_write_index(run.subject.path, &err);
    code = status == IDF_OK ? run_verify(&run) : cli_fail(status, &err);
    subject_release(&run.subject);
    subject_release(&run.other);
    idf_pool_free(run.pool);
    return cli_finish(code);
}
