/* url.c - addresses: percent-encoding, and showing one without its secrets. */
#include "net/url.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

enum { SHOWN_BYTES = 2048 };

static bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static idf_status append_escaped(idf_bytes *out, char c, bool plain) {
    static const char digits[] = "0123456789ABCDEF";
    char piece[3] = {'%', digits[(uint8_t)c >> 4], digits[(uint8_t)c & 15]};
    return idf_bytes_append(out, plain ? &c : piece, plain ? 1 : 3);
}

idf_status idf_url_escape(idf_bytes *out, const char *text) {
    idf_status status = IDF_OK;
    for (; status == IDF_OK && *text != '\0'; text++)
        status = append_escaped(out, *text, is_plain(*text) || strchr("-._~", *text) != NULL);
    return status;
}

idf_status idf_url_mend(idf_bytes *out, const char *url) {
    idf_status status = IDF_OK;
    for (; status == IDF_OK && *url != '\0'; url++)
        status = append_escaped(out, *url, *url > 0x20 && *url < 0x7f);
    return status;
}

/* Whether a query parameter's value is nobody's business; `name` ends at "=". */
static bool is_secret(const char *name, size_t n) {
    static const char *const secrets[] = {"api_key", "apikey",       "key",
                                          "token",   "access_token", "app_id"};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        if (strlen(secrets[i]) == n && strncasecmp(secrets[i], name, n) == 0)
            return true;
    return false;
}

char *idf_url_shown(char *out, size_t out_bytes, const char *url) {
    char clean[SHOWN_BYTES];
    size_t used = 0;
    const char *at = url, *scheme = strstr(url, "://");
    if (scheme != NULL) {
        const char *host = scheme + 3, *end = host + strcspn(host, "/?#");
        for (const char *c = host; c < end; c++)
            if (*c == '@')
                host = c + 1;
        used = (size_t)snprintf(clean, sizeof clean, "%.*s", (int)(scheme + 3 - url), url);
        used = used < sizeof clean ? used : sizeof clean - 1;
        at = host;
    }
    while (*at != '\0' && used + 4 < sizeof clean) {
        clean[used++] = *at;
        if (*at++ != '?' && at[-1] != '&')
            continue;
        size_t name = strcspn(at, "=&#");
        if (at[name] == '=' && is_secret(at, name) && used + name + 8 < sizeof clean) {
            used += (size_t)sprintf(clean + used, "%.*s=***", (int)name, at);
            at += strcspn(at, "&#");
        }
    }
    clean[used] = '\0';
    return idf_text_printable(out, out_bytes, clean);
}

char *idf_url_resolve(char *out, size_t out_bytes, const char *base, const char *reference) {
    const char *scheme = strstr(base, "://");
    size_t host_end = scheme == NULL ? 0 : (size_t)(scheme - base) + 3;
    host_end += strcspn(base + host_end, "/?#");
    size_t path_end = strcspn(base, "?#"), keep = 0;
    out[0] = '\0';
    while (*reference == ' ' || *reference == '\n' || *reference == '\t' || *reference == '\r')
        reference++;
    bool web =
        strncasecmp(reference, "http://", 7) == 0 || strncasecmp(reference, "https://", 8) == 0;
    if (scheme == NULL || *reference == '\0' || *reference == '#' ||
        (!web && reference[strcspn(reference, ":/?#")] == ':'))
        return out;
    if (strncmp(reference, "//", 2) == 0)
        keep = (size_t)(scheme - base) + 1;
    else if (*reference == '/')
        keep = host_end;
    else if (*reference == '?')
        keep = path_end;
    else if (!web)
        for (keep = path_end; keep > host_end && base[keep - 1] != '/';)
            keep--;
    bool slash = !web && keep == host_end && *reference != '/' && *reference != '?';
    int n = snprintf(out, out_bytes, "%.*s%s%s", (int)keep, base, slash ? "/" : "", reference);
    if (n < 0 || (size_t)n >= out_bytes)
        out[0] = '\0';
    return out;
}

char *idf_url_base(char *out, size_t out_bytes, const char *service, const char *usual) {
    char variable[64];
    size_t n = (size_t)snprintf(variable, sizeof variable, "IDENTIFY_BASE_%s", service);
    for (size_t i = 0; i < n && i < sizeof variable - 1; i++)
        if (variable[i] >= 'a' && variable[i] <= 'z')
            variable[i] = (char)(variable[i] - 'a' + 'A');
        else if (!is_plain(variable[i]))
            variable[i] = '_';
    const char *set = getenv(variable);
    const char *base = set != NULL && set[0] != '\0' ? set : usual;
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    if (len >= out_bytes)
        len = 0;
    memcpy(out, base, len);
    out[len] = '\0';
    return out;
}
