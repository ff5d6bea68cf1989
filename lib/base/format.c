/* format.c - numbers in the C locale, by POSIX's locale of a thread. */
#include "base/format.h"

#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t plain; /* stays for the life of the process; 0 when memory is out */

static void make_plain(void) {
    plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
}

/* The thread's locale before; 0: there is nothing to put back. */
static locale_t enter(void) {
    pthread_once(&once, make_plain);
    return plain == (locale_t)0 ? (locale_t)0 : uselocale(plain);
}

static void leave(locale_t before) {
    if (before != (locale_t)0)
        uselocale(before);
}

int idf_format_list(char *out, size_t out_bytes, const char *format, va_list args) {
    locale_t before = enter();
    int n = vsnprintf(out, out_bytes, format, args);
    leave(before);
    return n;
}

int idf_format(char *out, size_t out_bytes, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = idf_format_list(out, out_bytes, format, args);
    va_end(args);
    return n;
}

double idf_parse_real(const char *text, char **end) {
    locale_t before = enter();
    double value = strtod(text, end);
    leave(before);
    return value;
}
