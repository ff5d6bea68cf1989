/* index_file.h - what an open index holds; shared by the files index*.c of this folder only. */
#ifndef IDF_INDEX_INDEX_FILE_H
#define IDF_INDEX_INDEX_FILE_H

#include <stdatomic.h>
#include <stdbool.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/folder.h"
#include "format/npz.h"
#include "index/index.h"
#include "index/manifest.h"
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
    atomic_bool warm; /* idf_index_part_warm was here */
    idf_map map;      /* empty when opened from memory */
    idf_zip *zip;
    uint64_t file_bytes, inflated_bytes; /* of the file; of its deflated members read so far */
    size_t n_rows;
    int dim;
    const float *embeddings; /* in the mapping, or owned_embeddings */
    float *owned_embeddings;
    idf_arena text;                      /* all strings and the arrays of them */
    const char **columns[IDF_N_COLUMNS]; /* NULL with: */
    const char *packed;                  /* all strings, each with its NUL; or NULL */
    const uint32_t *starts;              /* IDF_N_COLUMNS * n_rows + 1, column after column */
    idf_npz_array packed_array, starts_array;
    /* NULL .data where the file has no such column; read by idf_load_*: alignment is not promised.
     */
    idf_npz_array codes_array, scales_array;
    const int8_t *codes; /* (n_rows, dim); NULL when there are none */
    const float *scales;
    bool lengths_checked; /* of all vectors, on opening */
    idf_npz_array embeddings_array, sizes, mtimes, sha256;
    idf_npz_array feature_offsets, feature_sizes, keypoints, descriptors, pictures;
    idf_npz_array crops;
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
    char file[IDF_MANIFEST_FILE_BYTES]; /* its name in the folder, "" for an index that is a file */
    uint32_t *rows; /* of its row i: the index's, UINT32_MAX deleted; NULL: row i is row i */
} idf_index_member;

struct idf_index {
    atomic_size_t n_more; /* owners beyond the first */
    idf_index_member *members;
    size_t n_members;
    idf_index_place *places; /* of each row; NULL: row i is row i of the only part */
    size_t n_rows;
    int dim;
    json_t *meta;          /* its own reference */
    const char *meta_text; /* of the only part, or owned_meta_text */
    char *owned_meta_text;
    /* Of one that was opened from a path. */
    char *path;
    uint64_t generation;    /* of a folder */
    idf_file_stat stat;     /* of a file */
    idf_index_part *shared; /* what the segments of a folder share; may be NULL */
    idf_index_part *words;  /* which has the words that they share; may be NULL */
    char shared_file[IDF_MANIFEST_FILE_BYTES], words_file[IDF_MANIFEST_FILE_BYTES];
};

/* Puts the rows of all members that are not deleted in order and fills places, n_rows and each
 * member's rows. deleted[i] are the bits of member i, NULL for none. */
idf_status idf_index_arrange(idf_index *index, const uint8_t *const *deleted, idf_error *err);

/* Opens a folder; parts that `known` (may be NULL) has are taken over from it. */
idf_status idf_index_open_folder(idf_index **index, const char *path, const idf_index *known,
                                 const idf_index_open_options *options, idf_error *err);
/* Opens segment i of a manifest of the opened folder; `path` is what sentences call that. */
idf_status idf_index_open_segment(idf_index_part **part, const char *path, const idf_folder *folder,
                                  const idf_manifest *manifest, size_t i, idf_error *err);
/* Opens a file without rows that a manifest names; "" gives NULL. */
idf_status idf_index_open_beside(idf_index_part **part, const idf_folder *folder, const char *name,
                                 idf_error *err);
/* The same for words, which are those that their name says. */
idf_status idf_index_open_words(idf_index_part **part, const idf_folder *folder, const char *name,
                                idf_error *err);
/* The name of the file with a vocabulary. */
void idf_index_words_name(const idf_vocabulary *vocabulary, char name[IDF_MANIFEST_FILE_BYTES]);
/* The meta object as text of malloc's. */
idf_status idf_index_make_meta(const idf_index_meta *meta, char **text, idf_error *err);

/* Fills every field behind `zip` of a zeroed index. The caller frees after a failure. */
idf_status idf_index_read_columns(idf_index_part *part, idf_error *err);

/* A member's array; stored ones are bounded by the file, deflated ones share a limit. */
idf_status idf_index_read_array(idf_index_part *part, const char *column, bool check_crc,
                                idf_npz_array *out, idf_error *err);
idf_status idf_index_wrong_length(const char *column, uint64_t n, size_t n_rows, idf_error *err);
/* Reads the columns of text. */
idf_status idf_index_read_labels(idf_index_part *part, idf_error *err);
/* Writes them. */
idf_status idf_index_write_labels(idf_zip_writer *zip, const idf_index_row *rows, size_t n,
                                  idf_error *err);

/* The strings of an object array that NumPy pickled: data[0, len) is the pickle, out has n places.
 * Strings live in `text`. */
idf_status idf_index_read_objects(const void *data, size_t len, size_t n, const char **out,
                                  idf_arena *text, idf_error *err);

/* The rows as words need them. */
idf_word_table idf_index_word_table(const idf_index_part *part);
/* Writes words and postings of n rows. */
idf_status idf_index_write_words(idf_zip_writer *zip, const idf_index_row *rows, size_t n,
                                 const idf_index_meta *meta, idf_error *err);

/* The vectors in bytes. Checking looks at every row, reading at some of a large file. */
idf_status idf_index_write_codes(idf_zip_writer *zip, const idf_index_row *rows, size_t n, int dim,
                                 idf_error *err);
idf_status idf_index_read_codes(idf_index_part *part, idf_error *err);
idf_status idf_index_check_codes(const idf_index_part *part, idf_error *err);
/* Whether every vector has the length 1, or 0. */
idf_status idf_index_check_lengths(const idf_index_part *part, idf_error *err);

/* Writes a head's arrays. */
idf_status idf_index_write_head(idf_zip_writer *zip, const idf_index_head *head, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
