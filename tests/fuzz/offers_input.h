/* offers_input.h - what is true of offers, whatever a site answered. */
#ifndef IDF_FUZZ_OFFERS_INPUT_H
#define IDF_FUZZ_OFFERS_INPUT_H

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "feeds/price_sites.h"
#include "feeds/price_table.h"

/* Offers have codes and prices, and the file made of them is one that we read. Frees them. */
static inline void check_offers(idf_offers *offers) {
    const idf_offers_head head = {.site = "fuzz", .currency = "USD"};
    idf_bytes file = {0};
    idf_price_table *table;
    idf_price price;
    size_t n;
    for (size_t i = 0; i < offers->n; i++) {
        const idf_offer *o = &offers->list[i];
        if (!(o->price > 0 && o->low <= o->price && o->price <= o->high) || *o->code == '\0' ||
            !idf_text_is_utf8(o->name, strlen(o->name)))
            abort();
    }
    if (idf_offers_write(&file, offers, &head, &n, NULL) == IDF_OK) {
        if (idf_prices_parse(&table, file.data, file.len, "fuzz", NULL, NULL) != IDF_OK ||
            idf_prices_n(table) != n)
            abort();
        for (size_t i = 0; i < offers->n; i++)
            if (!idf_prices_find(table, offers->list[i].code, offers->list[i].rarity, &price))
                abort();
        idf_prices_free(table);
    }
    idf_bytes_release(&file);
    idf_offers_release(offers);
}

#endif
