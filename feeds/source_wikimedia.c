/* source_wikimedia.c - pictures from Wikimedia Commons, with their licences and authors. */
#include <stdio.h>
#include <string.h>

#include "feeds/json_answer.h"
#include "feeds/source.h"

enum { PAGE_PICTURES = 50 };

static idf_status ask_page(const idf_source_query *q, int offset, idf_finds *finds) {
    char base[IDF_BASE_BYTES], search[1100], at[16], n[16];
    snprintf(search, sizeof search, "filetype:bitmap %.1000s", q->query);
    snprintf(at, sizeof at, "%d", offset);
    snprintf(n, sizeof n, "%d", q->max + 10 < PAGE_PICTURES ? (int)q->max + 10 : PAGE_PICTURES);
    const char *const params[] = {"action",
                                  "query",
                                  "generator",
                                  "search",
                                  "gsrnamespace",
                                  "6",
                                  "gsrsearch",
                                  search,
                                  "gsrlimit",
                                  n,
                                  "gsroffset",
                                  offset > 0 ? at : "",
                                  "prop",
                                  "imageinfo",
                                  "iiprop",
                                  "url|size|mime|extmetadata",
                                  "iiurlwidth",
                                  "960",
                                  "format",
                                  "json",
                                  NULL};
    return idf_finds_ask(finds, &(idf_ask){NULL, 1, offset, ""},
                         idf_service_base(base, &idf_source_wikimedia.services[0]), "/w/api.php",
                         params);
}

static idf_status begin(const idf_source_query *q, idf_finds *finds, idf_error *err) {
    (void)err;
    return ask_page(q, 0, finds);
}

/* "File:Mona_Lisa, by X.jpg" -> "Mona_Lisa, by X" */
static void clean_title(char *out, size_t out_bytes, const char *title) {
    const char *name = strncmp(title, "File:", 5) == 0 ? title + 5 : title;
    snprintf(out, out_bytes, "%s", name);
    char *dot = strrchr(out, '.');
    if (dot != NULL && dot != out && strlen(dot) <= 5)
        *dot = '\0';
}

static idf_status add_page(const json_t *page, idf_finds *finds) {
    const json_t *info = json_array_get(json_object_get(page, "imageinfo"), 0);
    const json_t *more = json_object_get(info, "extmetadata");
    const char *thumb = idf_json_text(info, "thumburl", NULL);
    const char *mime = idf_json_text(info, "mime", NULL);
    char name[400], artist[300], license[120];
    if (mime[0] != '\0' && strncmp(mime, "image/", 6) != 0)
        return IDF_OK;
    clean_title(name, sizeof name, idf_json_text(page, "title", NULL));
    const idf_find find = {
        .url = thumb[0] != '\0' ? thumb : idf_json_text(info, "url", NULL),
        .name = name,
        .page = idf_json_text(info, "descriptionurl", NULL),
        .license = idf_html_plain(license, sizeof license,
                                  idf_json_text(more, "LicenseShortName", "value", NULL)),
        .artist =
            idf_html_plain(artist, sizeof artist, idf_json_text(more, "Artist", "value", NULL)),
        .is_catalogue = true};
    return idf_finds_add(finds, &find);
}

static idf_status parse(const idf_source_query *q, const idf_ask *ask, const void *bytes,
                        size_t len, idf_finds *finds, idf_error *err) {
    json_t *tree = idf_json_read_object(bytes, len, "Wikimedia Commons", err), *page;
    const char *key;
    idf_status status = IDF_OK;
    if (tree == NULL)
        return IDF_ERR_FORMAT;
    json_t *query = json_object_get(tree, "query"), *pages = json_object_get(query, "pages");
    if (json_object_get(tree, "error") != NULL)
        status = idf_error_set(err, IDF_ERR_FORMAT, "Wikimedia Commons refuses the request");
    else if (query != NULL && !json_is_object(pages)) /* nothing found: no query at all */
        status = idf_json_lacks("Wikimedia Commons", "'query.pages'", err);
    json_object_foreach(pages, key, page) {
        if (status == IDF_OK)
            status = add_page(page, finds);
    }
    long long next = idf_json_number(json_object_get(tree, "continue"), "gsroffset");
    if (status == IDF_OK && next > ask->page && next < 10000)
        status = ask_page(q, (int)next, finds);
    json_decref(tree);
    return status;
}

const idf_source idf_source_wikimedia = {
    .name = "wikimedia",
    .about = "paintings, plants, buildings and whatever else has a free picture",
    .needs = "a contact address in the configuration, which Wikimedia asks for",
    .asks_for = "words",
    .services = {{"wikimedia", "https://commons.wikimedia.org", 5, 5}},
    .begin = begin,
    .parse = parse,
};
