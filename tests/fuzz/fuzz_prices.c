/* fuzz_prices.c - a price file, and asking what was read. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "feeds/price_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const idf_priced_ref refs[] = {
        {"a", "LOCR-JP066", "UR"}, {"b", "A-JP001", ""}, {"c", "neo-007", "rare"}};
    idf_fx fx = {0};
    idf_fx_set(&fx, "JPY", 150);
    const idf_prices_options options = {&fx, "EUR"};
    idf_price_table *table;
    idf_top_price top[3];
    size_t n;
    if (idf_prices_parse(&table, data, size, "fuzz", &options, NULL) != IDF_OK)
        return 0;
    if (idf_prices_top(table, refs, 3, 3, top, &n, NULL) == IDF_OK)
        for (size_t i = 0; i < n; i++)
            if (!(top[i].price.own.min <= top[i].price.own.median &&
                  top[i].price.own.median <= top[i].price.own.max) ||
                strlen(top[i].price.name_jp) > 512)
                abort();
    idf_prices_free(table);
    return 0;
}
