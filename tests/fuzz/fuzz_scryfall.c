/* fuzz_scryfall.c - an answer of Scryfall. */
#include <stddef.h>
#include <stdint.h>

#include "fuzz/offers_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    idf_offers offers = {0};
    bool more;
    idf_scryfall_parse(data, size, &offers, &more, NULL);
    check_offers(&offers);
    return 0;
}
