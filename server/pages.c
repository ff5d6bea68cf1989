/* pages.c - finds a file of the live page by its path; cmake/embed_pages.c makes the table. */
#include "server/pages.h"

#include <stdlib.h>
#include <string.h>

/* Written at build time, sorted by path. */
extern const idf_page idf_pages[];
extern const size_t idf_n_pages;

static int by_path(const void *key, const void *page) {
    return strcmp(key, ((const idf_page *)page)->path);
}

const idf_page *idf_page_find(const char *path) {
    static const char *const aliases[] = {"/canvas", "/canvas/", "/canvas/live/"};
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (!strcmp(path, aliases[i]))
            path = "/canvas/live";
    return bsearch(path, idf_pages, idf_n_pages, sizeof *idf_pages, by_path);
}

const idf_page *idf_page_list(size_t *n_pages) {
    *n_pages = idf_n_pages;
    return idf_pages;
}
