/* source_yugipedia.c - pictures of Yugipedia's articles, by their titles. */
#include <string.h>

#include "feeds/json_answer.h"
#include "feeds/source.h"

static idf_status begin(const idf_source_query *q, idf_finds *finds, idf_error *err) {
    char base[IDF_BASE_BYTES];
    const char *const params[] = {"action",   "query",     "prop", "pageimages", "piprop",
                                  "original", "redirects", "1",    "titles",     q->query,
                                  "format",   "json",      NULL};
    (void)err;
    return idf_finds_ask(finds, &(idf_ask){NULL, 1, 0, ""},
                         idf_service_base(base, &idf_source_yugipedia.services[0]), "/api.php",
                         params);
}

static idf_status parse(const idf_source_query *q, const idf_ask *ask, const void *bytes,
                        size_t len, idf_finds *finds, idf_error *err) {
    json_t *tree = idf_json_read_object(bytes, len, "Yugipedia", err), *page;
    const char *key;
    idf_status status = IDF_OK;
    (void)q, (void)ask;
    if (tree == NULL)
        return IDF_ERR_FORMAT;
    const char *code = idf_json_text(tree, "error", "code", NULL);
    json_t *pages = json_object_get(json_object_get(tree, "query"), "pages");
    if (strncmp(code, "internal_api_error", 18) == 0)
        status = idf_error_set(err, IDF_ERR_NETWORK, "Yugipedia has trouble of its own; try again");
    else if (!json_is_object(pages))
        status = idf_json_lacks("Yugipedia", "'query.pages'", err);
    json_object_foreach(pages, key, page) {
        const idf_find find = {.url = idf_json_text(page, "original", "source", NULL),
                               .name = idf_json_text(page, "title", NULL),
                               .is_catalogue = true};
        if (status == IDF_OK)
            status = idf_finds_add(finds, &find);
    }
    json_decref(tree);
    return status;
}

const idf_source idf_source_yugipedia = {
    .name = "yugipedia",
    .about = "Yu-Gi-Oh! cards from the wiki, also those without an English printing",
    .needs = "nothing",
    .asks_for = "an article's title; several with | between",
    .license = "Konami; for personal use",
    .services = {{"yugipedia", "https://yugipedia.com", 1, 10}},
    .begin = begin,
    .parse = parse,
};
