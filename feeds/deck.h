/* deck.h - a deck: what somebody has gathered on the live page, read from the original's
 * localStorage value (dlf-deck-v1), from our page's export, or from a plain list of entries;
 * written for spreadsheets, TCGplayer, Moxfield and our page.
 *
 * One thread. */
#ifndef IDF_FEEDS_DECK_H
#define IDF_FEEDS_DECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <identify/status.h>

#include "base/arena.h"
#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_DECK_MAX_BYTES = 20 << 20,
    IDF_DECK_MAX_ENTRIES = 20000,
    IDF_DECK_MAX_QTY = 9999,
};

/* Strings are never NULL; they live as long as the deck. */
typedef struct idf_deck_entry {
    const char *name, *rarity, *code;
    const char *ref_url; /* as it was stored */
    bool unsure;         /* the label had a "?": the printing is not known for sure */
    int qty;
    double usd; /* of one; negative: unknown */
    double own; /* of one, in `currency`; negative: unknown */
    const char *currency;
    int64_t added_ms; /* since the epoch; 0: unknown */
    json_t *price;    /* as our page stores it; NULL: none */
} idf_deck_entry;

/* Zero it before use. */
typedef struct idf_deck {
    idf_arena arena;
    json_t *roots[2];
    idf_deck_entry *entries;
    size_t n;
    size_t n_skipped; /* things in the file that were no entries */
} idf_deck;

/* Reads a deck. Entries that are one thing are joined: same name, rarity, code and sureness; an
 * unsure entry joins the sure one of its name. Messages call the file `shown`. IDF_ERR_EMPTY when
 * nothing in it is an entry. Release in any case. */
idf_status idf_deck_parse(idf_deck *deck, const void *bytes, size_t len_bytes, const char *shown,
                          idf_error *err);
void idf_deck_release(idf_deck *deck);

typedef enum idf_deck_format {
    IDF_DECK_CSV,       /* one row an entry, for any spreadsheet */
    IDF_DECK_TCGPLAYER, /* TCGplayer's collection CSV */
    IDF_DECK_MOXFIELD,  /* Moxfield's collection CSV */
    IDF_DECK_JSON,      /* everything, to bring back to the page */
} idf_deck_format;

/* "csv", "tcgplayer", "moxfield", "json"; false for another word. */
bool idf_deck_format_parse(idf_deck_format *format, const char *word);

/* Appends the deck to `out`. `now` is in seconds since the epoch. CSV is RFC 4180's with CRLF; a
 * text that a spreadsheet would take for a formula has an apostrophe in front. */
idf_status idf_deck_write(idf_bytes *out, const idf_deck *deck, idf_deck_format format, int64_t now,
                          idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
