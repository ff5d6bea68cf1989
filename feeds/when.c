/* when.c - points in time as text. Days are counted by the rule of the Gregorian calendar with
 * years that begin in March, so that the leap day is the last one. */
#include "feeds/when.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY = 86400, DAYS_OF_ERA = 146097, YEARS_OF_ERA = 400, DAYS_TO_EPOCH = 719468 };

static int64_t days_of(int year, int month, int day) {
    int y = month <= 2 ? year - 1 : year, m = (month + 9) % 12;
    int era = y / YEARS_OF_ERA, of_era = y % YEARS_OF_ERA;
    int day_of_year = (153 * m + 2) / 5 + day - 1;
    return (int64_t)era * DAYS_OF_ERA + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year -
           DAYS_TO_EPOCH;
}

/* A number of exactly n digits at *at, or -1. */
static int digits(const char **at, int n) {
    int value = 0;
    for (int i = 0; i < n; i++, ++*at) {
        if (**at < '0' || **at > '9')
            return -1;
        value = 10 * value + (**at - '0');
    }
    return value;
}

static bool literal(const char **at, char c) {
    if (**at != c)
        return false;
    ++*at;
    return true;
}

/* The seconds that local clocks at `zone` are ahead; *is_local: there is no zone. */
static bool parse_zone(const char *zone, int *ahead, bool *is_local) {
    *ahead = 0;
    *is_local = *zone == '\0';
    if (*is_local || strcmp(zone, "Z") == 0)
        return true;
    int sign = *zone == '+' ? 1 : *zone == '-' ? -1 : 0;
    const char *at = zone + 1;
    if (sign == 0)
        return false;
    int hours = digits(&at, 2);
    literal(&at, ':');
    int minutes = digits(&at, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || *at != '\0')
        return false;
    *ahead = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool idf_when_parse(int64_t *seconds, const char *text) {
    static const char lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const char *at = text;
    int year = digits(&at, 4), month, day;
    if (year < 1600 || !literal(&at, '-') || (month = digits(&at, 2)) < 1 || month > 12 ||
        !literal(&at, '-') || (day = digits(&at, 2)) < 1 || day > lengths[month - 1])
        return false;
    *seconds = days_of(year, month, day) * DAY;
    if (*at == '\0')
        return true;
    int hour, minute, second, ahead;
    bool is_local;
    if ((!literal(&at, 'T') && !literal(&at, ' ')) || (hour = digits(&at, 2)) < 0 || hour > 23 ||
        !literal(&at, ':') || (minute = digits(&at, 2)) < 0 || minute > 59 || !literal(&at, ':') ||
        (second = digits(&at, 2)) < 0 || second > 60)
        return false;
    if (literal(&at, '.'))
        at += strspn(at, "0123456789");
    if (!parse_zone(at, &ahead, &is_local))
        return false;
    if (is_local) {
        struct tm tm = {.tm_year = year - 1900,
                        .tm_mon = month - 1,
                        .tm_mday = day,
                        .tm_hour = hour,
                        .tm_min = minute,
                        .tm_sec = second,
                        .tm_isdst = -1};
        *seconds = (int64_t)mktime(&tm);
        return *seconds != -1;
    }
    *seconds += hour * 3600 + minute * 60 + second - ahead;
    return true;
}

char *idf_when_format(char out[IDF_WHEN_BYTES], int64_t seconds) {
    time_t when = (time_t)seconds;
    struct tm tm;
    if (gmtime_r(&when, &tm) == NULL ||
        strftime(out, IDF_WHEN_BYTES, "%Y-%m-%dT%H:%M:%S+00:00", &tm) == 0)
        out[0] = '\0';
    return out;
}

char *idf_when_age(char out[IDF_WHEN_BYTES], int64_t seconds) {
    static const struct {
        int64_t seconds, until; /* the unit, and the age from which the next one is taken */
        const char *name;
    } units[] = {{60, 120 * 60, "minute"}, {3600, 48 * 3600, "hour"}, {DAY, INT64_MAX, "day"}};
    size_t i = 0;
    while (seconds >= units[i].until)
        i++;
    long long n = seconds < 0 ? 0 : seconds / units[i].seconds;
    snprintf(out, IDF_WHEN_BYTES, "%lld %s%s", n, units[i].name, n == 1 ? "" : "s");
    return out;
}
