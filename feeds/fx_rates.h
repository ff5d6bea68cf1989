/* fx_rates.h - exchange rates from the web, kept on disk until their next update.
 *
 * open.er-api.com is asked, then frankfurter.dev. Where neither answers, what lies on disk is used
 * however old it is: its age is in fx->updated. What was given by hand goes before all. */
#ifndef IDF_FEEDS_FX_RATES_H
#define IDF_FEEDS_FX_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/status.h>

#include "feeds/fx.h"
#include "net/client.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_fx_request {
    idf_client *client; /* NULL: the disk alone */
    int64_t now;        /* seconds since the epoch */
    /* "JPY=0.0067,EUR=1.08", dollars for one; NULL: none. The variable CARD_PRICES_FX_USD_PER_JPY
     * gives a rate too. */
    const char *by_hand;
} idf_fx_request;

/* Fills *fx with the best rates there are. IDF_OK with rates that hold today; IDF_ERR_NETWORK when
 * none could be had, with err saying why: *fx then holds older ones, or only those by hand, and may
 * be used. IDF_ERR_ARGUMENT for a rate by hand that is none. */
idf_status idf_fx_get(idf_fx *fx, const idf_fx_request *request, idf_error *err);

/* "rates of open.er-api.com, 3 hours old", for people. Returns out. */
char *idf_fx_describe(char *out, size_t out_bytes, const idf_fx *fx, int64_t now);

#ifdef __cplusplus
}
#endif
#endif
