/* still.h - a session whose frames show what they showed before is answered with what was said
 * before: a thing that is held still is not looked for anew two hundred times a second. Belongs to
 * whoever runs in the session's lane. */
#ifndef IDF_SERVER_STILL_H
#define IDF_SERVER_STILL_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include <identify/identify.h>

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_STILL_CELLS = 64, IDF_STILL_BASE_BYTES = 300 };

/* What an answer depends on beside the frame. Zero it before it is filled: it is compared whole. */
typedef struct idf_still_asked {
    const void *route;
    uint64_t snapshot; /* its number */
    int top_k, max_detections;
    char base[IDF_STILL_BASE_BYTES]; /* of the addresses in it; "" */
} idf_still_asked;

/* Zero it before use. */
typedef struct idf_still {
    idf_still_asked asked;
    uint8_t cells[IDF_STILL_CELLS * IDF_STILL_CELLS]; /* brightness of the frame last looked into */
    int width, height;                                /* of that frame */
    int n_alike;         /* frames in a row that were looked into and alike */
    double looked;       /* when */
    json_t *json;        /* what was said; NULL: nothing yet */
    size_t n_detections; /* in it */
} idf_still;

/* What was said, as a reference of the caller's, when it holds for this JPEG: nothing in it has
 * changed since, the last few frames were looked into with the same outcome of this comparison, and
 * that is less than half a second ago. NULL: look into it, and tell idf_still_keep. */
json_t *idf_still_answer(idf_still *still, const idf_still_asked *asked, const idf_bytes *jpeg,
                         const idf_decode_options *limits, size_t *n_detections);
/* Keeps what was said of the frame that idf_still_answer was last asked about. */
void idf_still_keep(idf_still *still, json_t *json, size_t n_detections);
void idf_still_release(idf_still *still);

#ifdef __cplusplus
}
#endif
#endif
