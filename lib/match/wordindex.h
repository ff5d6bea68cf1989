/* wordindex.h - which references share local features with a frame, without comparing all of them.
 *
 * An inverted file over the binary words of index/words.h: one vocabulary, and postings part by
 * part. Immutable once made: shared freely between threads. */
#ifndef IDF_MATCH_WORDINDEX_H
#define IDF_MATCH_WORDINDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/pool.h>
#include <identify/status.h>

#include "index/index.h"
#include "local/features.h"
#include "local/match.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_wordindex idf_wordindex;

/* A part of a collection. Row i of it is reference row[i], or first + i where row is NULL;
 * IDF_WORD_ROW_GONE is none. */
typedef struct idf_word_part {
    const idf_postings *postings; /* borrowed; made from the rows where there are none (NULL) or
                                     those of other words */
    size_t n_rows;
    const uint32_t *row; /* borrowed */
    uint32_t first;
} idf_word_part;
#define IDF_WORD_ROW_GONE UINT32_MAX

/* What is known of a collection. References are borrowed and must stay. */
typedef struct idf_word_source {
    const idf_features *references; /* n_rows */
    size_t n_rows;
    const idf_vocabulary *vocabulary; /* borrowed; NULL: learnt from the references */
    const idf_word_part *parts;       /* NULL: one, of all references */
    size_t n_parts;
    bool unchecked; /* keypoints may be damaged: idf_wordindex_reference looks */
    void (*relax)(const void *context); /* as that of idf_word_rows, while it is made */
    const void *relax_context;
    size_t quota; /* features of a reference that are filed; 0: by how many there are in all */
} idf_word_source;

/* Takes about 0.2 ms a reference of one thread for what is not there yet; `pool`, NULL or not, is
 * used during the call, and the index is the same whatever its threads. n_rows may be 0. */
idf_status idf_wordindex_new(idf_wordindex **index, const idf_word_source *source, idf_pool *pool,
                             idf_error *err);
/* Of an open index, whose rows the references are: what its files have of words is used where it
 * lies, so they must stay too. */
idf_status idf_wordindex_open(idf_wordindex **words, const idf_index *index,
                              const idf_features *references, idf_pool *pool, idf_error *err);
void idf_wordindex_free(idf_wordindex *index);
/* Reference `row`, without features when they are damaged: looked at when it is first asked for, so
 * that opening a large collection does not read all of them. */
const idf_features *idf_wordindex_reference(const idf_wordindex *index, size_t row);
/* Bytes it takes, what is borrowed left aside. */
size_t idf_wordindex_bytes(const idf_wordindex *index);

/* A reference that shares features with the frame. */
typedef struct idf_candidate {
    size_t row;
    double support; /* matches that agree on a turn, each weighing less the more rows it meets */
    int n_matches;
    const idf_pairing *matches; /* in rising order of distance; the query's, until its next use */
} idf_candidate;

/* A look-up and its scratch, whose size does not depend on the collection's; belongs to one thread.
 * The index must outlive it. */
typedef struct idf_word_query idf_word_query;
idf_status idf_word_query_new(idf_word_query **query, const idf_wordindex *index, idf_error *err);
void idf_word_query_free(idf_word_query *query);

/* Looks the frame up. Returns how many references share at least `least` features with it (at most
 * 256); they are read by idf_word_query_get, the best supported first, 0 <= k < that number. The
 * frame's arrays are borrowed until the next call. */
int idf_word_query_run(idf_word_query *query, const idf_features *frame, int least);
/* The same with only those features that would be filed of it were it a reference: for asking which
 * references are like one. */
int idf_word_query_run_filed(idf_word_query *query, const idf_features *reference, int least);
void idf_word_query_get(idf_word_query *query, int k, idf_candidate *out);
/* The candidate of one row, n_matches 0 when it shares nothing. */
void idf_word_query_get_row(idf_word_query *query, size_t row, idf_candidate *out);

#ifdef __cplusplus
}
#endif
#endif
