/* gather_plan.c - from the command line or a project file to tasks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "cli/gather.h"

/* Sources of a bucket that names none: those of the original. */
static const char *const usual_sources[] = {"duckduckgo", "wikimedia"};

/* ---- paths ---- */

static bool is_file(const char *path) {
    idf_file_stat stat;
    return idf_file_get_stat(&stat, path, NULL) == IDF_OK && stat.is_file;
}

/* "~/x" -> "/home/me/x"; false when it does not fit or there is no home. */
static bool expand_home(char out[GATHER_PATH_BYTES], const char *path) {
    const char *home = getenv("HOME");
    int n;
    if (path[0] == '~' && (path[1] == '/' || path[1] == '\0')) {
        if (home == NULL || home[0] == '\0')
            return false;
        n = snprintf(out, GATHER_PATH_BYTES, "%s%s", home, path + 1);
    } else {
        n = snprintf(out, GATHER_PATH_BYTES, "%s", path);
    }
    return n > 0 && n < GATHER_PATH_BYTES;
}

/* The folder of the program, "" when it is not known. */
static void program_folder(char out[GATHER_PATH_BYTES]) {
    ssize_t n = readlink("/proc/self/exe", out, GATHER_PATH_BYTES - 1);
    out[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(out, '/');
    if (slash != NULL)
        *slash = '\0';
}

/* A project by its path, else by its name: in $IDENTIFY_PROJECTS, beside the installed program, and
 * in the source tree that the program was built from. */
static bool find_project(char out[GATHER_PATH_BYTES], const char *name) {
    const char *own = getenv("IDENTIFY_PROJECTS"), *slash = strrchr(name, '/');
    const char *base = slash != NULL ? slash + 1 : name, *dot = strrchr(base, '.');
    bool whole = dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
    char shared[GATHER_PATH_BYTES + 40], program[GATHER_PATH_BYTES];
    if (expand_home(out, name) && is_file(out))
        return true;
    program_folder(program);
    snprintf(shared, sizeof shared, "%s/../share/dlf-identify/projects", program);
    const char *const places[] = {own != NULL ? own : "", shared, IDENTIFY_PROJECTS_DIR,
                                  IDENTIFY_SOURCE_PROJECTS_DIR};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int n = snprintf(out, GATHER_PATH_BYTES, "%s/%s%s", places[i], base, whole ? "" : ".yaml");
        if (places[i][0] != '\0' && n < GATHER_PATH_BYTES && is_file(out))
            return true;
    }
    return false;
}

/* ---- tasks ---- */

static int add_task(gather_plan *plan, const char *source, const char *query, const char *set,
                    const char *bucket, const cli_usage *usage) {
    const idf_source *found = idf_source_find(source);
    const char *names[32] = {0};
    for (size_t i = 0; i < idf_sources_n() && i < 31; i++)
        names[i] = idf_source_at(i)->name;
    if (found == NULL) {
        const char *near = cli_nearest(source, names);
        return cli_usage_error(usage, "there is no source '%s'%s%s%s; --list-sources shows them",
                               cli_printable(source), near != NULL ? ", but " : "",
                               near != NULL ? near : "", near != NULL ? " is" : "");
    }
    if (set[0] != '\0' && !found->takes_set)
        return cli_usage_error(usage, "the source %s knows no sets", found->name);
    if (query[0] == '\0' && (!found->needs_no_query || (set[0] == '\0' && found->stream_step == 0)))
        return cli_usage_error(usage, "--query TEXT is missing: %s", found->asks_for);
    plan->tasks[plan->n_tasks++] = (idf_gather_task){found, query, set, bucket};
    return -1;
}

/* A list of the project's is named from its own folder. */
static const char *beside_project(gather_plan *plan, const char *path) {
    char expanded[GATHER_PATH_BYTES], *slash = strrchr(plan->project_path, '/');
    if (!expand_home(expanded, path))
        return path;
    if (expanded[0] == '/' || is_file(expanded) || slash == NULL)
        return idf_arena_copy(&plan->project.arena, expanded, strlen(expanded));
    char *joined =
        idf_arena_alloc(&plan->project.arena, strlen(plan->project_path) + strlen(expanded) + 2, 1);
    if (joined != NULL)
        sprintf(joined, "%.*s/%s", (int)(slash - plan->project_path), plan->project_path, expanded);
    return joined != NULL ? joined : path;
}

static int add_bucket(gather_plan *plan, const idf_bucket *bucket, const cli_usage *usage) {
    const char *const *sources = bucket->n_sources > 0 ? bucket->sources : usual_sources;
    size_t n_sources = bucket->n_sources > 0 ? bucket->n_sources : 2;
    int code = -1;
    for (size_t s = 0; code < 0 && s < n_sources; s++) {
        const idf_source *source = idf_source_find(sources[s]);
        bool file = source != NULL && source->takes_file;
        for (size_t i = 0; code < 0 && i < bucket->n_queries; i++)
            code = add_task(plan, sources[s],
                            file ? beside_project(plan, bucket->queries[i]) : bucket->queries[i],
                            bucket->set, bucket->path, usage);
        if (code < 0 && bucket->n_queries == 0)
            code = add_task(plan, sources[s], "", bucket->set, bucket->path, usage);
    }
    return code;
}

static int read_project(gather_plan *plan, const gather_run *run, const cli_usage *usage) {
    idf_error err = IDF_ERROR_INIT;
    idf_project *project = &plan->project;
    size_t n = 0;
    if (!find_project(plan->project_path, run->project))
        return cli_usage_error(usage, "there is no project '%s', neither as a file nor by name",
                               cli_printable(run->project));
    idf_status status = idf_file_read(&plan->project_text, plan->project_path, 1 << 20, &err);
    if (status == IDF_OK)
        status = idf_project_parse(project, plan->project_text.data, plan->project_text.len,
                                   plan->project_path, &err);
    if (status != IDF_OK)
        return cli_fail(status, &err);
    for (size_t i = 0; i < project->n_passed_over; i++)
        cli_warn(&run->common, "%s: '%s' is of no use to gather and is passed over",
                 cli_printable(plan->project_path), project->passed_over[i]);
    for (size_t i = 0; i < project->n_buckets; i++)
        n += (project->buckets[i].n_queries + 1) * IDF_PROJECT_MAX_SOURCES;
    plan->tasks = idf_alloc(n, sizeof *plan->tasks);
    if (plan->tasks == NULL)
        return cli_fail(IDF_ERR_NO_MEMORY, NULL);
    int code = -1;
    for (size_t i = 0; code < 0 && i < project->n_buckets; i++)
        code = add_bucket(plan, &project->buckets[i], usage);
    return code;
}

int gather_plan_make(gather_plan *plan, const gather_run *run, const cli_usage *usage) {
    char usual[GATHER_PATH_BYTES];
    const char *root = run->out;
    int code;
    if (run->project != NULL) {
        code = read_project(plan, run, usage);
        snprintf(usual, sizeof usual, "~/data-label-factory/%s", plan->project.name);
        if (root == NULL)
            root = code < 0 && plan->project.data_root[0] != '\0' ? plan->project.data_root : usual;
        snprintf(plan->earlier, sizeof plan->earlier, "experiments/latest/gather/manifest.json");
    } else {
        plan->tasks = idf_alloc(1, sizeof *plan->tasks);
        if (plan->tasks == NULL)
            return cli_fail(IDF_ERR_NO_MEMORY, NULL);
        code = add_task(plan, run->source, run->query != NULL ? run->query : "",
                        run->set != NULL ? run->set : "", "", usage);
    }
    if (code < 0 && !expand_home(plan->data_root, root))
        code = cli_usage_error(usage, "the folder '%s' cannot be named", cli_printable(root));
    return code;
}

void gather_plan_release(gather_plan *plan) {
    idf_project_release(&plan->project);
    idf_bytes_release(&plan->project_text);
    idf_free(plan->tasks);
}
