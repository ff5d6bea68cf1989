/* wordindex.h - which references share local features with a frame, without comparing all of them.
 *
 * An inverted file over a small tree of binary words built from the collection itself. Immutable
 * once built: shared freely between threads. */
#ifndef IDF_MATCH_WORDINDEX_H
#define IDF_MATCH_WORDINDEX_H

#include <stddef.h>

#include <identify/pool.h>
#include <identify/status.h>

#include "local/features.h"
#include "local/match.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_wordindex idf_wordindex;

enum {
    /* Features kept at most, over all references: 16 bytes each, 48 MiB. Larger collections keep
     * the strongest features of each reference. */
    IDF_WORDINDEX_ENTRIES_MAX = 3 << 20,
    IDF_WORDINDEX_ROWS_MAX = 1 << 20,
};

/* Builds the index of n_rows references, whose arrays are borrowed and must stay. Takes about 0.2
 * ms a reference of one thread; `pool`, NULL or not, is used during the call, and the index is the
 * same whatever its threads. n_rows may be 0. */
idf_status idf_wordindex_new(idf_wordindex **index, const idf_features *references, size_t n_rows,
                             idf_pool *pool, idf_error *err);
void idf_wordindex_free(idf_wordindex *index);
/* Bytes it takes, the references' own arrays left aside. */
size_t idf_wordindex_bytes(const idf_wordindex *index);

/* A reference that shares features with the frame. */
typedef struct idf_candidate {
    size_t row;
    double support; /* matches that agree on a turn, each weighing less the more rows it meets */
    int n_matches;
    const idf_pairing *matches; /* in rising order of distance; the query's, until its next use */
} idf_candidate;

/* A look-up and its scratch; belongs to one thread. The index must outlive it. */
typedef struct idf_word_query idf_word_query;
idf_status idf_word_query_new(idf_word_query **query, const idf_wordindex *index, idf_error *err);
void idf_word_query_free(idf_word_query *query);

/* Looks the frame up. Returns how many references share at least `least` features with it (at most
 * 256); they are read by idf_word_query_get, the best supported first, 0 <= k < that number. The
 * frame's arrays are borrowed until the next call. */
int idf_word_query_run(idf_word_query *query, const idf_features *frame, int least);
void idf_word_query_get(idf_word_query *query, int k, idf_candidate *out);
/* The candidate of one row, n_matches 0 when it shares nothing. */
void idf_word_query_get_row(idf_word_query *query, size_t row, idf_candidate *out);

#ifdef __cplusplus
}
#endif
#endif
