/* index_head.c - encodes as an index does that carries a head. */
#include <string.h>

#include <identify/head.h>

#include "base/alloc.h"
#include "index/index.h"
#include "model/projected.h"

idf_status idf_encoder_add_index_head(idf_encoder **encoder, const idf_index *index,
                                      idf_error *err) {
    idf_index_head stored;
    idf_head *head = NULL;
    idf_encoder *both = NULL;
    const char *hash = idf_index_meta_string(index, "projection");
    idf_status status = idf_index_read_head(index, &stored, err);
    if (status != IDF_OK || stored.params == NULL)
        return status;
    if (stored.in != (*encoder)->dim)
        status = idf_error_set(err, IDF_ERR_MISMATCH,
                               "the index's head takes vectors of %d numbers, encoder %s makes %d",
                               stored.in, (*encoder)->identity, (*encoder)->dim);
    if (status == IDF_OK)
        status =
            idf_head_from_params(&head, stored.in, stored.hidden, stored.out, stored.params, err);
    if (status == IDF_OK && (hash == NULL || strcmp(hash, head->sha256) != 0))
        status = idf_error_set(err, IDF_ERR_FORMAT,
                               "the index's head is damaged: its SHA-256 is not the one recorded");
    if (status == IDF_OK)
        status = idf_projected_new(&both, *encoder, head, err);
    if (status == IDF_OK)
        *encoder = both;
    else
        idf_head_free(head);
    idf_free(stored.params);
    return status;
}
