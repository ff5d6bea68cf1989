/* text.c - UTF-8 checks and making outside text safe to show (RFC 3629). */
#include "base/text.h"

#include <stdio.h>
#include <string.h>

size_t idf_text_decode(const char *text, size_t len_bytes, uint32_t *code_point) {
    const uint8_t *p = (const uint8_t *)text;
    if (p[0] < 0x80) {
        *code_point = p[0];
        return 1;
    }
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || len_bytes < n)
        return 0;
    uint32_t cp = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        cp = cp << 6 | (p[i] & 0x3f);
    }
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
        return 0;
    *code_point = cp;
    return n;
}

size_t idf_text_encode(uint32_t cp, char out[4]) {
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        if (cp >= 0xd800 && cp <= 0xdfff)
            return 0;
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    if (cp > 0x10ffff)
        return 0;
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

bool idf_text_is_utf8(const char *text, size_t len_bytes) {
    for (size_t at = 0; at < len_bytes;) {
        uint32_t cp;
        size_t n = idf_text_decode(text + at, len_bytes - at, &cp);
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}

/* Marks and overrides of direction, line and paragraph separators, invisible characters and tags:
 * nothing of this is needed to read a name (joiners are, in some scripts, and stay). */
static bool is_deceptive(uint32_t c) {
    return c == 0x61c || c == 0x200b || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xe0000 && c <= 0xe007f);
}

char *idf_text_printable(char *out, size_t out_bytes, const char *text) {
    size_t len = strlen(text), used = 0;
    for (size_t at = 0; at < len;) {
        uint32_t cp = 0;
        size_t n = idf_text_decode(text + at, len - at, &cp);
        char piece[16];
        size_t piece_len;
        bool control = n != 0 && (cp < 0x20 || (cp >= 0x7f && cp < 0xa0));
        if (n != 0 && is_deceptive(cp)) {
            piece_len = (size_t)snprintf(piece, sizeof piece, "\\u%04x", (unsigned)cp);
        } else if (n != 0 && !control) {
            memcpy(piece, text + at, n);
            piece_len = n;
        } else if (cp == '\n' || cp == '\t') {
            piece[0] = '\\';
            piece[1] = cp == '\n' ? 'n' : 't';
            piece_len = 2;
        } else {
            n = 1;
            piece_len = (size_t)snprintf(piece, sizeof piece, "\\x%02x", (uint8_t)text[at]);
        }
        if (used + piece_len >= out_bytes)
            break;
        memcpy(out + used, piece, piece_len);
        used += piece_len;
        at += n;
    }
    out[used] = '\0';
    return out;
}

void idf_text_trim_partial(char *text) {
    size_t len = strlen(text);
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        uint8_t c = (uint8_t)text[len - back];
        if ((c & 0xc0) == 0x80)
            continue;
        uint32_t cp;
        if (c >= 0x80 && idf_text_decode(text + len - back, back, &cp) != back)
            text[len - back] = '\0';
        return;
    }
}

int idf_text_distance(const char *a, const char *b) {
    enum { MAX = 64 };
    int rows[3][MAX] = {{0}};
    int n_a = (int)strnlen(a, MAX - 1), n_b = (int)strnlen(b, MAX - 1);
    for (int j = 0; j <= n_b; j++)
        rows[0][j] = j;
    for (int i = 1; i <= n_a; i++) {
        int *row = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];
        row[0] = i;
        for (int j = 1; j <= n_b; j++) {
            int best = up[j - 1] + (a[i - 1] != b[j - 1]);
            if (up[j] + 1 < best)
                best = up[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                up2[j - 2] + 1 < best)
                best = up2[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[n_a % 3][n_b];
}
