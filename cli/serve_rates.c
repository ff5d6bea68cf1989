/* serve_rates.c - today's exchange rates for the service, asked for once when it starts and only
 * when there are prices to convert. A service without a network starts all the same, with older
 * rates. */
#include <stdio.h>
#include <time.h>

#include "cli/serve.h"
#include "feeds/fx_rates.h"

enum { CONNECT_SECONDS = 3, FETCH_SECONDS = 6 };

int cli_serve_rates(cli_serve *run) {
    char rates[120];
    idf_error err = IDF_ERROR_INIT;
    idf_client *client = NULL;
    idf_fx_request request = {.now = (int64_t)time(NULL), .by_hand = run->fx_rate};
    idf_client_options options = {
        .connect_timeout_s = CONNECT_SECONDS, .total_timeout_s = FETCH_SECONDS, .max_tries = 1};
    bool by_hand = run->fx_rate != NULL || cli_environment("CARD_PRICES_FX_USD_PER_JPY") != NULL;
    bool ask = run->service.prices_path != NULL && !by_hand;
    if (ask && idf_client_options_from_env(&options, &err) == IDF_OK &&
        idf_client_new(&client, &options, &err) == IDF_OK)
        request.client = client;
    idf_status status = idf_fx_get(&run->fx, &request, &err);
    idf_client_free(client);
    if (status == IDF_ERR_ARGUMENT)
        return cli_fail(status, err.message);
    if (status != IDF_OK && ask)
        cli_warn(&run->common, "%s; there are %s", err.message,
                 cli_printable(idf_fx_describe(rates, sizeof rates, &run->fx, request.now)));
    return -1;
}
