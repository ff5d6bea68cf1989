/* relay.h - requests that another service answers: any /api/falcon, the original's or mac_tensor's.
 */
#ifndef IDF_SERVER_RELAY_H
#define IDF_SERVER_RELAY_H

#include "server/inside.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Answers the request with what the upstream says; on a worker. */
void idf_relay(idf_request *request, idf_worker *worker);
/* What a worker keeps between relayed requests. NULL is allowed. */
void idf_relay_free(void *relay);

/* The body of an upstream's answer to a frame as JSON: NaN and infinities become null. NULL when it
 * is none. */
json_t *idf_relay_parse(const char *bytes, size_t n);
/* That as the original's web proxy answers: boxes 0..1, each with a label, a score and the address
 * of its reference at `base`; `upstream` (may be NULL) names who answered. NULL when there are no
 * masks in it. Takes nothing over. */
json_t *idf_relay_frame(const json_t *answer, const char *query, const char *base,
                        const char *upstream, double elapsed_ms);

#ifdef __cplusplus
}
#endif
#endif
