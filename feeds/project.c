/* project.c - project files. */
#include "feeds/project.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "feeds/yaml.h"

enum { MAX_TEXT = 1000 };

typedef struct reader {
    idf_project *project;
    const char *shown;
    idf_error *err;
} reader;

static idf_status fail(const reader *r, int line, const char *field, const char *what) {
    char file[300], shown[200];
    return idf_error_set(r->err, IDF_ERR_FORMAT, "%s, line %d: '%s' %s",
                         idf_text_printable(file, sizeof file, r->shown), line,
                         idf_text_printable(shown, sizeof shown, field), what);
}

/* Whether a path stays in its folder: parts that are neither empty nor ".." nor hidden. */
static bool stays_inside(const char *path) {
    if (path[0] == '\0' || strlen(path) > MAX_TEXT || strchr(path, '\\') != NULL)
        return false;
    for (const char *at = path;;) {
        size_t n = strcspn(at, "/");
        if (n == 0 || at[0] == '.')
            return false;
        for (size_t i = 0; i < n; i++)
            if (at[i] >= 0 && (at[i] < ' ' || at[i] == 0x7f))
                return false;
        if (at[n] == '\0')
            return true;
        at += n + 1;
    }
}

static idf_status read_queries(const reader *r, idf_bucket *bucket, const idf_yaml *list) {
    size_t n = 0;
    for (const idf_yaml *at = list->first; at != NULL; at = at->next)
        n++;
    const char **queries = idf_arena_alloc(&r->project->arena, n + 1, sizeof *queries);
    if (queries == NULL)
        return IDF_ERR_NO_MEMORY;
    bucket->queries = queries;
    for (const idf_yaml *at = list->first; at != NULL; at = at->next) {
        if (at->kind != IDF_YAML_TEXT || at->text[0] == '\0' || strlen(at->text) > MAX_TEXT)
            return fail(r, at->line, bucket->path, "has a query that is no short text");
        queries[bucket->n_queries++] = at->text;
    }
    return IDF_OK;
}

static idf_status read_sources(const reader *r, idf_bucket *bucket, const idf_yaml *node) {
    const idf_yaml *at = node->kind == IDF_YAML_LIST ? node->first : node;
    for (; at != NULL; at = node->kind == IDF_YAML_LIST ? at->next : NULL) {
        if (at->kind != IDF_YAML_TEXT)
            return fail(r, at->line, "source", "is no name and no list of names");
        if (bucket->n_sources == IDF_PROJECT_MAX_SOURCES)
            return fail(r, at->line, "source", "has more than 8 names");
        bucket->sources[bucket->n_sources++] = at->text;
    }
    return IDF_OK;
}

static idf_status read_bucket(const reader *r, idf_bucket *bucket, const idf_yaml *node) {
    bucket->path = node->key;
    bucket->set = "";
    if (!stays_inside(node->key))
        return fail(r, node->line, node->key, "is no path that stays in the data root");
    if (node->kind == IDF_YAML_LIST)
        return read_queries(r, bucket, node);
    if (node->kind != IDF_YAML_MAP)
        return fail(r, node->line, node->key, "is neither a list of queries nor a map");
    const idf_yaml *queries = idf_yaml_get(node, "queries");
    const idf_yaml *source = idf_yaml_get(node, "source"), *sources = idf_yaml_get(node, "sources");
    idf_status status = IDF_OK;
    bucket->set = idf_yaml_text(idf_yaml_get(node, "set"));
    if (strlen(bucket->set) > 63)
        return fail(r, node->line, "set", "has more than 63 bytes");
    if (queries != NULL && queries->kind != IDF_YAML_LIST)
        return fail(r, queries->line, "queries", "is no list");
    if (queries == NULL && bucket->set[0] == '\0')
        return fail(r, node->line, node->key, "has no queries");
    if (queries != NULL)
        status = read_queries(r, bucket, queries);
    if (status == IDF_OK && (source != NULL || sources != NULL))
        status = read_sources(r, bucket, source != NULL ? source : sources);
    return status;
}

/* What the original knows and gather does not need. */
static void note_passed_over(idf_project *project, const idf_yaml *root) {
    static const char *const known[] = {"falcon_queries", "r2", "prompts", "backends", "pod"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (idf_yaml_get(root, known[i]) != NULL)
            project->passed_over[project->n_passed_over++] = known[i];
}

static idf_status read_project(const reader *r, const idf_yaml *root) {
    idf_project *p = r->project;
    const idf_yaml *name = idf_yaml_get(root, "project_name");
    const idf_yaml *buckets = idf_yaml_get(root, "buckets");
    idf_status status = IDF_OK;
    size_t n = 0;
    if (root == NULL || root->kind != IDF_YAML_MAP)
        return fail(r, 1, "project_name", "is missing: this is no project file");
    p->name = idf_yaml_text(name);
    p->target = idf_yaml_text(idf_yaml_get(root, "target_object"));
    p->data_root = idf_yaml_text(idf_yaml_get(root, "data_root"));
    if (p->name[0] == '\0')
        return fail(r, root->line, "project_name", "is missing");
    if (!stays_inside(p->name) || strchr(p->name, '/') != NULL || strlen(p->name) > 100)
        return fail(r, name->line, "project_name", "is no plain name");
    if (buckets == NULL || buckets->kind != IDF_YAML_MAP || buckets->first == NULL)
        return fail(r, root->line, "buckets", "is missing or no map");
    for (const idf_yaml *at = buckets->first; at != NULL; at = at->next)
        n++;
    p->buckets = idf_arena_alloc(&p->arena, n, sizeof *p->buckets);
    if (p->buckets == NULL)
        return IDF_ERR_NO_MEMORY;
    memset(p->buckets, 0, n * sizeof *p->buckets);
    for (const idf_yaml *at = buckets->first; status == IDF_OK && at != NULL; at = at->next)
        status = read_bucket(r, &p->buckets[p->n_buckets++], at);
    note_passed_over(p, root);
    return status;
}

idf_status idf_project_parse(idf_project *project, const void *bytes, size_t len_bytes,
                             const char *shown, idf_error *err) {
    reader r = {project, shown, err};
    idf_yaml *root;
    idf_status status = idf_yaml_parse(&root, &project->arena, bytes, len_bytes, shown, err);
    if (status == IDF_OK)
        status = read_project(&r, root);
    if (status == IDF_ERR_NO_MEMORY)
        idf_error_set(err, status, "out of memory for a project file");
    return status;
}

void idf_project_release(idf_project *project) {
    idf_arena_release(&project->arena);
    memset(project, 0, sizeof *project);
}
