/* fuzz_pokemontcg.c - an answer of the Pokémon TCG API. */
#include <stddef.h>
#include <stdint.h>

#include "fuzz/offers_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    idf_offers offers = {0};
    bool more;
    idf_pokemontcg_parse(data, size, "sv3pt5", &offers, &more, NULL);
    check_offers(&offers);
    return 0;
}
