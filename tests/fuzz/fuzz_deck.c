/* fuzz_deck.c - a deck, and every form it is written in; our own form is read again as the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "feeds/deck.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    idf_deck deck, again;
    if (idf_deck_parse(&deck, data, size, "fuzz", NULL) == IDF_OK) {
        for (int format = IDF_DECK_CSV; format <= IDF_DECK_JSON; format++) {
            idf_bytes out = {0};
            if (idf_deck_write(&out, &deck, (idf_deck_format)format, 0, NULL) != IDF_OK)
                abort();
            if (format == IDF_DECK_JSON) {
                if (idf_deck_parse(&again, out.data, out.len, "again", NULL) != IDF_OK ||
                    again.n != deck.n)
                    abort();
                for (size_t i = 0; i < deck.n; i++)
                    if (strcmp(deck.entries[i].name, again.entries[i].name) != 0 ||
                        deck.entries[i].qty != again.entries[i].qty)
                        abort();
                idf_deck_release(&again);
            }
            idf_bytes_release(&out);
        }
    }
    idf_deck_release(&deck);
    return 0;
}
