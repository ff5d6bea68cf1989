/* collection.h - a collection's insides. */
#ifndef IDF_COLLECTION_COLLECTION_H
#define IDF_COLLECTION_COLLECTION_H

#include <stdatomic.h>
#include <stdint.h>

#include <identify/collection.h>

#include "collection/scale.h"
#include "local/features.h"
#include "match/wordindex.h"

/* Immutable but for the counts and the table of names, which whoever needs it first makes. */
struct idf_collection {
    atomic_size_t owners;
    uint64_t id;
    idf_index *index;
    idf_encoder *encoder;
    idf_features *references; /* one a row */
    const uint8_t **pictures; /* one a row: its small picture, or NULL */
    idf_wordindex *words;     /* NULL without geometry */
    float *background;        /* (n_background, dim): vectors of what is in no collection */
    size_t n_background;
    idf_scale scale;
    double sim_threshold, margin_threshold;
    idf_other_printings other_printings;
    _Atomic(uint32_t *) names; /* table_size rows + 1 by the hash of their file names, 0: none */
    size_t table_size;         /* a power of two over twice the rows */
};

/* A file name as a number, the same in every snapshot and process (FNV-1a, 64 bits). */
uint64_t idf_filename_key(const char *filename);
/* The row of the file name with this key, SIZE_MAX when there is none. */
size_t idf_collection_find_key(const idf_collection *collection, uint64_t key);

#endif
