/* cmd_query.c - dlf-identify query: says which reference each picture shows. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "cli/annotate.h"
#include "cli/answer.h"
#include "cli/encoder.h"

enum { STDIN_MAX_BYTES = 256 << 20 };

typedef struct query_run {
    cli_common common;
    const idf_index *index;
    idf_session *session;
    idf_answer answer;
    const char *clip_model;
    const char *annotate; /* a file or a folder; NULL: nothing is drawn */
    const char *refs_dir; /* pictures to draw beside it; NULL: where the index says */
    bool table;
    int name_columns; /* of the longest picture name, for --table */
} query_run;

static idf_status read_picture(const char *path, idf_image *image, idf_error *err) {
    if (strcmp(path, "-") != 0)
        return idf_image_read_file(image, path, NULL, NULL, err);
    idf_bytes bytes = {0};
    idf_status status = idf_stdin_read(&bytes, STDIN_MAX_BYTES, err);
    if (status == IDF_OK)
        status = idf_image_read_memory(image, bytes.data, bytes.len, NULL, NULL, err);
    idf_bytes_release(&bytes);
    return status;
}

static const char *shown_name(const char *path) {
    return strcmp(path, "-") == 0 ? "standard input" : cli_printable(path);
}

static void print_answer(const query_run *run, const char *path) {
    char label[IDF_NAME_BYTES + IDF_RARITY_BYTES + 8];
    const idf_answer *a = &run->answer;
    cli_colours c = cli_stdout_colours();
    printf("%s%s%s: ", c.bold, shown_name(path), c.reset);
    if (a->n_detections == 0)
        printf("%snone of them%s\n", c.yellow, c.reset);
    for (size_t i = 0; i < a->n_detections; i++) {
        const idf_detection *d = &a->detections[i];
        cli_row_label(label, sizeof label, run->index, d->row, d->confident);
        printf("%s%s%s%s  (score %.2f, margin %.2f)\n", i > 0 ? "  and " : "",
               d->confident ? c.green : c.yellow, cli_printable(label), c.reset, (double)d->score,
               (double)d->margin);
    }
    for (size_t i = 0; i < a->n_ranking; i++) {
        size_t row = a->ranking[i].row;
        cli_row_label(label, sizeof label, run->index, row, true);
        printf("  %2zu. %5.2f  ", i + 1, (double)a->ranking[i].score);
        cli_print_padded(cli_printable(label), 32);
        printf("  %s%s%s\n", c.dim, cli_printable(idf_index_filename(run->index, row)), c.reset);
    }
}

/* One line: picture, answer, score. */
static void print_row(const query_run *run, const char *path) {
    char label[IDF_NAME_BYTES + IDF_RARITY_BYTES + 8] = "none of them";
    const idf_answer *a = &run->answer;
    cli_colours c = cli_stdout_colours();
    const idf_detection *d = a->n_detections > 0 ? &a->detections[0] : NULL;
    if (d != NULL)
        cli_row_label(label, sizeof label, run->index, d->row, d->confident);
    cli_print_padded(shown_name(path), run->name_columns);
    printf("  %s", d == NULL || !d->confident ? c.yellow : c.green);
    cli_print_padded(cli_printable(label), 32);
    printf("%s", c.reset);
    if (a->n_ranking > 0)
        printf("  %5.2f", d != NULL ? (double)d->score : (double)a->ranking[0].score);
    if (d != NULL)
        printf("  %s", cli_printable(idf_index_filename(run->index, d->row)));
    putchar('\n');
}

static void print_json_line(json_t *object, const char *path) {
    json_object_set_new(object, "image", cli_json_text(path));
    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(object);
}

/* Shows the answer and returns the exit code it alone would give. */
static int show(const query_run *run, const char *path) {
    if (run->common.json)
        print_json_line(cli_answer_json(&run->answer, run->index, ""), path);
    else if (run->table)
        print_row(run, path);
    else
        print_answer(run, path);
    for (size_t i = 0; i < run->answer.n_detections; i++)
        if (run->answer.detections[i].confident)
            return EXIT_DONE;
    return EXIT_NEGATIVE;
}

/* Answers one picture; returns the exit code it alone would give. */
static int query_one(query_run *run, const char *path) {
    idf_image image = {0};
    idf_error err = IDF_ERROR_INIT;
    int code = EXIT_DONE;
    idf_status status = read_picture(path, &image, &err);
    if (status == IDF_OK)
        status = idf_session_match(run->session, &image, &run->answer, &err);
    if (status == IDF_OK) {
        code = show(run, path);
        const cli_drawn_from from = {run->index, run->refs_dir};
        if (run->annotate != NULL &&
            cli_annotate(run->annotate, path, &image, &run->answer, &from, &err) != IDF_OK) {
            cli_fail(IDF_ERR_IO, err.message);
            code = EXIT_SYSTEM;
        }
    } else {
        char message[IDF_ERROR_MESSAGE_BYTES + 64];
        bool named = strstr(err.message, path) != NULL;
        snprintf(message, sizeof message, "%s%s%s", named ? "" : shown_name(path),
                 named ? "" : ": ", err.message);
        if (run->common.json)
            print_json_line(json_pack("{s:{s:s, s:s}}", "error", "status", idf_status_name(status),
                                      "message", err.message),
                            path);
        code = cli_fail(status, message);
    }
    idf_image_release(&image);
    return code;
}

static int run_queries(query_run *run, const idf_matcher_options *options, const char *index_path,
                       char **paths, int n_paths) {
    idf_error err = IDF_ERROR_INIT;
    idf_index *index = NULL;
    idf_encoder *encoder = NULL;
    idf_matcher *matcher = NULL;
    idf_pool *pool = NULL;
    int code = EXIT_DONE;
    idf_status status = idf_index_open(&index, index_path, &err);
    if (status == IDF_OK)
        status = cli_encoder_open_for(&encoder, index, run->clip_model, NULL, &err);
    if (status == IDF_OK)
        status = idf_pool_new(&pool, run->common.threads, &err);
    if (status == IDF_OK) {
        idf_matcher_options with_pool = *options;
        with_pool.pool = pool;
        status = idf_matcher_new(&matcher, index, encoder, &with_pool, &err);
    }
    idf_pool_free(pool); /* frames are answered one after another */
    if (status == IDF_OK)
        status = idf_session_new(&run->session, matcher, &err);
    run->index = index;
    for (int i = 0; i < n_paths; i++) {
        int columns = cli_width(shown_name(paths[i]));
        run->name_columns = columns > run->name_columns ? columns : run->name_columns;
    }
    for (int i = 0; status == IDF_OK && i < n_paths; i++) {
        int one = query_one(run, paths[i]);
        code = one > code ? one : code;
    }
    if (status != IDF_OK)
        code = cli_fail(status, err.message);
    idf_answer_release(&run->answer);
    idf_session_free(run->session);
    idf_matcher_free(matcher);
    idf_encoder_free(encoder);
    idf_index_free(index);
    return code;
}

int cmd_query(int argc, char **argv) {
    const char *index = "card_index.npz";
    idf_matcher_options match = {0, NAN, NAN, false, NULL};
    query_run run = {0};
    const cli_option options[] = {
        {"index", CLI_TEXT, &index, "FILE", "The index (default: card_index.npz).", 0, 0},
        {"top", CLI_INT, &match.top_k, "K", "Show the K best references (default: 3).", 1,
         IDF_TOP_K_MAX},
        CLI_CLIP_MODEL_OPTION(&run.clip_model),
        {"annotate", CLI_TEXT, &run.annotate, "OUT",
         "Draw outlines, labels and scores on the pictures, and the references beside them. "
         "OUT.png "
         "or OUT.jpg: that file, for one IMAGE; else a folder, made when missing, that gets each "
         "picture under its own name.",
         0, 0},
        {"refs", CLI_TEXT, &run.refs_dir, "DIR",
         "Where --annotate finds the references' pictures (default: the folder that was indexed).",
         0, 0},
        {"table", CLI_FLAG, &run.table, NULL, "One line a picture.", 0, 0},
        {"sim-threshold", CLI_REAL, &match.sim_threshold, "X",
         "A score under X is none of them (default: what index chose on the collection, else 0.5).",
         0, 1},
        {"margin-threshold", CLI_REAL, &match.margin_threshold, "X",
         "A lead of less than X over the second best is unsure (default: 0.25).", 0, 1},
        {"no-geometry", CLI_FLAG, &match.no_geometry, NULL,
         "Let the embedding alone decide: to see what confirmation by geometry adds.", 0, 0},
    };
    const cli_usage usage = {
        "query",
        "[--index FILE] [--top K] IMAGE...",
        "Says which reference each picture shows, or that it shows none of them. IMAGE - reads a "
        "picture from standard input. Exit 0 when every picture was identified, 1 when one was "
        "not, "
        "3 when one could not be read.",
        "  dlf-identify query --index my-index.npz photo.jpg\n"
        "  dlf-identify query --index my-index.npz --json --top 5 *.jpg\n"
        "  dlf-identify query --index my-index.npz --annotate seen.png photo.jpg\n"
        "  curl -s http://camera.local/still.jpg | dlf-identify query --index my-index.npz -\n",
        options,
        sizeof options / sizeof options[0],
        "IMAGE...",
    };
    int n_paths, code = cli_parse(&usage, &run.common, argc, argv, &n_paths);
    if (code >= 0)
        return code;
    if (n_paths == 0)
        return cli_usage_error(&usage, "no picture given");
    char message[IDF_ERROR_MESSAGE_BYTES];
    if (run.annotate != NULL &&
        cli_annotate_refuses(message, sizeof message, run.annotate, argv + 1, n_paths))
        return cli_usage_error(&usage, "%s", message);
    return cli_finish(run_queries(&run, &match, index, argv + 1, n_paths));
}
