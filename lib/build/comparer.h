/* comparer.h - what each thread has that compares references with each other. */
#ifndef IDF_BUILD_COMPARER_H
#define IDF_BUILD_COMPARER_H

#include <identify/pool.h>
#include <identify/status.h>

#include "match/confirm.h"
#include "match/wordindex.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_comparer {
    idf_word_query *query;
    idf_confirmer *confirmer;
    idf_confirmation seen;
} idf_comparer;

/* One for each thread of a pool. */
typedef struct idf_comparers {
    idf_comparer *items;
    int n;
} idf_comparers;

/* `words` is borrowed. To be closed after a failure, too. */
idf_status idf_comparers_open(idf_comparers *out, const idf_wordindex *words, const idf_pool *pool,
                              idf_error *err);
void idf_comparers_close(idf_comparers *comparers);

#ifdef __cplusplus
}
#endif
#endif
