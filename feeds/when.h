/* when.h - points in time as text: ISO 8601 there and back, plain days, ages for people. Any
 * thread. */
#ifndef IDF_FEEDS_WHEN_H
#define IDF_FEEDS_WHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_WHEN_BYTES = 32 };

/* Seconds since the epoch of "2026-11-28T22:50:00+09:00", "...Z" or a plain day "2026-11-28"
 * (midnight, UTC). A time without a zone, as the original writes it, is local time. Fractions of a
 * second are dropped. False for anything else. */
bool idf_when_parse(int64_t *seconds, const char *text);

/* "2026-11-28T22:50:00+00:00". Returns out. */
char *idf_when_format(char out[IDF_WHEN_BYTES], int64_t seconds);

/* "3 minutes", "26 hours", "12 days". Returns out. */
char *idf_when_age(char out[IDF_WHEN_BYTES], int64_t seconds);

#ifdef __cplusplus
}
#endif
#endif
