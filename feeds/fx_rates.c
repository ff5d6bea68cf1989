/* fx_rates.c - fetches exchange rates and keeps them in $XDG_CACHE_HOME/dlf-identify/fx.json, in
 * the shape of open.er-api.com's answer with the source added. */
#include "feeds/fx_rates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/file.h"
#include "feeds/when.h"
#include "net/cache.h"
#include "net/url.h"

enum {
    PATH_BYTES = 4096,
    MAX_BYTES = 1 << 20,
    DAY = 24 * 3600,
    LONGEST_SECONDS = 8 * DAY, /* that a service may ask its rates to be kept */
    FETCH_SECONDS = 20,
};

/* --- on disk --- */

/* False when there is nothing usable. */
static bool read_cache(idf_fx *fx) {
    char path[PATH_BYTES];
    idf_bytes bytes = {0};
    bool there = false;
    if (idf_cache_folder(path, PATH_BYTES - 16)) {
        strcat(path, "/fx.json");
        there = idf_file_read(&bytes, path, MAX_BYTES, NULL) == IDF_OK &&
                idf_fx_parse_er_api(fx, bytes.data, bytes.len, NULL) == IDF_OK;
    }
    json_t *root = there ? json_loadb((const char *)bytes.data, bytes.len, 0, NULL) : NULL;
    const char *source = json_string_value(json_object_get(root, "source"));
    if (source != NULL)
        snprintf(fx->source, sizeof fx->source, "%s", source);
    json_decref(root);
    idf_bytes_release(&bytes);
    return there;
}

/* Best effort: without a place to keep them, rates are fetched anew next time. */
static void write_cache(const idf_fx *fx) {
    char path[PATH_BYTES];
    json_t *rates = json_object();
    for (size_t i = 0; i < fx->n; i++)
        json_object_set_new(rates, fx->rates[i].currency, json_real(fx->rates[i].per_usd));
    json_t *root =
        json_pack("{s:s, s:s, s:I, s:I, s:s, s:o}", "result", "success", "source", fx->source,
                  "time_last_update_unix", (json_int_t)fx->updated, "time_next_update_unix",
                  (json_int_t)fx->next_update, "base_code", "USD", "rates", rates);
    char *text = root == NULL ? NULL : json_dumps(root, JSON_INDENT(1));
    if (text != NULL && idf_cache_folder(path, PATH_BYTES - 16) &&
        idf_dir_make(path, NULL) == IDF_OK) {
        strcat(path, "/fx.json");
        idf_file_write(path, text, strlen(text), NULL);
    }
    free(text);
    json_decref(root);
}

/* --- from the web --- */

static idf_status fetch(idf_client *client, const char *service, const char *usual,
                        const char *path, idf_response *response, idf_error *err) {
    char base[512], url[600];
    snprintf(url, sizeof url, "%s%s", idf_url_base(base, sizeof base, service, usual), path);
    const idf_request request = {
        .url = url, .max_bytes = MAX_BYTES, .total_timeout_s = FETCH_SECONDS};
    return idf_client_get(client, &request, response, err);
}

static idf_status fetch_er_api(idf_fx *fx, idf_client *client, idf_error *err) {
    idf_response response = {0};
    idf_status status =
        fetch(client, "open-er-api", "https://open.er-api.com", "/v6/latest/USD", &response, err);
    if (status == IDF_OK)
        status = idf_fx_parse_er_api(fx, response.body.data, response.body.len, err);
    idf_response_release(&response);
    return status;
}

static idf_status fetch_frankfurter(idf_fx *fx, idf_client *client, int64_t now, idf_error *err) {
    idf_response response = {0};
    idf_status status = fetch(client, "frankfurter", "https://api.frankfurter.dev",
                              "/v1/latest?base=USD", &response, err);
    if (status == IDF_OK)
        status = idf_fx_parse_frankfurter(fx, response.body.data, response.body.len, now, err);
    idf_response_release(&response);
    return status;
}

/* Fetches rates that then lie on disk. */
static idf_status fetch_rates(idf_fx *fx, const idf_fx_request *request, idf_error *err) {
    idf_fx fresh;
    idf_error first = IDF_ERROR_INIT, second = IDF_ERROR_INIT;
    idf_status status = fetch_er_api(&fresh, request->client, &first);
    if (status != IDF_OK && status != IDF_ERR_CANCELLED)
        status = fetch_frankfurter(&fresh, request->client, request->now, &second);
    if (status == IDF_ERR_CANCELLED)
        return idf_error_set(err, status, "stopped");
    if (status != IDF_OK)
        return idf_error_set(err, IDF_ERR_NETWORK, "no exchange rates: %.400s; %.400s",
                             first.message, second.message);
    if (fresh.next_update <= request->now || fresh.next_update > request->now + LONGEST_SECONDS)
        fresh.next_update = request->now + DAY;
    write_cache(&fresh);
    *fx = fresh;
    return IDF_OK;
}

/* --- by hand --- */

static idf_status set_by_hand(idf_fx *fx, const idf_fx_request *request, idf_error *err) {
    const char *variable = getenv("CARD_PRICES_FX_USD_PER_JPY");
    char text[64];
    if (variable != NULL && variable[0] != '\0') {
        snprintf(text, sizeof text, "JPY=%s", variable);
        if (!idf_fx_set_by_hand(fx, text))
            return idf_error_set(err, IDF_ERR_ARGUMENT,
                                 "CARD_PRICES_FX_USD_PER_JPY is no number over 0, such as 0.0067");
    }
    for (const char *at = request->by_hand; at != NULL && *at != '\0';) {
        size_t n = strcspn(at, ",");
        snprintf(text, sizeof text, "%.*s", n < sizeof text ? (int)n : 0, at);
        if (!idf_fx_set_by_hand(fx, text))
            return idf_error_set(err, IDF_ERR_ARGUMENT,
                                 "a rate is CURRENCY=DOLLARS, such as JPY=0.0067");
        at += n + (at[n] == ',');
    }
    return IDF_OK;
}

idf_status idf_fx_get(idf_fx *fx, const idf_fx_request *request, idf_error *err) {
    memset(fx, 0, sizeof *fx);
    idf_status by_hand = set_by_hand(fx, request, err); /* looked at before anything is asked */
    if (by_hand != IDF_OK)
        return by_hand;
    bool there = read_cache(fx);
    idf_status status = IDF_OK;
    bool fresh = there && request->now < fx->next_update && request->now + DAY >= fx->updated &&
                 fx->next_update <= request->now + LONGEST_SECONDS;
    if (!there)
        memset(fx, 0, sizeof *fx);
    if (!fresh && request->client != NULL)
        status = fetch_rates(fx, request, err);
    else if (!fresh)
        status = idf_error_set(err, IDF_ERR_NETWORK, "no exchange rates of today");
    set_by_hand(fx, request, NULL);
    return status;
}

char *idf_fx_describe(char *out, size_t out_bytes, const idf_fx *fx, int64_t now) {
    char age[IDF_WHEN_BYTES];
    if (fx->source[0] == '\0')
        snprintf(out, out_bytes, fx->n > 0 ? "rates given by hand" : "no rates");
    else if (fx->updated == 0)
        snprintf(out, out_bytes, "rates of %s", fx->source);
    else
        snprintf(out, out_bytes, "rates of %s, %s old", fx->source,
                 idf_when_age(age, now - fx->updated));
    return out;
}
