/* card_code.c - set codes and rarities as different sites write them. */
#include "feeds/card_code.h"

#include <string.h>

static char ascii_upper(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

char *idf_code_key(char out[IDF_CODE_KEY_BYTES], const char *code) {
    size_t n = 0;
    bool after_dash = false, in_number = false;
    for (const char *at = code; *at != '\0' && n + 1 < IDF_CODE_KEY_BYTES; at++) {
        bool leading = *at == '0' && after_dash && !in_number && is_digit(at[1]);
        in_number = is_digit(*at) && !leading;
        after_dash = after_dash || *at == '-';
        if (!leading)
            out[n++] = ascii_upper(*at);
    }
    out[n] = '\0';
    return out;
}

/* The short forms of names.h, then what sites call them. */
static const struct {
    const char *key, *brief;
} rarities[] = {
    {"pscr", "PScR"},
    {"scr", "ScR"},
    {"ur", "UR"},
    {"sr", "SR"},
    {"op", "OP"},
    {"utr", "UtR"},
    {"cr", "CR"},
    {"ea", "EA"},
    {"gmr", "GMR"},
    {"prismaticsecretrare", "PScR"},
    {"secretrare", "ScR"},
    {"ultrarare", "UR"},
    {"superrare", "SR"},
    {"ultimaterare", "UtR"},
    {"collectorsrare", "CR"},
    {"grandmasterrare", "GMR"},
};

/* Small letters and digits, the rest left out; bytes past ASCII stay. */
static void squeeze(char out[IDF_RARITY_KEY_BYTES], const char *rarity) {
    size_t n = 0;
    for (; *rarity != '\0' && n + 1 < IDF_RARITY_KEY_BYTES; rarity++) {
        char c = ascii_upper(*rarity);
        if (c >= 'A' && c <= 'Z')
            out[n++] = (char)(c - 'A' + 'a');
        else if (is_digit(c) || (c & 0x80) != 0)
            out[n++] = c;
    }
    out[n] = '\0';
}

const char *idf_rarity_short(const char *rarity) {
    char key[IDF_RARITY_KEY_BYTES];
    squeeze(key, rarity);
    for (size_t i = 0; i < sizeof rarities / sizeof *rarities; i++)
        if (strcmp(rarities[i].key, key) == 0)
            return rarities[i].brief;
    return rarity;
}

char *idf_rarity_key(char out[IDF_RARITY_KEY_BYTES], const char *rarity) {
    squeeze(out, idf_rarity_short(rarity));
    return out;
}
