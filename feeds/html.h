/* html.h - web pages as trees, by libxml2, which is loaded with the first page: it brings twenty
 * megabytes of ICU, and few commands need it.
 *
 * The network is never asked, entities are not loaded, libxml2's limits stay on. A page belongs to
 * one thread. Nodes are libxml2's own: their fields may be read, none of its functions called but
 * those here. */
#ifndef IDF_FEEDS_HTML_H
#define IDF_FEEDS_HTML_H

#include <stdbool.h>
#include <stddef.h>

#include <libxml/tree.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_HTML_MAX_BYTES = 16 << 20 };

/* Reads a page of UTF-8, whatever it says of itself; tags that do not match are put right. NULL
 * bytes end it. IDF_ERR_FORMAT when nothing is left, IDF_ERR_LIMIT, IDF_ERR_UNSUPPORTED without
 * libxml2. Free *page with idf_html_free. */
idf_status idf_html_parse(xmlDoc **page, const void *bytes, size_t len_bytes, idf_error *err);
void idf_html_free(xmlDoc *page);

/* The nodes that an XPath finds from `from` (NULL: the whole page), in the order of the page, in
 * memory of the caller's (idf_free). */
idf_status idf_html_find(xmlNode ***nodes, size_t *n, xmlDoc *page, xmlNode *from,
                         const char *xpath, idf_error *err);

/* The next node of the page inside `root`, which comes first; NULL at the end. */
xmlNode *idf_html_next(xmlNode *node, const xmlNode *root);

/* An attribute's value, "" when it is missing; lives as long as the page. */
const char *idf_html_attribute(const xmlNode *element, const char *name);

/* The text inside `root`, white space collapsed, cut at a character. Returns whether all of it
 * fits. Looks at no more than a few nodes past out_bytes. */
bool idf_html_text(char *out, size_t out_bytes, xmlNode *root);

#ifdef __cplusplus
}
#endif
#endif
