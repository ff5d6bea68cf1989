/* index_file.h - what an open index holds; shared by the files index*.c of this folder only. */
#ifndef IDF_INDEX_INDEX_FILE_H
#define IDF_INDEX_INDEX_FILE_H

#include <stdatomic.h>
#include <stdbool.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/file.h"
#include "format/npz.h"
#include "index/index.h"
#include "index/part.h"
#include "index/words_file.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_INDEX_FORMAT = 1,
    IDF_INDEX_MAX_DIM = 65536,
    IDF_INDEX_KEYPOINT_BYTES = 6,
    IDF_INDEX_SHA256_BYTES = 32,
};

struct idf_index_part {
    atomic_size_t n_owners;
    idf_map map; /* empty when opened from memory */
    idf_zip *zip;
    size_t n_rows;
    int dim;
    const float *embeddings; /* in the mapping, or owned_embeddings */
    float *owned_embeddings;
    idf_arena text; /* all strings and the arrays of them */
    const char **names, **filenames, **rarities, **set_codes;
    /* NULL .data where the file has no such column; read by idf_load_*: alignment is not promised.
     */
    idf_npz_array embeddings_array, sizes, mtimes, sha256;
    idf_npz_array feature_offsets, feature_sizes, keypoints, descriptors;
    idf_keypoint *owned_keypoints; /* a copy when the mapped ones are not aligned */
    const idf_keypoint *keypoint_rows;
    bool features_checked; /* every keypoint was looked at on opening */
    idf_word_file words;
    json_t *meta;
    const char *meta_text;
};

/* A part and where its rows are among those of the index. */
typedef struct idf_index_member {
    idf_index_part *part;
    uint32_t *rows; /* of its row i: the index's, UINT32_MAX deleted; NULL: row i is row i */
} idf_index_member;

struct idf_index {
    idf_index_member *members;
    size_t n_members;
    idf_index_place *places; /* of each row; NULL: row i is row i of the only part */
    size_t n_rows;
    int dim;
    json_t *meta;          /* its own reference */
    const char *meta_text; /* of the only part, or owned_meta_text */
    char *owned_meta_text;
};

/* Fills every field behind `zip` of a zeroed index. The caller frees after a failure. */
idf_status idf_index_read_columns(idf_index_part *part, idf_error *err);

/* Reads `names`-like column `column` as n_rows strings; *out stays NULL when it is not there. */
idf_status idf_index_read_text(idf_index_part *part, const char *column, const char ***out,
                               idf_error *err);

/* The strings of an object array that NumPy pickled: data[0, len) is the pickle, out has n places.
 * Strings live in `text`. */
idf_status idf_index_read_objects(const void *data, size_t len, size_t n, const char **out,
                                  idf_arena *text, idf_error *err);

/* The rows as words need them. */
idf_word_table idf_index_word_table(const idf_index_part *part);
/* Writes words and postings of n rows. */
idf_status idf_index_write_words(idf_zip_writer *zip, const idf_index_row *rows, size_t n,
                                 const idf_index_words *words, idf_error *err);

/* Writes a head's arrays. */
idf_status idf_index_write_head(idf_zip_writer *zip, const idf_index_head *head, idf_error *err);

/* Whether keypoints lie in a picture of the size given and on a known level. */
bool idf_index_features_valid(const idf_features *features);

#ifdef __cplusplus
}
#endif
#endif
