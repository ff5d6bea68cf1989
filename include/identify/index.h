/* identify/index.h - an index: the vectors, names and features of a collection.
 *
 * It is a NumPy .npz file, or a folder of such files that can grow (docs/formats/index.md). Indexes
 * written by the Python original open too. */
#ifndef IDENTIFY_INDEX_H
#define IDENTIFY_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/pool.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Immutable once open: shared freely between threads. */
typedef struct idf_index idf_index;

/* Opens an index, a file or a folder. One that is malformed, hostile or truncated is refused with a
 * sentence that names the file, the member and what is wrong with it. *index is NULL after a
 * failure. What is open stays as it was opened, whatever is written meanwhile. */
IDF_API idf_status idf_index_open(idf_index **index, const char *path, idf_error *err);

typedef struct idf_index_open_options {
    bool skip_damaged; /* open a folder without the segments that cannot be read */
    void (*note)(void *context, const char *message); /* one sentence for each of them; or NULL */
    void *context;
} idf_index_open_options;
IDF_API idf_status idf_index_open_with(idf_index **index, const char *path,
                                       const idf_index_open_options *options, idf_error *err);

/* Opens what has become of an index since it was opened from a path: *fresh is NULL when nothing
 * has. The two share the files that both have, and either may be freed first. */
IDF_API idf_status idf_index_refresh(idf_index **fresh, const idf_index *index, idf_error *err);

/* One more owner; returns the index. Any thread. */
IDF_API idf_index *idf_index_retain(idf_index *index);
/* One owner less; the last one closes it. NULL is allowed. */
IDF_API void idf_index_free(idf_index *index);

/* Reads the whole file and compares every checksum and every feature: opening leaves that out for
 * members over 64 MiB. */
IDF_API idf_status idf_index_check(const idf_index *index, idf_error *err);

IDF_API size_t idf_index_n_rows(const idf_index *index);
/* References whose pictures lie on a ground that many share, a table, say: each is known by what it
 * has alone there (docs/matching.md). */
IDF_API size_t idf_index_n_on_ground(const idf_index *index);
/* Length of the vectors. */
IDF_API int idf_index_dim(const idf_index *index);
/* Identity of the encoder that made the vectors, "" when the file does not say (the original's). */
IDF_API const char *idf_index_encoder(const idf_index *index);
/* The folder that its pictures were read from, an absolute path; "" when the file does not say. */
IDF_API const char *idf_index_refs_dir(const idf_index *index);
/* Strings of row `row` < n_rows; never NULL, "" when unknown; they live as long as the index. */
IDF_API const char *idf_index_name(const idf_index *index, size_t row);
IDF_API const char *idf_index_filename(const idf_index *index, size_t row);
IDF_API const char *idf_index_rarity(const idf_index *index, size_t row);
IDF_API const char *idf_index_set_code(const idf_index *index, size_t row);

/* One neighbour. */
typedef struct idf_hit {
    size_t row;
    float score; /* cosine */
} idf_hit;

/* Exact cosine top k. `queries` is (n_queries, dim) unit rows; out is (n_queries, k) with the best
 * first, ties by row; when there are fewer than k rows the rest has row = SIZE_MAX, score = -2.
 * `pool` may be NULL. Results do not depend on the pool or on how queries are batched. */
IDF_API idf_status idf_index_search(const idf_index *index, const float *queries, size_t n_queries,
                                    size_t k, idf_hit *out, idf_pool *pool, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
