/* route_page.c - the files of the live page, which the program carries. */
#include <string.h>

#include "net/fields.h"
#include "server/inside.h"
#include "server/pages.h"

void idf_route_page(idf_request *r) {
    const idf_page *page = r->target.path != NULL ? idf_page_find(r->target.path) : NULL;
    if (page == NULL) {
        idf_request_error(r, 404, "Not Found");
        return;
    }
    const char *tags = idf_http_header(r->exchange, "If-None-Match");
    const char *codings = idf_http_header(r->exchange, "Accept-Encoding");
    bool same = tags != NULL && idf_field_has_etag(tags, page->etag);
    bool gzip = page->gzip != NULL && codings != NULL && idf_field_accepts(codings, "gzip");
    idf_http_reply *reply =
        same ? idf_http_reply_static(304, NULL, "", 0)
             : idf_http_reply_static(200, page->content_type, gzip ? page->gzip : page->bytes,
                                     gzip ? page->n_gzip : page->n_bytes);
    if (gzip && !same)
        idf_http_reply_header(reply, "Content-Encoding", "gzip");
    idf_http_reply_header(reply, "Vary", "Accept-Encoding");
    idf_http_reply_header(reply, "ETag", page->etag);
    idf_http_reply_header(reply, "Cache-Control", page->cache_control);
    idf_http_reply_header(reply, "Content-Security-Policy", IDF_PAGE_CSP);
    idf_http_reply_header(reply, "Referrer-Policy", "no-referrer");
    idf_request_answer(r, reply);
}
