/* cmd_augment.c - dlf-identify augment: camera views of the references, to look at. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/json.h"

static void on_note(void *context, const idf_note *note) {
    cli_warn(context, "left out %s: %s", cli_printable(note->filename), note->message);
}

static int run_augment(const cli_common *common, const idf_augment_options *o) {
    idf_error err = IDF_ERROR_INIT;
    idf_augment_report r;
    idf_status status = idf_augment_references(o, &r, &err);
    cli_progress_end();
    if (status != IDF_OK)
        return cli_fail(status, &err);
    double rate = r.seconds > 0 ? (double)r.n_views / r.seconds : 0;
    if (common->json) {
        json_t *object = json_pack(
            "{s:I, s:I, s:I, s:I, s:f, s:f}", "references", (json_int_t)r.n_references, "views",
            (json_int_t)r.n_views, "unreadable", (json_int_t)r.n_unreadable, "on_sheet",
            (json_int_t)r.n_on_sheet, "elapsed_seconds", r.seconds, "views_per_second", rate);
        cli_json_print(object, 6);
        return EXIT_DONE;
    }
    printf("%zu views of %zu references, %.0f a second\n", r.n_views, r.n_references, rate);
    if (o->out_dir != NULL)
        printf("  in %s\n", cli_printable(o->out_dir));
    if (o->contact_sheet != NULL)
        printf("  %zu references on %s\n", r.n_on_sheet, cli_printable(o->contact_sheet));
    return EXIT_DONE;
}

int cmd_augment(int argc, char **argv) {
    cli_common common = {0};
    idf_augment_options o = {.n_views = 8};
    int seed = 1;
    const cli_option options[] = {
        {"refs", CLI_TEXT, &o.refs_dir, "DIR", "The folder of reference pictures.", 0, 0},
        {"out", CLI_TEXT, &o.out_dir, "DIR",
         "Write the views there, NAME-1.jpg and so on; the folder is made.", 0, 0},
        {"contact-sheet", CLI_TEXT, &o.contact_sheet, "FILE",
         "Write one picture (.jpg or .png) with a row a reference: itself and up to 8 views; 24 "
         "references at most.",
         0, 0},
        {"n", CLI_INT, &o.n_views, "N", "Views of each reference (default: 8).", 1, 1000},
        {"harsh", CLI_FLAG, &o.harsh, NULL,
         "A hard camera (any way up, leaning, blur, glare, fingers, clutter) in place of the "
         "training recipe.",
         0, 0},
        {"seed", CLI_INT, &seed, "N", "The same seed gives the same views (default: 1).", 0,
         2147483647},
    };
    const cli_usage usage = {
        "augment",
        "--refs DIR [--out DIR] [--contact-sheet FILE] [--n N] [--harsh]",
        "Shows what a camera makes of the references: the views that train learns from, or harsher "
        "ones.",
        "  dlf-identify augment --refs ~/my-collection --contact-sheet sheet.jpg\n"
        "  dlf-identify augment --refs ~/my-collection --out views --n 20 --harsh\n",
        options,
        sizeof options / sizeof options[0],
        NULL,
    };
    /* -n as the short form, the one that people type */
    static char long_form[] = "--n";
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "-n") == 0)
            argv[i] = long_form;
    int n_operands, code = cli_parse(&usage, &common, argc, argv, &n_operands);
    if (code >= 0)
        return code;
    if (o.refs_dir == NULL)
        return cli_usage_error(&usage, "--refs DIR is missing: the folder of reference pictures");
    if (o.out_dir == NULL && o.contact_sheet == NULL)
        return cli_usage_error(&usage, "say where to: --out DIR, --contact-sheet FILE or both");
    o.seed = (uint64_t)seed;
    o.progress = cli_progress;
    o.note = on_note;
    o.context = &common;
    idf_error err = IDF_ERROR_INIT;
    idf_status status = idf_pool_new(&o.pool, common.threads, &err);
    if (status == IDF_OK && o.contact_sheet != NULL)
        status = idf_file_can_write(o.contact_sheet, &err);
    cli_catch_interrupt();
    code = status == IDF_OK ? run_augment(&common, &o) : cli_fail(status, &err);
    idf_pool_free(o.pool);
    return cli_finish(code);
}
