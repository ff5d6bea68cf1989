/* cmd_models.c - dlf-identify models: CLIP's weights, listed, downloaded, and their precisions
 * measured. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/json.h"
#include "net/download.h"

typedef struct models_run {
    cli_common common;
    const char *url, *sha256, *refs, *clip_model;
    int max_megabytes;
} models_run;

static int list_models(const models_run *run) {
    char path[IDF_MODEL_PATH_BYTES];
    cli_colours c = cli_stdout_colours();
    for (size_t i = 0; i < idf_models_n(); i++) {
        const idf_model *model = idf_model_at(i);
        bool there = idf_model_locate(path, model->name, NULL) == IDF_OK;
        if (run->common.json) {
            json_t *object = json_pack("{s:s, s:s, s:s, s:b, s:o}", "name", model->name, "sha256",
                                       model->sha256, "url", model->url, "present", there, "path",
                                       there ? cli_json_text(path) : json_null());
            cli_json_print(object, 6);
        } else {
            printf("%s%-9s%s  %s%s%s\n", c.bold, model->name, c.reset, there ? c.green : c.dim,
                   there ? cli_printable(path) : "not on this machine", c.reset);
        }
    }
    return EXIT_DONE;
}

static bool is_hash(const char *text) {
    return strlen(text) == 64 && strspn(text, "0123456789abcdefABCDEF") == 64;
}

static int report_pull(const models_run *run, const idf_model *model, const char *path,
                       bool downloaded) {
    if (run->common.json) {
        json_t *object = json_pack("{s:s, s:o, s:b}", "name", model->name, "path",
                                   cli_json_text(path), "downloaded", downloaded);
        cli_json_print(object, 6);
    } else {
        printf("%s: %s%s\n", model->name, cli_printable(path),
               downloaded ? "" : " (was there already)");
    }
    return EXIT_DONE;
}

static int pull_model(models_run *run, const cli_usage *usage, const char *name) {
    const idf_model *model = idf_model_find(name);
    char path[IDF_MODEL_PATH_BYTES], folder[IDF_MODEL_PATH_BYTES];
    idf_error err = IDF_ERROR_INIT;
    if (model == NULL)
        return cli_usage_error(usage, "there is no model '%s'; 'dlf-identify models' lists them",
                               cli_printable(name));
    if (run->sha256 != NULL && !is_hash(run->sha256))
        return cli_usage_error(usage, "--sha256 takes 64 hexadecimal digits");
    if (run->sha256 != NULL && run->url == NULL)
        return cli_usage_error(usage, "--sha256 goes with --url");
    if (run->url == NULL && idf_model_locate(path, model->name, NULL) == IDF_OK)
        return report_pull(run, model, path, false);
    idf_status status = idf_model_download_path(path, model, &err);
    if (status == IDF_OK) {
        snprintf(folder, sizeof folder, "%s", path);
        *strrchr(folder, '/') = '\0';
        status = idf_dir_make(folder, &err);
    }
    if (status == IDF_OK) {
        cli_catch_interrupt();
        const idf_download job = {.url = run->url != NULL ? run->url : model->url,
                                  .path = path,
                                  .sha256 = run->sha256 != NULL ? run->sha256 : model->sha256,
                                  .max_bytes = (uint64_t)run->max_megabytes << 20,
                                  .progress = cli_progress,
                                  .context = &run->common};
        status = idf_download_run(&job, &err);
        cli_progress_end();
    }
    return status == IDF_OK ? report_pull(run, model, path, true) : cli_fail(status, &err);
}

static void print_precisions(const models_run *run, const idf_precision_result *results, size_t n) {
    static const char *const words[] = {"auto", "fp32", "bf16", "int8"};
    if (!run->common.json)
        printf("%zu pictures, against fp32\n%-6s %13s %13s %16s %10s %12s\n", n, "", "least cosine",
               "median", "same nearest", "top-5", "ms a picture");
    for (int i = 0; i < IDF_PRECISIONS; i++) {
        const idf_precision_result *r = &results[i];
        if (!run->common.json) {
            printf("%-6s %13.6f %13.6f %7zu of %5zu %9.1f%% %12.1f\n", words[r->precision],
                   r->least_cosine, r->median_cosine, r->n_same_nearest, n, 100 * r->top5_in_common,
                   r->milliseconds);
            continue;
        }
        json_t *object =
            json_pack("{s:s, s:I, s:f, s:f, s:I, s:f, s:f}", "precision", words[r->precision],
                      "pictures", (json_int_t)n, "least_cosine", r->least_cosine, "median_cosine",
                      r->median_cosine, "same_nearest", (json_int_t)r->n_same_nearest,
                      "top5_in_common", r->top5_in_common, "ms", r->milliseconds);
        cli_json_print(object, 8);
    }
}

static int check_precisions(models_run *run, const cli_usage *usage) {
    idf_precision_result results[IDF_PRECISIONS];
    idf_error err = IDF_ERROR_INIT;
    idf_pool *pool = NULL;
    size_t n = 0;
    if (run->refs == NULL)
        return cli_usage_error(usage, "--refs DIR is missing: pictures to measure on");
    idf_status status = idf_pool_new(&pool, run->common.threads, &err);
    if (status == IDF_OK) {
        cli_catch_interrupt();
        const idf_precision_test_options options = {run->refs, run->clip_model, pool, cli_progress,
                                                    &run->common};
        status = idf_precision_test(results, &n, &options, &err);
        cli_progress_end();
    }
    idf_pool_free(pool);
    if (status != IDF_OK)
        return cli_fail(status, &err);
    print_precisions(run, results, n);
    return EXIT_DONE;
}

int cmd_models(int argc, char **argv) {
    models_run run = {.max_megabytes = 4096};
    const cli_option options[] = {
        {"url", CLI_TEXT, &run.url, "URL", "pull: download from a mirror.", 0, 0},
        {"sha256", CLI_TEXT, &run.sha256, "HEX",
         "pull: with --url, the SHA-256 to expect in place of the published one.", 0, 0},
        {"max-megabytes", CLI_INT, &run.max_megabytes, "N",
         "pull: the longest file to take (default: 4096).", 1, 1 << 20},
        {"refs", CLI_TEXT, &run.refs, "DIR", "check: the pictures to measure on.", 0, 0},
        {"clip-model", CLI_TEXT, &run.clip_model, "MODEL",
         "check: the weights, a name or a path (default: ViT-B/32).", 0, 0},
    };
    const cli_usage usage = {
        "models",
        "[list | pull NAME | check --refs DIR]",
        "CLIP's weights: lists what is known and where it lies; downloads weights, going on where "
        "an earlier download stopped; measures what each precision does to the vectors and the "
        "ranking of your own pictures.",
        "  dlf-identify models\n"
        "  dlf-identify models pull ViT-B/32\n"
        "  dlf-identify models check --refs ~/my-collection\n",
        options,
        sizeof options / sizeof options[0],
        "[list | pull NAME | check]",
    };
    int n, code = cli_parse(&usage, &run.common, argc, argv, &n);
    if (code >= 0)
        return code;
    const char *verb = n == 0 ? "list" : argv[1];
    if (strcmp(verb, "pull") == 0 && n == 2)
        code = pull_model(&run, &usage, argv[2]);
    else if (strcmp(verb, "pull") == 0)
        code = cli_usage_error(&usage, "pull takes one name, such as ViT-B/32");
    else if (strcmp(verb, "list") == 0 && n <= 1)
        code = list_models(&run);
    else if (strcmp(verb, "check") == 0 && n == 1)
        code = check_precisions(&run, &usage);
    else
        code =
            cli_usage_error(&usage, "'%s' is not list, pull NAME or check", cli_printable(argv[n]));
    return cli_finish(code);
}
