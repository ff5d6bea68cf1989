/* json_answer.c - fields of JSON answers. */
#include "feeds/json_answer.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

json_t *idf_json_read(const void *bytes, size_t len_bytes, const char *site, idf_error *err) {
    json_error_t why;
    json_t *tree = json_loadb(len_bytes == 0 ? "" : bytes, len_bytes, JSON_ALLOW_NUL, &why);
    if (tree == NULL) {
        char shown[JSON_ERROR_TEXT_LENGTH * 2];
        idf_error_set(err, IDF_ERR_FORMAT, "%s's answer is no JSON: line %d: %s", site, why.line,
                      idf_text_printable(shown, sizeof shown, why.text));
    }
    return tree;
}

json_t *idf_json_read_object(const void *bytes, size_t len_bytes, const char *site,
                             idf_error *err) {
    json_t *tree = idf_json_read(bytes, len_bytes, site, err);
    if (tree == NULL || json_is_object(tree))
        return tree;
    json_decref(tree);
    idf_error_set(err, IDF_ERR_FORMAT, "%s's answer is no JSON object", site);
    return NULL;
}

idf_status idf_json_lacks(const char *site, const char *what, idf_error *err) {
    return idf_error_set(err, IDF_ERR_FORMAT, "%s's answer has no %s; its shape has changed", site,
                         what);
}

const char *idf_json_text(const json_t *object, ...) {
    va_list keys;
    va_start(keys, object);
    for (const char *key; (key = va_arg(keys, const char *)) != NULL;)
        object = json_object_get(object, key);
    va_end(keys);
    const char *text = json_string_value(object);
    return text == NULL ? "" : text;
}

long long idf_json_number(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

/* "1,204.00" without its commas. */
static double parse_price(const char *text) {
    char digits[32], *end;
    size_t n = 0;
    for (; *text != '\0'; text++) {
        if (*text == ',')
            continue;
        if (((*text < '0' || *text > '9') && *text != '.') || n + 1 == sizeof digits)
            return 0;
        digits[n++] = *text;
    }
    digits[n] = '\0';
    double price = strtod(digits, &end);
    return n > 0 && *end == '\0' ? price : 0;
}

double idf_json_price(const json_t *object, const char *key) {
    json_t *value = json_object_get(object, key);
    double price = json_is_number(value)   ? json_number_value(value)
                   : json_is_string(value) ? parse_price(json_string_value(value))
                                           : 0;
    return isfinite(price) && price > 0 && price < 1e12 ? price : 0;
}

/* The character that an entity stands for, its length in *n; 0 when it is none of the common. */
static char entity(const char *text, size_t *n) {
    static const struct {
        const char *name;
        char c;
    } entities[] = {{"&amp;", '&'},  {"&quot;", '"'}, {"&#34;", '"'}, {"&apos;", '\''},
                    {"&#39;", '\''}, {"&lt;", '<'},   {"&gt;", '>'},  {"&nbsp;", ' '}};
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
        *n = strlen(entities[i].name);
        if (strncmp(text, entities[i].name, *n) == 0)
            return entities[i].c;
    }
    return 0;
}

char *idf_html_plain(char *out, size_t out_bytes, const char *html) {
    size_t used = 0, n;
    bool gap = false;
    while (*html != '\0' && used + 2 < out_bytes) {
        char c = entity(html, &n);
        const char *end = *html == '<' ? strchr(html, '>') : NULL;
        if (c != 0) {
            html += n;
        } else if (end != NULL) {
            html = end + 1;
            c = ' ';
        } else {
            c = *html++;
        }
        if (c >= 0 && c <= ' ') {
            gap = used > 0;
            continue;
        }
        if (gap)
            out[used++] = ' ';
        gap = false;
        out[used++] = c;
    }
    out[used] = '\0';
    idf_text_trim_partial(out);
    return out;
}
