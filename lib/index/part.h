/* part.h - one file of an index: rows that were written together.
 *
 * An index that is one file has one part, one that is a folder has a part for each segment. A part
 * is immutable and counts its owners, so that several states of a folder share what they have in
 * common; the file may be unlinked while it is open. Threads share parts freely. */
#ifndef IDF_INDEX_PART_H
#define IDF_INDEX_PART_H

#include <stddef.h>

#include "format/zip.h"
#include "index/index.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Opens the file at `path`. *part is NULL after a failure; its caller owns it once. */
idf_status idf_index_part_open(idf_index_part **part, const char *path, idf_error *err);
/* The same for bytes[0, len), which outlive the part. */
idf_status idf_index_part_open_memory(idf_index_part **part, const void *bytes, size_t len,
                                      idf_error *err);
/* One owner more; returns `part`. */
idf_index_part *idf_index_part_share(idf_index_part *part);
/* One owner less; the last one's call closes it. NULL is allowed. */
void idf_index_part_free(idf_index_part *part);

/* Compares every checksum and every feature. */
idf_status idf_index_part_check(const idf_index_part *part, idf_error *err);

/* Brings up to max_bytes of its mapped file into memory, once; how many that were. */
size_t idf_index_part_warm(idf_index_part *part, size_t max_bytes);

/* Lets go of the memory that its file takes up by having been read; it is read again when needed.
 */
void idf_index_part_forget(const idf_index_part *part);

/* Rows of the file, those that the index counts as deleted included. */
size_t idf_index_part_n_rows(const idf_index_part *part);
int idf_index_part_dim(const idf_index_part *part);
const char *idf_index_part_filename(const idf_index_part *part, size_t row);
/* The columns of text, in the order in which a file has them once more (docs/formats/index.md). */
typedef enum idf_index_column {
    IDF_COLUMN_NAME,
    IDF_COLUMN_RARITY,
    IDF_COLUMN_SET_CODE,
    IDF_COLUMN_FILENAME,
    IDF_N_COLUMNS,
} idf_index_column;
extern const char *const idf_index_column_names[IDF_N_COLUMNS];
const char *idf_index_part_text(const idf_index_part *part, idf_index_column column, size_t row);
/* (n_rows, dim) row-major. */
const float *idf_index_part_embeddings(const idf_index_part *part);
/* The same in bytes (index/codes.h), and the scale of each row; NULL when the file has none. */
const int8_t *idf_index_part_codes(const idf_index_part *part, const float **scales);
/* As idf_index_get_row, for row `row` of this file. */
void idf_index_part_get_row(const idf_index_part *part, size_t row, idf_index_row *out);
/* As idf_index_get_features. */
void idf_index_part_get_features(const idf_index_part *part, size_t row, idf_features *out);
/* The words that the file has, and its features by words; NULL when it has none. Postings may be of
 * a vocabulary that is elsewhere. */
const idf_vocabulary *idf_index_part_vocabulary(const idf_index_part *part);
const idf_postings *idf_index_part_postings(const idf_index_part *part);
/* The index of n parts, each of which gets one owner more, without meta data. deleted[i] are the
 * bits of part i's deleted rows, NULL for none. Rows come in the order of their file names. */
idf_status idf_index_of_parts(idf_index **index, idf_index_part *const *parts,
                              const uint8_t *const *deleted, size_t n, idf_error *err);
/* The archive, for members that others have put into it. */
const idf_zip *idf_index_part_zip(const idf_index_part *part);

/* Of the file's own meta object. */
const char *idf_index_part_meta_string(const idf_index_part *part, const char *key);

/* The head that the file carries; as idf_index_read_head. */
idf_status idf_index_part_read_head(const idf_index_part *part, idf_index_head *head,
                                    idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
