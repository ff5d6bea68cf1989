/* source_artic.c - works in the Art Institute of Chicago; pictures come from its IIIF server, at
 * the size that it keeps ready. Only works in the public domain. */
#include <stdio.h>
#include <string.h>

#include "feeds/json_answer.h"
#include "feeds/source.h"

enum { PAGE_WORKS = 100 };

static idf_status ask_page(const idf_source_query *q, int page, idf_finds *finds) {
    char base[IDF_BASE_BYTES], number[16], limit[16];
    snprintf(number, sizeof number, "%d", page);
    snprintf(limit, sizeof limit, "%d", q->max * 2 < PAGE_WORKS ? (int)q->max * 2 : PAGE_WORKS);
    const char *const params[] = {
        "q",      q->query,
        "fields", "id,title,artist_display,artist_title,image_id,is_public_domain",
        "limit",  limit,
        "page",   number,
        NULL};
    return idf_finds_ask(finds, &(idf_ask){NULL, 1, page, ""},
                         idf_service_base(base, &idf_source_artic.services[0]),
                         "/api/v1/artworks/search", params);
}

static idf_status begin(const idf_source_query *q, idf_finds *finds, idf_error *err) {
    (void)err;
    return ask_page(q, 1, finds);
}

static idf_status add_work(const json_t *work, const char *iiif, idf_finds *finds) {
    const char *image = idf_json_text(work, "image_id", NULL);
    const char *artist = idf_json_text(work, "artist_title", NULL);
    char url[700], page[80];
    if (!json_is_true(json_object_get(work, "is_public_domain")) || image[0] == '\0' ||
        strspn(image, "0123456789abcdefABCDEF-") != strlen(image))
        return IDF_OK;
    snprintf(url, sizeof url, "%.500s/%.100s/full/843,/0/default.jpg", iiif, image);
    snprintf(page, sizeof page, "https://www.artic.edu/artworks/%lld", idf_json_number(work, "id"));
    const idf_find find = {
        .url = url,
        .name = idf_json_text(work, "title", NULL),
        .page = page,
        .license = "CC0",
        .artist = artist[0] != '\0' ? artist : idf_json_text(work, "artist_display", NULL),
        .is_catalogue = true};
    return idf_finds_add(finds, &find);
}

static idf_status parse(const idf_source_query *q, const idf_ask *ask, const void *bytes,
                        size_t len, idf_finds *finds, idf_error *err) {
    json_t *tree = idf_json_read_object(bytes, len, "The Art Institute", err), *work;
    const json_t *works = json_object_get(tree, "data");
    const char *iiif = idf_json_text(tree, "config", "iiif_url", NULL);
    idf_status status = IDF_OK;
    size_t i;
    if (tree == NULL)
        return IDF_ERR_FORMAT;
    if (!json_is_array(works))
        status = idf_json_lacks("The Art Institute", "'data'", err);
    else if (iiif[0] == '\0')
        status = idf_json_lacks("The Art Institute", "'config.iiif_url'", err);
    json_array_foreach(works, i, work) {
        if (status == IDF_OK)
            status = add_work(work, iiif, finds);
    }
    long long pages = idf_json_number(json_object_get(tree, "pagination"), "total_pages");
    if (status == IDF_OK && json_array_size(works) > 0 && ask->page < pages && ask->page < 100)
        status = ask_page(q, ask->page + 1, finds);
    json_decref(tree);
    return status;
}

const idf_source idf_source_artic = {
    .name = "artic",
    .about = "works of art in the public domain, from the Art Institute of Chicago",
    .needs = "nothing; a contact address in the configuration is welcome",
    .asks_for = "words",
    .services = {{"artic", "https://api.artic.edu", 1, 10}},
    .agent_header = "AIC-User-Agent: ",
    .begin = begin,
    .parse = parse,
};
