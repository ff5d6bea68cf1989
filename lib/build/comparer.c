/* comparer.c - see comparer.h. */
#include "build/comparer.h"

#include "base/alloc.h"

idf_status idf_comparers_open(idf_comparers *out, const idf_wordindex *words, const idf_pool *pool,
                              idf_error *err) {
    out->n = idf_pool_threads(pool);
    out->items = idf_alloc_zero((size_t)out->n, sizeof *out->items);
    if (out->items == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while comparing references");
    idf_status status = IDF_OK;
    for (int i = 0; i < out->n && status == IDF_OK; i++) {
        status = idf_word_query_new(&out->items[i].query, words, err);
        if (status == IDF_OK)
            status = idf_confirmer_new(&out->items[i].confirmer, NULL, err);
    }
    return status;
}

void idf_comparers_close(idf_comparers *c) {
    for (int i = 0; c->items != NULL && i < c->n; i++) {
        idf_word_query_free(c->items[i].query);
        idf_confirmer_free(c->items[i].confirmer);
    }
    idf_free(c->items);
}
