/* fx.c - exchange rates from the answers of two services. */
#include "feeds/fx.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/text.h"
#include "feeds/when.h"

enum { RENEW_SECONDS = 24 * 3600 };

bool idf_currency_parse(char out[IDF_CURRENCY_BYTES], const char *text) {
    if (text == NULL || strlen(text) != 3)
        return false;
    for (int i = 0; i < 4; i++) {
        bool small = text[i] >= 'a' && text[i] <= 'z', capital = text[i] >= 'A' && text[i] <= 'Z';
        if (i < 3 && !small && !capital)
            return false;
        out[i] = small ? (char)(text[i] - 'a' + 'A') : text[i];
    }
    return true;
}

bool idf_fx_set(idf_fx *fx, const char *currency, double per_usd) {
    char code[IDF_CURRENCY_BYTES];
    if (!idf_currency_parse(code, currency) || !isfinite(per_usd) || per_usd < 1e-9 ||
        per_usd > 1e12)
        return false;
    size_t i = 0;
    while (i < fx->n && strcmp(fx->rates[i].currency, code) != 0)
        i++;
    if (i == IDF_FX_MAX_RATES)
        return false;
    memcpy(fx->rates[i].currency, code, sizeof code);
    fx->rates[i].per_usd = per_usd;
    fx->n += i == fx->n;
    return true;
}

bool idf_fx_set_by_hand(idf_fx *fx, const char *text) {
    const char *equals = strchr(text, '=');
    char currency[IDF_CURRENCY_BYTES], *end;
    if (equals == NULL || equals - text != 3)
        return false;
    memcpy(currency, text, 3);
    currency[3] = '\0';
    double usd = strtod(equals + 1, &end);
    return end != equals + 1 && *end == '\0' && usd > 0 && idf_fx_set(fx, currency, 1 / usd);
}

static bool find_rate(const idf_fx *fx, const char *currency, double *per_usd) {
    *per_usd = 1;
    for (size_t i = 0; fx != NULL && i < fx->n; i++)
        if (strcmp(fx->rates[i].currency, currency) == 0) {
            *per_usd = fx->rates[i].per_usd;
            return true;
        }
    return strcmp(currency, "USD") == 0;
}

bool idf_fx_convert(const idf_fx *fx, double amount, const char *from, const char *to,
                    double *out) {
    double from_rate, to_rate;
    if (strcmp(from, to) == 0) {
        *out = amount;
        return true;
    }
    if (!find_rate(fx, from, &from_rate) || !find_rate(fx, to, &to_rate))
        return false;
    *out = amount * to_rate / from_rate;
    return true;
}

/* Fills the table from the object of rates; false when it is none or has not one usable rate. */
static bool take_rates(idf_fx *fx, json_t *rates) {
    const char *currency;
    json_t *rate;
    json_object_foreach(rates, currency, rate) {
        if (json_is_number(rate))
            idf_fx_set(fx, currency, json_number_value(rate));
    }
    return fx->n > 0;
}

static idf_status fail(idf_fx *fx, json_t *root, idf_error *err, const char *site,
                       const char *what) {
    memset(fx, 0, sizeof *fx);
    json_decref(root);
    return idf_error_set(err, IDF_ERR_FORMAT, "%s's answer %s", site, what);
}

idf_status idf_fx_parse_er_api(idf_fx *fx, const void *bytes, size_t len_bytes, idf_error *err) {
    static const char site[] = "open.er-api.com";
    char what[160], shown[80];
    json_error_t problem;
    json_t *root = json_loadb(bytes, len_bytes, 0, &problem);
    memset(fx, 0, sizeof *fx);
    if (root == NULL)
        return fail(fx, root, err, site, "is no JSON");
    const char *result = json_string_value(json_object_get(root, "result"));
    const char *type = json_string_value(json_object_get(root, "error-type"));
    const char *base = json_string_value(json_object_get(root, "base_code"));
    if (result == NULL || strcmp(result, "success") != 0) {
        snprintf(what, sizeof what, "is an error: %s",
                 idf_text_printable(shown, sizeof shown, type != NULL ? type : "none given"));
        return fail(fx, root, err, site, what);
    }
    if (base == NULL || strcmp(base, "USD") != 0)
        return fail(fx, root, err, site, "has another base than USD");
    if (!take_rates(fx, json_object_get(root, "rates")))
        return fail(fx, root, err, site, "has no rates");
    fx->updated = json_integer_value(json_object_get(root, "time_last_update_unix"));
    fx->next_update = json_integer_value(json_object_get(root, "time_next_update_unix"));
    snprintf(fx->source, sizeof fx->source, "%s", site);
    json_decref(root);
    return IDF_OK;
}

idf_status idf_fx_parse_frankfurter(idf_fx *fx, const void *bytes, size_t len_bytes, int64_t now,
                                    idf_error *err) {
    static const char site[] = "frankfurter.dev";
    json_error_t problem;
    json_t *root = json_loadb(bytes, len_bytes, 0, &problem);
    memset(fx, 0, sizeof *fx);
    if (root == NULL)
        return fail(fx, root, err, site, "is no JSON");
    const char *base = json_string_value(json_object_get(root, "base"));
    const char *date = json_string_value(json_object_get(root, "date"));
    json_t *amount = json_object_get(root, "amount");
    if (base == NULL || strcmp(base, "USD") != 0 ||
        (json_is_number(amount) && json_number_value(amount) != 1))
        return fail(fx, root, err, site, "is not for one USD");
    if (!take_rates(fx, json_object_get(root, "rates")))
        return fail(fx, root, err, site, "has no rates");
    if (date == NULL || !idf_when_parse(&fx->updated, date))
        fx->updated = 0;
    fx->next_update = now + RENEW_SECONDS;
    snprintf(fx->source, sizeof fx->source, "%s", site);
    json_decref(root);
    return IDF_OK;
}
