/* decide.c - what is known of a sighting, weighed. */
#include "match/decide.h"

#include <math.h>

/* Coverage from which a sighting counts in full, and up to which not at all: references that share
 * a half of what they show cover 0.5 to 0.7 of each other, right answers with fingers and glare on
 * them 0.7 and more, round things seen from aside less. */
static const double FULL_COVERAGE = 0.75, NO_COVERAGE = 0.4;
/* Where the surface was compared, features speak so much at most for this reference and not for one
 * that looks otherwise between them; what agrees adds a part of that, and so much to own evidence.
 */
static const double MOST_BY_FEATURES = 10, SURFACE_SHARE = 0.5, OWN_BY_SURFACE = 3;
/* Own evidence from which what is shared with others counts too. */
static const double OWN_CLEAR = 4;

double idf_effective_evidence(const idf_sighting *seen) {
    double covered = fmax(seen->coverage, seen->alike);
    double part = fmin(1, fmax(0, (covered - NO_COVERAGE) / (FULL_COVERAGE - NO_COVERAGE)));
    double evidence = seen->evidence * part * part, own = seen->own_evidence;
    if (seen->n_windows > 0) {
        evidence = fmin(evidence, MOST_BY_FEATURES);
        evidence += fmin(seen->surface, SURFACE_SHARE * evidence);
        own += fmin(seen->surface, OWN_BY_SURFACE);
    }
    /* What is shared with a reference that is no printing of the same speaks for neither: then the
     * own part has to speak. */
    if (isfinite(own))
        evidence *= fmin(1, fmax(0, own / OWN_CLEAR));
    return evidence;
}

double idf_lead_over_rival(const idf_sighting *seen) {
    return isfinite(seen->lead) ? fmax(0, 2 / (1 + pow(10, -seen->lead)) - 1) : 1;
}

bool idf_is_variant(const idf_sighting *seen) {
    return seen->rival_row != SIZE_MAX && seen->rival_shared >= IDF_SAME_ARTWORK;
}
