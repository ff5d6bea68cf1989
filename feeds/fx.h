/* fx.h - what a currency is worth in another: a table of rates that is filled from an answer of an
 * exchange-rate service or by hand. No network here; see feeds/fx_rates.h.
 *
 * A plain value: copy it, share it between threads once it is filled. Nothing is guessed: a
 * currency without a rate converts into nothing. */
#ifndef IDF_FEEDS_FX_H
#define IDF_FEEDS_FX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_FX_MAX_RATES = 320, IDF_CURRENCY_BYTES = 4, IDF_FX_SOURCE_BYTES = 64 };

/* Zero it: then it knows that a dollar is a dollar, and nothing else. */
typedef struct idf_fx {
    struct {
        char currency[IDF_CURRENCY_BYTES]; /* "JPY" */
        double per_usd;                    /* 150: so many yen for a dollar */
    } rates[IDF_FX_MAX_RATES];
    size_t n;
    char source[IDF_FX_SOURCE_BYTES]; /* "open.er-api.com", "by hand", "" */
    int64_t updated, next_update;     /* when the service made and will renew them; 0: unknown */
} idf_fx;

/* Whether `text` is three letters; writes them as capitals. */
bool idf_currency_parse(char out[IDF_CURRENCY_BYTES], const char *text);

/* Sets or replaces one rate. False for a rate that is no positive number, or a full table. */
bool idf_fx_set(idf_fx *fx, const char *currency, double per_usd);

/* Takes "JPY=0.0067", dollars for one yen. False when it is malformed. */
bool idf_fx_set_by_hand(idf_fx *fx, const char *text);

/* Writes what `amount` of `from` is in `to`. False without a usable rate; fx may be NULL. */
bool idf_fx_convert(const idf_fx *fx, double amount, const char *from, const char *to, double *out);

/* Answers of https://open.er-api.com/v6/latest/USD and
 * https://api.frankfurter.dev/v1/latest?base=USD into an empty table. A day without a time of its
 * next update is renewed 24 hours after `now`. */
idf_status idf_fx_parse_er_api(idf_fx *fx, const void *bytes, size_t len_bytes, idf_error *err);
idf_status idf_fx_parse_frankfurter(idf_fx *fx, const void *bytes, size_t len_bytes, int64_t now,
                                    idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
