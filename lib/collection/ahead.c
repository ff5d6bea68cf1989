/* ahead.c - a collection's memory, made ready before the first frame asks for it. */
#include "collection/ahead.h"

#include "base/alloc.h"
#include "base/file.h"
#include "index/part.h"
#include "index/words.h"

enum {
    ROWS = 4096,     /* of which references are filled at once */
    PIECE = 4 << 20, /* bytes that are mapped at once */
};
static const size_t MOST = (size_t)2 << 30;

typedef struct piece {
    const void *begin;
    size_t n;
} piece;

typedef struct job {
    const idf_index *index;
    idf_features *references;
    const uint8_t **pictures;
    piece *pieces;
    size_t n_pieces, n_rows;
} job;

static bool has_part(const idf_index *index, const idf_index_part *part) {
    size_t n = index != NULL ? idf_index_n_parts(index) : 0;
    for (size_t i = 0; i < n; i++)
        if (idf_index_get_part(index, i) == part)
            return true;
    return false;
}

/* Adds what there is in memory of [begin, n). */
static void add(job *j, const void *begin, size_t n) {
    size_t most = MOST / PIECE - j->n_pieces;
    if (begin == NULL || !idf_map_is_resident(begin, n))
        return;
    for (size_t at = 0; at < n && most > 0; at += PIECE, most--)
        j->pieces[j->n_pieces++] =
            (piece){(const uint8_t *)begin + at, n - at < PIECE ? n - at : PIECE};
}

static void add_part(job *j, const idf_index_part *part) {
    const float *scales;
    const idf_postings *p = idf_index_part_postings(part);
    if (p != NULL) {
        add(j, p->signatures, p->n_entries * sizeof *p->signatures);
        add(j, p->entries, p->n_entries * sizeof *p->entries);
        add(j, p->looks, p->n_entries * sizeof *p->looks);
    }
    add(j, idf_index_part_codes(part, &scales),
        idf_index_part_n_rows(part) * (size_t)idf_index_part_dim(part));
}

/* Rows come first: of those there is always something to do. */
static void prepare(void *context, size_t item, int worker) {
    const job *j = context;
    const size_t n_blocks = (j->n_rows + ROWS - 1) / ROWS;
    (void)worker;
    if (item >= n_blocks) {
        const piece *p = &j->pieces[item - n_blocks];
        idf_map_pages(p->begin, p->n);
        return;
    }
    const size_t end = (item + 1) * ROWS < j->n_rows ? (item + 1) * ROWS : j->n_rows;
    for (size_t i = item * ROWS; i < end; i++) {
        idf_index_get_features(j->index, i, &j->references[i]);
        j->pictures[i] = idf_index_get_picture(j->index, i);
    }
}

idf_status idf_collection_prepare(const idf_index *index, const idf_index *known, idf_pool *pool,
                                  idf_features *references, const uint8_t **pictures,
                                  idf_error *err) {
    job j = {index, references, pictures, NULL, 0, idf_index_n_rows(index)};
    j.pieces = idf_alloc(MOST / PIECE, sizeof *j.pieces);
    if (j.pieces == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a collection");
    for (size_t i = 0; i < idf_index_n_parts(index); i++)
        if (!has_part(known, idf_index_get_part(index, i)))
            add_part(&j, idf_index_get_part(index, i));
    idf_pool_for(pool, (j.n_rows + ROWS - 1) / ROWS + j.n_pieces, prepare, &j);
    idf_free(j.pieces);
    return IDF_OK;
}
