/* search.h - exact search over rows that need not be an index yet. */
#ifndef IDF_INDEX_SEARCH_H
#define IDF_INDEX_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#include <identify/index.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Rows that lie behind one another. */
typedef struct idf_search_part {
    const float *rows; /* (n_rows, dim) */
    size_t n_rows;
    const uint32_t *numbers; /* under which hits name them, UINT32_MAX: left out; NULL: from 0 on */
} idf_search_part;

/* What to search for in what. */
typedef struct idf_search {
    const idf_search_part *parts;
    size_t n_parts;
    const float *queries; /* (n_queries, dim) */
    size_t n_queries;
    int dim;
    size_t k;     /* neighbours of each query */
    idf_hit *out; /* (n_queries, k), as idf_index_search fills it */
} idf_search;

/* The k rows of all parts with the highest dot product, best first, ties by number; a product that
 * is not a number counts as -2. `pool` may be NULL. The result does not depend on the pool, on how
 * queries are batched or on the processor. Fails only for lack of memory. */
idf_status idf_search_rows(const idf_search *search, idf_pool *pool, idf_error *err);

/* Vectors in bytes (index/codes.h), beside those of a search. */
typedef struct idf_search_codes {
    struct idf_search_part_codes {
        const int8_t *codes;
        const float *scales;
    } * parts;
    const int16_t *queries;
} idf_search_codes;

/* The same ranked by them, roughly: neither `rows` of parts nor `queries` are read, and scores are
 * products in steps of the query's codes. */
idf_status idf_search_by_codes(const idf_search *search, const idf_search_codes *codes,
                               idf_pool *pool, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
