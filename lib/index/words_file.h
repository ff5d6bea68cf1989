/* words_file.h - words and postings as members of an index file. */
#ifndef IDF_INDEX_WORDS_FILE_H
#define IDF_INDEX_WORDS_FILE_H

#include "format/npz.h"
#include "index/words.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The rows that postings are of, as an index file has them: feature_offsets, n_rows + 1 numbers of
 * 64 bits, and descriptors. */
typedef struct idf_word_table {
    const uint8_t *offsets;
    const idf_descriptor *descriptors;
    size_t n_rows;
} idf_word_table;

/* What a file has of words: n_words is 0 in what it has not. Views; the arrays own nothing unless
 * the archive lies in memory of theirs. Zero it before use. */
typedef struct idf_word_file {
    idf_npz_array arrays[8];
    idf_vocabulary vocabulary;
    idf_postings postings;
    bool checked; /* every entry was looked at on opening */
} idf_word_file;

idf_status idf_vocabulary_write(idf_zip_writer *zip, const idf_vocabulary *vocabulary,
                                idf_error *err);
/* `features` tells these rows from others: idf_word_table_hash. */
idf_status idf_postings_write(idf_zip_writer *zip, const idf_postings *postings, uint64_t features,
                              idf_error *err);

/* The same of rows that are being filed, some words at a time. */
idf_status idf_filing_write(idf_zip_writer *zip, const idf_filing *filing,
                            const idf_vocabulary *vocabulary, uint64_t features, idf_error *err);

/* Of n rows' numbers of features: begin with IDF_WORD_TABLE_SEED, then once a row. */
#define IDF_WORD_TABLE_SEED UINT64_C(0xcbf29ce484222325)
static inline uint64_t idf_word_table_hash(uint64_t hash, uint64_t n_features) {
    hash = (hash ^ n_features) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

/* Reads what there is. Arrays stay where they are and are checked so far that using them is safe;
 * of large ones only some entries are looked at. Errors name the member. */
idf_status idf_word_file_read(idf_word_file *out, const idf_zip *zip, const idf_word_table *table,
                              idf_error *err);
void idf_word_file_release(idf_word_file *file);

/* Looks at every entry. */
idf_status idf_word_file_check(const idf_word_file *file, const idf_word_table *table,
                               idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
