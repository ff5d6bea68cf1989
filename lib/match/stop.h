/* stop.h - when a call is to end before it is done. */
#ifndef IDF_MATCH_STOP_H
#define IDF_MATCH_STOP_H

#include <stdbool.h>

#include <identify/status.h>

#include "base/clock.h"

/* All zero: never. */
typedef struct idf_stop {
    double at_seconds; /* of idf_clock_seconds; 0: no limit */
    bool (*cancelled)(void *context);
    void *context;
} idf_stop;

/* IDF_OK to go on. `stop` may be NULL. */
static inline idf_status idf_stop_check(const idf_stop *stop, idf_error *err) {
    if (stop == NULL)
        return IDF_OK;
    if (stop->cancelled != NULL && stop->cancelled(stop->context))
        return idf_error_set(err, IDF_ERR_CANCELLED, "the match was cancelled");
    if (stop->at_seconds > 0 && idf_clock_seconds() >= stop->at_seconds)
        return idf_error_set(err, IDF_ERR_TIMEOUT, "the frame was not answered in time");
    return IDF_OK;
}

#endif
