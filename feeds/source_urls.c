/* source_urls.c - a list of one's own: lines "NAME <tab> URL", the address of a picture or of a
 * product's page. Of a page its own main picture is taken: what its JSON-LD calls the product's
 * image, else og:image and its like. */
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/text.h"
#include "feeds/html.h"
#include "feeds/json_answer.h"
#include "feeds/source.h"
#include "net/url.h"

enum { STEP_PAGE = 1, URL_BYTES = 2000, NAME_BYTES = 400, MAX_DEPTH = 8 };

static bool is_picture(const char *url) {
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".webp"};
    size_t n = strcspn(url, "?#");
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t len = strlen(endings[i]);
        if (n > len && strncasecmp(url + n - len, endings[i], len) == 0)
            return true;
    }
    return false;
}

/* One line of the list; blank ones and those that begin with # are passed over. */
static idf_status read_line(const char *line, size_t len, int number, idf_finds *finds,
                            idf_error *err) {
    char name[NAME_BYTES], url[URL_BYTES];
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == ' '))
        len--;
    const char *tab = memchr(line, '\t', len);
    if (len == 0 || line[0] == '#')
        return IDF_OK;
    size_t n_name = tab == NULL ? 0 : (size_t)(tab - line), n_url = len - n_name - (tab != NULL);
    if (tab == NULL || n_name == 0 || n_name >= sizeof name || n_url >= sizeof url)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "line %d of the list is not a name, a tab and an address", number);
    memcpy(name, line, n_name);
    name[n_name] = '\0';
    memcpy(url, tab + 1, n_url);
    url[n_url] = '\0';
    if (!idf_text_is_utf8(line, len) ||
        (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0))
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "line %d of the list has no address that begins with http", number);
    if (is_picture(url))
        return idf_finds_add(finds, &(idf_find){.url = url, .name = name, .is_catalogue = true});
    return idf_finds_ask(finds, &(idf_ask){NULL, STEP_PAGE, 0, name}, url, "", NULL);
}

static idf_status begin(const idf_source_query *q, idf_finds *finds, idf_error *err) {
    idf_status status = IDF_OK;
    int number = 1;
    for (const char *at = q->query; status == IDF_OK && *at != '\0'; number++) {
        size_t len = strcspn(at, "\n");
        status = read_line(at, len, number, finds, err);
        at += len + (at[len] == '\n');
    }
    return status;
}

/* The address in a JSON-LD image: a string, a list, or an object with "url". */
static const char *image_of(const json_t *image, int depth) {
    if (json_is_array(image))
        image = json_array_get(image, 0);
    if (json_is_object(image) && depth < MAX_DEPTH)
        return image_of(json_object_get(image, "url"), depth + 1);
    const char *text = json_string_value(image);
    return text != NULL ? text : "";
}

/* The first product with an image, anywhere in the tree; it stays the tree's. */
static const char *find_product(json_t *node, int depth) {
    json_t *member;
    const char *key, *found = "";
    size_t i;
    if (depth > MAX_DEPTH)
        return "";
    json_array_foreach(node, i, member) {
        found = find_product(member, depth + 1);
        if (found[0] != '\0')
            return found;
    }
    const char *type = idf_json_text(node, "@type", NULL);
    if (strcasecmp(type, "Product") == 0 || strcasecmp(type, "ProductGroup") == 0 ||
        strcasecmp(type, "IndividualProduct") == 0)
        found = image_of(json_object_get(node, "image"), 0);
    if (found[0] != '\0')
        return found;
    json_object_foreach(node, key, member) {
        if (json_is_object(member) || json_is_array(member))
            found = find_product(member, depth + 1);
        if (found[0] != '\0')
            return found;
    }
    return found;
}

/* The picture that a page's JSON-LD names, to out. */
static idf_status read_json_ld(xmlDoc *page, char out[URL_BYTES], idf_error *err) {
    xmlNode **scripts;
    size_t n;
    idf_status status =
        idf_html_find(&scripts, &n, page, NULL, "//script[@type='application/ld+json']", err);
    for (size_t i = 0; status == IDF_OK && i < n && out[0] == '\0'; i++) {
        const xmlNode *text = scripts[i]->children;
        if (text == NULL || text->content == NULL)
            continue;
        json_t *tree = json_loads((const char *)text->content, 0, NULL);
        const char *found = find_product(tree, 0);
        if (strlen(found) < URL_BYTES)
            strcpy(out, found);
        json_decref(tree);
    }
    idf_free(scripts);
    return status;
}

static idf_status read_meta(xmlDoc *page, char out[URL_BYTES], idf_error *err) {
    static const struct {
        const char *xpath, *attribute;
    } places[] = {
        {"//meta[@property='og:image:secure_url' or @name='og:image:secure_url']", "content"},
        {"//meta[@property='og:image' or @name='og:image']", "content"},
        {"//meta[@name='twitter:image' or @property='twitter:image']", "content"},
        {"//link[@rel='image_src']", "href"},
        {"//*[@itemprop='image']", "src"},
    };
    idf_status status = IDF_OK;
    for (size_t i = 0; status == IDF_OK && out[0] == '\0' && i < sizeof places / sizeof *places;
         i++) {
        xmlNode **nodes;
        size_t n;
        status = idf_html_find(&nodes, &n, page, NULL, places[i].xpath, err);
        const char *value =
            status == IDF_OK && n > 0 ? idf_html_attribute(nodes[0], places[i].attribute) : "";
        if (strlen(value) < URL_BYTES)
            strcpy(out, value);
        idf_free(nodes);
    }
    return status;
}

static idf_status parse(const idf_source_query *q, const idf_ask *ask, const void *bytes,
                        size_t len, idf_finds *finds, idf_error *err) {
    char found[URL_BYTES] = "", url[URL_BYTES];
    xmlDoc *page;
    (void)q;
    idf_status status = idf_html_parse(&page, bytes, len, err);
    if (status != IDF_OK)
        return status;
    status = read_json_ld(page, found, err);
    if (status == IDF_OK && found[0] == '\0')
        status = read_meta(page, found, err);
    idf_html_free(page);
    if (status != IDF_OK)
        return status;
    idf_url_resolve(url, sizeof url, ask->url, found);
    if (url[0] == '\0')
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "the page names no main picture (no JSON-LD product, no og:image)");
    return idf_finds_add(
        finds, &(idf_find){.url = url, .name = ask->note, .page = ask->url, .is_catalogue = true});
}

const idf_source idf_source_urls = {
    .name = "urls",
    .about = "parts and products by a list of your own: the main picture of each page",
    .needs = "a file of lines NAME <tab> URL",
    .asks_for = "the file",
    .takes_file = true,
    .asks_each = true,
    .begin = begin,
    .parse = parse,
};
