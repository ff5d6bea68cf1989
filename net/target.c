/* target.c - request targets. */
#include "net/target.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/text.h"

static int digit_of(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool idf_target_decode(char *out, const char *text, size_t n, bool form) {
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '%') {
            int high = i + 2 < n ? digit_of(text[i + 1]) : -1;
            int low = i + 2 < n ? digit_of(text[i + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '\0') {
            return false;
        } else if (c == '+' && form) {
            c = ' ';
        }
        *out++ = c;
    }
    *out = '\0';
    return true;
}

idf_status idf_target_parse(idf_target *target, const char *sent, idf_error *err) {
    memset(target, 0, sizeof *target);
    size_t n = strlen(sent);
    if (n > IDF_TARGET_MAX_BYTES)
        return idf_error_set(err, IDF_ERR_LIMIT, "the request's target is over %d bytes",
                             IDF_TARGET_MAX_BYTES);
    const char *at = sent;
    if (strncasecmp(at, "http://", 7) == 0 || strncasecmp(at, "https://", 8) == 0) {
        at = strstr(at, "://") + 3;
        at += strcspn(at, "/?#");
        at = *at == '/' ? at : "/";
    }
    if (*at != '/' && strcmp(at, "*") != 0)
        return idf_error_set(err, IDF_ERR_FORMAT, "the request's target is no path");
    n = strcspn(at, "?#");
    const char *query = at[n] == '?' ? at + n + 1 : "";
    size_t n_query = strcspn(query, "#");
    target->memory = idf_alloc(2 * n + n_query + 3, 1);
    if (target->memory == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a request's target");
    target->raw = target->memory;
    memcpy(target->raw, at, n);
    target->raw[n] = '\0';
    char *copy = target->memory + n + 1;
    memcpy(copy, query, n_query);
    copy[n_query] = '\0';
    target->query = copy;
    target->path = copy + n_query + 1;
    if (!idf_target_decode(target->path, at, n, false))
        target->path = NULL;
    return IDF_OK;
}

void idf_target_release(idf_target *target) {
    if (target == NULL)
        return;
    idf_free(target->memory);
    memset(target, 0, sizeof *target);
}

int idf_query_get(char *out, size_t out_bytes, const char *query, const char *name) {
    size_t n_name = strlen(name);
    while (*query != '\0') {
        size_t n = strcspn(query, "&");
        size_t n_key = strcspn(query, "=&");
        if (n_key == n_name && memcmp(query, name, n_name) == 0) {
            const char *value = query + n_key + (n_key < n);
            size_t n_value = n - n_key - (n_key < n);
            if (n_value + 1 > out_bytes || !idf_target_decode(out, value, n_value, true) ||
                !idf_text_is_utf8(out, strlen(out)))
                return -1;
            return 1;
        }
        query += n + (query[n] == '&');
    }
    return 0;
}

bool idf_target_encode(char *out, size_t out_bytes, const char *text) {
    size_t n = 0;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = c < 0x80 && (isalnum(c) || strchr("-._~", c) != NULL);
        size_t len = plain ? 1 : 3;
        if (n + len + 1 > out_bytes)
            return false;
        if (plain)
            out[n] = (char)c;
        else
            snprintf(out + n, 4, "%%%02X", c);
        n += len;
    }
    out[n] = '\0';
    return true;
}
