/* source_tmdb.c - film posters from The Movie Database. Its older keys go into the address, its
 * longer tokens into a header. */
#include <stdio.h>
#include <string.h>

#include "feeds/json_answer.h"
#include "feeds/source.h"

static bool is_token(const char *key) {
    return strncmp(key, "ey", 2) == 0;
}

static idf_status ask_page(const idf_source_query *q, int page, idf_finds *finds) {
    char base[IDF_BASE_BYTES], number[16];
    snprintf(number, sizeof number, "%d", page);
    const char *const params[] = {
        "query", q->query, "page", number, "api_key", is_token(q->key) ? "" : q->key, NULL};
    return idf_finds_ask(finds, &(idf_ask){NULL, 1, page, ""},
                         idf_service_base(base, &idf_source_tmdb.services[0]), "/3/search/movie",
                         params);
}

static idf_status begin(const idf_source_query *q, idf_finds *finds, idf_error *err) {
    (void)err;
    return ask_page(q, 1, finds);
}

static idf_status parse(const idf_source_query *q, const idf_ask *ask, const void *bytes,
                        size_t len, idf_finds *finds, idf_error *err) {
    json_t *tree = idf_json_read_object(bytes, len, "TMDB", err), *film;
    const json_t *films = json_object_get(tree, "results");
    char pictures[IDF_BASE_BYTES], url[IDF_BASE_BYTES + 200], name[500], page[80];
    idf_status status = IDF_OK;
    size_t i;
    if (tree == NULL)
        return IDF_ERR_FORMAT;
    if (!json_is_array(films))
        status = idf_json_lacks("TMDB", "'results'", err);
    idf_service_base(pictures, &idf_source_tmdb.services[1]);
    json_array_foreach(films, i, film) {
        const char *path = idf_json_text(film, "poster_path", NULL);
        const char *date = idf_json_text(film, "release_date", NULL);
        if (status != IDF_OK || path[0] != '/')
            continue;
        snprintf(url, sizeof url, "%s/t/p/w500%.180s", pictures, path);
        snprintf(name, sizeof name, strlen(date) >= 4 ? "%.400s (%.4s)" : "%.400s%.0s",
                 idf_json_text(film, "title", NULL), date);
        snprintf(page, sizeof page, "https://www.themoviedb.org/movie/%lld",
                 idf_json_number(film, "id"));
        status = idf_finds_add(finds, &(idf_find){.url = url,
                                                  .name = name,
                                                  .page = page,
                                                  .attribution = "The Movie Database",
                                                  .is_catalogue = true});
    }
    if (status == IDF_OK && json_array_size(films) > 0 && ask->page < 500 &&
        ask->page < idf_json_number(tree, "total_pages"))
        status = ask_page(q, ask->page + 1, finds);
    json_decref(tree);
    return status;
}

const idf_source idf_source_tmdb = {
    .name = "tmdb",
    .about = "film posters",
    .needs = "a key: TMDB_API_KEY",
    .asks_for = "a film's title",
    .services = {{"tmdb", "https://api.themoviedb.org", 35, 10},
                 {"tmdb-images", "https://image.tmdb.org", 35, 10}},
    .key_name = "tmdb",
    .needs_key = true,
    .key_header = "Authorization: Bearer ",
    .begin = begin,
    .parse = parse,
};
