/* fuzz_ygoprodeck.c - an answer of YGOPRODeck. */
#include <stddef.h>
#include <stdint.h>

#include "fuzz/offers_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    idf_offers offers = {0};
    idf_ygoprodeck_parse(data, size, "LOB", &offers, NULL);
    check_offers(&offers);
    return 0;
}
