/* source_inaturalist.c - plants and animals: each species' own picture on iNaturalist. */
#include <stdio.h>
#include <string.h>

#include "feeds/json_answer.h"
#include "feeds/source.h"

static idf_status ask_page(const idf_source_query *q, int page, idf_finds *finds) {
    char base[IDF_BASE_BYTES], number[16], size[16];
    snprintf(number, sizeof number, "%d", page);
    snprintf(size, sizeof size, "%d", q->max < 100 ? (int)q->max + 5 : 100);
    const char *const params[] = {"q",    q->query,   "rank", "species", "page",
                                  number, "per_page", size,   NULL};
    return idf_finds_ask(finds, &(idf_ask){NULL, 1, page, ""},
                         idf_service_base(base, &idf_source_inaturalist.services[0]), "/v1/taxa",
                         params);
}

static idf_status begin(const idf_source_query *q, idf_finds *finds, idf_error *err) {
    (void)err;
    return ask_page(q, 1, finds);
}

static idf_status parse(const idf_source_query *q, const idf_ask *ask, const void *bytes,
                        size_t len, idf_finds *finds, idf_error *err) {
    json_t *tree = idf_json_read_object(bytes, len, "iNaturalist", err), *taxon;
    const json_t *taxa = json_object_get(tree, "results");
    idf_status status = IDF_OK;
    size_t i;
    if (tree == NULL)
        return IDF_ERR_FORMAT;
    if (!json_is_array(taxa))
        status = idf_json_lacks("iNaturalist", "'results'", err);
    json_array_foreach(taxa, i, taxon) {
        const char *common = idf_json_text(taxon, "preferred_common_name", NULL);
        const char *latin = idf_json_text(taxon, "name", NULL);
        const json_t *photo = json_object_get(taxon, "default_photo");
        char page[80], name[420];
        snprintf(page, sizeof page, "https://www.inaturalist.org/taxa/%lld",
                 idf_json_number(taxon, "id"));
        snprintf(name, sizeof name, common[0] != '\0' ? "%.200s (%.200s)" : "%.0s%.200s", common,
                 latin);
        const idf_find find = {.url = idf_json_text(photo, "medium_url", NULL),
                               .name = name,
                               .page = page,
                               .license = idf_json_text(photo, "license_code", NULL),
                               .attribution = idf_json_text(photo, "attribution", NULL),
                               .is_catalogue = true};
        if (status == IDF_OK)
            status = idf_finds_add(finds, &find);
    }
    long long total = idf_json_number(tree, "total_results");
    long long size = idf_json_number(tree, "per_page");
    if (status == IDF_OK && json_array_size(taxa) > 0 && ask->page < 100 && size > 0 &&
        size <= 500 && ask->page * size < total)
        status = ask_page(q, ask->page + 1, finds);
    json_decref(tree);
    return status;
}

const idf_source idf_source_inaturalist = {
    .name = "inaturalist",
    .about = "plants and animals, a picture a species",
    .needs = "nothing",
    .asks_for = "a name, common or scientific",
    .services = {{"inaturalist", "https://api.inaturalist.org", 1, 10}},
    .begin = begin,
    .parse = parse,
};
