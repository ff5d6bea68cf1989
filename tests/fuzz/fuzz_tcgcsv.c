/* fuzz_tcgcsv.c - TCGCSV's products and prices, with a line of dashes between them. */
#include <stddef.h>
#include <stdint.h>

#include "fuzz/offers_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    idf_offers offers = {0};
    static const char line[] = "\n---\n";
    size_t at = 0;
    while (at + sizeof line - 1 < size && memcmp(data + at, line, sizeof line - 1) != 0)
        at++;
    size_t next = at + sizeof line - 1 < size ? at + sizeof line - 1 : size;
    const idf_bytes products = {.data = (uint8_t *)(uintptr_t)data, .len = at};
    const idf_bytes prices = {.data = (uint8_t *)(uintptr_t)data + next, .len = size - next};
    idf_tcgcsv_parse(&products, &prices, "sv3pt5", &offers, NULL);
    check_offers(&offers);
    return 0;
}
