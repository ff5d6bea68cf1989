/* names.c - what a reference is called, from its file name (docs/names.md has the rules as a table
 * that a test replays).
 *
 * The original's rules: the stem; less a set code and "_"; "_" to space; title case; a lone "S"
 * between two words to "'s"; a rarity as the last word. Beyond them: more shapes of set codes, each
 * narrow enough to leave ordinary names alone; roman numerals; NFC; spaces collapsed. */
#include <identify/names.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "index/title.h"

enum {
    INPUT_BYTES = 640,  /* of a stem that are looked at; file systems allow 255 */
    TEXT_CHARS = 1280,  /* 2 * INPUT_BYTES: room for decomposed forms */
    FINAL_CHARS = 5120, /* 4 code points, the longest canonical decomposition, for each */
};

/* A name on its way: code points. */
typedef struct name_text {
    int32_t c[TEXT_CHARS];
    size_t n;
} name_text;

static const char *const rarities[] = {"PScR", "ScR", "UR", "SR", "OP", "UtR", "CR", "EA", "GMR"};

/* Three letters that number ordinary things ("top-100", "img-001") and are no set of a game. */
static const char *const no_sets[] = {
    "aisle", "art", "bag", "bin", "bmw", "box", "bus", "cam", "car", "cat", "col", "day",
    "ddr",   "din", "dog", "dsc", "fig", "gmc", "hwy", "img", "iso", "kia", "led", "lot",
    "man",   "mic", "mig", "mil", "mtb", "pic", "pos", "ral", "ref", "rfc", "rgb", "row",
    "rte",   "run", "sae", "sku", "top", "usb", "van", "vol", "way",
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Compares n characters with an ASCII word of any case. */
static bool equals_word(const char *text, size_t n, const char *word) {
    if (strlen(word) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (ascii_lower(text[i]) != ascii_lower(word[i]))
            return false;
    return true;
}

/* ---- set codes ---- */

/* A scanner over what may be a set code. */
typedef struct code_scan {
    const char *at, *end;
    char first_letter; /* 'A' or 'a': the case that its letters have */
} code_scan;

static int scan_letters(code_scan *scan) {
    int n = 0;
    while (scan->at < scan->end && *scan->at >= scan->first_letter &&
           *scan->at <= scan->first_letter + 25) {
        scan->at++;
        n++;
    }
    return n;
}

static int scan_digits(code_scan *scan) {
    int n = 0;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9') {
        scan->at++;
        n++;
    }
    return n;
}

/* LOCH-JP001: any number of letters, "-", letters, digits. The original's one rule. */
static bool is_original_code(const char *code, size_t len) {
    code_scan scan = {code, code + len, 'A'};
    if (scan_letters(&scan) < 1 || scan.at == scan.end || *scan.at++ != '-')
        return false;
    return scan_letters(&scan) >= 1 && scan_digits(&scan) >= 1 && scan.at == scan.end;
}

/* What stands before the "-" of the wider codes. */
typedef enum set_part {
    SET_NONE,
    SET_LETTERS, /* LOB, neo: three letters */
    SET_MIXED,   /* SV4A, OP01, RC04, S12A: letters, one or two digits, perhaps a letter */
    SET_POINT,   /* sv3pt5: "pt" stands for a decimal point */
    SET_YEAR,    /* 20TH, 5DS1: digits, two letters, perhaps a digit; four characters */
} set_part;

/* m10 to m15 and m19 to m21, Magic's core sets; small, as Magic's codes are, and M12 is a screw. */
static bool is_core_set(const char *text, size_t len) {
    return len == 3 && text[0] == 'm' &&
           ((text[1] == '1' && text[2] != '6' && text[2] != '7' && text[2] != '8') ||
            (text[1] == '2' && text[2] <= '1'));
}

static set_part classify_set(const char *text, size_t len, char first_letter) {
    code_scan scan = {text, text + len, first_letter};
    int letters = scan_letters(&scan);
    if (letters == 3 && scan.at == scan.end) {
        for (size_t i = 0; i < COUNT(no_sets); i++)
            if (equals_word(text, len, no_sets[i]))
                return SET_NONE;
        return SET_LETTERS;
    }
    int digits = scan_digits(&scan);
    if (letters == 0 && len == 4 && digits >= 1 && digits <= 2)
        return scan_letters(&scan) == 2 && scan_digits(&scan) <= 1 && scan.at == scan.end
                   ? SET_YEAR
                   : SET_NONE;
    if (letters < 1 || letters > 4 || digits < 1 || digits > 2)
        return SET_NONE;
    const char *tail = scan.at;
    int tail_letters = scan_letters(&scan);
    if (scan.at == scan.end && tail_letters <= 1) /* one letter, digits alone: M12, F16, A320 */
        return letters + tail_letters >= 2 || is_core_set(text, len) ? SET_MIXED : SET_NONE;
    if (tail_letters == 2 && ascii_lower(tail[0]) == 'p' && ascii_lower(tail[1]) == 't')
        return scan_digits(&scan) == 1 && scan.at == scan.end ? SET_POINT : SET_NONE;
    return SET_NONE;
}

/* The wider codes: all letters of one case; see set_part for the first half. The second half is
 * three digits, after a decimal set one to three; in capitals also a language and digits (JP001).
 */
static bool is_wider_code(const char *code, size_t len, char first_letter) {
    const char *dash = memchr(code, '-', len);
    if (dash == NULL)
        return false;
    set_part set = classify_set(code, (size_t)(dash - code), first_letter);
    if (set == SET_NONE)
        return false;
    code_scan scan = {dash + 1, code + len, first_letter};
    int letters = scan_letters(&scan), digits = scan_digits(&scan);
    if (scan.at != scan.end)
        return false;
    if (letters == 0)
        return (digits == 3 && set != SET_YEAR) || (digits >= 1 && digits <= 3 && set == SET_POINT);
    return first_letter == 'A' && letters <= 3 && digits >= 2 && digits <= 3;
}

/* Splits a stem into set code and rest. Returns where the rest begins; code_len 0: no code. */
static size_t split_code(const char *stem, size_t len, size_t *code_len) {
    const char *bar = memchr(stem, '_', len);
    size_t n = bar == NULL ? len : (size_t)(bar - stem);
    *code_len = 0;
    if (!is_original_code(stem, n) && !is_wider_code(stem, n, 'A') && !is_wider_code(stem, n, 'a'))
        return 0;
    *code_len = n;
    return bar == NULL ? len : n + 1;
}

/* ---- text ---- */

/* Appends one character to out[*used]; false when it does not fit beside the final NUL. */
static bool put(char *out, size_t out_bytes, size_t *used, int32_t c) {
    char piece[4];
    size_t n = idf_text_encode((uint32_t)c, piece);
    if (*used + n >= out_bytes)
        return false;
    memcpy(out + *used, piece, n);
    *used += n;
    return true;
}

/* Decodes one character, U+FFFD for a byte that begins none. */
static size_t next_char(const char *text, size_t len, int32_t *c) {
    uint32_t cp = 0xfffd;
    size_t n = idf_text_decode(text, len, &cp);
    *c = (int32_t)cp;
    return n != 0 ? n : 1;
}

static bool is_space(int32_t c) {
    return c == '_' || c == ' ' || c < 0x20 || (c >= 0x7f && c < 0xa0);
}

/* Copies `text` with valid UTF-8; underscores, spaces and control characters become single spaces,
 * none at either end. Returns the length. */
static size_t clean(char *out, size_t out_bytes, const char *text, size_t len) {
    size_t used = 0;
    bool gap = false;
    for (size_t at = 0; at < len;) {
        int32_t c;
        at += next_char(text + at, len - at, &c);
        if (is_space(c)) {
            gap = used > 0;
            continue;
        }
        size_t before = used;
        if ((gap && !put(out, out_bytes, &used, ' ')) || !put(out, out_bytes, &used, c)) {
            used = before;
            break;
        }
        gap = false;
    }
    out[used] = '\0';
    return used;
}

/* Where the last word begins, 0 when there is only one. */
static size_t last_word(const char *name, size_t len) {
    while (len > 0 && name[len - 1] != ' ')
        len--;
    return len;
}

/* Moves a rarity at the end of name to out->rarity; returns the length that stays. */
static size_t take_rarity(idf_name *out, char *name, size_t len) {
    size_t at = last_word(name, len);
    for (size_t i = 0; at > 0 && i < COUNT(rarities); i++) {
        if (!equals_word(name + at, len - at, rarities[i]))
            continue;
        snprintf(out->rarity, sizeof out->rarity, "%s", rarities[i]);
        while (at > 0 && name[at - 1] == ' ')
            at--;
        name[at] = '\0';
        return at;
    }
    return len;
}

/* Whether the lone S at text->c[at] is a possessive that lost its apostrophe: a word before it,
 * itself no possessive, and one after. */
static bool is_possessive(const name_text *text, size_t at) {
    const int32_t *c = text->c;
    if (at < 2 || at + 2 >= text->n || c[at] != 'S' || c[at - 1] != ' ' || c[at + 1] != ' ')
        return false;
    int32_t before = c[at - 2];
    if (!idf_text_is_letter(before) && !idf_text_is_mark(before) && !idf_text_is_digit(before))
        return false;
    return !(before == 's' && at >= 3 && (c[at - 3] == '\'' || c[at - 3] == 0x2019));
}

/* "Pharaoh S Servant" -> "Pharaoh's Servant"; "Plan S" stays. In place: " S" is as long as "'s". */
static void restore_possessives(name_text *text) {
    for (size_t at = 2; at < text->n; at++) {
        if (!is_possessive(text, at))
            continue;
        text->c[at - 1] = '\'';
        text->c[at] = 's';
    }
}

/* 2..39 in canonical roman form, at least two letters: X{0,3} then IX, IV or V?I{0,3}. */
static bool is_roman(const char *word, size_t len) {
    size_t at = 0, tens = 0, ones = 0;
    while (at < len && word[at] == 'x' && tens < 3) {
        at++;
        tens++;
    }
    if (len - at == 2 && word[at] == 'i' && (word[at + 1] == 'x' || word[at + 1] == 'v'))
        return true;
    if (at < len && word[at] == 'v')
        at++;
    while (at < len && word[at] == 'i' && ones < 3) {
        at++;
        ones++;
    }
    return at == len && len >= 2;
}

/* Capitals for roman numerals that stand alone after the first word. */
static void restore_numerals(name_text *text) {
    bool first = true; /* no word has ended yet */
    for (size_t at = 0; at < text->n;) {
        char word[8];
        size_t end = at, len = 0;
        while (end < text->n && (idf_text_is_letter(text->c[end]) ||
                                 idf_text_is_mark(text->c[end]) || idf_text_is_digit(text->c[end])))
            end++;
        if (end == at) {
            at++;
            continue;
        }
        while (len < sizeof word && at + len < end && text->c[at + len] < 0x80) {
            word[len] = ascii_lower((char)text->c[at + len]);
            len++;
        }
        int32_t before = at == 0 ? ' ' : text->c[at - 1];
        if (!first && len == end - at && before != '\'' && before != 0x2019 && is_roman(word, len))
            for (size_t i = 0; i < len; i++)
                text->c[at + i] = word[i] - 'a' + 'A';
        first = false;
        at = end;
    }
}

/* Writes the text in NFC, cut at a character. */
static void write_name(char *out, size_t out_bytes, const name_text *text) {
    char utf8[4 * TEXT_CHARS];
    int32_t final[FINAL_CHARS];
    size_t used = 0, len = 0, n;
    for (size_t i = 0; i < text->n; i++)
        put(utf8, sizeof utf8, &used, text->c[i]);
    if (used > FINAL_CHARS / 2) { /* far more than fits out; keeps within what idf_text_nfc needs */
        used = FINAL_CHARS / 2;
        utf8[used] = '\0';
        idf_text_trim_partial(utf8);
        used = strlen(utf8);
    }
    n = idf_text_nfc(final, FINAL_CHARS, utf8, used);
    for (size_t i = 0; i < n && put(out, out_bytes, &len, final[i]); i++) {
    }
    while (len > 0 && out[len - 1] == ' ')
        len--;
    out[len] = '\0';
}

/* Length of a file name without its extension, as Python's pathlib has it: a dot at the beginning
 * or the end begins none. */
static size_t stem_length(const char *name) {
    size_t len = strlen(name);
    const char *dot = strrchr(name, '.');
    if (dot == NULL || dot == name || dot[1] == '\0')
        return len;
    return (size_t)(dot - name);
}

void idf_name_parse(idf_name *out, const char *filename) {
    memset(out, 0, sizeof *out);
    const char *slash = strrchr(filename, '/'), *stem = slash == NULL ? filename : slash + 1;
    size_t stem_len = stem_length(stem), code_len, rest = split_code(stem, stem_len, &code_len);
    if (code_len > 0 && code_len < sizeof out->set_code)
        memcpy(out->set_code, stem, code_len);

    char words[INPUT_BYTES];
    size_t len = clean(words, sizeof words, stem + rest, stem_len - rest);
    if (len == 0) { /* only a code, or only underscores: as it is written */
        size_t used = 0;
        size_t kept = code_len > 0 ? code_len : stem_len;
        for (size_t at = 0; at < kept;) {
            int32_t c;
            at += next_char(stem + at, kept - at, &c);
            if (!put(out->name, sizeof out->name, &used, is_space(c) && c != '_' ? '_' : c))
                break;
        }
        if (used == 0)
            snprintf(out->name, sizeof out->name, "Unnamed");
        return;
    }
    len = take_rarity(out, words, len);
    name_text plain, titled;
    plain.n = idf_text_nfc(plain.c, TEXT_CHARS, words, len);
    titled.n = idf_text_title(titled.c, TEXT_CHARS, plain.c, plain.n);
    restore_possessives(&titled);
    restore_numerals(&titled);
    write_name(out->name, sizeof out->name, &titled);
}

void idf_name_split_rarity(idf_name *out, const char *stored_name) {
    memset(out, 0, sizeof *out);
    size_t used = 0, len = strlen(stored_name);
    for (size_t at = 0; at < len;) {
        int32_t c;
        at += next_char(stored_name + at, len - at, &c);
        if (!put(out->name, sizeof out->name, &used, c))
            break;
    }
    take_rarity(out, out->name, used);
}

char *idf_name_label(char *out, size_t out_bytes, const char *name, const char *rarity) {
    int n = rarity == NULL || rarity[0] == '\0' ? snprintf(out, out_bytes, "%s", name)
                                                : snprintf(out, out_bytes, "%s (%s)", name, rarity);
    if (n >= (int)out_bytes)
        idf_text_trim_partial(out);
    return out;
}
