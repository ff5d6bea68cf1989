/* source_duckduckgo.c - pictures from anywhere, by DuckDuckGo's image search: a page holds a token
 * with which the results can be asked for. Unofficial; it may change or refuse at any time. Rights
 * are not known. */
#define _GNU_SOURCE /* memmem */
#include <stdio.h>
#include <string.h>

#include "feeds/json_answer.h"
#include "feeds/source.h"

enum { STEP_TOKEN = 1, STEP_RESULTS, MAX_TOKEN = 120 };

static idf_status begin(const idf_source_query *q, idf_finds *finds, idf_error *err) {
    char base[IDF_BASE_BYTES];
    const char *const params[] = {"q", q->query, "iax", "images", "ia", "images", NULL};
    (void)err;
    return idf_finds_ask(finds, &(idf_ask){NULL, STEP_TOKEN, 1, ""},
                         idf_service_base(base, &idf_source_duckduckgo.services[0]), "/", params);
}

/* The page has vqd="4-123" somewhere, or vqd='...', or vqd=...& in an address. */
static idf_status parse_token(const idf_source_query *q, const char *page, size_t len,
                              idf_finds *finds, idf_error *err) {
    char token[MAX_TOKEN + 1], base[IDF_BASE_BYTES];
    const char *end = page + len;
    for (const char *at = page;
         len > 0 && (at = memmem(at, (size_t)(end - at), "vqd=", 4)) != NULL;) {
        size_t n = 0;
        at += 4;
        if (at < end && (*at == '"' || *at == '\''))
            at++;
        while (at < end && n < MAX_TOKEN &&
               ((*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'z') || *at == '-' ||
                *at == '_' || (*at >= 'A' && *at <= 'Z')))
            token[n++] = *at++;
        token[n] = '\0';
        if (n < 3)
            continue;
        const char *const params[] = {"l",   "us-en", "o", "json", "q", q->query,
                                      "vqd", token,   "p", "1",    NULL};
        return idf_finds_ask(finds, &(idf_ask){NULL, STEP_RESULTS, 1, ""},
                             idf_service_base(base, &idf_source_duckduckgo.services[0]), "/i.js",
                             params);
    }
    return idf_error_set(err, IDF_ERR_FORMAT,
                         "DuckDuckGo's page has no 'vqd' token; it has changed or refuses");
}

static idf_status parse(const idf_source_query *q, const idf_ask *ask, const void *bytes,
                        size_t len, idf_finds *finds, idf_error *err) {
    if (ask->step == STEP_TOKEN)
        return parse_token(q, bytes, len, finds, err);
    json_t *tree = idf_json_read_object(bytes, len, "DuckDuckGo", err), *result;
    const json_t *results = json_object_get(tree, "results");
    const char *next = idf_json_text(tree, "next", NULL);
    char base[IDF_BASE_BYTES], path[2000];
    idf_status status = IDF_OK;
    size_t i;
    if (tree == NULL)
        return IDF_ERR_FORMAT;
    if (!json_is_array(results))
        status = idf_json_lacks("DuckDuckGo", "'results'", err);
    json_array_foreach(results, i, result) {
        const idf_find find = {.url = idf_json_text(result, "image", NULL),
                               .name = idf_json_text(result, "title", NULL),
                               .page = idf_json_text(result, "url", NULL)};
        if (status == IDF_OK)
            status = idf_finds_add(finds, &find);
    }
    if (status == IDF_OK && next[0] != '\0' && strstr(next, "://") == NULL && ask->page < 50 &&
        json_array_size(results) > 0 && strlen(next) < 1900) {
        snprintf(path, sizeof path, "/%s", next + (next[0] == '/'));
        /* "next" leaves out the token and the form */
        const char *vqd = strstr(ask->url, "vqd=");
        char token[MAX_TOKEN + 1] = "";
        if (vqd != NULL)
            snprintf(token, sizeof token, "%.*s", (int)strcspn(vqd + 4, "&"), vqd + 4);
        const char *const params[] = {"o", strstr(path, "o=json") == NULL ? "json" : "", "vqd",
                                      strstr(path, "vqd=") == NULL ? token : "", NULL};
        status =
            idf_finds_ask(finds, &(idf_ask){NULL, STEP_RESULTS, ask->page + 1, ""},
                          idf_service_base(base, &idf_source_duckduckgo.services[0]), path, params);
    }
    json_decref(tree);
    return status;
}

const idf_source idf_source_duckduckgo = {
    .name = "duckduckgo",
    .about = "pictures from anywhere on the web, rights unknown",
    .needs = "nothing; unofficial, may refuse",
    .asks_for = "words",
    .services = {{"duckduckgo", "https://duckduckgo.com", 3, 10}},
    .begin = begin,
    .parse = parse,
};
