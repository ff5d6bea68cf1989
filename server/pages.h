/* pages.h - the files of the live page (web/), carried inside the program.
 *
 * Everything lies below /canvas/; the page itself is /canvas/live. The bytes are static and may be
 * read by any thread.
 */
#ifndef IDF_SERVER_PAGES_H
#define IDF_SERVER_PAGES_H

#include <stddef.h>

/* What the browser may load for these pages: from their own origin only, nothing inline. Pictures
 * may come from the camera and from files (blob:), videos from files. Send it with every page. */
#define IDF_PAGE_CSP                                                                               \
    "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; object-src 'none'; "        \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

typedef struct idf_page {
    const char *path;          /* "/canvas/js/app.js" */
    const char *content_type;  /* for the header of that name */
    const char *cache_control; /* likewise */
    const char *etag;          /* quoted, from the SHA-256 of the bytes */
    const unsigned char *bytes;
    size_t n_bytes;
    const unsigned char *gzip; /* the same, compressed; NULL where that gains nothing */
    size_t n_gzip;
} idf_page;

/* The page at `path` (as asked for, without the query), NULL when there is none. "/canvas",
 * "/canvas/" and "/canvas/live/" are the page too. */
const idf_page *idf_page_find(const char *path);

/* All pages, sorted by path. */
const idf_page *idf_page_list(size_t *n_pages);

#endif
