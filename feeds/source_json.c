/* source_json.c - fields of JSON answers. */
#include "feeds/source_json.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

json_t *idf_source_read(const void *bytes, size_t len_bytes, const char *source, idf_error *err) {
    json_error_t why;
    json_t *tree = json_loadb(len_bytes == 0 ? "" : bytes, len_bytes, JSON_ALLOW_NUL, &why);
    if (tree == NULL) {
        char shown[JSON_ERROR_TEXT_LENGTH * 2];
        idf_error_set(err, IDF_ERR_FORMAT, "%s's answer is no JSON: line %d: %s", source, why.line,
                      idf_text_printable(shown, sizeof shown, why.text));
    } else if (!json_is_object(tree)) {
        json_decref(tree);
        tree = NULL;
        idf_error_set(err, IDF_ERR_FORMAT, "%s's answer is no JSON object", source);
    }
    return tree;
}

idf_status idf_source_lacks(const char *source, const char *what, idf_error *err) {
    return idf_error_set(err, IDF_ERR_FORMAT, "%s's answer has no '%s'; its shape has changed",
                         source, what);
}

const char *idf_source_text(const json_t *object, ...) {
    va_list keys;
    va_start(keys, object);
    for (const char *key; (key = va_arg(keys, const char *)) != NULL;)
        object = json_object_get(object, key);
    va_end(keys);
    const char *text = json_string_value(object);
    return text == NULL ? "" : text;
}

long long idf_source_number(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
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

char *idf_source_plain(char *out, size_t out_bytes, const char *html) {
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
