/* source_coverartarchive.c - record sleeves: albums are found in MusicBrainz, their front covers
 * fetched from the Cover Art Archive. */
#include <stdio.h>
#include <string.h>

#include "feeds/json_answer.h"
#include "feeds/source.h"

enum { PAGE_ALBUMS = 100 };

static idf_status ask_page(const idf_source_query *q, int offset, idf_finds *finds) {
    char base[IDF_BASE_BYTES], at[16], limit[16];
    snprintf(at, sizeof at, "%d", offset);
    snprintf(limit, sizeof limit, "%d", q->max + 5 < PAGE_ALBUMS ? (int)q->max + 5 : PAGE_ALBUMS);
    const char *const params[] = {
        "query", q->query, "fmt", "json", "limit", limit, "offset", offset > 0 ? at : "", NULL};
    return idf_finds_ask(finds, &(idf_ask){NULL, 1, offset, ""},
                         idf_service_base(base, &idf_source_coverartarchive.services[0]),
                         "/ws/2/release-group", params);
}

static idf_status begin(const idf_source_query *q, idf_finds *finds, idf_error *err) {
    (void)err;
    return ask_page(q, 0, finds);
}

static idf_status add_album(const json_t *album, const char *covers, idf_finds *finds) {
    const json_t *credits = json_object_get(album, "artist-credit"), *credit;
    const char *id = idf_json_text(album, "id", NULL);
    char url[IDF_BASE_BYTES + 100], page[120], artist[300] = "", name[700];
    size_t i, used = 0;
    if (id[0] == '\0' || strspn(id, "0123456789abcdefABCDEF-") != strlen(id))
        return IDF_OK;
    json_array_foreach(credits, i, credit) {
        int n = snprintf(artist + used, sizeof artist - used, "%s%s",
                         idf_json_text(credit, "name", NULL),
                         idf_json_text(credit, "joinphrase", NULL));
        used += n > 0 && used + (size_t)n < sizeof artist ? (size_t)n : 0;
    }
    artist[used] = '\0';
    snprintf(url, sizeof url, "%s/release-group/%.60s/front-500", covers, id);
    snprintf(page, sizeof page, "https://musicbrainz.org/release-group/%.60s", id);
    snprintf(name, sizeof name, "%s%s%.300s", artist, artist[0] != '\0' ? " - " : "",
             idf_json_text(album, "title", NULL));
    const idf_find find = {
        .url = url, .name = name, .page = page, .artist = artist, .is_catalogue = true};
    return idf_finds_add(finds, &find);
}

static idf_status parse(const idf_source_query *q, const idf_ask *ask, const void *bytes,
                        size_t len, idf_finds *finds, idf_error *err) {
    json_t *tree = idf_json_read_object(bytes, len, "MusicBrainz", err), *album;
    const json_t *albums = json_object_get(tree, "release-groups");
    char covers[IDF_BASE_BYTES];
    idf_status status = IDF_OK;
    size_t i;
    if (tree == NULL)
        return IDF_ERR_FORMAT;
    if (!json_is_array(albums))
        status = idf_json_lacks("MusicBrainz", "'release-groups'", err);
    idf_service_base(covers, &idf_source_coverartarchive.services[1]);
    json_array_foreach(albums, i, album) {
        if (status == IDF_OK)
            status = add_album(album, covers, finds);
    }
    long long next = ask->page + (long long)json_array_size(albums);
    if (status == IDF_OK && next > ask->page && next < 10000 &&
        next < idf_json_number(tree, "count"))
        status = ask_page(q, (int)next, finds);
    json_decref(tree);
    return status;
}

const idf_source idf_source_coverartarchive = {
    .name = "coverartarchive",
    .about = "record sleeves, found by MusicBrainz",
    .needs = "a contact address in the configuration, without which MusicBrainz refuses",
    .asks_for = "an album, an artist; or MusicBrainz' search fields, artist:radiohead",
    .services = {{"musicbrainz", "https://musicbrainz.org", 1, 2},
                 {"coverartarchive", "https://coverartarchive.org", 5, 2}},
    .begin = begin,
    .parse = parse,
};
