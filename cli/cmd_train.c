/* cmd_train.c - dlf-identify train: a projection head for one collection. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/encoder.h"
#include "cli/json.h"

typedef struct train_run {
    cli_common common;
    json_t *epochs; /* NULL without --json */
} train_run;

static void on_note(void *context, const idf_note *note) {
    const train_run *run = context;
    const char *file = cli_printable(note->filename);
    if (note->kind == IDF_NOTE_UNREADABLE)
        cli_warn(&run->common, "left out %s: %s", file, note->message);
    else if (note->kind == IDF_NOTE_CHECKPOINT)
        cli_warn(&run->common, "%s", note->message);
    else
        cli_warn(&run->common, "%s is like %s: %s", file, cli_printable(note->other),
                 note->message);
}

static bool on_progress(void *context, const idf_progress *progress) {
    return cli_progress(&((train_run *)context)->common, progress);
}

static void on_epoch(void *context, const idf_train_epoch *e) {
    train_run *run = context;
    if (run->epochs != NULL)
        json_array_append_new(run->epochs,
                              json_pack("{s:i, s:f, s:f, s:f, s:f, s:f, s:b}", "epoch", e->epoch,
                                        "loss", e->loss, "lr", e->learning_rate, "views_per_second",
                                        e->views_per_second, "held_out_top1", e->held_out.top1,
                                        "held_out_margin", e->held_out.margin, "best", e->best));
    if (run->common.quiet)
        return;
    cli_progress_end();
    fprintf(stderr,
            "epoch %2d/%d  loss %.4f  lr %.1e  held-out top-1 %.3f, margin %.3f%s  "
            "%.0f views/s, %.0f s left\n",
            e->epoch, e->n_epochs, e->loss, e->learning_rate, e->held_out.top1, e->held_out.margin,
            e->best ? " *" : "  ", e->views_per_second, e->seconds_left);
}

static const char *verdict_word(idf_verdict verdict) {
    return verdict == IDF_VERDICT_HELPS   ? "helps"
           : verdict == IDF_VERDICT_HURTS ? "hurts"
                                          : "makes no difference";
}

static json_t *separation_json(const idf_separation *s) {
    return json_pack("{s:f, s:f, s:f}", "top1", s->top1, "margin", s->margin, "separation",
                     s->separation);
}

static void print_json(const train_run *run, const idf_train_options *o,
                       const idf_train_report *r) {
    json_t *object = json_pack(
        "{s:o, s:s, s:I, s:I, s:I, s:I, s:i, s:I, s:I, s:i, s:I, s:b, s:o, s:o, s:s, s:f, s:f, "
        "s:f, s:O}",
        "head", cli_json_text(o->out_path), "encoder", idf_encoder_identity(o->encoder),
        "references", (json_int_t)r->n_references, "unreadable", (json_int_t)r->n_unreadable,
        "copies", (json_int_t)r->n_copies, "alike", (json_int_t)r->n_alike, "k_cards", r->k_cards,
        "views", (json_int_t)r->n_views, "test_views", (json_int_t)r->before.n_views, "best_epoch",
        r->best_epoch, "resumed_steps", (json_int_t)r->resumed_steps, "interrupted", r->interrupted,
        "before", separation_json(&r->before), "after", separation_json(&r->after), "verdict",
        verdict_word(r->verdict), "view_seconds", r->view_seconds, "step_seconds", r->step_seconds,
        "elapsed_seconds", r->seconds, "epochs", run->epochs);
    cli_json_print(object, 6);
}

static void print_report(const idf_train_options *o, const idf_train_report *r) {
    cli_colours c = cli_stdout_colours();
    printf("%s%s%s: a head for %zu references, encoder %s\n", c.bold, cli_printable(o->out_path),
           c.reset, r->n_references, cli_encoder_shown(idf_encoder_identity(o->encoder)));
    printf("  %zu training views, best of %s%d, %.1f s (%.1f s views, %.1f s steps)\n", r->n_views,
           r->best_epoch == 0 ? "all is the start, epoch " : "all is epoch ", r->best_epoch,
           r->seconds, r->view_seconds, r->step_seconds);
    printf("  on %zu simulated camera views that took no part:\n", r->before.n_views);
    printf("                 before   after\n");
    printf("    top-1        %.3f    %.3f\n", r->before.top1, r->after.top1);
    printf("    margin       %.3f    %.3f\n", r->before.margin, r->after.margin);
    printf("    separation   %.3f    %.3f\n", r->before.separation, r->after.separation);
    if (r->verdict == IDF_VERDICT_HELPS)
        printf("%sThe head helps%s: index with --projection %s\n", c.green, c.reset,
               cli_printable(o->out_path));
    else if (r->verdict == IDF_VERDICT_HURTS)
        printf("%sThe head hurts: don't use it.%s\n", c.red, c.reset);
    else
        printf("%sThe head makes no difference: the encoder alone does as well.%s\n", c.yellow,
               c.reset);
}

static int run_train(train_run *run, const idf_train_options *options) {
    idf_error err = IDF_ERROR_INIT;
    idf_train_report report;
    run->epochs = run->common.json ? json_array() : NULL;
    idf_status status = idf_train_head(options, &report, &err);
    cli_progress_end();
    if (status == IDF_OK && run->common.json)
        print_json(run, options, &report);
    else if (status == IDF_OK)
        print_report(options, &report);
    json_decref(run->epochs);
    if (status != IDF_OK)
        cli_fail(status, &err);
    if (report.interrupted && report.resumable)
        fprintf(stderr, "stopped; the same command with --resume goes on\n");
    if (status != IDF_OK)
        return cli_exit_code(status);
    if (report.interrupted)
        return EXIT_INTERRUPTED;
    return report.verdict == IDF_VERDICT_HURTS ? EXIT_NEGATIVE : EXIT_DONE;
}

/* "fresh", "bank" or "bank:N"; false when it is none of them. */
static bool parse_views(int *bank_views, const char *text) {
    char *end;
    *bank_views = strcmp(text, "fresh") == 0 ? 0 : IDF_BANK_AUTOMATIC;
    if (strcmp(text, "fresh") == 0 || strcmp(text, "bank") == 0)
        return true;
    if (strncmp(text, "bank:", 5) != 0)
        return false;
    long n = strtol(text + 5, &end, 10);
    *bank_views = (int)(n < 0 || n > 4096 ? 0 : n);
    return end != text + 5 && *end == '\0' && *bank_views > 0;
}

int cmd_train(int argc, char **argv) {
    idf_train_options o;
    train_run run = {0};
    cli_encoder_choice choice = {NULL, NULL, NULL};
    const char *views = "bank", *start = "principal", *recipe = "mixed";
    int seed = 1;
    idf_train_defaults(&o);
    const cli_option options[] = {
        {"refs", CLI_TEXT, &o.refs_dir, "DIR", "The folder of reference pictures.", 0, 0},
        {"out", CLI_TEXT, &o.out_path, "FILE",
         "The head to write; .safetensors by its name, else as torch.save (default: clip_proj.pt).",
         0, 0},
        CLI_ENCODER_OPTIONS(&choice),
        {"epochs", CLI_INT, &o.epochs, "N", "Epochs (default: 12).", 1, 100000},
        {"k-cards", CLI_INT, &o.k_cards, "K",
         "References in a batch; all, when there are fewer (default: 16).", 2, 2048},
        {"m-augs", CLI_INT, &o.m_views, "M", "Views of each of them (default: 4).", 2, 2048},
        {"steps-per-epoch", CLI_INT, &o.steps_per_epoch, "N", "Batches an epoch (default: 80).", 1,
         1000000},
        {"lr", CLI_REAL, &o.learning_rate, "X",
         "Learning rate at the start; it falls to 0 by half a cosine (default: 5e-4).", 1e-9, 1},
        {"temperature", CLI_REAL, &o.temperature, "X", "Of the loss (default: 0.1).", 1e-3, 100},
        {"views", CLI_TEXT, &views, "WAY",
         "bank:N makes N views of each reference once and draws from them, bank as many as make "
         "9,600 in all, at least 64 of each; fresh makes every view anew (default: bank).",
         0, 0},
        {"recipe", CLI_TEXT, &recipe, "WAY",
         "What the views are: mixed, half as the Python original makes them and half by a "
         "simulated "
         "camera, or original (default: mixed).",
         0, 0},
        {"start", CLI_TEXT, &start, "WAY",
         "First parameters: principal, a projection that loses nothing, or random, as the Python "
         "original (default: principal).",
         0, 0},
        {"seed", CLI_INT, &seed, "N",
         "The same seed gives the same head on the same kind of processor (default: 1).", 0,
         2147483647},
        {"resume", CLI_FLAG, &o.resume, NULL,
         "Go on with an interrupted training, from FILE.resume beside the head; the other options "
         "have to be the same.",
         0, 0},
    };
    const cli_usage usage = {
        "train",
        "--refs DIR [--out FILE] [--encoder NAME] [--epochs N] [--views WAY] [--resume]",
        "Trains a small network behind the encoder to tell the references of one collection apart "
        "under a camera's eye, and says whether it helps: measured on simulated camera views that "
        "took no part in the training. Ctrl-C keeps the best head so far, and --resume goes on. "
        "Exit 1 when the head hurts.",
        "  dlf-identify train --refs ~/my-collection --out head.pt\n"
        "  dlf-identify index --refs ~/my-collection --out my-index.npz --projection head.pt\n",
        options,
        sizeof options / sizeof options[0],
        NULL,
    };
    int n_operands, code = cli_parse(&usage, &run.common, argc, argv, &n_operands);
    if (code >= 0)
        return code;
    if (o.refs_dir == NULL)
        return cli_usage_error(&usage, "--refs DIR is missing: the folder of reference pictures");
    if (!parse_views(&o.bank_views, views))
        return cli_usage_error(&usage, "--views takes bank, fresh or bank:N with N from 1 to 4096");
    if (strcmp(start, "principal") != 0 && strcmp(start, "random") != 0)
        return cli_usage_error(&usage, "--start takes principal or random");
    if (strcmp(recipe, "mixed") != 0 && strcmp(recipe, "original") != 0)
        return cli_usage_error(&usage, "--recipe takes mixed or original");
    o.recipe = strcmp(recipe, "original") == 0 ? IDF_TRAIN_ORIGINAL : IDF_TRAIN_MIXED;
    o.start = strcmp(start, "random") == 0 ? IDF_START_RANDOM : IDF_START_PRINCIPAL;
    o.seed = (uint64_t)seed;
    o.progress = on_progress;
    o.epoch = on_epoch;
    o.note = on_note;
    o.context = &run;
    idf_error err = IDF_ERROR_INIT;
    idf_encoder *encoder = NULL;
    idf_status status = idf_pool_new(&o.pool, run.common.threads, &err);
    if (status == IDF_OK)
        status = idf_file_can_write(o.out_path, &err); /* before hours of work, not after them */
    code = status == IDF_OK ? cli_encoder_open(&encoder, &choice, &usage, &run.common, o.pool)
                            : cli_fail(status, &err);
    o.encoder = encoder;
    if (code < 0) {
        bool clip = strncmp(idf_encoder_identity(encoder), "builtin/", 8) != 0;
        o.model_name = !clip ? NULL : choice.clip_model != NULL ? choice.clip_model : "ViT-B/32";
        cli_catch_interrupt();
        code = run_train(&run, &o);
    }
    idf_pool_free(o.pool);
    idf_encoder_free(encoder);
    return cli_finish(code);
}
