/* cmd_index.c - dlf-identify index: a folder of pictures becomes an index. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/encoder.h"
#include "cli/json.h"

typedef struct index_run {
    cli_common common;
    json_t *unreadable, *duplicates, *alike, *warnings, *passed_over; /* NULL without --json */
    size_t n_alike;
} index_run;

enum { ALIKE_SHOWN = 5 };

static void add_note(json_t *list, const idf_note *note, const char *other_key) {
    if (list == NULL)
        return;
    json_t *entry = json_object();
    json_object_set_new(entry, "filename", cli_json_text(note->filename));
    if (note->other != NULL)
        json_object_set_new(entry, other_key, cli_json_text(note->other));
    json_object_set_new(entry, "reason", json_string(note->message));
    json_array_append_new(list, entry);
}

static void on_note(void *context, const idf_note *note) {
    index_run *run = context;
    const char *file = cli_printable(note->filename);
    switch (note->kind) {
    case IDF_NOTE_UNREADABLE:
        cli_warn(&run->common, "left out %s: %s", file, note->message);
        add_note(run->unreadable, note, "");
        break;
    case IDF_NOTE_DUPLICATE:
        cli_warn(&run->common, "%s is the same picture as %s: %s", file, cli_printable(note->other),
                 note->message);
        add_note(run->duplicates, note, "same_as");
        break;
    case IDF_NOTE_ALIKE:
        if (run->n_alike < ALIKE_SHOWN) /* what to do is said once */
            cli_warn(&run->common, "%s shares most of itself with %s%s%s", file,
                     cli_printable(note->other), run->n_alike == 0 ? ": " : "",
                     run->n_alike == 0 ? note->message : "");
        run->n_alike++;
        add_note(run->alike, note, "other");
        break;
    case IDF_NOTE_UNKNOWABLE:
    case IDF_NOTE_OVER_BLACK:
    case IDF_NOTE_LABELS:
        cli_warn(&run->common, "%s: %s", file, note->message);
        add_note(run->warnings, note, "");
        break;
    case IDF_NOTE_CHECKPOINT: /* of training only */
        break;
    case IDF_NOTE_PASSED_OVER:
        cli_warn(&run->common, "%s", note->message);
        add_note(run->passed_over, note, "");
        break;
    case IDF_NOTE_REBUILD:
        cli_warn(&run->common, "encoding everything anew: %s", note->message);
        add_note(run->warnings, note, "");
        break;
    }
}

static bool on_progress(void *context, const idf_progress *progress) {
    return cli_progress(&((index_run *)context)->common, progress);
}

static void print_json(const index_run *run, const char *out, const idf_encoder *encoder,
                       const idf_build_report *r) {
    json_t *object = json_pack(
        "{s:o, s:I, s:I, s:I, s:I, s:I, s:b, s:s, s:i, s:f, s:b, s:I, s:f, s:f, s:I, s:I, "
        "s:O, s:O, s:O, s:O, s:O}",
        "index", cli_json_text(out), "references", (json_int_t)r->n_rows, "encoded",
        (json_int_t)r->n_encoded, "changed", (json_int_t)r->n_changed, "kept",
        (json_int_t)r->n_kept, "dropped", (json_int_t)r->n_dropped, "written", r->written,
        "encoder", idf_encoder_identity(encoder), "dim", idf_encoder_dim(encoder),
        "elapsed_seconds", r->seconds, "calibrated", r->calibrated, "calibration_views",
        (json_int_t)r->n_views, "sim_threshold", r->sim_threshold, "recall", r->recall, "on_ground",
        (json_int_t)r->n_on_ground, "marked", (json_int_t)r->n_marked, "unreadable",
        run->unreadable, "duplicates", run->duplicates, "alike", run->alike, "warnings",
        run->warnings, "passed_over", run->passed_over);
    cli_json_print(object, 6);
}

static void print_report(const char *out, const idf_encoder *encoder, const idf_build_report *r) {
    cli_colours c = cli_stdout_colours();
    printf("%s%zu reference%s%s in %s", c.bold, r->n_rows, r->n_rows == 1 ? "" : "s", c.reset,
           cli_printable(out));
    if (!r->written)
        printf(" (up to date, left as it is)");
    printf("\n  %zu encoded", r->n_encoded);
    if (r->n_changed > 0)
        printf(" (%zu of them changed)", r->n_changed);
    printf(", %zu kept, %zu dropped", r->n_kept, r->n_dropped);
    if (r->n_unreadable > 0)
        printf(", %s%zu unreadable%s", c.yellow, r->n_unreadable, c.reset);
    if (r->n_duplicates > 0)
        printf(", %s%zu duplicate%s%s", c.yellow, r->n_duplicates, r->n_duplicates == 1 ? "" : "s",
               c.reset);
    printf("\n  encoder %s, %d numbers a picture, %.2f s",
           cli_encoder_shown(idf_encoder_identity(encoder)), idf_encoder_dim(encoder), r->seconds);
    if (r->n_encoded > 1 && r->seconds > 0)
        printf(" (%.0f pictures a second)", (double)r->n_encoded / r->seconds);
    putchar('\n');
    if (r->n_on_ground > 0)
        printf(
            "  %s%zu lie on one ground%s, a table, say, which tells none from another and is left "
            "out: each is known by\n  what it has alone. Where that is not the thing, cut the "
            "pictures to it, or take them on something plain\n",
            c.yellow, r->n_on_ground, c.reset);
    cli_print_marked(r->n_marked, "  ");
    if (r->calibrated)
        printf("  a score of %.2f is enough, by %zu camera views: geometry brings %.0f %% of them "
               "there\n",
               r->sim_threshold, r->n_views, 100 * r->recall);
}

static int run_index(index_run *run, const idf_build_options *options) {
    idf_error err = IDF_ERROR_INIT;
    idf_build_report report;
    if (run->common.json) {
        run->unreadable = json_array();
        run->duplicates = json_array();
        run->alike = json_array();
        run->warnings = json_array();
        run->passed_over = json_array();
    }
    idf_status status = idf_build_index(options, &report, &err);
    cli_progress_end();
    if (run->n_alike > ALIKE_SHOWN)
        cli_warn(&run->common, "%zu more share most of themselves with another; 'verify' names all",
                 run->n_alike - ALIKE_SHOWN);
    if (status == IDF_OK && run->common.json)
        print_json(run, options->out_path, options->encoder, &report);
    else if (status == IDF_OK)
        print_report(options->out_path, options->encoder, &report);
    json_decref(run->unreadable);
    json_decref(run->duplicates);
    json_decref(run->alike);
    json_decref(run->warnings);
    json_decref(run->passed_over);
    return status == IDF_OK ? EXIT_DONE : cli_fail(status, &err);
}

/* What can be asked of an index that is there: fewer segments, a copy in one file. */
static int maintain(const char *path, bool compact, const char *export_to) {
    idf_error err = IDF_ERROR_INIT;
    idf_status status = IDF_OK;
    if (compact) {
        idf_index_writer *writer;
        status = idf_index_writer_open(&writer, path, NULL, &err);
        if (status == IDF_OK)
            status = idf_index_writer_merge(writer, 0, true, &err);
        idf_index_writer_close(writer);
    }
    if (status == IDF_OK && export_to != NULL)
        status = idf_index_export(path, export_to, &err);
    return status == IDF_OK ? EXIT_DONE : cli_fail(status, &err);
}

/* Puts the head that the index at `out` carries behind the encoder: once an index has one it stays
 * until it is replaced or dropped, or until another encoder is asked for. */
static idf_status keep_head(idf_encoder **encoder, const char *out, idf_error *err) {
    idf_index *old = NULL;
    idf_status status = IDF_OK;
    if (idf_index_open(&old, out, NULL) != IDF_OK)
        return IDF_OK; /* none, or one that the build will have something to say about */
    /* With a head it is "ENCODER" and what names the head. */
    const char *made_by = idf_index_encoder(old), *base = idf_encoder_identity(*encoder);
    size_t n = strlen(base);
    if (strncmp(made_by, base, n) == 0 && !isalnum((unsigned char)made_by[n]))
        status = idf_encoder_add_index_head(encoder, old, err);
    idf_index_free(old);
    return status;
}

int cmd_index(int argc, char **argv) {
    const char *refs = NULL, *out = "card_index.npz", *projection = NULL;
    const char *export_to = NULL, *printings = NULL;
    bool strict = false, rebuild = false, compact = false, no_projection = false;
    int views = 48;
    double false_accepts = 0.001;
    cli_encoder_choice choice = {NULL, NULL, NULL};
    const cli_option options[] = {
        {"refs", CLI_TEXT, &refs, "DIR",
         "The folder of reference pictures, one a thing; the file name is the label.", 0, 0},
        {"out", CLI_TEXT, &out, "FILE",
         "The index to write (default: card_index.npz); a name that ends in .idx is a folder that "
         "grows as pictures are added.",
         0, 0},
        {"compact", CLI_FLAG, &compact, NULL,
         "Write all segments of the folder at --out as one; without --refs nothing else.", 0, 0},
        {"export", CLI_TEXT, &export_to, "FILE",
         "Write the index at --out to one file, too; without --refs nothing else.", 0, 0},
        CLI_ENCODER_OPTIONS(&choice),
        {"projection", CLI_TEXT, &projection, "FILE",
         "Put the head of 'dlf-identify train' behind the encoder; the index carries it from then "
         "on.",
         0, 0},
        {"no-projection", CLI_FLAG, &no_projection, NULL,
         "Drop the head that the index at --out carries.", 0, 0},
        {"rebuild", CLI_FLAG, &rebuild, NULL,
         "Encode every picture anew, also those the index at --out knows already.", 0, 0},
        {"calibration-views", CLI_INT, &views, "N",
         "Choose thresholds by N simulated camera views (default: 48; 0: keep the defaults).", 0,
         100000},
        {"false-accepts", CLI_REAL, &false_accepts, "RATE",
         "Share of strangers that the thresholds may accept (default: 0.001).", 1e-6, 0.5},
        {"other-printings", CLI_TEXT, &printings, "WORD",
         "Whether a camera may see printings that the collection lacks: likely (of everything), "
         "unlikely, or auto, of what it has other printings of (default: auto, or as before). "
         "Where it may, the answer is sure of the printing only where what is seen excludes "
         "another.",
         0, 0},
        {"strict", CLI_FLAG, &strict, NULL,
         "Stop at the first unreadable picture (exit 3) in place of leaving it out.", 0, 0},
    };
    const cli_usage usage = {
        "index",
        "--refs DIR [--out FILE] [--encoder NAME] [--projection FILE] [--rebuild]",
        "Encodes every .jpg, .jpeg, .jpe, .jfif, .png and .webp file of a folder (.heic, .heif and "
        ".avif too, when built with libheif) and writes an index. A second run encodes only what "
        "is new or changed "
        "and drops what is gone.",
        "  dlf-identify index --refs ~/my-collection --out my-index.npz\n"
        "  dlf-identify index --refs ~/my-collection --out my-index.npz   # again: only what is "
        "new\n",
        options,
        sizeof options / sizeof options[0],
        NULL,
    };
    index_run run = {0};
    int n_operands, code = cli_parse(&usage, &run.common, argc, argv, &n_operands);
    if (code >= 0)
        return code;
    const idf_other_printings other = idf_other_printings_named(printings);
    if (printings != NULL && other == IDF_PRINTINGS_UNSAID)
        return cli_usage_error(&usage, "--other-printings is '%s', not auto, likely or unlikely",
                               printings);
    if (refs == NULL && (compact || export_to != NULL))
        return cli_finish(maintain(out, compact, export_to));
    if (refs == NULL)
        return cli_usage_error(&usage, "--refs DIR is missing: the folder of reference pictures");
    idf_error err = IDF_ERROR_INIT;
    idf_encoder *encoder = NULL;
    idf_pool *pool = NULL;
    idf_status status = idf_pool_new(&pool, run.common.threads, &err);
    code = status == IDF_OK ? cli_encoder_open(&encoder, &choice, &usage, &run.common, pool)
                            : cli_fail(status, &err);
    if (code < 0) {
        if (out[0] == '\0' || out[strlen(out) - 1] != '/') /* a folder is made before the work */
            status = idf_file_can_write(out, &err);
        status = status == IDF_ERR_ARGUMENT ? IDF_OK : status; /* one is there */
        if (status == IDF_OK && projection != NULL)
            status = idf_encoder_add_head(&encoder, projection, &err);
        else if (status == IDF_OK && !no_projection)
            status = keep_head(&encoder, out, &err);
        code = status == IDF_OK ? -1 : cli_fail(status, &err);
    }
    if (code < 0) {
        cli_catch_interrupt();
        const idf_build_options build = {.refs_dir = refs,
                                         .out_path = out,
                                         .encoder = encoder,
                                         .pool = pool,
                                         .strict = strict,
                                         .rebuild = rebuild,
                                         .progress = on_progress,
                                         .note = on_note,
                                         .context = &run,
                                         .calibration_views = views > 0 ? views : -1,
                                         .false_accepts = false_accepts,
                                         .other_printings = other};
        code = run_index(&run, &build);
        if (code == EXIT_DONE && (compact || export_to != NULL))
            code = maintain(out, compact, export_to);
    }
    idf_pool_free(pool);
    idf_encoder_free(encoder);
    return cli_finish(code);
}
