/* html.c - web pages by libxml2, loaded late. */
#include "feeds/html.h"

#include <string.h>

#include <libxml/HTMLparser.h>
#include <libxml/xpath.h>

#include "base/alloc.h"
#include "base/late.h"
#include "base/text.h"

/* clang-format off */
#define XML_FUNCTIONS(X)                                                                           \
    X(htmlReadMemory)                                                                              \
    X(xmlFreeDoc)                                                                                  \
    X(xmlXPathNewContext)                                                                          \
    X(xmlXPathFreeContext)                                                                         \
    X(xmlXPathEvalExpression)                                                                      \
    X(xmlXPathFreeObject)
/* clang-format on */

static struct {
#define MEMBER(name) __typeof__(&name) name;
    XML_FUNCTIONS(MEMBER)
} xml;

#define NAME(name) #name,
static const char *const names[] = {XML_FUNCTIONS(NAME)};
static idf_late libxml = {IDF_LATE_NAME("xml2", "2"), names, sizeof names / sizeof *names, &xml,
                          false};

idf_status idf_html_parse(xmlDoc **page, const void *bytes, size_t len_bytes, idf_error *err) {
    *page = NULL;
    if (len_bytes > IDF_HTML_MAX_BYTES)
        return idf_error_set(err, IDF_ERR_LIMIT, "the page has %zu bytes, more than %d", len_bytes,
                             IDF_HTML_MAX_BYTES);
    idf_status status = idf_late_load(&libxml, err);
    if (status != IDF_OK)
        return idf_error_prefix(err, status, "web pages need libxml2");
    if (len_bytes > 0)
        *page = xml.htmlReadMemory(bytes, (int)len_bytes, NULL, "UTF-8",
                                   HTML_PARSE_NONET | HTML_PARSE_RECOVER | HTML_PARSE_NOERROR |
                                       HTML_PARSE_NOWARNING);
    if (*page == NULL || (*page)->children == NULL) {
        idf_html_free(*page);
        *page = NULL;
        return idf_error_set(err, IDF_ERR_FORMAT, "the page is empty or no HTML");
    }
    return IDF_OK;
}

void idf_html_free(xmlDoc *page) {
    if (page != NULL)
        xml.xmlFreeDoc(page);
}

idf_status idf_html_find(xmlNode ***nodes, size_t *n, xmlDoc *page, xmlNode *from,
                         const char *xpath, idf_error *err) {
    *nodes = NULL;
    *n = 0;
    xmlXPathContext *context = xml.xmlXPathNewContext(page);
    if (context != NULL && from != NULL)
        context->node = from;
    xmlXPathObject *found =
        context == NULL ? NULL : xml.xmlXPathEvalExpression((const xmlChar *)xpath, context);
    bool done = found != NULL;
    if (done && found->nodesetval != NULL && found->nodesetval->nodeNr > 0) {
        size_t count = (size_t)found->nodesetval->nodeNr;
        *nodes = idf_alloc(count, sizeof **nodes);
        done = *nodes != NULL;
        if (done) {
            memcpy(*nodes, found->nodesetval->nodeTab, count * sizeof **nodes);
            *n = count;
        }
    }
    if (found != NULL)
        xml.xmlXPathFreeObject(found);
    if (context != NULL)
        xml.xmlXPathFreeContext(context);
    return done ? IDF_OK : idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a web page");
}

xmlNode *idf_html_next(xmlNode *node, const xmlNode *root) {
    if (node->type == XML_ELEMENT_NODE && node->children != NULL)
        return node->children;
    while (node != root && node->next == NULL)
        node = node->parent;
    return node == root ? NULL : node->next;
}

const char *idf_html_attribute(const xmlNode *element, const char *name) {
    if (element->type != XML_ELEMENT_NODE)
        return "";
    for (const xmlAttr *a = element->properties; a != NULL; a = a->next)
        if (strcmp((const char *)a->name, name) == 0)
            return a->children != NULL && a->children->content != NULL
                       ? (const char *)a->children->content
                       : "";
    return "";
}

/* Appends text, runs of white space as one blank. False when it does not fit. */
static bool append(char *out, size_t out_bytes, size_t *used, bool *gap, const char *text) {
    for (size_t len = strlen(text), at = 0; at < len;) {
        uint32_t c;
        size_t n = idf_text_decode(text + at, len - at, &c);
        bool blank = n > 0 && (c <= ' ' || (c >= 0x7f && c <= 0xa0) || c == 0x3000);
        if (n == 0)
            n = 1;
        if (blank) {
            *gap = true;
        } else {
            if (*used + n + 2 > out_bytes)
                return false;
            if (*gap && *used > 0)
                out[(*used)++] = ' ';
            memcpy(out + *used, text + at, n);
            *used += n;
            *gap = false;
        }
        at += n;
    }
    return true;
}

bool idf_html_text(char *out, size_t out_bytes, xmlNode *root) {
    enum { MOST_NODES = 64 };
    size_t used = 0;
    int n_nodes = 0;
    bool gap = false, whole = true;
    for (xmlNode *at = root; whole && at != NULL; at = idf_html_next(at, root)) {
        if (++n_nodes > MOST_NODES)
            whole = false;
        else if (at->type == XML_TEXT_NODE && at->content != NULL)
            whole = append(out, out_bytes, &used, &gap, (const char *)at->content);
        else if (at->type == XML_ELEMENT_NODE)
            gap = gap || strcmp((const char *)at->name, "br") == 0;
    }
    out[used] = '\0';
    return whole;
}
