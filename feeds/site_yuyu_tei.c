/* site_yuyu_tei.c - yuyu-tei.jp (Yu-Gi-Oh! in Japanese): a page of search results.
 *
 * Class names differ between the pages seen, so none is relied upon. What a card is stands in the
 * alternative text of its picture, "CODE RARITY NAME"; its price is the first text such as
 * "1,200 円" inside the nearest ancestor of the picture that has one. An ancestor that holds a
 * second picture of a card is none of this card's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "feeds/html.h"
#include "feeds/json_answer.h"
#include "feeds/price_sites.h"
#include "net/url.h"

enum {
    MAX_ANCESTORS = 12,   /* from a picture to its price */
    MAX_VISITS = 4000000, /* nodes looked at in all: a page that is built to be slow */
    WIDER = 3,            /* ancestors above the price where its stock may stand */
    PRICE_BYTES = 48,
    TEXT_BYTES = 256,
    ALT_BYTES = IDF_OFFER_TEXT_BYTES,
};

static const char site[] = "yuyu-tei", yen_sign[] = "\xc2\xa5", wide_yen[] = "\xef\xbf\xa5",
                  yen[] = "\xe5\x86\x86", /* 円 */
    piece[] = "\xe7\x82\xb9";             /* 点 */

/* Marks of a copy that is not as new. */
static const char *const played_marks[] = {
    "\xe7\x8a\xb6\xe6\x85\x8b\xe9\x9b\xa3",             /* 状態難 */
    "\xe3\x82\xad\xe3\x82\xba",                         /* キズ */
    "\xe5\x82\xb7",                                     /* 傷 */
    "\xe4\xb8\xad\xe5\x8f\xa4",                         /* 中古 */
    "\xe3\x83\x97\xe3\x83\xac\xe3\x82\xa4\xe3\x83\x89", /* プレイド */
    "played",
    "damaged",
};

/* Marks of what is sold out. */
static const char *const sold_out_marks[] = {
    "\xe5\xa3\xb2\xe5\x88\x87",                         /* 売切 */
    "\xe5\x9c\xa8\xe5\xba\xab\xe3\x81\xaa\xe3\x81\x97", /* 在庫なし */
    "\xc3\x97",                                         /* × */
    "\xe5\x93\x81\xe5\x88\x87",                         /* 品切 */
    "sold-out",
};

static bool has_mark(const char *text, const char *const *marks, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strstr(text, marks[i]) != NULL)
            return true;
    return false;
}
#define HAS_MARK(text, marks) has_mark(text, marks, sizeof(marks) / sizeof(marks)[0])

idf_status idf_yuyu_tei_url(idf_bytes *url, const char *base, const char *set) {
    idf_status status = idf_bytes_printf(url, "%s/sell/ygo/s/search?search_word=", base);
    return status == IDF_OK ? idf_url_escape(url, set) : status;
}

/* --- the picture's text --- */

/* What an alternative text says, split in place. */
typedef struct card_alt {
    char buffer[ALT_BYTES];
    const char *code, *rarity, *name;
} card_alt;

/* Whether a word could be a set code: letters and digits around one dash, a digit at its end. */
static bool is_code(const char *word) {
    size_t n = strlen(word);
    const char *dash = strchr(word, '-');
    if (n < 4 || n > 20 || dash == NULL || dash == word || word[n - 1] < '0' || word[n - 1] > '9')
        return false;
    return strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

/* A rarity is one short word of ASCII: UR, 20thSE, P-UR. */
static bool is_rarity(const char *word) {
    size_t n = strlen(word);
    return n > 0 && n <= 8 &&
           strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-+") == n;
}

/* Splits "CODE RARITY NAME". False when it does not begin with a code. */
static bool read_alt(card_alt *alt, const xmlNode *picture) {
    snprintf(alt->buffer, sizeof alt->buffer, "%s", idf_html_attribute(picture, "alt"));
    idf_text_trim_partial(alt->buffer);
    char *rest = NULL;
    alt->code = strtok_r(alt->buffer, " \t\r\n", &rest);
    if (alt->code == NULL || !is_code(alt->code))
        return false;
    while (*rest == ' ')
        rest++;
    char *space = strchr(rest, ' ');
    if (space != NULL)
        *space = '\0';
    if (is_rarity(rest)) {
        alt->rarity = rest;
        alt->name = space == NULL ? "" : space + 1;
    } else {
        if (space != NULL)
            *space = ' ';
        alt->rarity = "";
        alt->name = rest;
    }
    return true;
}

static bool is_card(const xmlNode *node) {
    card_alt alt;
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, "img") == 0 &&
           read_alt(&alt, node);
}

/* --- prices --- */

/* The number in a text that is a price and nothing else, 0 when it is none. */
static double price_of(const char *text) {
    char digits[16];
    size_t n = 0;
    bool marked = strncmp(text, yen_sign, 2) == 0 || strncmp(text, wide_yen, 3) == 0;
    if (marked)
        text += *text == yen_sign[0] ? 2 : 3;
    while (*text == ' ')
        text++;
    for (; (*text >= '0' && *text <= '9') || *text == ','; text++)
        if (*text != ',' && n + 1 < sizeof digits)
            digits[n++] = *text;
    digits[n] = '\0';
    while (*text == ' ')
        text++;
    if (strncmp(text, yen, 3) == 0) {
        marked = true;
        text += 3;
    }
    return marked && *text == '\0' && n > 0 && n < 10 ? strtod(digits, NULL) : 0;
}

/* A price that is struck out is an old one. */
static bool is_struck(const xmlNode *node) {
    const char *name = (const char *)node->name;
    return strcmp(name, "del") == 0 || strcmp(name, "s") == 0 || strcmp(name, "strike") == 0;
}

/* The node after everything inside `node`. */
static xmlNode *pass(xmlNode *node, const xmlNode *root) {
    while (node != root && node->next == NULL)
        node = node->parent;
    return node == root ? NULL : node->next;
}

typedef struct page_scan {
    long visits;
} page_scan;

/* Looks through `block` for the picture's price. *others: it holds another card. */
static double find_price(page_scan *scan, xmlNode *block, const xmlNode *picture, bool *others) {
    double price = 0;
    *others = false;
    for (xmlNode *at = block; at != NULL && !*others && scan->visits < MAX_VISITS;) {
        char text[PRICE_BYTES];
        scan->visits++;
        *others = at != picture && is_card(at);
        bool struck = at->type == XML_ELEMENT_NODE && is_struck(at);
        if (price == 0 && at->type == XML_ELEMENT_NODE && !struck &&
            idf_html_text(text, sizeof text, at))
            price = price_of(text);
        at = struck ? pass(at, block) : idf_html_next(at, block);
    }
    return *others ? 0 : price;
}

/* --- what stands around a price --- */

typedef struct surroundings {
    bool played, sold_out;
    long stock;
    const char *href;
} surroundings;

/* "在庫 : 3 点" or "3点": the number before 点, -1 when there is none. */
static long stock_of(const char *text) {
    const char *mark = strstr(text, piece);
    const char *end = mark;
    while (end != NULL && end > text && end[-1] == ' ')
        end--;
    const char *from = end;
    while (from != NULL && from > text && from[-1] >= '0' && from[-1] <= '9')
        from--;
    return from == end || end - from > 6 ? -1 : strtol(from, NULL, 10);
}

/* Reads the texts, classes and links of a block. */
static void look_around(page_scan *scan, surroundings *out, xmlNode *block) {
    for (xmlNode *at = block; at != NULL && scan->visits < MAX_VISITS;
         at = idf_html_next(at, block)) {
        char text[TEXT_BYTES];
        scan->visits++;
        const char *said = idf_html_attribute(at, "class");
        if (at->type == XML_TEXT_NODE && at->content != NULL) {
            idf_html_text(text, sizeof text, at);
            said = text;
            long stock = stock_of(text);
            out->stock = stock >= 0 ? stock : out->stock;
        } else if (at->type == XML_ELEMENT_NODE && *out->href == '\0' &&
                   strcmp((const char *)at->name, "a") == 0) {
            out->href = idf_html_attribute(at, "href");
        }
        out->played = out->played || HAS_MARK(said, played_marks);
        out->sold_out = out->sold_out || HAS_MARK(said, sold_out_marks);
    }
}

/* Whether a block may be one card's: no list and not the page. */
static bool is_list(const xmlNode *node) {
    static const char *const names[] = {"body", "html", "main", "ul", "ol", "table", "tbody"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp((const char *)node->name, names[i]) == 0)
            return true;
    return node->type != XML_ELEMENT_NODE;
}

/* The price of a picture's card and what stands around it. 0: there is none. */
static double price_around(page_scan *scan, surroundings *out, xmlNode *picture) {
    xmlNode *block = picture->parent, *widest;
    double price = 0;
    bool others = false;
    *out = (surroundings){.stock = -1, .href = ""};
    for (int i = 0; i < MAX_ANCESTORS && price == 0 && block != NULL; i++) {
        if (block->type != XML_ELEMENT_NODE)
            return 0;
        price = find_price(scan, block, picture, &others);
        if (others)
            return 0;
        if (price == 0)
            block = block->parent;
    }
    if (price == 0)
        return 0;
    widest = block;
    for (int i = 0; i < WIDER && block->parent != NULL && !is_list(block->parent); i++) {
        block = block->parent;
        find_price(scan, block, picture, &others);
        if (others)
            break;
        widest = block;
    }
    look_around(scan, out, widest);
    return price;
}

/* --- the page --- */

/* Whether the same printing has come before at a higher price: shops list copies in lesser
 * condition after those as new. */
static bool is_repeat(const idf_offers *offers, size_t first, const card_alt *alt, double price) {
    for (size_t i = offers->n; i-- > first;) {
        const idf_offer *o = &offers->list[i];
        if (strcmp(o->code, alt->code) == 0 && strcmp(o->name, alt->name) == 0 &&
            strcmp(o->rarity, alt->rarity) == 0)
            return !o->played && price < o->price;
    }
    return false;
}

static idf_status add_card(idf_offers *offers, size_t first, const card_alt *alt, double price,
                           const surroundings *s, idf_error *err) {
    char url[TEXT_BYTES];
    bool whole = strncmp(s->href, "https://", 8) == 0 || strncmp(s->href, "http://", 7) == 0;
    snprintf(url, sizeof url, "%s%s", s->href[0] == '/' ? idf_site_yuyu_tei.base : "",
             whole || s->href[0] == '/' ? s->href : "");
    const idf_offer offer = {.code = alt->code,
                             .rarity = alt->rarity,
                             .name = alt->name,
                             .url = url,
                             .price = price,
                             .stock = s->sold_out ? 0 : s->stock,
                             .played = s->played || HAS_MARK(alt->name, played_marks) ||
                                       is_repeat(offers, first, alt, price)};
    return idf_offers_add(offers, &offer, err);
}

/* Whether this is a page that asks who is there. */
static bool is_challenge(const void *bytes, size_t len_bytes) {
    static const char *const marks[] = {"Just a moment", "cf-challenge",       "cf_chl",
                                        "captcha",       "Attention Required", "Access Denied",
                                        "Access denied"};
    char head[16384];
    size_t n = len_bytes < sizeof head - 1 ? len_bytes : sizeof head - 1;
    for (size_t i = 0; i < n; i++)
        head[i] = ((const char *)bytes)[i] == '\0' ? ' ' : ((const char *)bytes)[i];
    head[n] = '\0';
    return HAS_MARK(head, marks);
}

/* Adds the set's cards among the pictures. */
static idf_status read_pictures(xmlNode *const *pictures, size_t n, const char *set,
                                idf_offers *offers, size_t *n_others, idf_error *err) {
    page_scan scan = {0};
    size_t first = offers->n, n_of_set = 0;
    idf_status status = IDF_OK;
    for (size_t i = 0; status == IDF_OK && i < n && scan.visits < MAX_VISITS; i++) {
        card_alt alt;
        surroundings around;
        if (!read_alt(&alt, pictures[i]))
            continue;
        if (strncmp(alt.code, set, strlen(set)) != 0) {
            ++*n_others;
            continue;
        }
        n_of_set++;
        double price = price_around(&scan, &around, pictures[i]);
        if (price > 0)
            status = add_card(offers, first, &alt, price, &around, err);
    }
    if (scan.visits >= MAX_VISITS)
        status = idf_error_set(err, IDF_ERR_LIMIT, "%s's page is too large to be read", site);
    if (status == IDF_OK && n_of_set > 0 && offers->n == first)
        status = idf_error_set(err, IDF_ERR_FORMAT,
                               "%s's page has changed: its %zu cards of %s have no price", site,
                               n_of_set, set);
    return status;
}

idf_status idf_yuyu_tei_parse(const void *bytes, size_t len_bytes, const char *set,
                              idf_offers *offers, size_t *n_others, idf_error *err) {
    xmlDoc *page;
    xmlNode **pictures = NULL;
    size_t n = 0, before = offers->n;
    *n_others = 0;
    idf_status status = idf_html_parse(&page, bytes, len_bytes, err);
    if (status == IDF_OK)
        status = idf_html_find(&pictures, &n, page, NULL, "//img[@alt]", err);
    if (status == IDF_OK)
        status = read_pictures(pictures, n, set, offers, n_others, err);
    if (status == IDF_OK && offers->n == before && *n_others == 0)
        status = is_challenge(bytes, len_bytes)
                     ? idf_error_set(err, IDF_ERR_FORMAT,
                                     "%s answers with a page that asks for a person at a browser; "
                                     "try again later, or open the site once",
                                     site)
                     : idf_error_set(err, IDF_ERR_FORMAT,
                                     "%s's page has changed: it has no pictures of cards", site);
    idf_free(pictures);
    idf_html_free(page);
    return status;
}

static idf_status read_set(idf_scrape *scrape, const char *set, idf_error *err) {
    idf_bytes url = {0}, body = {0};
    long http;
    size_t n_others;
    idf_status status = idf_yuyu_tei_url(&url, scrape->base, set);
    status = idf_scrape_get(scrape, &url, status, &body, &http, err);
    if (status == IDF_OK)
        status = idf_yuyu_tei_parse(body.data, body.len, set, scrape->offers, &n_others, err);
    idf_bytes_release(&url);
    idf_bytes_release(&body);
    return status;
}

const idf_price_site idf_site_yuyu_tei = {
    .name = "yuyu-tei",
    .base = "https://yuyu-tei.jp",
    .currency = "JPY",
    .about = "Yu-Gi-Oh! in Japanese (LOCR-JP066), with stock",
    .japanese = true,
    .by_language = true,
    .rate = 1,
    .read_set = read_set,
};
