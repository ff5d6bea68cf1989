/* serve_rates.c - today's exchange rates for the service: asked for when it starts, and again when
 * their next update is due, only when there are prices to convert. A service without a network
 * starts all the same, with older rates, and asks again every ten minutes. */
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "cli/serve.h"
#include "feeds/fx_rates.h"

enum { CONNECT_SECONDS = 3, FETCH_SECONDS = 6, AGAIN_SECONDS = 600 };

/* A signal that ends the service ends the asking. */
static bool keep_going(void *context) {
    sigset_t pending;
    (void)context;
    return sigpending(&pending) != 0 ||
           (!sigismember(&pending, SIGTERM) && !sigismember(&pending, SIGINT));
}

static bool asks(const cli_serve *run) {
    return run->service.prices_path != NULL && run->fx_rate == NULL &&
           cli_environment("CARD_PRICES_FX_USD_PER_JPY") == NULL;
}

/* Fills *fx, and notes when to ask again. */
static idf_status get_rates(cli_serve *run, idf_fx *fx, idf_error *err) {
    idf_client *client = NULL;
    idf_fx_request request = {.now = (int64_t)time(NULL), .by_hand = run->fx_rate};
    idf_client_options options = {.connect_timeout_s = CONNECT_SECONDS,
                                  .total_timeout_s = FETCH_SECONDS,
                                  .max_tries = 1,
                                  .keep_going = keep_going};
    if (asks(run) && idf_client_options_from_env(&options, err) == IDF_OK &&
        idf_client_new(&client, &options, err) == IDF_OK)
        request.client = client;
    idf_status status = idf_fx_get(fx, &request, err);
    idf_client_free(client);
    run->rates_due = !asks(run)         ? 0
                     : status == IDF_OK ? fx->next_update
                                        : request.now + AGAIN_SECONDS;
    return status;
}

static void warn(const cli_serve *run, const idf_fx *fx, const idf_error *err) {
    char rates[120];
    cli_warn(&run->common, "%s; there are %s", err->message,
             cli_printable(idf_fx_describe(rates, sizeof rates, fx, (int64_t)time(NULL))));
}

int cli_serve_rates(cli_serve *run) {
    idf_error err = IDF_ERROR_INIT;
    idf_status status = get_rates(run, &run->fx, &err);
    if (status == IDF_ERR_ARGUMENT)
        return cli_fail(status, &err);
    if (status != IDF_OK && asks(run))
        warn(run, &run->fx, &err);
    return -1;
}

void cli_serve_renew_rates(cli_serve *run, idf_service *service) {
    idf_error err = IDF_ERROR_INIT;
    idf_fx fresh;
    idf_status status = get_rates(run, &fresh, &err);
    if (status == IDF_OK)
        status = idf_service_set_rates(service, &fresh, &err);
    if (status == IDF_OK)
        run->fx = fresh;
    else if (status != IDF_ERR_CANCELLED)
        warn(run, &run->fx, &err);
}
