/* collection.c - an index made ready for frames: its features filed by words, its thresholds, and
 * the encoder that its vectors came from. */
#include "collection/collection.h"

#include <string.h>

#include <identify/head.h>
#include <identify/models.h>

#include "base/alloc.h"
#include "collection/ahead.h"
#include "collection/printings.h"
#include "index/index.h"
#include "model/background.h"
#include "model/encoder.h"

static idf_status check_match(const idf_index *index, const idf_encoder *encoder, idf_error *err) {
    const char *made_by = idf_index_encoder(index);
    if (idf_index_dim(index) != encoder->dim && idf_index_n_rows(index) > 0)
        return idf_error_set(
            err, IDF_ERR_MISMATCH,
            "the index holds vectors of %d numbers made by %s, encoder %s makes %d: "
            "build the index again with this encoder",
            idf_index_dim(index), made_by[0] ? made_by : "the Python original", encoder->identity,
            encoder->dim);
    /* the original names no encoder; it had CLIP, and so has whoever opened it here */
    if (made_by[0] == '\0' && strncmp(encoder->identity, "clip/", 5) == 0)
        return IDF_OK;
    if (strcmp(made_by, encoder->identity) != 0)
        return idf_error_set(
            err, IDF_ERR_MISMATCH,
            "the index was made by %s, not by encoder %s: build the index again with "
            "this encoder",
            made_by[0] ? made_by : "the Python original", encoder->identity);
    return IDF_OK;
}

static idf_status file_features(idf_collection *c, const idf_collection_options *o,
                                idf_error *err) {
    size_t n = idf_index_n_rows(c->index);
    c->references = idf_alloc_zero(n, sizeof *c->references);
    c->pictures = idf_alloc_zero(n, sizeof *c->pictures);
    if (c->references == NULL || c->pictures == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a collection");
    const idf_index *known = o->like != NULL ? o->like->index : NULL;
    idf_status status =
        idf_collection_prepare(c->index, known, o->pool, c->references, c->pictures, err);
    return status != IDF_OK ? status
                            : idf_wordindex_open(&c->words, c->index, c->references, o->pool, err);
}

static uint64_t next_id(void) {
    static atomic_ullong last;
    return atomic_fetch_add(&last, 1) + 1;
}

idf_status idf_collection_new(idf_collection **out, idf_index *index, idf_encoder *encoder,
                              const idf_collection_options *options, idf_error *err) {
    static const idf_collection_options defaults = {0};
    const idf_collection_options *o = options != NULL ? options : &defaults;
    *out = NULL;
    if (index == NULL || encoder == NULL)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "a collection needs an index and an encoder");
    idf_status status = check_match(index, encoder, err);
    if (status != IDF_OK)
        return status;
    idf_collection *c = idf_alloc_zero(1, sizeof *c);
    if (c == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a collection");
    atomic_init(&c->owners, 1);
    atomic_init(&c->names, NULL);
    c->id = next_id();
    c->index = idf_index_retain(index);
    c->encoder = idf_encoder_retain(encoder);
    c->scale = idf_scale_of(index, encoder->default_sim_threshold);
    c->sim_threshold = idf_index_meta_number(index, "sim_threshold", IDF_DEFAULT_SIM);
    c->margin_threshold = idf_index_meta_number(index, "margin_threshold", IDF_DEFAULT_MARGIN);
    c->other_printings = idf_other_printings_of(index);
    for (c->table_size = 8; c->table_size < 2 * idf_index_n_rows(index);)
        c->table_size *= 2;
    status = idf_background_new(&c->background, &c->n_background, encoder, err);
    if (status == IDF_OK && !o->no_geometry)
        status = file_features(c, o, err);
    if (status != IDF_OK) {
        idf_collection_release(c);
        return status;
    }
    *out = c;
    return IDF_OK;
}

/* The encoder of the index, that of an older snapshot when it is the same. */
static idf_status open_encoder(idf_encoder **encoder, const idf_index *index,
                               const idf_collection_options *o, idf_error *err) {
    const char *wanted = idf_index_encoder(index);
    if (o->like != NULL && wanted[0] != '\0' && strcmp(o->like->encoder->identity, wanted) == 0) {
        *encoder = idf_encoder_retain(o->like->encoder);
        return IDF_OK;
    }
    idf_status status = idf_encoder_open_named(encoder, wanted, o->clip_model, o->pool, err);
    return status == IDF_OK ? idf_encoder_add_index_head(encoder, index, err) : status;
}

idf_status idf_collection_open(idf_collection **out, const char *path,
                               const idf_collection_options *options, idf_error *err) {
    static const idf_collection_options defaults = {0};
    const idf_collection_options *o = options != NULL ? options : &defaults;
    idf_index *index = NULL;
    idf_encoder *encoder = NULL;
    *out = NULL;
    if (path == NULL)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "no path to a collection was given");
    const idf_index *known = o->like != NULL ? o->like->index : NULL;
    idf_status status = idf_index_open_like(&index, path, known, o->opening, err);
    if (status == IDF_OK)
        status = open_encoder(&encoder, index, o, err);
    if (status == IDF_OK)
        status = idf_collection_new(out, index, encoder, o, err);
    idf_encoder_free(encoder);
    idf_index_free(index);
    return status;
}

idf_collection *idf_collection_retain(const idf_collection *collection) {
    idf_collection *c = (idf_collection *)collection; /* only the count changes */
    if (c != NULL)
        atomic_fetch_add(&c->owners, 1);
    return c;
}

void idf_collection_release(idf_collection *c) {
    if (c == NULL || atomic_fetch_sub(&c->owners, 1) > 1)
        return;
    idf_wordindex_free(c->words);
    idf_free(c->references);
    idf_free(c->background);
    idf_free(c->pictures);
    idf_free(atomic_load(&c->names));
    idf_encoder_free(c->encoder);
    idf_index_free(c->index);
    idf_free(c);
}

/* --- file names --- */

uint64_t idf_filename_key(const char *filename) {
    uint64_t key = UINT64_C(0xcbf29ce484222325);
    for (; *filename != '\0'; filename++)
        key = (key ^ (unsigned char)*filename) * UINT64_C(0x100000001b3);
    return key;
}

/* The table of names, made when it is first asked for; NULL when memory is out. */
static const uint32_t *table_of(const idf_collection *collection) {
    idf_collection *c = (idf_collection *)collection; /* what is made here is only kept there */
    uint32_t *table = atomic_load(&c->names), *none = NULL;
    if (table != NULL)
        return table;
    table = idf_alloc_zero(c->table_size, sizeof *table);
    if (table == NULL)
        return NULL;
    for (size_t row = 0; row < idf_index_n_rows(c->index); row++) {
        size_t at = idf_filename_key(idf_index_filename(c->index, row)) & (c->table_size - 1);
        while (table[at] != 0)
            at = (at + 1) & (c->table_size - 1);
        table[at] = (uint32_t)row + 1;
    }
    if (atomic_compare_exchange_strong(&c->names, &none, table))
        return table;
    idf_free(table); /* another thread was first */
    return none;
}

/* The row with this key, and with this file name unless that is NULL. */
static size_t find(const idf_collection *c, uint64_t key, const char *filename) {
    const uint32_t *table = table_of(c);
    for (size_t row = 0; table == NULL && row < idf_index_n_rows(c->index); row++)
        if (idf_filename_key(idf_index_filename(c->index, row)) == key &&
            (filename == NULL || strcmp(idf_index_filename(c->index, row), filename) == 0))
            return row;
    for (size_t at = key & (c->table_size - 1); table != NULL && table[at] != 0;
         at = (at + 1) & (c->table_size - 1)) {
        const char *known = idf_index_filename(c->index, table[at] - 1);
        if (filename != NULL ? strcmp(known, filename) == 0 : idf_filename_key(known) == key)
            return table[at] - 1;
    }
    return SIZE_MAX;
}

size_t idf_collection_find(const idf_collection *c, const char *filename) {
    return find(c, idf_filename_key(filename), filename);
}

size_t idf_collection_find_key(const idf_collection *c, uint64_t key) {
    return find(c, key, NULL);
}

void idf_collection_warm(const idf_collection *collection) {
    static const size_t MOST_BYTES = (size_t)1 << 30;
    idf_index_warm(collection->index, MOST_BYTES);
    (void)table_of(collection);
}

/* --- what it is --- */

const idf_index *idf_collection_index(const idf_collection *collection) {
    return collection->index;
}

const idf_encoder *idf_collection_encoder(const idf_collection *collection) {
    return collection->encoder;
}

double idf_collection_sim_threshold(const idf_collection *collection) {
    return collection->sim_threshold;
}

double idf_collection_margin_threshold(const idf_collection *collection) {
    return collection->margin_threshold;
}

idf_other_printings idf_collection_other_printings(const idf_collection *collection) {
    return collection->other_printings;
}

uint64_t idf_collection_id(const idf_collection *collection) {
    return collection->id;
}
