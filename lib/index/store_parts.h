/* store_parts.h - what store.c and store_merge.c share. */
#ifndef IDF_INDEX_STORE_PARTS_H
#define IDF_INDEX_STORE_PARTS_H

#include "base/folder.h"
#include "base/lock.h"
#include "index/store.h"

/* The deleted rows of a segment; data NULL: not looked at. */
typedef struct idf_store_bits {
    uint8_t *data;
    bool changed; /* since they were read or written */
} idf_store_bits;

struct idf_store {
    char *path;
    idf_folder *folder;
    idf_lock *lock;
    idf_manifest committed, state;
    idf_store_bits *bits; /* of each segment of the state */
    size_t n_bits;
    bool has_written;
    uint64_t bytes_written;
};

/* Takes segment i out of the state. */
void idf_store_drop(idf_store *s, size_t i);

#endif
