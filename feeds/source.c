/* source.c - the table of sources, and the lists that they fill. */
#include "feeds/source.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/text.h"
#include "net/url.h"

enum { MAX_ARENA_BYTES = 64 << 20, MAX_FIELD_BYTES = 2000 };

static const idf_source *const sources[] = {
    &idf_source_ygoprodeck,    &idf_source_pokemontcg,  &idf_source_scryfall,
    &idf_source_scryfall_bulk, &idf_source_yugipedia,   &idf_source_wikimedia,
    &idf_source_met,           &idf_source_artic,       &idf_source_coverartarchive,
    &idf_source_tmdb,          &idf_source_inaturalist, &idf_source_duckduckgo,
    &idf_source_urls,
};

size_t idf_sources_n(void) {
    return sizeof sources / sizeof *sources;
}

const idf_source *idf_source_at(size_t i) {
    return sources[i];
}

const idf_source *idf_source_find(const char *name) {
    for (size_t i = 0; i < idf_sources_n(); i++)
        if (strcasecmp(sources[i]->name, name) == 0)
            return sources[i];
    return NULL;
}

char *idf_service_base(char out[IDF_BASE_BYTES], const idf_service *service) {
    return idf_url_base(out, IDF_BASE_BYTES, service->name, service->base);
}

/* A copy of a field: at most MAX_FIELD_BYTES, in whole characters; "" for NULL. */
static const char *keep(idf_finds *finds, const char *text) {
    size_t n = text == NULL ? 0 : strlen(text);
    if (n == 0)
        return "";
    char *copy = idf_arena_copy(&finds->arena, text, n < MAX_FIELD_BYTES ? n : MAX_FIELD_BYTES);
    if (copy != NULL && n > MAX_FIELD_BYTES)
        idf_text_trim_partial(copy);
    return copy;
}

/* Makes room for one more in a list. */
static bool make_room(void **list, size_t n, size_t *cap, size_t item_bytes) {
    if (n < *cap)
        return true;
    size_t grown = *cap == 0 ? 32 : *cap * 2;
    void *longer = idf_realloc(*list, grown, item_bytes);
    if (longer == NULL)
        return false;
    *list = longer;
    *cap = grown;
    return true;
}

static bool is_web(const char *url) {
    return url != NULL && strlen(url) < MAX_FIELD_BYTES &&
           (strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0);
}

idf_status idf_finds_add(idf_finds *finds, const idf_find *find) {
    finds->arena.max_bytes = MAX_ARENA_BYTES;
    if (!is_web(find->url) || find->name == NULL || find->name[0] == '\0')
        return IDF_OK;
    if (!make_room((void **)&finds->items, finds->n, &finds->cap, sizeof *finds->items))
        return IDF_ERR_NO_MEMORY;
    idf_find copy = {
        keep(finds, find->url),    keep(finds, find->name),        keep(finds, find->set_code),
        keep(finds, find->rarity), keep(finds, find->page),        keep(finds, find->license),
        keep(finds, find->artist), keep(finds, find->attribution), find->is_catalogue};
    if (copy.url == NULL || copy.name == NULL || copy.set_code == NULL || copy.rarity == NULL ||
        copy.page == NULL || copy.license == NULL || copy.artist == NULL ||
        copy.attribution == NULL)
        return IDF_ERR_LIMIT;
    finds->items[finds->n++] = copy;
    return IDF_OK;
}

idf_status idf_finds_ask(idf_finds *finds, const idf_ask *ask, const char *base, const char *path,
                         const char *const *params) {
    idf_bytes url = {.max = 1 << 16};
    finds->arena.max_bytes = MAX_ARENA_BYTES;
    idf_status status = idf_bytes_printf(&url, "%s%s", base, path);
    char mark = strchr(path, '?') != NULL ? '&' : '?';
    for (; status == IDF_OK && params != NULL && *params != NULL; params += 2) {
        if (params[1] == NULL || params[1][0] == '\0')
            continue;
        status = idf_bytes_printf(&url, "%c%s=", mark, params[0]);
        if (status == IDF_OK)
            status = idf_url_escape(&url, params[1]);
        mark = '&';
    }
    if (status == IDF_OK &&
        !make_room((void **)&finds->asks, finds->n_asks, &finds->cap_asks, sizeof *finds->asks))
        status = IDF_ERR_NO_MEMORY;
    if (status == IDF_OK) {
        idf_ask copy = {idf_arena_copy(&finds->arena, url.data, url.len), ask->step, ask->page,
                        keep(finds, ask->note)};
        if (copy.url == NULL || copy.note == NULL)
            status = IDF_ERR_LIMIT;
        else
            finds->asks[finds->n_asks++] = copy;
    }
    idf_bytes_release(&url);
    return status;
}

void idf_finds_release(idf_finds *finds) {
    idf_arena_release(&finds->arena);
    idf_free(finds->items);
    idf_free(finds->asks);
    memset(finds, 0, sizeof *finds);
}
