/* identify/progress.h - how long calls tell how far they are, and how they are stopped. */
#ifndef IDENTIFY_PROGRESS_H
#define IDENTIFY_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/api.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_progress {
    const char *stage; /* a static word: "encode", "verify", ... */
    size_t done;       /* items finished */
    size_t total;      /* items in this stage, 0 when unknown */
    double seconds;    /* since the stage began */
} idf_progress;

/* Called on the thread that called the library, at most every few milliseconds and once at the end
 * of a stage. Returning false stops the call with IDF_ERR_CANCELLED, leaving nothing half-written.
 */
typedef bool (*idf_progress_fn)(void *context, const idf_progress *progress);

#ifdef __cplusplus
}
#endif
#endif
