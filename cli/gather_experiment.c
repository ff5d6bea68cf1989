/* gather_experiment.c - a record of one run in the Python original's layout:
 * experiments/DATE_gather-NAME with README.md and config.json, gather/manifest.json and
 * gather/stats.json in it, and experiments/latest leading there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "cli/gather.h"
#include "cli/json.h"
#include "feeds/gathered.h"

enum { PATH_BYTES = 512 };

static idf_status write_json(const char *folder, const char *name, json_t *value, idf_error *err) {
    char path[PATH_BYTES + 40];
    char *text = value == NULL ? NULL : json_dumps(value, JSON_INDENT(2));
    idf_status status = IDF_ERR_NO_MEMORY;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (text != NULL)
        status = idf_file_write(path, text, strlen(text), err);
    else
        idf_error_set(err, status, "out of memory for '%s'", path);
    free(text);
    json_decref(value);
    return status;
}

static json_t *stats_of(const idf_gather_report *r) {
    const size_t *n = r->counts;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "downloaded",
                     (json_int_t)(n[IDF_GATHER_NEW] + n[IDF_GATHER_ALIKE]), "kept",
                     (json_int_t)n[IDF_GATHER_KEPT], "duplicates",
                     (json_int_t)n[IDF_GATHER_DUPLICATE], "refused",
                     (json_int_t)n[IDF_GATHER_REFUSED], "failed", (json_int_t)n[IDF_GATHER_FAILED],
                     "queries_failed", (json_int_t)n[IDF_GATHER_NO_ANSWER], "bytes",
                     (json_int_t)r->n_bytes, "elapsed_seconds", r->seconds);
}

static json_t *config_of(const gather_run *run, const gather_plan *plan) {
    return json_pack("{s:o, s:o, s:o, s:i, s:i}", "project", cli_json_text(plan->project.name),
                     "project_file", cli_json_text(plan->project_path), "data_root",
                     cli_json_text(plan->data_root), "max_per_query", run->max_per_query, "workers",
                     run->workers);
}

/* The manifest with whole paths, which is how the original finds its pictures again. */
static idf_status copy_manifest(const char *folder, const gather_plan *plan, idf_error *err) {
    idf_gathered *manifest;
    json_t *list = json_array(), *entry;
    size_t i;
    idf_status status = idf_gathered_open(&manifest, plan->data_root, err);
    if (status != IDF_OK) {
        json_decref(list);
        return status;
    }
    json_array_foreach((json_t *)idf_gathered_entries(manifest), i, entry) {
        json_t *copy = json_copy(entry);
        char *path = idf_entry_path(manifest, entry);
        if (path != NULL)
            json_object_set_new(copy, "path", cli_json_text(path));
        idf_free(path);
        json_array_append_new(list, copy);
    }
    idf_gathered_free(manifest);
    return write_json(folder, "manifest.json", list, err);
}

static idf_status write_readme(const char *folder, const gather_plan *plan,
                               const idf_gather_report *r, idf_error *err) {
    char path[PATH_BYTES + 40], text[GATHER_PATH_BYTES + 600];
    snprintf(path, sizeof path, "%s/README.md", folder);
    int n = snprintf(text, sizeof text,
                     "# gather: %s\n\n%zu new pictures, %zu there before, in %s.\n\n"
                     "`gather/manifest.json` says where each is from, `config.json` what was "
                     "asked, `gather/stats.json` how it went.\n",
                     plan->project.name, r->counts[IDF_GATHER_NEW] + r->counts[IDF_GATHER_ALIKE],
                     r->counts[IDF_GATHER_KEPT], plan->data_root);
    return idf_file_write(path, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1, err);
}

idf_status gather_write_experiment(const gather_run *run, const gather_plan *plan,
                                   const idf_gather_report *report, idf_error *err) {
    char name[PATH_BYTES / 2], folder[PATH_BYTES], inner[PATH_BYTES + 20], date[32];
    time_t now = time(NULL);
    struct tm local;
    localtime_r(&now, &local);
    strftime(date, sizeof date, "%Y-%m-%d_%H%M%S", &local);
    snprintf(name, sizeof name, "%s_gather-%.100s", date, plan->project.name);
    snprintf(folder, sizeof folder, "experiments/%s", name);
    snprintf(inner, sizeof inner, "%s/gather", folder);
    idf_status status = idf_dir_make(inner, err);
    if (status == IDF_OK)
        status = copy_manifest(inner, plan, err);
    if (status == IDF_OK)
        status = write_json(inner, "stats.json", stats_of(report), err);
    if (status == IDF_OK)
        status = write_json(folder, "config.json", config_of(run, plan), err);
    if (status == IDF_OK)
        status = write_readme(folder, plan, report, err);
    if (status != IDF_OK)
        return status;
    unlink("experiments/latest.new");
    if (symlink(name, "experiments/latest.new") != 0 ||
        rename("experiments/latest.new", "experiments/latest") != 0)
        return idf_error_set(err, IDF_ERR_IO, "cannot make experiments/latest: %s",
                             strerror(errno));
    return IDF_OK;
}
