/* index_file_words.c - the words of an index that is written: learnt, given, or taken over. */
#include "index/index_file.h"

static void get_row(const void *context, size_t row, idf_features *out) {
    *out = ((const idf_index_row *)context)[row].features;
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

idf_status idf_index_write_words(idf_zip_writer *zip, const idf_index_row *rows, size_t n,
                                 const idf_index_words *words, idf_error *err) {
    const idf_word_rows all = {get_row, rows, n};
    const idf_index *same = words->same;
    uint64_t hash = hash_rows(rows, n);
    idf_vocabulary learnt = {0};
    idf_postings postings = {0};
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
        status =
            idf_postings_build(&postings, words->vocabulary != NULL ? words->vocabulary : &learnt,
                               &all, quota, words->pool, err);
    if (status == IDF_OK)
        status = write(zip, words->vocabulary != NULL ? NULL : &learnt, &postings, hash, err);
    idf_postings_release(&postings);
    idf_vocabulary_release(&learnt);
    return status;
}
