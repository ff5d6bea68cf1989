/* index_file_words.c - the words of an index that is written: learnt, given, or taken over. */
#include "index/index_file.h"

enum { FEW_ROWS = 16384 }; /* are filed at once, more of them some words at a time */

/* Rows, and how to let go of what they take up. */
typedef struct source {
    const idf_index_row *rows;
    const idf_index_meta *meta;
} source;

static void get_row(const void *context, size_t row, idf_features *out) {
    *out = ((const source *)context)->rows[row].features;
}

static void relax(const void *context) {
    const idf_index_meta *meta = ((const source *)context)->meta;
    meta->relax(meta->relax_context);
}

static uint64_t hash_rows(const idf_index_row *rows, size_t n) {
    uint64_t hash = IDF_WORD_TABLE_SEED;
    for (size_t i = 0; i < n; i++)
        hash = idf_word_table_hash(hash, (uint64_t)rows[i].features.n);
    return hash;
}

static idf_status write(idf_zip_writer *zip, const idf_vocabulary *vocabulary,
                        const idf_postings *postings, uint64_t hash, idf_error *err) {
    idf_status status = vocabulary ? idf_vocabulary_write(zip, vocabulary, err) : IDF_OK;
    return status == IDF_OK ? idf_postings_write(zip, postings, hash, err) : status;
}

/* Files rows, and writes that with the words when those are given. */
static idf_status file(idf_zip_writer *zip, const idf_word_rows *rows, const idf_vocabulary *v,
                       size_t quota, const idf_index_words *words, uint64_t hash, idf_error *err) {
    idf_filing *filing = NULL;
    idf_postings postings = {0};
    const idf_vocabulary *own = words->vocabulary == NULL ? v : NULL;
    if (rows->n <= FEW_ROWS) {
        idf_status status = idf_postings_build(&postings, v, rows, quota, words->pool, err);
        if (status == IDF_OK)
            status = write(zip, own, &postings, hash, err);
        idf_postings_release(&postings);
        return status;
    }
    idf_status status = idf_filing_new(&filing, v, rows, quota, words->pool, err);
    if (status == IDF_OK && own != NULL)
        status = idf_vocabulary_write(zip, own, err);
    if (status == IDF_OK)
        status = idf_filing_write(zip, filing, v, hash, err);
    idf_filing_free(filing);
    return status;
}

idf_status idf_index_write_words(idf_zip_writer *zip, const idf_index_row *rows, size_t n,
                                 const idf_index_meta *meta, idf_error *err) {
    const source from = {rows, meta};
    const idf_word_rows all = {get_row, &from, n, meta->relax == NULL ? NULL : relax};
    const idf_index_words *words = &meta->words;
    const idf_index *same = words->same;
    uint64_t hash = hash_rows(rows, n);
    idf_vocabulary learnt = {0};
    idf_status status = IDF_OK;
    if (words->none)
        return IDF_OK;
    if (words->alone)
        return idf_vocabulary_write(zip, words->vocabulary, err);
    if (n > IDF_WORD_ROWS_MAX) /* whoever opens it is told */
        return IDF_OK;
    if (same != NULL && idf_index_n_parts(same) == 1) {
        const idf_index_part *part = idf_index_get_part(same, 0);
        if (idf_index_part_postings(part) != NULL && idf_index_part_vocabulary(part) != NULL)
            return write(zip, idf_index_part_vocabulary(part), idf_index_part_postings(part), hash,
                         err);
    }
    size_t quota =
        words->vocabulary != NULL && words->quota > 0 ? words->quota : idf_word_quota(&all);
    if (words->vocabulary == NULL)
        status = idf_vocabulary_learn(&learnt, &all, quota, words->pool, err);
    if (status == IDF_OK)
        status = file(zip, &all, words->vocabulary != NULL ? words->vocabulary : &learnt, quota,
                      words, hash, err);
    idf_vocabulary_release(&learnt);
    return status;
}
