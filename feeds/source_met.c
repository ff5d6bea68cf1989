/* source_met.c - works in the Metropolitan Museum of Art: a search gives numbers, each of which is
 * asked for. Only works in the public domain have a picture to take. */
#include <stdio.h>
#include <string.h>

#include "feeds/json_answer.h"
#include "feeds/source.h"

enum { STEP_SEARCH = 1, STEP_OBJECT, MAX_OBJECTS = 5000 };

static idf_status begin(const idf_source_query *q, idf_finds *finds, idf_error *err) {
    char base[IDF_BASE_BYTES];
    const char *const params[] = {"hasImages", "true", "q", q->query, NULL};
    (void)err;
    return idf_finds_ask(finds, &(idf_ask){NULL, STEP_SEARCH, 0, ""},
                         idf_service_base(base, &idf_source_met.services[0]),
                         "/public/collection/v1/search", params);
}

static idf_status parse_search(const json_t *tree, idf_finds *finds, idf_error *err) {
    const json_t *ids = json_object_get(tree, "objectIDs"), *id;
    char base[IDF_BASE_BYTES], path[96];
    idf_status status = IDF_OK;
    size_t i;
    if (ids == NULL)
        return idf_json_lacks("The Met", "'objectIDs'", err);
    idf_service_base(base, &idf_source_met.services[0]);
    json_array_foreach(ids, i, id) { /* null when there are none */
        if (status != IDF_OK || i >= MAX_OBJECTS)
            break;
        snprintf(path, sizeof path, "/public/collection/v1/objects/%lld",
                 (long long)json_integer_value(id));
        status = idf_finds_ask(finds, &(idf_ask){NULL, STEP_OBJECT, 0, ""}, base, path, NULL);
    }
    return status;
}

static idf_status parse(const idf_source_query *q, const idf_ask *ask, const void *bytes,
                        size_t len, idf_finds *finds, idf_error *err) {
    json_t *tree = idf_json_read_object(bytes, len, "The Met", err);
    idf_status status = IDF_OK;
    (void)q;
    if (tree == NULL)
        return IDF_ERR_FORMAT;
    if (ask->step == STEP_SEARCH) {
        status = parse_search(tree, finds, err);
    } else if (json_object_get(tree, "objectID") == NULL) {
        status = idf_json_lacks("The Met", "'objectID'", err);
    } else if (json_is_true(json_object_get(tree, "isPublicDomain"))) {
        const char *small = idf_json_text(tree, "primaryImageSmall", NULL);
        const idf_find find = {.url = small[0] != '\0' ? small
                                                       : idf_json_text(tree, "primaryImage", NULL),
                               .name = idf_json_text(tree, "title", NULL),
                               .page = idf_json_text(tree, "objectURL", NULL),
                               .license = "CC0",
                               .artist = idf_json_text(tree, "artistDisplayName", NULL),
                               .is_catalogue = true};
        status = idf_finds_add(finds, &find);
    }
    json_decref(tree);
    return status;
}

const idf_source idf_source_met = {
    .name = "met",
    .about = "works of art in the public domain, from the Metropolitan Museum",
    .needs = "nothing",
    .asks_for = "words",
    .services = {{"met", "https://collectionapi.metmuseum.org", 70, 5}},
    .none_status = 404,
    .asks_each = true,
    .begin = begin,
    .parse = parse,
};
