/* session.h - a matcher's insides, and what calibration asks of a session. */
#ifndef IDF_MATCH_SESSION_H
#define IDF_MATCH_SESSION_H

#include <stdint.h>

#include <identify/matcher.h>

#include "local/features.h"
#include "match/decide.h"
#include "match/wordindex.h"

#ifdef __cplusplus
extern "C" {
#endif

struct idf_matcher {
    const idf_index *index;
    const idf_encoder *encoder;
    idf_features *references; /* one a row */
    idf_wordindex *words;     /* NULL without geometry */
    idf_scale scale;
    double sim_threshold, margin_threshold;
    size_t top_k, n_hits; /* n_hits: what is searched for in each region */
};

/* What a session knew of its last frame before it decided. */
typedef struct idf_findings {
    const idf_sightings *sightings;
    const idf_hit
        *hits; /* n_regions rows of n_hits: the embedding's neighbours, masked ones left out */
    size_t n_regions, n_hits;
    const float *vectors; /* n_regions rows: the centre of the frame, all of it, and quadrilaterals
                             in which geometry saw nothing */
} idf_findings;

/* Takes rows out of the collection, a flag for each, until told otherwise (NULL: none). Borrowed.
 */
void idf_session_mask(idf_session *session, const uint8_t *masked);

/* The session's last frame once more, which must still be there: with another mask, say. What does
 * not depend on that is not done again. The frame was not one of a stream. */
idf_status idf_session_match_again(idf_session *session, idf_answer *answer, idf_error *err);

/* Where `row` stands in the ranking of the last frame by the embedding alone, with no row masked;
 * SIZE_MAX: not among the first top_k. Looks at the whole frame and the quadrilaterals in which
 * geometry saw nothing. After that findings are those without a mask. */
idf_status idf_session_rank_by_embedding(idf_session *session, size_t row, size_t *place,
                                         idf_error *err);

/* Pictures that features were taken from for the last frame: the work it made. */
long idf_session_n_looks(const idf_session *session);

/* The references that show much of what `row` shows (idf_looker_family). */
int idf_session_family(idf_session *session, size_t row, double least, uint8_t *masked, size_t *out,
                       int max);

/* The score up to which a similarity threshold may rise for the last frame to be taken for `row`,
 * or for any when it is SIZE_MAX; 0 when it would not be whatever the threshold. */
double idf_session_reach(const idf_session *session, size_t row);

/* Valid until the session's next frame. */
idf_findings idf_session_findings(const idf_session *session);

#ifdef __cplusplus
}
#endif
#endif
