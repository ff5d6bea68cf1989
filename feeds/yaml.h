/* yaml.h - small YAML files as trees, by libyaml's events; libyaml is loaded with the first one.
 *
 * Aliases, anchors and custom tags are refused: nothing here needs them, and a few lines of them
 * can stand for gigabytes. */
#ifndef IDF_FEEDS_YAML_H
#define IDF_FEEDS_YAML_H

#include <stddef.h>

#include <identify/status.h>

#include "base/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_YAML_MAX_BYTES = 1 << 20, IDF_YAML_MAX_DEPTH = 16, IDF_YAML_MAX_NODES = 50000 };

typedef enum idf_yaml_kind { IDF_YAML_TEXT, IDF_YAML_LIST, IDF_YAML_MAP } idf_yaml_kind;

/* A node; its members hang on `first` and go on by `next`. Owned by the arena. */
typedef struct idf_yaml {
    idf_yaml_kind kind;
    const char *key;  /* in a map; NULL elsewhere */
    const char *text; /* of a scalar; UTF-8 */
    int line;         /* from 1 */
    struct idf_yaml *first, *last, *next;
} idf_yaml;

/* Reads one document; `shown` names the file in errors. *root is NULL for an empty one.
 * IDF_ERR_FORMAT, IDF_ERR_LIMIT, IDF_ERR_UNSAFE (aliases), each with the line. */
idf_status idf_yaml_parse(idf_yaml **root, idf_arena *arena, const void *bytes, size_t len_bytes,
                          const char *shown, idf_error *err);

/* The member of a map, NULL when it is missing or `map` is NULL or no map. */
const idf_yaml *idf_yaml_get(const idf_yaml *map, const char *key);
/* A scalar's text, "" for anything else and NULL. */
const char *idf_yaml_text(const idf_yaml *node);

#ifdef __cplusplus
}
#endif
#endif
