/* price_sites.c - the table of the price sites. */
#include "feeds/price_sites.h"

#include <string.h>

static const idf_price_site *const sites[] = {&idf_site_yuyu_tei, &idf_site_scryfall,
                                              &idf_site_ygoprodeck, &idf_site_pokemontcg,
                                              &idf_site_tcgcsv};

size_t idf_price_sites_n(void) {
    return sizeof sites / sizeof *sites;
}

const idf_price_site *idf_price_site_at(size_t i) {
    return sites[i];
}

const idf_price_site *idf_price_site_find(const char *name) {
    for (size_t i = 0; i < sizeof sites / sizeof *sites; i++)
        if (strcmp(sites[i]->name, name) == 0)
            return sites[i];
    return NULL;
}

char *idf_price_site_set(char out[IDF_SET_BYTES], const idf_price_site *site, const char *code) {
    size_t n = 0;
    const char *dash = strrchr(code, '-');
    if (dash != NULL && site->by_language) {
        n = strlen(code);
        while (n > 0 && code[n - 1] >= '0' && code[n - 1] <= '9')
            n--;
    } else if (dash != NULL) {
        n = (size_t)(dash - code);
    }
    if (n >= IDF_SET_BYTES)
        n = 0;
    memcpy(out, code, n);
    out[n] = '\0';
    return out;
}

idf_status idf_scrape_get(idf_scrape *scrape, idf_bytes *url, idf_status built, idf_bytes *body,
                          long *http, idf_error *err) {
    idf_bytes_clear(body);
    *http = 0;
    if (built != IDF_OK || idf_bytes_append(url, "", 1) != IDF_OK)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for an address");
    return scrape->get(scrape->context, (const char *)url->data, body, http, err);
}
