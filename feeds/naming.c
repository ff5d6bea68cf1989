/* naming.c - file names from what sources say. */
#include "feeds/naming.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <identify/names.h>

#include "base/text.h"
#include "feeds/card_code.h"

enum { NAME_BYTES = 120, CODE_BYTES = 32 };

/* Copies what may stand in a file name; white space becomes `gap`, once. Small letters, or as they
 * are. */
static void clean(char *out, size_t out_bytes, const char *text, char gap, bool small) {
    size_t used = 0, len = strlen(text);
    bool wait = false;
    for (size_t at = 0; at < len;) {
        uint32_t c;
        size_t n = idf_text_decode(text + at, len - at, &c);
        bool blank = n == 0 || c <= ' ' || c == '_' || (c >= 0x7f && c <= 0xa0) || c == 0x3000;
        if (n == 0)
            n = 1;
        if (blank) {
            wait = used > 0;
        } else if (c < 0x80 && strchr("\"*:<>?|%#;`$\\", (int)c) != NULL) {
            wait = wait || (used > 0 && c == ':');
        } else if (c == 0x200b || c == 0xfeff || (c >= 0x202a && c <= 0x202e) ||
                   (c >= 0x2066 && c <= 0x2069) || (c == '.' && used == 0)) {
            /* nothing to see, or it turns the line around, or it hides the file */
        } else {
            if (used + n + 2 > out_bytes)
                break;
            if (wait)
                out[used++] = gap;
            wait = false;
            memcpy(out + used, text + at, n);
            if (c == '/')
                out[used] = '-';
            else if (small && c >= 'A' && c <= 'Z')
                out[used] = (char)(c - 'A' + 'a');
            used += n;
        }
        at += n;
    }
    while (used > 0 && (out[used - 1] == '.' || out[used - 1] == gap))
        used--;
    out[used] = '\0';
}

/* What `index` makes of it. */
static idf_name read_back(const char *stem) {
    char file[IDF_STEM_BYTES + 8];
    idf_name name;
    snprintf(file, sizeof file, "%s.jpg", stem);
    idf_name_parse(&name, file);
    return name;
}

char *idf_find_stem(char out[IDF_STEM_BYTES], const idf_find *find, const char *query) {
    char name[NAME_BYTES], code[CODE_BYTES], rarity[CODE_BYTES], trial[NAME_BYTES + CODE_BYTES];
    const char *brief = idf_rarity_short(find->rarity);
    clean(name, sizeof name, find->is_catalogue || query[0] == '\0' ? find->name : query, '_',
          true);
    clean(code, sizeof code, find->set_code, '-', false);
    clean(rarity, sizeof rarity, brief, '-', true);
    if (name[0] == '\0')
        clean(name, sizeof name, find->name, '_', true);
    if (name[0] == '\0')
        strcpy(name, "unnamed");
    snprintf(trial, sizeof trial, "%s_%s", code, name);
    if (code[0] == '\0')
        strcpy(trial, name);
    else if (strcmp(read_back(trial).set_code, code) != 0)
        snprintf(trial, sizeof trial, "%s_%s", name, code);
    snprintf(out, IDF_STEM_BYTES, "%s_%s", trial, rarity);
    if (rarity[0] == '\0' || strcasecmp(read_back(out).rarity, rarity) != 0)
        snprintf(out, IDF_STEM_BYTES, "%s", trial);
    return out;
}
