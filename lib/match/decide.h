/* decide.h - what of a sighting counts as evidence, and how surely it is that reference. */
#ifndef IDF_MATCH_DECIDE_H
#define IDF_MATCH_DECIDE_H

#include <stdbool.h>

#include "collection/scale.h"
#include "match/sighting.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The evidence of a sighting that counts: less than all of it when only a part of the reference is
 * seen, or only what it shares with others. */
double idf_effective_evidence(const idf_sighting *seen);

/* 0..1: how surely the thing is this reference and not its rival. */
double idf_lead_over_rival(const idf_sighting *seen);

/* Whether the rival shows the same artwork, so that only the printing is in doubt. */
bool idf_is_variant(const idf_sighting *seen);

#ifdef __cplusplus
}
#endif
#endif
