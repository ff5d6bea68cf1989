/* fuzz_yuyu_tei.c - a search page of yuyu-tei. */
#include <stddef.h>
#include <stdint.h>

#include "fuzz/offers_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    idf_offers offers = {0};
    size_t n_others;
    idf_yuyu_tei_parse(data, size, "LOCR-JP", &offers, &n_others, NULL);
    check_offers(&offers);
    return 0;
}
