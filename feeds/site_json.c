/* site_json.c - fields of answers, and addresses. */
#include "feeds/site_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

json_t *idf_site_json(const void *bytes, size_t len_bytes, const char *site, idf_error *err) {
    json_error_t problem;
    json_t *root = len_bytes == 0 ? NULL : json_loadb(bytes, len_bytes, 0, &problem);
    if (root == NULL)
        idf_error_set(err, IDF_ERR_FORMAT, "%s's answer is no JSON", site);
    return root;
}

idf_status idf_site_lacks(const char *site, const char *what, idf_error *err) {
    return idf_error_set(err, IDF_ERR_FORMAT, "%s's answer has no %s", site, what);
}

const char *idf_site_text(json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* "1,204.00" without its commas. */
static double parse_price(const char *text) {
    char digits[32], *end;
    size_t n = 0;
    for (; *text != '\0'; text++) {
        if (*text == ',')
            continue;
        if (((*text < '0' || *text > '9') && *text != '.') || n + 1 == sizeof digits)
            return 0;
        digits[n++] = *text;
    }
    digits[n] = '\0';
    double price = strtod(digits, &end);
    return n > 0 && *end == '\0' ? price : 0;
}

double idf_site_price(json_t *object, const char *key) {
    json_t *value = json_object_get(object, key);
    double price = json_is_number(value)   ? json_number_value(value)
                   : json_is_string(value) ? parse_price(json_string_value(value))
                                           : 0;
    return isfinite(price) && price > 0 && price < 1e12 ? price : 0;
}

idf_status idf_site_escape(idf_bytes *url, const char *word) {
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    idf_status status = IDF_OK;
    for (; status == IDF_OK && *word != '\0'; word++)
        status = strchr(plain, *word) != NULL
                     ? idf_bytes_append(url, word, 1)
                     : idf_bytes_printf(url, "%%%02X", (unsigned)(unsigned char)*word);
    return status;
}
