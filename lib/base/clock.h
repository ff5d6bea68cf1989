/* clock.h - monotonic time. */
#ifndef IDF_BASE_CLOCK_H
#define IDF_BASE_CLOCK_H

#include <identify/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Seconds since some fixed moment; never goes back. Any thread. */
double idf_clock_seconds(void);

#ifdef __cplusplus
}
#endif
#endif
