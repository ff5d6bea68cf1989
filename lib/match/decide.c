/* decide.c - what is known of a sighting, weighed.
 *
 * Three things can bring a reference about that is not there. Chance: the evidence of a sighting is
 * against that, as far as it is spread over the reference. Another thing of the collection that
 * shares a part: own evidence is against that. A thing that is in no collection and shares a design
 * (the same brand, another edition): against that stands how much agrees, and that what lies
 * between the features agrees too. Where the surface was compared, the last two are weighed
 * together, and the lesser of that and of what is against chance counts; else there is own evidence
 * alone. */
#include "match/decide.h"

#include <math.h>

/* Coverage from which a sighting counts in full, and up to which not at all: references that share
 * a half of what they show cover 0.5 to 0.7 of each other, right answers with fingers and glare on
 * them 0.7 and more, round things seen from aside less. Where the surface was compared, which tells
 * these apart, half of it will do. */
static const double FULL_COVERAGE = 0.75, NO_COVERAGE = 0.4;
static const double FULL_WITH_SURFACE = 0.5, NO_WITH_SURFACE = 0.25;
/* So few windows say nothing of a surface: soft or plain, or little of it was seen. */
enum { LEAST_WINDOWS = 20 };
/* Evidence of a surface that agrees almost everywhere: then all of the thing is there, wherever its
 * features were seen. */
static const double SURFACE_COVERS = 6;
/* Own evidence from which what is shared with others counts too, where there is no surface. */
static const double OWN_CLEAR = 4;
/* Log odds against a look-alike, as weights of log10 of the evidence, of the surface and of own
 * evidence (logistic regression; docs/matching.md says on what). */
static const double BY_FEATURES = 3, BY_SURFACE = 1.4, BY_OWN = 0.15;
/* What own evidence counts for at most, for and against: something may cover it. */
static const double OWN_MOST = 4, OWN_LEAST = -10, OWN_LEAST_MARKED = -2;
/* Such log odds are worth evidence of MIDDLE, one more is worth STEP more. Where the collection has
 * others that share a part with it, a thing of the same design that it lacks is likelier, too. Of a
 * thing that carries a mark they are those of what is beside it. */
static const double LOOKALIKE_MIDDLE = 5.75, RELATED_MIDDLE = 7, MARKED_MIDDLE = 6;
static const double MIDDLE = 6, STEP = 3;

static double part_covered(double covered, double none, double full) {
    double part = fmin(1, fmax(0, (covered - none) / (full - none)));
    return part * part;
}

/* How much of the thing is there, where the surface was compared. */
static double part_there(const idf_sighting *seen) {
    double by_features = part_covered(seen->coverage, NO_WITH_SURFACE, FULL_WITH_SURFACE);
    return fmax(by_features, fmin(1, seen->surface / SURFACE_COVERS));
}

/* What odds are worth that exceed what is asked for by so much, as powers of ten. With less they
 * are worth as many times less: how much evidence is enough, which strangers tell, is to change
 * little of what is asked for here. */
static double worth(double excess) {
    return excess > 0 ? MIDDLE + STEP * excess : MIDDLE * pow(10, excess);
}

/* Against a thing of the same design, `evidence` being what is against chance. */
static double against_lookalikes(const idf_sighting *seen, double evidence) {
    bool related = isfinite(seen->own_evidence);
    double own = related ? fmax(OWN_LEAST, fmin(seen->own_evidence, OWN_MOST)) : 0;
    double odds =
        BY_FEATURES * log10(fmax(evidence, 0.1)) + BY_SURFACE * seen->surface + BY_OWN * own;
    return worth(odds - (related ? RELATED_MIDDLE : LOOKALIKE_MIDDLE));
}

/* Of a thing that carries a mark only what is not of the mark speaks. */
static double beside_the_mark(const idf_sighting *seen) {
    double odds = seen->surface + fmax(OWN_LEAST_MARKED, fmin(seen->own_evidence, OWN_MOST));
    return fmax(0, MIDDLE + STEP * (odds - MARKED_MIDDLE));
}

double idf_effective_evidence(const idf_sighting *seen) {
    if (seen->marked) {
        double counts =
            seen->evidence * part_covered(seen->coverage, NO_WITH_SURFACE, FULL_WITH_SURFACE);
        return fmin(counts, beside_the_mark(seen));
    }
    if (seen->n_windows >= LEAST_WINDOWS) {
        double counts = seen->evidence * part_there(seen);
        return fmin(counts, against_lookalikes(seen, counts));
    }
    double evidence = seen->evidence * part_covered(seen->coverage, NO_COVERAGE, FULL_COVERAGE);
    /* What is shared with a reference that is no printing of the same speaks for neither: then the
     * own part has to speak. */
    if (isfinite(seen->own_evidence))
        evidence *= fmin(1, fmax(0, seen->own_evidence / OWN_CLEAR));
    return evidence;
}

double idf_lead_over_rival(const idf_sighting *seen) {
    return isfinite(seen->lead) ? fmax(0, 2 / (1 + pow(10, -seen->lead)) - 1) : 1;
}

bool idf_is_variant(const idf_sighting *seen) {
    return seen->other_printing ||
           (seen->rival_row != SIZE_MAX && seen->rival_shared >= IDF_SAME_ARTWORK);
}
