/* cmd_query.c - dlf-identify query: says which reference each picture shows. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <pthread.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/file.h"
#include "cli/annotate.h"
#include "cli/encoder.h"
#include "cli/json.h"

enum {
    STDIN_MAX_BYTES = 256 << 20,
    HEAP_BYTES = 64 << 20, /* a large frame takes 40 */
};

/* One picture between being read and being shown. */
typedef struct question {
    idf_image image; /* kept when it is to be drawn on */
    idf_answer answer;
    idf_status status;
    idf_error err;
    bool done;
} question;

typedef struct query_run {
    cli_common common;
    idf_collection *collection;
    idf_match_options match;
    const char *index_path, *clip_model;
    const char *annotate; /* a file or a folder; NULL: nothing is drawn */
    const char *refs_dir; /* pictures to draw beside it; NULL: where the index says */
    bool table, no_geometry, mirrored, skip_damaged;
    int name_columns; /* of the longest picture name, for --table */
    char **paths;
    size_t n_paths;
    idf_scratch **scratches; /* one a worker */
    int n_workers;
    question first; /* what became of the first picture, where it was read on opening */
    bool first_is_read;
    question *questions; /* of a window of the pictures, by number modulo `window` */
    size_t window, next; /* next: the picture to be shown next */
    pthread_mutex_t lock;
    pthread_cond_t shown;
    int code;
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

static void print_answer(const idf_answer *a, const char *path) {
    char label[IDF_NAME_BYTES + IDF_RARITY_BYTES + 8];
    const idf_index *index = idf_collection_index(a->collection);
    cli_colours c = cli_stdout_colours();
    printf("%s%s%s: ", c.bold, shown_name(path), c.reset);
    if (a->n_detections == 0)
        printf("%snone of them%s\n", c.yellow, c.reset);
    for (size_t i = 0; i < a->n_detections; i++) {
        const idf_detection *d = &a->detections[i];
        idf_row_label(label, sizeof label, index, d->row, d->confident);
        printf("%s%s%s%s  (score %.2f, margin %.2f)\n", i > 0 ? "  and " : "",
               d->confident ? c.green : c.yellow, cli_printable(label), c.reset, (double)d->score,
               (double)d->margin);
    }
    for (size_t i = 0; i < a->n_ranking; i++) {
        size_t row = a->ranking[i].row;
        idf_row_label(label, sizeof label, index, row, true);
        printf("  %2zu. %5.2f  ", i + 1, (double)a->ranking[i].score);
        cli_print_padded(cli_printable(label), 32);
        printf("  %s%s%s\n", c.dim, cli_printable(idf_index_filename(index, row)), c.reset);
    }
}

/* A line for each thing: picture, answer, score, file. */
static void print_row(const query_run *run, const idf_answer *a, const char *path) {
    char label[IDF_NAME_BYTES + IDF_RARITY_BYTES + 8] = "none of them";
    const idf_index *index = idf_collection_index(a->collection);
    cli_colours c = cli_stdout_colours();
    for (size_t i = 0; i == 0 || i < a->n_detections; i++) {
        const idf_detection *d = a->n_detections > 0 ? &a->detections[i] : NULL;
        if (d != NULL)
            idf_row_label(label, sizeof label, index, d->row, d->confident);
        cli_print_padded(shown_name(path), run->name_columns);
        printf("  %s", d == NULL || !d->confident ? c.yellow : c.green);
        cli_print_padded(cli_printable(label), 32);
        printf("%s", c.reset);
        if (a->n_ranking > 0)
            printf("  %5.2f", d != NULL ? (double)d->score : (double)a->ranking[0].score);
        if (d != NULL)
            printf("  %s", cli_printable(idf_index_filename(index, d->row)));
        putchar('\n');
    }
}

static void print_json_line(json_t *object, const char *path) {
    json_object_set_new(object, "image", cli_json_text(path));
    cli_json_print(object, 6);
}

static bool is_sure(const idf_answer *a) {
    for (size_t i = 0; i < a->n_detections; i++)
        if (a->detections[i].confident)
            return true;
    return false;
}

/* Shows the answer and returns the exit code it alone would give. */
static int show(const query_run *run, const idf_answer *a, const char *path) {
    if (run->common.json)
        print_json_line(idf_answer_json(a, NULL), path);
    else if (run->table)
        print_row(run, a, path);
    else
        print_answer(a, path);
    return is_sure(a) ? EXIT_DONE : EXIT_NEGATIVE;
}

/* Says what went wrong with a picture and returns the exit code that it alone would give. */
static int complain(const query_run *run, const char *path, idf_status status,
                    const idf_error *err) {
    idf_error told = *err;
    if (strstr(err->message, path) == NULL)
        idf_error_prefix(&told, status, shown_name(path));
    if (run->common.json)
        print_json_line(json_pack("{s:{s:s, s:s}}", "error", "status", idf_status_name(status),
                                  "message", err->message),
                        path);
    return cli_fail(status, &told);
}

/* --- several pictures at once, shown in order --- */

/* Left and right of a picture change places. */
static void mirror(idf_image *image) {
    size_t n = (size_t)image->channels;
    for (int y = 0; y < image->height; y++) {
        uint8_t *row = image->pixels + (size_t)y * image->stride_bytes;
        for (size_t a = 0, b = (size_t)image->width - 1; a < b; a++, b--)
            for (size_t c = 0; c < n; c++) {
                uint8_t kept = row[a * n + c];
                row[a * n + c] = row[b * n + c];
                row[b * n + c] = kept;
            }
    }
}

/* The answer to a mirrored picture, where things are in the picture as it was. */
static void mirror_answer(idf_answer *a) {
    for (size_t i = 0; i < a->n_detections; i++) {
        idf_detection *d = &a->detections[i];
        float left = 1 - d->x2;
        d->x2 = 1 - d->x1;
        d->x1 = left;
        for (int k = 0; k < 4; k++)
            d->corners[k][0] = 1 - d->corners[k][0];
        d->rotation_degrees = -d->rotation_degrees;
    }
}

/* Looks at a picture, and at its mirror image when that is wanted and nothing was sure. */
static idf_status match_picture(query_run *run, question *q, int worker) {
    idf_scratch *scratch = run->scratches[worker];
    idf_answer other = {0};
    idf_status status =
        idf_match(run->collection, scratch, NULL, &q->image, &run->match, &q->answer, &q->err);
    if (status != IDF_OK || !run->mirrored || is_sure(&q->answer))
        return status;
    mirror(&q->image);
    status = idf_match(run->collection, scratch, NULL, &q->image, &run->match, &other, &q->err);
    mirror(&q->image);
    if (status == IDF_OK && is_sure(&other)) {
        idf_answer plain = q->answer;
        mirror_answer(&other);
        q->answer = other;
        other = plain;
    }
    idf_answer_release(&other);
    return status;
}

static void *read_first(void *context) {
    query_run *run = context;
    question *q = &run->first;
    q->status = read_picture(run->paths[0], &q->image, &q->err);
    run->first_is_read = true;
    return NULL;
}

/* Opens the collection, and reads the first picture meanwhile: of one picture's answer that is a
 * quarter. Standard input is not waited for before there is a collection to ask. */
static idf_status open_collection(query_run *run, const idf_collection_options *options,
                                  idf_error *err) {
    pthread_t reader;
    bool reads =
        strcmp(run->paths[0], "-") != 0 && pthread_create(&reader, NULL, read_first, run) == 0;
    idf_status status = idf_collection_open(&run->collection, run->index_path, options, err);
    if (reads)
        pthread_join(reader, NULL);
    return status;
}

static void ask(query_run *run, question *q, const char *path, int worker) {
    if (path == run->paths[0] && run->first_is_read) { /* `done` is looked at meanwhile */
        q->image = run->first.image;
        q->status = run->first.status;
        q->err = run->first.err;
    } else {
        q->status = read_picture(path, &q->image, &q->err);
    }
    if (q->status == IDF_OK)
        q->status = match_picture(run, q, worker);
    if (run->annotate == NULL)
        idf_image_release(&q->image);
}

static cli_drawn_from drawn_from(const query_run *run) {
    return (cli_drawn_from){run->collection, run->index_path, run->refs_dir};
}

/* Shows what became of a picture, and keeps the worst exit code. */
static void tell(query_run *run, question *q, const char *path) {
    int code;
    if (q->status == IDF_OK) {
        const cli_drawn_from from = drawn_from(run);
        code = show(run, &q->answer, path);
        if (run->annotate != NULL &&
            cli_annotate(run->annotate, path, &q->image, &q->answer, &from, &q->err) != IDF_OK) {
            cli_fail(IDF_ERR_IO, &q->err);
            code = EXIT_SYSTEM;
        }
    } else {
        code = complain(run, path, q->status, &q->err);
    }
    fflush(stdout); /* whoever reads a pipe has it now */
    run->code = code > run->code ? code : run->code;
    idf_image_release(&q->image);
    idf_answer_release(&q->answer);
    *q = (question){.done = false};
}

/* Answers picture i, waiting while too many wait to be shown; then shows all whose turn it is. */
static void query_task(void *context, size_t i, int worker) {
    query_run *run = context;
    question *q = &run->questions[i % run->window];
    pthread_mutex_lock(&run->lock);
    while (i >= run->next + run->window)
        pthread_cond_wait(&run->shown, &run->lock);
    pthread_mutex_unlock(&run->lock);
    ask(run, q, run->paths[i], worker);
    pthread_mutex_lock(&run->lock);
    q->done = true;
    for (question *turn = &run->questions[run->next % run->window];
         run->next < run->n_paths && turn->done; turn = &run->questions[run->next % run->window]) {
        tell(run, turn, run->paths[run->next]);
        run->next++;
    }
    pthread_cond_broadcast(&run->shown);
    pthread_mutex_unlock(&run->lock);
}

static idf_status open_workers(query_run *run, idf_pool *pool, idf_error *err) {
    int n = idf_pool_threads(pool);
    run->window = 4 * (size_t)n;
    run->scratches = idf_alloc_zero((size_t)n, sizeof *run->scratches);
    run->questions = idf_alloc_zero(run->window, sizeof *run->questions);
    if (run->scratches == NULL || run->questions == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for %d threads", n);
    idf_status status = IDF_OK;
    for (; run->n_workers < n && status == IDF_OK; run->n_workers++)
        status = idf_scratch_new(&run->scratches[run->n_workers], err);
    return status;
}

static void on_damaged(void *context, const char *message) {
    cli_warn(&((query_run *)context)->common, "answered without a segment: %s", message);
}

static int run_queries(query_run *run) {
    idf_error err = IDF_ERROR_INIT;
    idf_pool *pool = NULL;
    idf_status status = idf_pool_new(&pool, run->common.threads, &err);
    const idf_index_open_options opening = {run->skip_damaged, on_damaged, run};
    const idf_collection_options options = {.clip_model = run->clip_model,
                                            .opening = &opening,
                                            .no_geometry = run->no_geometry,
                                            .pool = pool};
    if (status == IDF_OK)
        status = open_collection(run, &options, &err);
    const cli_drawn_from from = drawn_from(run);
    if (status == IDF_OK && run->annotate != NULL)
        status = cli_annotate_check(run->annotate, run->paths, run->n_paths, &from, &err);
    if (status == IDF_OK)
        status = open_workers(run, pool, &err);
    for (size_t i = 0; i < run->n_paths; i++) {
        int columns = cli_width(shown_name(run->paths[i]));
        run->name_columns = columns > run->name_columns ? columns : run->name_columns;
    }
    pthread_mutex_init(&run->lock, NULL);
    pthread_cond_init(&run->shown, NULL);
    if (status == IDF_OK)
        idf_pool_for(pool, run->n_paths, query_task, run);
    else
        run->code = cli_fail(status, &err);
    pthread_cond_destroy(&run->shown);
    pthread_mutex_destroy(&run->lock);
    for (int i = 0; i < run->n_workers; i++)
        idf_scratch_free(run->scratches[i]);
    if (status != IDF_OK)
        idf_image_release(&run->first.image); /* else it was some question's */
    idf_free(run->scratches);
    idf_free(run->questions);
    idf_collection_release(run->collection);
    idf_pool_free(pool);
    return run->code;
}

int cmd_query(int argc, char **argv) {
    query_run run = {.index_path = "card_index.npz",
                     .match = {.sim_threshold = NAN, .margin_threshold = NAN}};
    const cli_option options[] = {
        {"index", CLI_TEXT, &run.index_path, "FILE", "The index (default: card_index.npz).", 0, 0},
        {"top", CLI_INT, &run.match.top_k, "K", "Show the K best references (default: 3).", 1,
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
        {"mirrored", CLI_FLAG, &run.mirrored, NULL,
         "Look at the mirror image too where nothing is sure: selfie cameras save that.", 0, 0},
        {"table", CLI_FLAG, &run.table, NULL,
         "One line for each thing found, and one for a picture with none.", 0, 0},
        {"sim-threshold", CLI_REAL, &run.match.sim_threshold, "X",
         "A score under X is none of them (default: what index chose on the collection, else 0.5).",
         0, 1},
        {"margin-threshold", CLI_REAL, &run.match.margin_threshold, "X",
         "A lead of less than X over the second best is unsure (default: 0.25).", 0, 1},
        {"skip-damaged", CLI_FLAG, &run.skip_damaged, NULL,
         "Answer without the segments of a folder that cannot be read, in place of not at all.", 0,
         0},
        {"no-geometry", CLI_FLAG, &run.no_geometry, NULL,
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
    idf_alloc_in_large_pages(HEAP_BYTES);
    char message[IDF_ERROR_MESSAGE_BYTES];
    if (run.annotate != NULL &&
        cli_annotate_refuses(message, sizeof message, run.annotate, argv + 1, n_paths))
        return cli_usage_error(&usage, "%s", message);
    run.match.sim_threshold = cli_threshold(run.match.sim_threshold);
    run.match.margin_threshold = cli_threshold(run.match.margin_threshold);
    run.paths = argv + 1;
    run.n_paths = (size_t)n_paths;
    return cli_finish(run_queries(&run));
}
