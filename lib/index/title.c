/* title.c - title case after Python's str.title(): a cased character that follows another is
 * lower-cased, one that does not is title-cased, with Unicode's full mappings (SpecialCasing.txt:
 * one letter may become two or three) and the final sigma rule (Unicode 3.13, Final_Sigma).
 *
 * Some things differ because the original's result is wrong for a reader:
 *  - a combining mark is part of the letter before it, so "x\u0302y" has one capital, not two;
 *  - the endings of contractions stay small after an apostrophe ("Don't", "O'Brien");
 *  - so do the endings of ordinals after a digit ("1st", "20th"), and a small plural s ("1990s");
 *  - units after a digit stay small ("10mm"), and so does an x between digits ("M3x10");
 *  - a word that has capitals of its own past its first letter keeps them ("iPhone", "USB"), unless
 *    no word of the text goes on in small letters.
 */
#include "index/title.h"

#include <string.h>

#include <utf8proc.h>

#include "base/text.h"

typedef struct title_mapping {
    uint16_t from, to[3];
} title_mapping;

/* The characters whose title case is more than one character (SpecialCasing.txt, Unicode 14). */
static const title_mapping title_special[] = {
    {0x00df, {0x0053, 0x0073, 0}},      {0x0149, {0x02bc, 0x004e, 0}},
    {0x01f0, {0x004a, 0x030c, 0}},      {0x0390, {0x0399, 0x0308, 0x0301}},
    {0x03b0, {0x03a5, 0x0308, 0x0301}}, {0x0587, {0x0535, 0x0582, 0}},
    {0x1e96, {0x0048, 0x0331, 0}},      {0x1e97, {0x0054, 0x0308, 0}},
    {0x1e98, {0x0057, 0x030a, 0}},      {0x1e99, {0x0059, 0x030a, 0}},
    {0x1e9a, {0x0041, 0x02be, 0}},      {0x1f50, {0x03a5, 0x0313, 0}},
    {0x1f52, {0x03a5, 0x0313, 0x0300}}, {0x1f54, {0x03a5, 0x0313, 0x0301}},
    {0x1f56, {0x03a5, 0x0313, 0x0342}}, {0x1fb2, {0x1fba, 0x0345, 0}},
    {0x1fb4, {0x0386, 0x0345, 0}},      {0x1fb6, {0x0391, 0x0342, 0}},
    {0x1fb7, {0x0391, 0x0342, 0x0345}}, {0x1fc2, {0x1fca, 0x0345, 0}},
    {0x1fc4, {0x0389, 0x0345, 0}},      {0x1fc6, {0x0397, 0x0342, 0}},
    {0x1fc7, {0x0397, 0x0342, 0x0345}}, {0x1fd2, {0x0399, 0x0308, 0x0300}},
    {0x1fd3, {0x0399, 0x0308, 0x0301}}, {0x1fd6, {0x0399, 0x0342, 0}},
    {0x1fd7, {0x0399, 0x0308, 0x0342}}, {0x1fe2, {0x03a5, 0x0308, 0x0300}},
    {0x1fe3, {0x03a5, 0x0308, 0x0301}}, {0x1fe4, {0x03a1, 0x0313, 0}},
    {0x1fe6, {0x03a5, 0x0342, 0}},      {0x1fe7, {0x03a5, 0x0308, 0x0342}},
    {0x1ff2, {0x1ffa, 0x0345, 0}},      {0x1ff4, {0x038f, 0x0345, 0}},
    {0x1ff6, {0x03a9, 0x0342, 0}},      {0x1ff7, {0x03a9, 0x0342, 0x0345}},
    {0xfb00, {0x0046, 0x0066, 0}},      {0xfb01, {0x0046, 0x0069, 0}},
    {0xfb02, {0x0046, 0x006c, 0}},      {0xfb03, {0x0046, 0x0066, 0x0069}},
    {0xfb04, {0x0046, 0x0066, 0x006c}}, {0xfb05, {0x0053, 0x0074, 0}},
    {0xfb06, {0x0053, 0x0074, 0}},      {0xfb13, {0x0544, 0x0576, 0}},
    {0xfb14, {0x0544, 0x0565, 0}},      {0xfb15, {0x0544, 0x056b, 0}},
    {0xfb16, {0x054e, 0x0576, 0}},      {0xfb17, {0x0544, 0x056d, 0}},
};

/* Other_Lowercase and Other_Uppercase: cased, though not of category Lu, Ll or Lt. */
static const int32_t other_cased[][2] = {
    {0x00aa, 0x00aa},   {0x00ba, 0x00ba},   {0x02b0, 0x02b8},   {0x02c0, 0x02c1},
    {0x02e0, 0x02e4},   {0x0345, 0x0345},   {0x037a, 0x037a},   {0x1d2c, 0x1d6a},
    {0x1d78, 0x1d78},   {0x1d9b, 0x1dbf},   {0x2071, 0x2071},   {0x207f, 0x207f},
    {0x2090, 0x209c},   {0x2160, 0x217f},   {0x24b6, 0x24e9},   {0x2c7c, 0x2c7d},
    {0xa69c, 0xa69d},   {0xa770, 0xa770},   {0xa7f8, 0xa7f9},   {0xab5c, 0xab5f},
    {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107b0}, {0x107b2, 0x107ba},
    {0x1f130, 0x1f149}, {0x1f150, 0x1f169}, {0x1f170, 0x1f189},
};

/* Case_Ignorable beyond the categories Mn, Me, Cf, Lm, Sk: apostrophes and dots inside words. */
static const uint16_t other_ignorable[] = {
    0x27,   0x2e,   0x3a,   0xb7,   0x387,  0x55f,  0x5f4,  0x2018, 0x2019,
    0x2024, 0x2027, 0xfe13, 0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a,
};

enum {
    DOTTED_CAPITAL_I = 0x130, /* the one letter whose lower case is two characters */
    COMBINING_DOT_ABOVE = 0x307,
    CAPITAL_SIGMA = 0x3a3,
    SMALL_SIGMA = 0x3c3,
    FINAL_SIGMA = 0x3c2,
    RIGHT_QUOTE = 0x2019,
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

bool idf_text_is_letter(int32_t c) {
    utf8proc_category_t category = utf8proc_category(c);
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool idf_text_is_mark(int32_t c) {
    utf8proc_category_t category = utf8proc_category(c);
    return category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
}

bool idf_text_is_digit(int32_t c) {
    return utf8proc_category(c) == UTF8PROC_CATEGORY_ND;
}

static bool is_cased(int32_t c) {
    utf8proc_category_t category = utf8proc_category(c);
    if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LT)
        return true;
    for (size_t i = 0; i < COUNT(other_cased); i++)
        if (c >= other_cased[i][0] && c <= other_cased[i][1])
            return true;
    return false;
}

static bool is_case_ignorable(int32_t c) {
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
        return true;
    default:
        for (size_t i = 0; i < COUNT(other_ignorable); i++)
            if (c == other_ignorable[i])
                return true;
        return false;
    }
}

static bool is_word_character(int32_t c) {
    return idf_text_is_letter(c) || idf_text_is_mark(c) || idf_text_is_digit(c);
}

/* Whether the sigma at text[at] ends its word: a cased character before it and none after it,
 * looking past what is case-ignorable. */
static bool is_final_sigma(const int32_t *text, size_t n, size_t at) {
    size_t before = at, after = at + 1;
    while (before > 0 && is_case_ignorable(text[before - 1]))
        before--;
    while (after < n && is_case_ignorable(text[after]))
        after++;
    return before > 0 && is_cased(text[before - 1]) && (after == n || !is_cased(text[after]));
}

static size_t lower_one(int32_t out[3], const int32_t *text, size_t n, size_t at) {
    int32_t c = text[at];
    if (c == DOTTED_CAPITAL_I) {
        out[0] = 'i';
        out[1] = COMBINING_DOT_ABOVE;
        return 2;
    }
    if (c == CAPITAL_SIGMA)
        out[0] = is_final_sigma(text, n, at) ? FINAL_SIGMA : SMALL_SIGMA;
    else
        out[0] = utf8proc_tolower(c);
    return 1;
}

static size_t title_one(int32_t out[3], int32_t c) {
    for (size_t i = 0; c >= 0xdf && i < COUNT(title_special); i++) {
        const uint16_t *to = title_special[i].to;
        if (title_special[i].from != c)
            continue;
        out[0] = to[0];
        out[1] = to[1];
        out[2] = to[2];
        return to[2] != 0 ? 3 : 2;
    }
    out[0] = utf8proc_totitle(c);
    return 1;
}

/* Whether the word that goes on at text[at] is `ending`, in either case, and nothing more. */
static bool ends_with(const int32_t *text, size_t n, size_t at, const char *ending) {
    size_t len = strlen(ending);
    if (n - at < len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[at + i] != ending[i] && text[at + i] != ending[i] - 'a' + 'A')
            return false;
    return at + len == n || !is_word_character(text[at + len]);
}

/* Whether the letter at text[at], which follows no letter, still begins no word: the rest of a
 * contraction or of an ordinal, or a unit. Of those that are one letter, or in a text with small
 * letters, only small ones count: 5G is no weight. */
static bool continues_word(const int32_t *text, size_t n, size_t at, bool shouted) {
    static const char *const contractions[] = {"s", "t", "d", "m", "ll", "re", "ve"};
    static const char *const ordinals[] = {"st", "nd", "rd", "th"};
    static const char *const units[] = {"mm", "cm", "dm",  "m",  "km", "g",   "kg", "mg",  "ml",
                                        "cl", "dl", "in",  "ft", "yd", "oz",  "lb", "lbs", "pt",
                                        "px", "pc", "pcs", "x",  "ms", "min", "mah"};
    if (at == 0)
        return false;
    int32_t previous = text[at - 1];
    if (at >= 2 && (previous == '\'' || previous == RIGHT_QUOTE) &&
        is_word_character(text[at - 2])) {
        for (size_t i = 0; i < COUNT(contractions); i++)
            if (ends_with(text, n, at, contractions[i]))
                return true;
    }
    if (previous >= '0' && previous <= '9') {
        for (size_t i = 0; i < COUNT(ordinals); i++)
            if (ends_with(text, n, at, ordinals[i]))
                return true;
        if (text[at] == 'x' && at + 1 < n && text[at + 1] >= '0' && text[at + 1] <= '9')
            return true;
        for (size_t i = 0; i < COUNT(units); i++)
            if (ends_with(text, n, at, units[i]) &&
                (text[at] == units[i][0] || (shouted && units[i][1] != '\0')))
                return true;
        return text[at] == 's' && ends_with(text, n, at, "s");
    }
    return false;
}

static bool is_capital(int32_t c) {
    utf8proc_category_t category = utf8proc_category(c);
    return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LT;
}

/* Whether the run of cased characters that begins at text[at] has a capital after its first. */
static bool has_own_capitals(const int32_t *text, size_t n, size_t at) {
    for (size_t i = at + 1; i < n && (is_cased(text[i]) || idf_text_is_mark(text[i])); i++)
        if (is_capital(text[i]))
            return true;
    return false;
}

/* Whether a word goes on in a small letter; the first of a word says nothing, it is title-cased. */
static bool has_small_letters(const int32_t *text, size_t n) {
    bool in_word = false;
    for (size_t i = 0; i < n; i++) {
        if (in_word && utf8proc_category(text[i]) == UTF8PROC_CATEGORY_LL)
            return true;
        if (!idf_text_is_mark(text[i]))
            in_word = is_cased(text[i]);
    }
    return false;
}

size_t idf_text_title(int32_t *out, size_t cap, const int32_t *text, size_t n) {
    bool in_word = false; /* the last character that is no mark was cased */
    bool as_it_is = false, shouted = !has_small_letters(text, n);
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t mapped[3] = {text[i]};
        size_t n_mapped = 1;
        if (!idf_text_is_mark(text[i])) {
            bool goes_on = in_word || continues_word(text, n, i, shouted);
            if (!goes_on)
                as_it_is = !shouted && is_cased(text[i]) && has_own_capitals(text, n, i);
            if (!as_it_is)
                n_mapped = goes_on ? lower_one(mapped, text, n, i) : title_one(mapped, text[i]);
            in_word = is_cased(text[i]);
        }
        if (n_mapped > cap - used)
            break;
        memcpy(out + used, mapped, n_mapped * sizeof *out);
        used += n_mapped;
    }
    return used;
}

size_t idf_text_nfc(int32_t *out, size_t cap, const char *text, size_t len_bytes) {
    utf8proc_ssize_t n =
        utf8proc_decompose((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len_bytes, out,
                           (utf8proc_ssize_t)cap, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE);
    if (n < 0 || (size_t)n > cap)
        return 0;
    n = utf8proc_normalize_utf32(out, n, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    return n < 0 ? 0 : (size_t)n;
}

size_t idf_text_tidy(char *out, size_t out_bytes, const char *text, size_t len_bytes) {
    enum { MAX = 4096 };
    char valid[MAX + 4];
    int32_t composed[2 * sizeof valid];
    size_t used = 0, len = 0;
    for (size_t at = 0; at < len_bytes && used < MAX;) {
        uint32_t c;
        size_t n = idf_text_decode(text + at, len_bytes - at, &c);
        if (n == 0)
            c = 0xfffd;
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            c = ' ';
        at += n == 0 ? 1 : n;
        used += idf_text_encode(c, valid + used);
    }
    size_t n = idf_text_nfc(composed, COUNT(composed), valid, used);
    for (size_t i = 0; i < n; i++) {
        char piece[4];
        size_t piece_len = idf_text_encode((uint32_t)composed[i], piece);
        if (len + piece_len >= out_bytes)
            break;
        if (len == 0 && composed[i] == ' ')
            continue;
        memcpy(out + len, piece, piece_len);
        len += piece_len;
    }
    while (len > 0 && out[len - 1] == ' ')
        len--;
    out[len] = '\0';
    return len;
}
