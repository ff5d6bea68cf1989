/* yaml.c - YAML by libyaml's events, loaded late. */
#include "feeds/yaml.h"

#include <stdbool.h>
#include <string.h>

#include <yaml.h>

#include "base/late.h"
#include "base/text.h"

/* clang-format off */
#define YAML_FUNCTIONS(X)                                                                          \
    X(parser_initialize)                                                                           \
    X(parser_delete)                                                                               \
    X(parser_set_input_string)                                                                     \
    X(parser_parse)                                                                                \
    X(event_delete)
/* clang-format on */

static struct {
#define MEMBER(name) __typeof__(&yaml_##name) name;
    YAML_FUNCTIONS(MEMBER)
} yaml;

#define NAME(name) "yaml_" #name,
static const char *const names[] = {YAML_FUNCTIONS(NAME)};
#ifdef __APPLE__
static idf_late libyaml = {"libyaml-0.2.dylib", names, sizeof names / sizeof *names, &yaml, false};
#else
static idf_late libyaml = {"libyaml-0.so.2", names, sizeof names / sizeof *names, &yaml, false};
#endif

typedef struct reader {
    yaml_parser_t parser;
    idf_arena *arena;
    const char *shown;
    int n_nodes;
} reader;

static idf_status fail_line(const reader *r, idf_status status, size_t line, const char *what,
                            idf_error *err) {
    char shown[300];
    return idf_error_set(err, status, "%s, line %zu: %s",
                         idf_text_printable(shown, sizeof shown, r->shown), line + 1, what);
}

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a YAML file");
}

static idf_status next_event(reader *r, yaml_event_t *event, idf_error *err) {
    if (yaml.parser_parse(&r->parser, event))
        return IDF_OK;
    if (r->parser.error == YAML_MEMORY_ERROR)
        return no_memory(err);
    return fail_line(r, IDF_ERR_FORMAT, r->parser.problem_mark.line,
                     r->parser.problem != NULL ? r->parser.problem : "no YAML", err);
}

/* A plain node for an event, hung into `parent`; *key is a map's key that waits for its value. */
static idf_status add_node(reader *r, const yaml_event_t *event, idf_yaml *parent, const char **key,
                           idf_yaml **out, idf_error *err) {
    if (++r->n_nodes > IDF_YAML_MAX_NODES)
        return fail_line(r, IDF_ERR_LIMIT, event->start_mark.line, "more than 50,000 values", err);
    idf_yaml *node = idf_arena_alloc(r->arena, 1, sizeof *node);
    if (node == NULL)
        return no_memory(err);
    memset(node, 0, sizeof *node);
    node->line = (int)event->start_mark.line + 1;
    node->kind = event->type == YAML_SCALAR_EVENT           ? IDF_YAML_TEXT
                 : event->type == YAML_SEQUENCE_START_EVENT ? IDF_YAML_LIST
                                                            : IDF_YAML_MAP;
    if (event->type == YAML_SCALAR_EVENT) {
        const char *value = (const char *)event->data.scalar.value;
        size_t len = event->data.scalar.length;
        if (memchr(value, 0, len) != NULL)
            return fail_line(r, IDF_ERR_FORMAT, event->start_mark.line, "a NUL in a text", err);
        node->text = idf_arena_copy(r->arena, value, len);
        if (node->text == NULL)
            return no_memory(err);
    }
    *out = node;
    if (parent == NULL)
        return IDF_OK;
    if (parent->kind == IDF_YAML_MAP && *key == NULL) { /* this is the key itself */
        if (node->kind != IDF_YAML_TEXT)
            return fail_line(r, IDF_ERR_FORMAT, event->start_mark.line,
                             "a key that is a list or a map", err);
        if (idf_yaml_get(parent, node->text) != NULL)
            return fail_line(r, IDF_ERR_FORMAT, event->start_mark.line, "a key that is there twice",
                             err);
        *key = node->text;
        return IDF_OK;
    }
    node->key = *key;
    *key = NULL;
    if (parent->first == NULL)
        parent->first = node;
    else
        parent->last->next = node;
    parent->last = node;
    return IDF_OK;
}

/* Whether an event brings an anchor or a tag of somebody's own. */
static const char *what_is_refused(const yaml_event_t *event) {
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_ALIAS_EVENT)
        return "an alias; write the value again";
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor != NULL)
        return "an anchor; they are not taken";
    if (tag != NULL && strncmp((const char *)tag, "tag:yaml.org,2002:", 18) != 0)
        return "a tag; they are not taken";
    return NULL;
}

static idf_status read_document(reader *r, idf_yaml **root, idf_error *err) {
    idf_yaml *open[IDF_YAML_MAX_DEPTH], *node = NULL;
    const char *keys[IDF_YAML_MAX_DEPTH];
    int depth = 0;
    for (bool more = true; more;) {
        yaml_event_t event;
        idf_status status = next_event(r, &event, err);
        if (status != IDF_OK)
            return status;
        size_t line = event.start_mark.line;
        const char *refused = what_is_refused(&event);
        bool begins =
            event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT;
        if (refused != NULL) {
            status = fail_line(r, IDF_ERR_UNSAFE, line, refused, err);
        } else if (begins && depth == IDF_YAML_MAX_DEPTH) {
            status = fail_line(r, IDF_ERR_LIMIT, line, "nested more than 16 deep", err);
        } else if (begins || event.type == YAML_SCALAR_EVENT) {
            status = add_node(r, &event, depth > 0 ? open[depth - 1] : NULL,
                              depth > 0 ? &keys[depth - 1] : NULL, &node, err);
            if (depth == 0 && status == IDF_OK)
                *root = node;
            if (begins && status == IDF_OK) {
                open[depth] = node;
                keys[depth++] = NULL;
            }
        } else if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT) {
            depth--;
        } else if (event.type == YAML_DOCUMENT_START_EVENT && *root != NULL) {
            status = fail_line(r, IDF_ERR_FORMAT, line, "a second document", err);
        } else if (event.type == YAML_STREAM_END_EVENT) {
            more = false;
        }
        yaml.event_delete(&event);
        if (status != IDF_OK)
            return status;
    }
    return IDF_OK;
}

idf_status idf_yaml_parse(idf_yaml **root, idf_arena *arena, const void *bytes, size_t len_bytes,
                          const char *shown, idf_error *err) {
    reader r = {.arena = arena, .shown = shown};
    *root = NULL;
    if (len_bytes > IDF_YAML_MAX_BYTES)
        return idf_error_set(err, IDF_ERR_LIMIT, "%s has %zu bytes, more than %d", shown, len_bytes,
                             IDF_YAML_MAX_BYTES);
    idf_status status = idf_late_load(&libyaml, err);
    if (status != IDF_OK)
        return idf_error_prefix(err, status, "YAML files need libyaml");
    if (!yaml.parser_initialize(&r.parser))
        return no_memory(err);
    yaml.parser_set_input_string(&r.parser, len_bytes == 0 ? (const unsigned char *)"" : bytes,
                                 len_bytes);
    status = read_document(&r, root, err);
    yaml.parser_delete(&r.parser);
    if (status != IDF_OK)
        *root = NULL;
    return status;
}

const idf_yaml *idf_yaml_get(const idf_yaml *map, const char *key) {
    if (map == NULL || map->kind != IDF_YAML_MAP)
        return NULL;
    for (const idf_yaml *at = map->first; at != NULL; at = at->next)
        if (at->key != NULL && strcmp(at->key, key) == 0)
            return at;
    return NULL;
}

const char *idf_yaml_text(const idf_yaml *node) {
    return node != NULL && node->kind == IDF_YAML_TEXT ? node->text : "";
}
