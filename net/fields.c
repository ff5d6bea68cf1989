/* fields.c - values of header fields. */
#include "net/fields.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *at) {
    return at + strspn(at, " \t");
}

bool idf_field_is(const char *value, const char *token) {
    size_t n = strlen(token);
    value = skip_blanks(value);
    if (strncasecmp(value, token, n) != 0)
        return false;
    value = skip_blanks(value + n);
    return *value == '\0' || *value == ';';
}

/* Reads a quoted string or a bare value at *at into out (NULL: skips it). False when it does not
 * end or does not fit. */
static bool take_value(const char **at, char *out, size_t out_bytes) {
    size_t n = 0;
    bool quoted = **at == '"';
    const char *c = *at + quoted;
    for (;; c++) {
        if (quoted ? *c == '"' : *c == ';' || *c == ' ' || *c == '\t' || *c == '\0')
            break;
        if (*c == '\0')
            return false;
        if (quoted && *c == '\\' && (c[1] == '"' || c[1] == '\\'))
            c++;
        if (out != NULL && n + 1 >= out_bytes)
            return false;
        if (out != NULL)
            out[n] = *c;
        n++;
    }
    if (out != NULL)
        out[n] = '\0';
    *at = c + quoted;
    return true;
}

int idf_field_parameter(char *out, size_t out_bytes, const char *value, const char *name) {
    const char *at = value + strcspn(value, ";");
    int found = 0;
    while (*at == ';') {
        at = skip_blanks(at + 1);
        size_t n = strcspn(at, "=; \t");
        bool wanted = n == strlen(name) && strncasecmp(at, name, n) == 0;
        at = skip_blanks(at + n);
        if (*at != '=') {
            if (*at != ';' && *at != '\0')
                return -1;
            continue; /* a parameter without a value */
        }
        at = skip_blanks(at + 1);
        bool take = wanted && found == 0;
        if (!take_value(&at, take ? out : NULL, out_bytes))
            return -1;
        found |= wanted;
        at = skip_blanks(at);
        if (*at != ';' && *at != '\0')
            return -1;
    }
    return found;
}

/* The opaque part of an entity tag at `at`, "W/" left out; its length with quotes, 0 for none. */
static size_t tag_length(const char **at) {
    if ((*at)[0] == 'W' && (*at)[1] == '/')
        *at += 2;
    if (**at != '"')
        return 0;
    const char *end = strchr(*at + 1, '"');
    return end == NULL ? 0 : (size_t)(end - *at) + 1;
}

bool idf_field_has_etag(const char *list, const char *etag) {
    const char *at = skip_blanks(list);
    size_t n = tag_length(&etag);
    if (*at == '*')
        return *skip_blanks(at + 1) == '\0';
    while (*at != '\0') {
        size_t len = tag_length(&at);
        if (len == 0)
            return false;
        if (len == n && memcmp(at, etag, n) == 0)
            return true;
        at = skip_blanks(at + len);
        if (*at != ',')
            return false;
        at = skip_blanks(at + 1);
    }
    return false;
}

/* Decimal digits; a number over 2^63 stays there. False when there is no digit. */
static bool take_digits(const char **at, uint64_t *number) {
    const uint64_t most = UINT64_MAX / 2;
    const char *begin = *at;
    for (*number = 0; isdigit((unsigned char)**at); (*at)++) {
        uint64_t digit = (uint64_t)(**at - '0');
        *number = *number > (most - digit) / 10 ? most : *number * 10 + digit;
    }
    return *at > begin;
}

idf_range_kind idf_field_range(const char *value, uint64_t size, uint64_t *first, uint64_t *len) {
    uint64_t a = 0, b = UINT64_MAX;
    if (value == NULL || strncasecmp(value, "bytes=", 6) != 0)
        return IDF_RANGE_NONE;
    const char *at = skip_blanks(value + 6);
    bool has_first = take_digits(&at, &a);
    if (*at++ != '-')
        return IDF_RANGE_NONE;
    bool has_last = take_digits(&at, &b);
    if (*skip_blanks(at) != '\0' || (!has_first && !has_last))
        return IDF_RANGE_NONE;
    if (!has_first) { /* the last b bytes */
        *len = b < size ? b : size;
        *first = size - *len;
        return *len > 0 ? IDF_RANGE_PART : IDF_RANGE_OUTSIDE;
    }
    if (has_last && b < a)
        return IDF_RANGE_NONE;
    if (a >= size)
        return IDF_RANGE_OUTSIDE;
    *first = a;
    *len = (has_last && b < size ? b + 1 : size) - a;
    return IDF_RANGE_PART;
}

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

char *idf_field_date(char *out, time_t when) {
    struct tm t = {0};
    gmtime_r(&when, &t);
    snprintf(out, IDF_FIELD_DATE_BYTES, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[t.tm_wday % 7],
             t.tm_mday % 100, months[t.tm_mon % 12], (t.tm_year + 1900) % 10000, t.tm_hour % 100,
             t.tm_min % 100, t.tm_sec % 100);
    return out;
}

/* Days since the epoch of a date (Howard Hinnant's days_from_civil). */
static int64_t days_of(int year, int month, int day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t in_era = year - era * 400;
    int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

bool idf_field_read_date(const char *value, time_t *when) {
    char month[4];
    int day, year, hour, minute, second, end = 0;
    if (sscanf(value, "%*3s, %2d %3s %4d %2d:%2d:%2d GMT%n", &day, month, &year, &hour, &minute,
               &second, &end) != 6 ||
        end == 0 || value[end] != '\0')
        return false;
    for (int m = 0; m < 12; m++)
        if (strcmp(month, months[m]) == 0 && day >= 1 && day <= 31 && hour >= 0 && minute >= 0 &&
            second >= 0 && year >= 1900) {
            *when =
                (time_t)(days_of(year, m + 1, day) * 86400 + hour * 3600 + minute * 60 + second);
            return true;
        }
    return false;
}

bool idf_field_cookie(char *out, size_t out_bytes, const char *value, const char *name) {
    size_t n = strlen(name);
    for (const char *at = skip_blanks(value); *at != '\0'; at = skip_blanks(at)) {
        size_t len = strcspn(at, ";");
        if (len > n && at[n] == '=' && memcmp(at, name, n) == 0) {
            size_t n_value = len - n - 1;
            while (n_value > 0 && (at[n + n_value] == ' ' || at[n + n_value] == '\t'))
                n_value--;
            if (n_value + 1 > out_bytes)
                return false;
            memcpy(out, at + n + 1, n_value);
            out[n_value] = '\0';
            return true;
        }
        at += len + (at[len] == ';');
    }
    return false;
}

bool idf_field_accepts(const char *value, const char *type) {
    while (*value != '\0') {
        size_t n = strcspn(value, ",");
        const char *at = skip_blanks(value);
        size_t len = strlen(type);
        if (strncasecmp(at, type, len) == 0 && strchr(",; \t", at[len]) != NULL)
            return true;
        value += n + (value[n] == ',');
    }
    return false;
}
