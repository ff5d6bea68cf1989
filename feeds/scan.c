/* scan.c - JSON from front to back. */
#include "feeds/scan.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static bool amiss(idf_scan *scan, const char *problem) {
    if (scan->problem == NULL)
        scan->problem = problem;
    return false;
}

static void pass_space(idf_scan *scan) {
    const char *at = scan->at;
    while (at < scan->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    scan->at = at;
}

void idf_scan_begin(idf_scan *scan, const void *text, size_t len_bytes) {
    *scan = (idf_scan){.begin = text, .at = text, .end = (const char *)text + len_bytes};
    if (len_bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        scan->at += 3;
}

char idf_scan_peek(idf_scan *scan) {
    pass_space(scan);
    if (scan->problem != NULL || scan->at == scan->end)
        return '\0';
    char c = *scan->at;
    return c == '-' || (c >= '0' && c <= '9') ? '0' : c;
}

bool idf_scan_enter(idf_scan *scan, char kind) {
    if (idf_scan_peek(scan) != kind)
        return false;
    if (scan->depth == IDF_SCAN_MAX_DEPTH)
        return amiss(scan, "it is nested too deeply");
    scan->at++;
    scan->depth++;
    scan->fresh = true;
    return true;
}

/* Passes the comma before a member, or the closing bracket, and says which. */
static bool goes_on(idf_scan *scan, char closing) {
    char c = idf_scan_peek(scan);
    if (c == '\0')
        return amiss(scan, "it ends too early");
    bool fresh = scan->fresh;
    scan->fresh = false;
    if (c == closing) {
        scan->at++;
        scan->depth--;
        return false;
    }
    if (fresh)
        return true;
    if (c != ',')
        return amiss(scan, "a comma or a closing bracket is missing");
    scan->at++;
    return true;
}

/* Takes the string whose opening quote is at scan->at. */
static bool take_string(idf_scan *scan, idf_scan_text *out) {
    const char *at = scan->at + 1;
    out->at = at;
    out->escaped = false;
    for (; at < scan->end && *at != '"'; at++) {
        if ((unsigned char)*at < 0x20)
            return amiss(scan, "a string has a control character in it");
        if (*at == '\\') {
            out->escaped = true;
            at++;
        }
    }
    if (at >= scan->end)
        return amiss(scan, "a string does not end");
    out->len = (size_t)(at - out->at);
    scan->at = at + 1;
    return true;
}

bool idf_scan_key(idf_scan *scan, idf_scan_text *key) {
    if (!goes_on(scan, '}'))
        return false;
    if (idf_scan_peek(scan) != '"')
        return amiss(scan, "a key in quotes is missing");
    if (!take_string(scan, key))
        return false;
    if (idf_scan_peek(scan) != ':')
        return amiss(scan, "a colon is missing");
    scan->at++;
    return true;
}

bool idf_scan_item(idf_scan *scan) {
    return goes_on(scan, ']');
}

bool idf_scan_string(idf_scan *scan, idf_scan_text *out) {
    if (idf_scan_peek(scan) == '"')
        return take_string(scan, out);
    idf_scan_skip(scan);
    return false;
}

static bool is_digit(const idf_scan *scan) {
    return scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

/* Digits, gathered into *digits while they fit in 15; returns how many there are. */
static int take_digits(idf_scan *scan, int64_t *digits, int *n_kept) {
    int n = 0;
    for (; is_digit(scan); scan->at++, n++)
        if (*n_kept < 15) {
            *digits = 10 * *digits + (*scan->at - '0');
            *n_kept += *digits != 0;
        } else {
            *n_kept = 16; /* too long for the short way */
        }
    return n;
}

/* A number that the short way does not take: by the C library, whose locale is never set. */
static double long_number(const char *from, size_t len) {
    char copy[64];
    if (len >= sizeof copy)
        return NAN;
    memcpy(copy, from, len);
    copy[len] = '\0';
    return strtod(copy, NULL);
}

/* Takes the number at scan->at. Up to 15 digits over a power of ten are exact in doubles, so that
 * one division rounds right. */
static bool take_number(idf_scan *scan, double *out) {
    static const double tens[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const char *from = scan->at;
    bool negative = *from == '-', exponent = false;
    scan->at += negative;
    int64_t digits = 0;
    int kept = 0, n_fraction = 0;
    const char *whole = scan->at;
    int n_whole = take_digits(scan, &digits, &kept);
    if (n_whole == 0 || (n_whole > 1 && *whole == '0'))
        return amiss(scan, "a number is malformed");
    if (scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        n_fraction = take_digits(scan, &digits, &kept);
        if (n_fraction == 0)
            return amiss(scan, "a number is malformed");
    }
    if (scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E')) {
        int64_t unused = 0;
        int n = 0;
        scan->at++;
        scan->at += scan->at < scan->end && (*scan->at == '-' || *scan->at == '+');
        if (take_digits(scan, &unused, &n) == 0)
            return amiss(scan, "a number is malformed");
        exponent = true;
    }
    if (kept > 15 || n_fraction > 15 || exponent)
        *out = long_number(from, (size_t)(scan->at - from));
    else
        *out = (negative ? -1.0 : 1.0) * (double)digits / tens[n_fraction];
    return true;
}

bool idf_scan_number(idf_scan *scan, double *out) {
    if (idf_scan_peek(scan) == '0')
        return take_number(scan, out) && isfinite(*out);
    idf_scan_skip(scan);
    return false;
}

static void skip_word(idf_scan *scan, const char *word) {
    size_t n = strlen(word);
    if ((size_t)(scan->end - scan->at) < n || memcmp(scan->at, word, n) != 0)
        amiss(scan, "a word stands where a value belongs");
    else
        scan->at += n;
}

/* Skips one value that is neither object nor list. */
static void skip_plain(idf_scan *scan, char kind) {
    idf_scan_text text;
    double number;
    switch (kind) {
    case '"':
        take_string(scan, &text);
        return;
    case '0':
        take_number(scan, &number);
        return;
    case 't':
        skip_word(scan, "true");
        return;
    case 'f':
        skip_word(scan, "false");
        return;
    case 'n':
        skip_word(scan, "null");
        return;
    case '\0':
        amiss(scan, "it ends too early");
        return;
    default:
        amiss(scan, "a value is missing");
    }
}

void idf_scan_skip(idf_scan *scan) {
    char kinds[IDF_SCAN_MAX_DEPTH + 1]; /* of what was opened here */
    int n = 0;
    do {
        idf_scan_text key;
        if (n > 0 && !(kinds[n - 1] == '{' ? idf_scan_key(scan, &key) : idf_scan_item(scan))) {
            n--;
            continue;
        }
        char kind = idf_scan_peek(scan);
        if (kind != '{' && kind != '[')
            skip_plain(scan, kind);
        else if (idf_scan_enter(scan, kind))
            kinds[n++] = kind;
    } while (n > 0 && scan->problem == NULL);
}

bool idf_scan_ended(idf_scan *scan) {
    if (scan->problem != NULL)
        return false;
    pass_space(scan);
    if (scan->at != scan->end)
        return amiss(scan, "something follows its end");
    return true;
}

idf_status idf_scan_fail(const idf_scan *scan, const char *shown, idf_error *err) {
    size_t line = 1;
    char path[600];
    for (const char *at = scan->begin; at < scan->at && at < scan->end; at++)
        line += *at == '\n';
    return idf_error_set(err, IDF_ERR_FORMAT, "'%s', line %zu: %s",
                         idf_text_printable(path, sizeof path, shown), line,
                         scan->problem != NULL ? scan->problem : "it is not what it should be");
}

bool idf_scan_is(const idf_scan_text *text, const char *word) {
    return strlen(word) == text->len && memcmp(text->at, word, text->len) == 0;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The four digits of a \u escape, or -1. */
static int32_t hex_unit(const char *at, const char *end) {
    int32_t unit = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* Resolves the escape whose backslash is at `at`; returns its length. */
static size_t unescape(const char *at, const char *end, uint32_t *c) {
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    *c = '?'; /* an escape that is none; never longer than what it stands for */
    if (end - at < 2)
        return 1;
    const char *found = strchr(letters, at[1]);
    if (found != NULL && at[1] != '\0') {
        *c = (unsigned char)meant[found - letters];
        return 2;
    }
    int32_t unit = at[1] == 'u' ? hex_unit(at + 2, end) : -1;
    if (unit < 0)
        return 2;
    *c = 0xfffd;
    if (unit >= 0xd800 && unit < 0xdc00 && end - at >= 12 && at[6] == '\\' && at[7] == 'u') {
        int32_t low = hex_unit(at + 8, end);
        if (low >= 0xdc00 && low < 0xe000) {
            *c = 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
            return 12;
        }
    }
    if (unit < 0xd800 || unit >= 0xe000)
        *c = (uint32_t)unit;
    return 6;
}

/* Whether a string is the same when copied byte for byte: visible ASCII. */
static bool is_plain(const idf_scan_text *text) {
    unsigned char odd = text->escaped;
    for (size_t i = 0; i < text->len; i++) {
        unsigned char c = (unsigned char)text->at[i];
        odd |= c < 0x20 || c >= 0x7f;
    }
    return !odd;
}

char *idf_scan_copy(const idf_scan_text *text, size_t max_bytes, idf_arena *arena) {
    if (is_plain(text))
        return idf_arena_copy(arena, text->at, text->len < max_bytes ? text->len : max_bytes);
    /* A byte that is no UTF-8 becomes three; nothing else gets longer. */
    size_t need = idf_text_is_utf8(text->at, text->len) ? text->len : 3 * text->len;
    size_t room = need < max_bytes ? need : max_bytes, used = 0;
    char *out = idf_arena_alloc(arena, room + 1, 1);
    if (out == NULL)
        return NULL;
    for (const char *at = text->at, *end = at + text->len; at < end;) {
        uint32_t c = 0xfffd;
        char piece[4];
        size_t n = *at == '\\' && text->escaped ? unescape(at, end, &c)
                                                : idf_text_decode(at, (size_t)(end - at), &c);
        at += n == 0 ? 1 : n;
        n = idf_text_encode(n == 0 ? 0xfffd : c < 0x20 || (c >= 0x7f && c < 0xa0) ? ' ' : c, piece);
        if (used + n > room)
            break;
        memcpy(out + used, piece, n);
        used += n;
    }
    out[used] = '\0';
    return out;
}
