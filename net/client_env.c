/* client_env.c - what the environment says of time-outs, tries and rates. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/client.h"

static idf_status read_number(double *field, const char *name, double max, idf_error *err) {
    const char *text = getenv(name);
    char shown[80], *end;
    if (text == NULL || text[0] == '\0' || *field != 0)
        return IDF_OK;
    double value = strtod(text, &end);
    if (*end != '\0' || !(value > 0) || value > max)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "%s is '%s'; it takes a number over 0 up to %g",
                             name, idf_text_printable(shown, sizeof shown, text), max);
    *field = value;
    return IDF_OK;
}

idf_status idf_client_options_from_env(idf_client_options *o, idf_error *err) {
    enum { DAY = 86400, MAX_TRIES = 100, MAX_RATE = 1000000 };
    const struct {
        double *field;
        const char *name;
    } seconds[] = {
        {&o->connect_timeout_s, "IDENTIFY_CONNECT_TIMEOUT"},
        {&o->stall_timeout_s, "IDENTIFY_STALL_TIMEOUT"},
        {&o->total_timeout_s, "IDENTIFY_TOTAL_TIMEOUT"},
        {&o->max_wait_s, "IDENTIFY_MAX_WAIT"},
        {&o->backoff_s, "IDENTIFY_BACKOFF"},
    };
    idf_status status = IDF_OK;
    for (size_t i = 0; status == IDF_OK && i < sizeof seconds / sizeof *seconds; i++)
        status = read_number(seconds[i].field, seconds[i].name, DAY, err);
    double tries = o->max_tries;
    if (status == IDF_OK)
        status = read_number(&tries, "IDENTIFY_TRIES", MAX_TRIES, err);
    o->max_tries = (int)ceil(tries);
    const char *rate = getenv("IDENTIFY_RATE"), *private = getenv("IDENTIFY_ALLOW_PRIVATE");
    if (rate != NULL && strcmp(rate, "none") == 0)
        o->no_rates = true;
    else if (status == IDF_OK)
        status = read_number(&o->rate, "IDENTIFY_RATE", MAX_RATE, err);
    if (private != NULL && strcmp(private, "1") == 0)
        o->allow_private = true;
    return status;
}
