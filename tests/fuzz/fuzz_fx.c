/* fuzz_fx.c - answers of the two exchange-rate services, and rates by hand. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "feeds/fx.h"
#include "feeds/when.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    idf_fx fx;
    double out;
    char text[128], when[IDF_WHEN_BYTES];
    int64_t seconds;
    if (idf_fx_parse_er_api(&fx, data, size, NULL) == IDF_OK ||
        idf_fx_parse_frankfurter(&fx, data, size, 0, NULL) == IDF_OK)
        if (fx.n == 0 || fx.n > IDF_FX_MAX_RATES ||
            !idf_fx_convert(&fx, 1, "USD", fx.rates[fx.n - 1].currency, &out) || !(out > 0))
            abort();
    size_t n = size < sizeof text - 1 ? size : sizeof text - 1;
    memcpy(text, data, n);
    text[n] = '\0';
    memset(&fx, 0, sizeof fx);
    if (idf_fx_set_by_hand(&fx, text) && fx.n != 1)
        abort();
    if (idf_when_parse(&seconds, text))
        idf_when_format(when, seconds);
    return 0;
}
