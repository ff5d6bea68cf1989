/* gather_report.c - what gather says: the sources, each picture, and how it went. */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cli/gather.h"
#include "cli/json.h"
#include "net/url.h"

enum { SHOWN_BYTES = 700, MOST_SHOWN = 20 };

static const char *const words[IDF_GATHER_KINDS] = {
    "new", "kept", "planned", "duplicate", "alike", "refused", "failed", "no_answer", "nothing",
};

static void print_object(json_t *object) {
    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(object);
}

int gather_list_sources(const gather_run *run) {
    cli_colours c = cli_stdout_colours();
    for (size_t i = 0; i < idf_sources_n(); i++) {
        const idf_source *s = idf_source_at(i);
        if (run->common.json) {
            print_object(json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "name", s->name, "about",
                                   s->about, "needs", s->needs, "query", s->asks_for, "sets",
                                   s->takes_set, "license", s->license == NULL ? "" : s->license));
            continue;
        }
        printf("%s%-16s%s %s\n%-16s query: %s\n%-16s needs: %s\n", c.bold, s->name, c.reset,
               s->about, "", s->asks_for, "", s->needs);
    }
    return EXIT_DONE;
}

bool gather_progress(void *run, const idf_progress *progress) {
    return cli_progress(&((gather_run *)run)->common, progress);
}

static const char *query_of(const idf_gather_task *task) {
    return task->query[0] != '\0' ? task->query : task->set;
}

static void print_json(const idf_gather_event *e, const char *url) {
    print_object(json_pack("{s:s, s:s, s:o, s:s, s:o, s:o}", "status", words[e->kind], "source",
                           e->task->source->name, "query", cli_json_text(query_of(e->task)), "url",
                           url, "path", cli_json_text(e->path), "message",
                           cli_json_text(e->message)));
}

/* Remembers a line for the end. */
static void remember(idf_bytes *lines, const char *format, const char *a, const char *b) {
    lines->max = 1 << 20;
    idf_bytes_printf(lines, format, cli_printable(a), cli_printable(b));
}

void gather_on_event(void *context, const idf_gather_event *e) {
    gather_run *run = context;
    char url[SHOWN_BYTES];
    idf_url_shown(url, sizeof url, e->url);
    if (run->common.json)
        print_json(e, url);
    switch (e->kind) {
    case IDF_GATHER_PLANNED:
        if (!run->common.json)
            printf("%s  %s\n", cli_printable(e->path), url);
        break;
    case IDF_GATHER_ALIKE:
        remember(&run->alike, "  %s looks like %s\n", e->path, e->message);
        break;
    case IDF_GATHER_REFUSED:
        remember(&run->refused, "  %s: %s\n", url, e->message);
        break;
    case IDF_GATHER_FAILED:
        remember(&run->refused, "  %s: %s\n", url, e->message);
        break;
    case IDF_GATHER_NO_ANSWER:
        cli_warn(&run->common, "%s, '%s': %s", e->task->source->name,
                 cli_printable(query_of(e->task)), cli_printable(e->message));
        break;
    case IDF_GATHER_NOTHING:
        cli_warn(&run->common, "%s has nothing for '%s'", e->task->source->name,
                 cli_printable(query_of(e->task)));
        break;
    default:
        break;
    }
}

/* The first lines of a list, on stderr. */
static void show_lines(const gather_run *run, const idf_bytes *lines, const char *title) {
    size_t at = 0, n = 0, left = 0;
    if (lines->len == 0 || run->common.quiet)
        return;
    fprintf(stderr, "%s\n", title);
    for (; at < lines->len; n++) {
        const uint8_t *end = memchr(lines->data + at, '\n', lines->len - at);
        size_t len = end == NULL ? lines->len - at : (size_t)(end - lines->data) + 1 - at;
        if (n < MOST_SHOWN)
            fwrite(lines->data + at, 1, len, stderr);
        else
            left++;
        at += len;
    }
    if (left > 0)
        fprintf(stderr, "  and %zu more; --json names them all\n", left);
}

static void print_summary(const gather_run *run, const gather_plan *plan,
                          const idf_gather_report *r) {
    const size_t *n = r->counts;
    size_t n_new = n[IDF_GATHER_NEW] + n[IDF_GATHER_ALIKE];
    double rate = r->seconds > 0 ? (double)n_new / r->seconds : 0;
    if (run->common.json) {
        json_t *object = json_pack("{s:s, s:o, s:I, s:f}", "status", "done", "data_root",
                                   cli_json_text(plan->data_root), "bytes", (json_int_t)r->n_bytes,
                                   "elapsed_seconds", r->seconds);
        for (int i = 0; i < IDF_GATHER_KINDS; i++)
            json_object_set_new(object, words[i], json_integer((json_int_t)n[i]));
        print_object(object);
        return;
    }
    if (run->dry_run) {
        printf("%zu pictures would be fetched into %s, %zu are there\n", n[IDF_GATHER_PLANNED],
               cli_printable(plan->data_root), n[IDF_GATHER_KEPT]);
        return;
    }
    printf("%zu pictures in %s\n", n_new + n[IDF_GATHER_KEPT], cli_printable(plan->data_root));
    printf("  %zu new (%.1f MB, %.3g a second), %zu there before, %zu duplicates left out, %zu "
           "refused, %zu not fetched\n",
           n_new, (double)r->n_bytes / 1e6, rate, n[IDF_GATHER_KEPT], n[IDF_GATHER_DUPLICATE],
           n[IDF_GATHER_REFUSED], n[IDF_GATHER_FAILED]);
}

int gather_finish(gather_run *run, const gather_plan *plan, const idf_gather_report *report,
                  idf_status status, const idf_error *err) {
    const size_t *n = report->counts;
    size_t n_good =
        n[IDF_GATHER_NEW] + n[IDF_GATHER_ALIKE] + n[IDF_GATHER_KEPT] + n[IDF_GATHER_PLANNED];
    idf_error why = IDF_ERROR_INIT;
    if (status == IDF_OK || n_good > 0)
        print_summary(run, plan, report);
    show_lines(run, &run->refused, "These are no use or could not be fetched:");
    show_lines(run, &run->alike, "These look alike; index will not tell them apart:");
    if (run->experiment && !run->dry_run && (status == IDF_OK || status == IDF_ERR_CANCELLED)) {
        idf_status written = gather_write_experiment(run, plan, report, &why);
        if (written != IDF_OK)
            return cli_fail(written, &why);
    }
    if (status == IDF_ERR_CANCELLED)
        return cli_fail(status, &(const idf_error){.message = "stopped; the same command goes on"});
    if (status != IDF_OK)
        return cli_fail(status, err);
    if (n_good > 0)
        return EXIT_DONE;
    return n[IDF_GATHER_NO_ANSWER] + n[IDF_GATHER_FAILED] > 0 ? EXIT_SYSTEM : EXIT_NEGATIVE;
}

void gather_run_release(gather_run *run) {
    idf_bytes_release(&run->refused);
    idf_bytes_release(&run->alike);
}
